package dashboard

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// userRoutes are the pages of users.
func (d *Dashboard) userRoutes(mux *http.ServeMux) {
	d.page(mux, "GET "+pathUsers, tenant.Viewer, d.users)
	d.page(mux, "POST "+pathUsers, tenant.Editor, d.revealUsers)
	d.page(mux, "GET "+pathUsers+"/new", tenant.Editor, d.newUser)
	d.page(mux, "POST "+pathUsers+"/new", tenant.Editor, d.createUser)
	const one = pathUsers + "/{id}"
	for _, t := range userTabs() {
		pattern := one
		if t.path != "" {
			pattern += "/" + t.path
		}
		d.page(mux, "GET "+pattern, tenant.Viewer, func(w http.ResponseWriter, q *request) error { return d.user(w, q, t.path) })
	}
	d.page(mux, "POST "+one+"/reveal", tenant.Editor, d.revealUser)
	d.page(mux, "POST "+one+"/block", tenant.Editor, d.blockUser)
	d.page(mux, "POST "+one+"/sign-out", tenant.Editor, d.signOutUser)
	d.page(mux, "POST "+one+"/"+tabSessions, tenant.Editor, d.endSession)
	d.page(mux, "POST "+one+"/"+tabMetadata, tenant.Editor, d.saveMetadata)
	d.page(mux, "GET "+one+"/delete", tenant.Editor, d.askDelete)
	d.page(mux, "POST "+one+"/delete", tenant.Editor, d.deleteUser)
}

// usersAtOnce is how many users a page lists.
const usersAtOnce = 50

// usersPage lists users.
type usersPage struct {
	Text     string
	Blocked  bool
	Rows     []userRow
	Pager    pager
	Edit     bool
	Revealed bool
	Hidden   bool // something in the list is masked
	Count    string
	// Query is what the page was asked for, for the form that reveals.
	Query map[string]string
}

// A userRow is a user in a list.
type userRow struct {
	Address    string
	Who        string // number or address, masked unless it was revealed
	Name       string
	Connection string
	LastLogin  time.Time
	Logins     int64
	Blocked    bool
	Test       bool
}

// users shows the list. Whoever looks for the id of a user is led to them.
func (d *Dashboard) users(w http.ResponseWriter, q *request) error {
	found, find, err := d.findUsers(q, q.URL.Query())
	if err != nil {
		return err
	}
	if len(found.Items) == 1 {
		u := found.Items[0]
		if _, external, _ := strings.Cut(string(u.ID), "|"); find.Text == string(u.ID) || find.Text == external {
			return leave(w, q.Request, userAddress(u.ID, ""))
		}
	}
	return d.showUsers(w, q, find, found, false)
}

// revealUsers shows the list as it is, and what was masked in it. That it was
// shown is logged.
func (d *Dashboard) revealUsers(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	query := url.Values{}
	for _, name := range f.Names() {
		query.Set(name, f.Get(name))
	}
	found, find, err := d.findUsers(q, query)
	if err != nil {
		return err
	}
	ids := make([]tenant.UserID, len(found.Items))
	for i, u := range found.Items {
		ids[i] = u.ID
	}
	if err := d.Manage.Reveal(q.Context(), q.actor(nil), ids, ""); err != nil {
		return err
	}
	return d.showUsers(w, q, find, found, true)
}

// findUsers reads a search and carries it out.
func (d *Dashboard) findUsers(q *request, query url.Values) (manage.UserFound, manage.UserFind, error) {
	f := manage.UserFind{
		Text: strings.TrimSpace(query.Get("q")), Blocked: query.Get("status") == "blocked", Regions: q.regions(),
		Before: readPlace(query.Get("before")), Limit: usersAtOnce,
	}
	if n, err := strconv.Atoi(query.Get("offset")); err == nil && n > 0 {
		f.Offset = n
	}
	found, err := d.Manage.FindUsers(q.Context(), f)
	return found, f, err
}

func (d *Dashboard) showUsers(w http.ResponseWriter, q *request, f manage.UserFind, found manage.UserFound, revealed bool) error {
	p := usersPage{Text: f.Text, Blocked: f.Blocked, Revealed: revealed, Edit: q.Who.Role.May(tenant.Editor), Query: map[string]string{}}
	for _, u := range found.Items {
		row := userRow{
			Address: userAddress(u.ID, ""), Who: shownIdentity(u, revealed), Name: ownName(u),
			LastLogin: u.LastLogin, Logins: u.LoginsCount, Blocked: u.Blocked, Test: u.Test,
		}
		for i, id := range u.Identities {
			if i > 0 {
				row.Connection += ", "
			}
			row.Connection += id.Name
		}
		p.Rows = append(p.Rows, row)
	}
	p.Hidden = len(p.Rows) > 0 && !revealed
	p.Count = countOf(len(p.Rows), "user", found.More || f.Offset > 0 || f.Before != nil)
	query := url.Values{}
	if f.Text != "" {
		query.Set("q", f.Text)
	}
	if f.Blocked {
		query.Set("status", "blocked")
	}
	if f.Offset > 0 || f.Before != nil {
		p.Pager.First = withQuery(pathUsers, query)
	}
	place := query.Encode()
	switch {
	case found.More && f.Text == "":
		last := found.Items[len(found.Items)-1]
		query.Set("before", strconv.FormatInt(last.CreatedAt.UnixMilli(), 10)+"."+string(last.ID))
		p.Pager.Next = withQuery(pathUsers, query)
	case found.More && f.Offset+2*usersAtOnce <= 1000:
		query.Set("offset", strconv.Itoa(f.Offset+usersAtOnce))
		p.Pager.Next = withQuery(pathUsers, query)
	}
	p.Query = fieldsOf(place, f)
	return d.show(w, q, "users", view{Title: "Users", Script: "list.js", Notice: userNotices()[q.URL.Query().Get("done")], Body: p})
}

// fieldsOf are the hidden fields that ask for the same part of a list again.
func fieldsOf(query string, f manage.UserFind) map[string]string {
	fields := map[string]string{}
	values, err := url.ParseQuery(query)
	if err != nil {
		return fields // it was made here
	}
	for name := range values {
		fields[name] = values.Get(name)
	}
	if f.Before != nil {
		fields["before"] = strconv.FormatInt(f.Before.At.UnixMilli(), 10) + "." + f.Before.ID
	}
	if f.Offset > 0 {
		fields["offset"] = strconv.Itoa(f.Offset)
	}
	return fields
}

// countOf says how many there are on a page.
func countOf(n int, thing string, more bool) string {
	text := strconv.Itoa(n) + " " + thing
	if n != 1 {
		text += "s"
	}
	if more {
		text += " on this page"
	}
	return text
}

func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// readPlace reads where a page ended, or nil if that is nonsense.
func readPlace(s string) *manage.Place {
	ms, id, ok := strings.Cut(s, ".")
	at, err := strconv.ParseInt(ms, 10, 64)
	if !ok || err != nil || at <= 0 {
		return nil
	}
	return &manage.Place{At: time.UnixMilli(at), ID: id}
}

// regions are where the administrator may be, by what the browser says: numbers
// without a country code are most likely from there.
func (q *request) regions() []string {
	var list []string
	for part := range strings.SplitSeq(q.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		for _, sub := range strings.Split(tag, "-")[1:] {
			if len(sub) == 2 && len(list) < 4 {
				list = append(list, strings.ToUpper(sub))
			}
		}
	}
	return list
}

// userNotices are what the pages of users say about the change that led to them.
func userNotices() map[string]string {
	return map[string]string{
		"created": "The user was created.", "blocked": "The user is blocked and signed out everywhere.", "unblocked": "The user can sign in again.",
		"signed-out": "The user is signed out everywhere.", "ended": "It has ended.", "deleted": "The user was deleted.", "saved": "Saved.",
	}
}

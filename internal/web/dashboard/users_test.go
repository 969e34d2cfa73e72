package dashboard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const users = "/dashboard/users"

// person creates a user in the Dashboard and returns their page.
func (w *world) person(connection, identifier, name string) *textbrowser.Page {
	w.t.Helper()
	p := w.submit(w.browser, w.get(w.browser, users+"/new").Form("identifier").Set("connection", connection).Set("identifier", identifier).Set("name", name))
	w.says(p, "The user was created.")
	return p
}

// signedIn signs a person in by the API and returns their id.
func (w *world) signedIn(channel, to string) tenant.UserID {
	w.t.Helper()
	field := map[string]string{"sms": "phone_number", "email": "email"}[channel]
	status, _, body := w.Do(w.t, http.MethodPost, "/passwordless/start",
		`{"client_id":"`+w.Ready.ClientID+`","client_secret":"`+w.Ready.ClientSecret+`","connection":"`+channel+`","`+field+`":"`+to+`","send":"code"}`, "Content-Type", "application/json")
	if status != http.StatusOK {
		w.t.Fatalf("start: %d %s", status, body)
	}
	w.exchange(channel, to, w.code(to), http.StatusOK)
	list, err := w.Store.ListUsers(w.t.Context(), manage.UserQuery{Email: map[string]string{"email": to}[channel], Phone: map[string]string{"sms": to}[channel]}, manage.Window{Limit: 1})
	if err != nil || len(list.Items) != 1 {
		w.t.Fatalf("%s is nobody: %v", to, err)
	}
	return list.Items[0].ID
}

func (w *world) exchange(channel, to, code string, want int) {
	w.t.Helper()
	status, _, body := w.Do(w.t, http.MethodPost, "/oauth/token",
		`{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp","client_id":"`+w.Ready.ClientID+`","client_secret":"`+w.Ready.ClientSecret+
			`","realm":"`+channel+`","username":"`+to+`","otp":"`+code+`","scope":"openid offline_access"}`, "Content-Type", "application/json")
	if status != want {
		w.t.Fatalf("exchange: %d %s", status, body)
	}
}

// told counts the events with a description.
func (w *world) told(what string) int {
	w.t.Helper()
	list, err := w.Store.ListLogs(w.t.Context(), manage.LogQuery{Descending: true}, manage.Window{Limit: 200})
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, e := range list.Items {
		if e.Description == what {
			n++
		}
	}
	return n
}

// D12: a passwordless user is made in the Dashboard, by SMS and by e-mail, and can
// sign in at once.
func TestD12CreateUser(t *testing.T) {
	w := newWorld(t)
	w.developer()
	w.says(w.get(w.browser, users), "No users yet")
	p := w.person("sms", "+44 (7700) 900 123", "Ada Ash")
	w.says(p, "Ada Ash")
	w.says(p, "sms|")
	w.says(p, "Not verified")
	w.person("email", " Ada@Mail.Example ", "")
	if got := w.signedIn("sms", "+447700900123"); !strings.HasPrefix(string(got), "sms|") {
		t.Errorf("signed in as %s", got)
	}
	for _, tt := range []struct{ connection, identifier, want string }{
		{"sms", "07700 900123", "with its country code"},
		{"sms", "", "with its country code"},
		{"email", "ada", "Enter an e-mail address"},
		{"sms", "+447700900123", "There is a user with it already."},
		{"email", "ADA@mail.example", "There is a user with it already."},
		{"none", "x", "Choose how"},
	} {
		p := w.submit(w.browser, w.get(w.browser, users+"/new").Form("identifier").Set("connection", tt.connection).Set("identifier", tt.identifier))
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Text(), tt.want) || p.Form("identifier").Values.Get("identifier") != tt.identifier && tt.connection != "none" {
			t.Errorf("%s %q: %d, want %q:\n%s", tt.connection, tt.identifier, p.Status, tt.want, p.Text())
		}
		if strings.Contains(tt.want, "already") {
			w.says(w.follow(p, "Go to that user"), "User ID")
		}
	}
	all, err := w.Store.SearchUsers(t.Context(), manage.UserSearch{All: true, Limit: 10})
	if err != nil || len(all.Items) != 2 {
		t.Errorf("there are %d users, %v", len(all.Items), err)
	}
}

// follow goes where the link with a text leads.
func (w *world) follow(p *textbrowser.Page, text string) *textbrowser.Page {
	w.t.Helper()
	before, _, ok := strings.Cut(p.Body, ">"+text+"<")
	if !ok {
		w.t.Fatalf("no link %q:\n%s", text, p.Text())
	}
	href := before[strings.LastIndex(before, `href="`)+6:]
	href = href[:strings.IndexByte(href, '"')]
	next, err := w.browser.Follow(w.t.Context(), p, strings.ReplaceAll(href, "&amp;", "&"))
	if err != nil {
		w.t.Fatal(err)
	}
	return next
}

// D13: people are found by a number in any form, the beginning of an address or a
// name, and by their id, which leads straight to them. D24: lists show neither
// numbers nor addresses.
func TestD13D24SearchOfUsers(t *testing.T) {
	w := newWorld(t)
	w.developer()
	w.person("sms", "+447700900123", "Ada Ash")
	w.person("sms", "+15555550100", "")
	w.person("email", "grace@mail.example", "")
	search := func(q string) *textbrowser.Page {
		t.Helper()
		return w.submit(w.browser, w.get(w.browser, users).Form("q").Set("q", q))
	}
	for _, q := range []string{"+447700900123", "07700 900123", "+44 7700-900123", "+44 (0)7700 900123", "(07700) 900123", "00447700900123", "+٤٤٧٧٠٠٩٠٠١٢٣", "+4477", "ada", "Ada A"} {
		p := search(q)
		if p.Status != http.StatusOK || !strings.Contains(p.Text(), "1 user ") || !strings.Contains(p.Text(), "Ada Ash") {
			t.Errorf("%q does not find Ada:\n%s", q, p.Text())
		}
	}
	w.says(search("gra"), "1 user")
	w.says(search("GRACE@mail"), "g•••@m•••.example")
	w.says(search("nobody"), "Nobody was found")
	u, err := w.Store.ListUsers(t.Context(), manage.UserQuery{Email: "grace@mail.example"}, manage.Window{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{string(u.Items[0].ID), u.Items[0].Identities[0].UserID} {
		if p := search(id); !strings.HasPrefix(p.URL.Path, users+"/email|") {
			t.Errorf("%s leads to %s", id, p.URL)
		}
	}
	p := w.get(w.browser, users)
	for _, secret := range []string{"7700900123", "7700 900", "grace@", "15555550100"} {
		if strings.Contains(p.Body, secret) {
			t.Errorf("the list shows %s", secret)
		}
	}
	before := w.told("Reveal numbers and addresses")
	p = w.submit(w.browser, search("07700 900123").Form("reveal"))
	w.says(p, "+44 7700 900123")
	if strings.Contains(p.Body, "grace@") || w.told("Reveal numbers and addresses") != before+1 {
		t.Errorf("more than what was found is shown, or it is not logged:\n%s", p.Text())
	}
}

// The pages of a user, each with its address; none shows the number before it was
// asked for, which is logged.
func TestD24UserPages(t *testing.T) {
	w := newWorld(t)
	w.developer()
	const number = "+447700900123"
	id := w.signedIn("sms", number)
	at := users + "/" + strings.ReplaceAll(string(id), "|", "%7C")
	for tab, want := range map[string]string{
		"": "User ID " + string(id), "/sessions": "My app", "/history": "Signed in for the first time", "/messages": "outbox",
		"/metadata": "user_metadata", "/json": `"logins_count": 1`,
	} {
		p := w.get(w.browser, at+tab)
		if p.Status != http.StatusOK || !strings.Contains(p.Text(), want) {
			t.Errorf("%s: %d, want %q:\n%s", tab, p.Status, want, p.Text())
		}
		if strings.Contains(p.Body, number[1:]) || strings.Contains(p.Body, "7700 900") {
			t.Errorf("%s shows the number", tab)
		}
		if tab == "/metadata" {
			continue
		}
		before := w.told("Reveal numbers and addresses")
		p = w.submit(w.browser, p.FormTo(w.URL+at+"/reveal"))
		if !strings.Contains(p.Text(), want) || !strings.Contains(strings.ReplaceAll(p.Text(), " ", ""), number) {
			t.Errorf("%s is not revealed:\n%s", tab, p.Text())
		}
		if w.told("Reveal numbers and addresses") != before+1 {
			t.Error("it is not logged")
		}
	}
	w.says(w.get(w.browser, at+"/history"), "Code exchanged for tokens")
	for _, path := range []string{users + "/sms%7Cnobody", at + "/nothing"} {
		if p := w.get(w.browser, path); p.Status != http.StatusNotFound {
			t.Errorf("%s gives %d", path, p.Status)
		}
	}
}

// A user is blocked, let in again, signed out and deleted; what that ends is said
// in numbers.
func TestUserActions(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.signedIn("sms", "+447700900123")
	at := users + "/" + strings.ReplaceAll(string(id), "|", "%7C")
	devices := func() int {
		t.Helper()
		list, err := w.Store.DeviceCredentials(t.Context(), manage.DeviceQuery{Now: w.Clock.Now(), User: id}, manage.Window{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	p := w.get(w.browser, at)
	w.says(p, "0 sessions, 1 refresh token")
	w.says(w.submit(w.browser, p.FormTo(w.URL+at+"/sign-out")), "signed out everywhere")
	if n := devices(); n != 0 {
		t.Errorf("%d refresh tokens are left", n)
	}
	w.Clock.Advance(time.Hour)
	w.Outbox.Clear()
	w.signedIn("sms", "+447700900123")
	p = w.get(w.browser, at+"/sessions")
	w.says(w.submit(w.browser, p.Form("device")), "It has ended.")
	if n := devices(); n != 0 {
		t.Errorf("%d devices are left", n)
	}
	w.says(w.submit(w.browser, w.get(w.browser, at).FormTo(w.URL+at+"/block")), "The user is blocked")
	w.says(w.get(w.browser, users+"?status=blocked"), "1 user")
	p = w.get(w.browser, at)
	w.says(p, "Blocked")
	w.says(w.submit(w.browser, p.FormTo(w.URL+at+"/block")), "can sign in again")

	p = w.get(w.browser, at+"/delete") // the hour has passed: once more who it is
	w.at(p, "/dashboard/login")
	p = w.submit(w.browser, p.FormTo(w.URL+"/dashboard/login/dev"))
	w.says(p, "It ends 0 sessions and 0 refresh tokens")
	q := w.submit(w.browser, p.Form("confirm").Set("confirm", "yes"))
	if q.Status != http.StatusUnprocessableEntity {
		t.Errorf("deleted without being confirmed: %d", q.Status)
	}
	w.says(q, "Nothing was deleted.")
	w.says(w.submit(w.browser, q.Form("confirm").Set("confirm", string(id[len(id)-6:]))), "The user was deleted.")
	if p := w.get(w.browser, at); p.Status != http.StatusNotFound {
		t.Errorf("the user is there: %d", p.Status)
	}
}

// D18: metadata are refused with line and column, and not over what somebody else
// has stored meanwhile.
func TestUserMetadata(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.signedIn("sms", "+447700900123")
	at := users + "/" + strings.ReplaceAll(string(id), "|", "%7C") + "/metadata"
	form := func() *textbrowser.Form { return w.get(w.browser, at).Form("user_metadata") }
	mine := form()
	for typed, want := range map[string]string{
		"{\n  \"a\": 1,\n  b\n}": "Line 3, column 3", "[1]": "write a JSON object", "{\"a\": 1": "ends too early",
		"{} {}": "Line 1, column 4", "\"x\"": "write a JSON object", "nul": "Line 1, column",
	} {
		p := w.submit(w.browser, form().Set("app_metadata", typed))
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Text(), want) || strings.ReplaceAll(p.Form("app_metadata").Values.Get("app_metadata"), "\r", "") != typed {
			t.Errorf("%q: %d, want %q:\n%s", typed, p.Status, want, p.Text())
		}
	}
	w.says(w.submit(w.browser, form().Set("user_metadata", `{"colour":"<b>blue</b>"}`).Set("app_metadata", `{"plan":"gold"}`)), "Saved.")
	p := w.submit(w.browser, mine.Set("app_metadata", `{"plan":"lead"}`))
	w.says(p, "Somebody else has changed")
	w.says(p, `"plan": "gold"`)
	u, err := w.Store.User(t.Context(), id)
	if err != nil || u.AppMetadata["plan"] != "gold" || u.UserMetadata["colour"] != "<b>blue</b>" {
		t.Errorf("stored are %v %v %v", u.UserMetadata, u.AppMetadata, err)
	}
	w.says(w.submit(w.browser, p.Form("user_metadata")), "Saved.")
	if u, err = w.Store.User(t.Context(), id); err != nil || u.AppMetadata["plan"] != "lead" || len(u.UserMetadata) != 0 {
		t.Errorf("stored are %v %v %v", u.UserMetadata, u.AppMetadata, err)
	}
}

// Viewers look and change nothing.
func TestViewersOfUsers(t *testing.T) {
	w := newWorld(t)
	w.developer()
	viewer := w.administrator("viewer@mail.example", "viewer")
	id := w.signedIn("sms", "+447700900123")
	at := users + "/" + strings.ReplaceAll(string(id), "|", "%7C")
	for _, path := range []string{users, at, at + "/sessions", at + "/history", at + "/messages", at + "/json", "/dashboard/logs"} {
		p := w.get(viewer, path)
		if p.Status != http.StatusOK {
			t.Errorf("%s: %d", path, p.Status)
		}
		for _, f := range p.Forms() {
			if f.Action.Path != "/dashboard/logout" && f.Action.Path != "/dashboard/theme" && !f.Has("q") {
				t.Errorf("a viewer has a form to %s on %s", f.Action, path)
			}
		}
	}
	for _, path := range []string{users + "/new", at + "/delete"} {
		if p := w.get(viewer, path); p.Status != http.StatusForbidden {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
	mine := w.get(w.browser, at)
	for _, f := range []*textbrowser.Form{
		mine.FormTo(w.URL + at + "/block"), mine.FormTo(w.URL + at + "/sign-out"), mine.FormTo(w.URL + at + "/reveal"),
		w.get(w.browser, users).Form("reveal"), w.get(w.browser, at+"/delete").Form("confirm").Set("confirm", string(id[len(id)-6:])),
		w.get(w.browser, at+"/sessions").Form("device"), w.get(w.browser, at+"/metadata").Form("user_metadata"),
	} {
		if f == nil {
			t.Fatal("an editor has no such form")
		}
		if p := w.submit(viewer, f); p.Status != http.StatusForbidden {
			t.Errorf("a viewer may post to %s: %d", f.Action, p.Status)
		}
	}
}

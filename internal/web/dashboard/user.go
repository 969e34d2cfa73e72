package dashboard

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The tabs of a user.
const (
	tabOverview = ""
	tabSessions = "sessions"
	tabHistory  = "history"
	tabSent     = "messages"
	tabMetadata = "metadata"
	tabJSON     = "json"
)

type userTab struct{ path, name string }

func userTabs() []userTab {
	return []userTab{
		{tabOverview, "Overview"},
		{tabSessions, "Sessions & devices"},
		{tabHistory, "Sign-in history"},
		{tabSent, "Messages"},
		{tabMetadata, "Metadata"},
		{tabJSON, "Raw JSON"},
	}
}

// A userFrame is what the pages of a user have in common.
type userFrame struct {
	ID         tenant.UserID
	Address    string
	Who        string
	Name       string
	Blocked    bool
	Test       bool
	Edit       bool
	Revealed   bool
	Tab        string
	Tabs       []link
	Identities []identityRow
}

type identityRow struct{ Connection, Who, UserID string }

// userPage shows a user. What is for one tab is empty on the others.
type userPage struct {
	userFrame
	User *tenant.User

	Holdings manage.Holdings

	Sessions []sessionRow
	Devices  []deviceRow

	Stories []toldStory
	Pager   pager

	Messages []messageRow

	JSON string
}

// user shows a tab.
func (d *Dashboard) user(w http.ResponseWriter, q *request, tab string) error {
	u, err := d.Manage.User(q.Context(), tenant.UserID(q.PathValue("id")))
	if err != nil {
		return err
	}
	return d.showUser(w, q, u, tab, false)
}

// revealUser shows a tab with what is masked. That it was shown is logged.
func (d *Dashboard) revealUser(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	u, err := d.Manage.User(q.Context(), tenant.UserID(q.PathValue("id")))
	if err != nil {
		return err
	}
	if err := d.Manage.Reveal(q.Context(), q.actor(nil), []tenant.UserID{u.ID}, ""); err != nil {
		return err
	}
	return d.showUser(w, q, u, f.Get("tab"), true)
}

func (d *Dashboard) frameOf(q *request, u *tenant.User, tab string, revealed bool) userFrame {
	f := userFrame{
		ID: u.ID, Address: userAddress(u.ID, ""), Who: shownIdentity(u, revealed), Name: ownName(u), Blocked: u.Blocked, Test: u.Test,
		Edit: q.Who.Role.May(tenant.Editor), Revealed: revealed, Tab: tab,
	}
	for _, t := range userTabs() {
		f.Tabs = append(f.Tabs, link{Name: t.name, Address: userAddress(u.ID, t.path), Here: t.path == tab})
	}
	for _, i := range u.Identities {
		f.Identities = append(f.Identities, identityRow{i.Name, shownIdentifier(i.Channel, i.Identifier, revealed), i.UserID})
	}
	return f
}

// label is the title of a user's pages.
func (f *userFrame) label() string {
	if f.Name != "" {
		return f.Name
	}
	return f.Who
}

func (d *Dashboard) showUser(w http.ResponseWriter, q *request, u *tenant.User, tab string, revealed bool) error {
	p := userPage{userFrame: d.frameOf(q, u, tab, revealed), User: u}
	var err error
	name := "user-overview"
	switch tab {
	case tabOverview:
		p.Holdings, err = d.Manage.Holdings(q.Context(), u.ID)
	case tabSessions:
		name = "user-sessions"
		err = d.addSessions(q, &p)
	case tabHistory:
		name = "user-history"
		err = d.addHistory(q, &p)
	case tabSent:
		name = "user-messages"
		err = d.addMessages(q, &p)
	case tabMetadata:
		return d.showMetadata(w, q, metadataPage{userFrame: p.userFrame, Form: manage.MetadataOf(u)})
	case tabJSON:
		name = "user-json"
		p.JSON = userDocument(u, revealed)
	default:
		return errNoPage
	}
	if err != nil {
		return err
	}
	return d.show(w, q, name, view{Title: p.label(), Notice: userNotices()[q.URL.Query().Get("done")], Body: p})
}

// addHistory adds what happened to the user, sign-in by sign-in.
func (d *Dashboard) addHistory(q *request, p *userPage) error {
	before := q.URL.Query().Get("before")
	stories, next, err := d.Manage.UserHistory(q.Context(), p.User, before, 100)
	if err != nil {
		return err
	}
	for _, s := range stories {
		p.Stories = append(p.Stories, tell(s))
	}
	if before != "" {
		p.Pager.First = userAddress(p.ID, tabHistory)
	}
	if next != "" {
		p.Pager.Next = userAddress(p.ID, tabHistory) + "?before=" + next
	}
	return nil
}

// A messageRow is a message in a list.
type messageRow struct {
	tenant.Message
	Who     string
	Address string
	Bad     bool
	Good    bool
}

// addMessages adds the messages to the user.
func (d *Dashboard) addMessages(q *request, p *userPage) error {
	list, err := d.Manage.UserMessages(q.Context(), p.User, 100)
	if err != nil {
		return err
	}
	for _, m := range list {
		row := messageRow{Message: m, Who: shownIdentifier(m.Channel, m.To, p.Revealed), Address: pathMessages + "/" + m.ID}
		switch m.State {
		case tenant.MessageFailed, tenant.MessageExpired, tenant.MessageUndelivered, tenant.MessageSuppressed:
			row.Bad = true
		case tenant.MessageSent, tenant.MessageDelivered:
			row.Good = true
		}
		p.Messages = append(p.Messages, row)
	}
	return nil
}

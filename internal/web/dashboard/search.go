package dashboard

import (
	"net/http"
	"strings"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// The bounds of a search.
const (
	maxSearched = 200 // bytes of what is typed
	maxOfAKind  = 6
	// minMessageID is what no provider's ids are shorter than, and few names and
	// numbers longer.
	minMessageID = 16
)

// An item is something that a search found.
type item struct {
	Name    string `json:"name"`
	What    string `json:"what"`
	Address string `json:"address"`
}

// searchPage is what was found, for browsers without scripts.
type searchPage struct {
	Text  string
	Items []item
}

// search finds pages, settings, applications, APIs, people and messages: a page
// of them, or JSON for the palette.
func (d *Dashboard) search(w http.ResponseWriter, q *request) error {
	text := strings.TrimSpace(q.URL.Query().Get("q"))
	if len(text) > maxSearched {
		text = ""
	}
	items, err := d.find(q, text)
	if err != nil {
		return err
	}
	if strings.Contains(q.Header.Get("Accept"), "application/json") {
		return web.WriteJSON(w, http.StatusOK, map[string][]item{"items": items})
	}
	return d.show(w, q, "search", view{Title: "Search", Body: searchPage{Text: text, Items: items}})
}

// find looks everywhere. Without a text it is the pages.
func (d *Dashboard) find(q *request, text string) ([]item, error) {
	places, err := d.places(q)
	if err != nil {
		return nil, err
	}
	items := []item{}
	for _, p := range places {
		if matches(p.Name+" "+p.What, text) && (text != "" || p.What == pageKind) {
			items = append(items, p)
		}
	}
	if text == "" {
		return items, nil
	}
	items = items[:min(len(items), 2*maxOfAKind)]
	for _, look := range []func(*request, string) ([]item, error){d.findApplications, d.findAPIs, d.findPeople, d.findMessages} {
		more, err := look(q, text)
		if err != nil {
			return nil, err
		}
		items = append(items, more[:min(len(more), maxOfAKind)]...)
	}
	return items, nil
}

// matches reports whether each word that was typed begins a word of the text.
func matches(text, typed string) bool {
	split := func(r rune) bool { return strings.ContainsRune(" -/:(),", r) }
	words := strings.FieldsFunc(strings.ToLower(text), split)
next:
	for _, t := range strings.FieldsFunc(strings.ToLower(typed), split) {
		for _, w := range words {
			if strings.HasPrefix(w, t) {
				continue next
			}
		}
		return false
	}
	return true
}

// pageKind is what a page of the navigation is called among what was found.
const pageKind = "Page"

// places are the pages, and the settings by the names that Auth0 gives them.
func (d *Dashboard) places(q *request) ([]item, error) {
	var all []item
	for _, s := range d.navigation("", q.Who.Role) {
		for _, l := range s.Links {
			all = append(all, item{l.Name, pageKind, l.Address})
		}
	}
	cards, err := d.cards(q.Context())
	if err != nil {
		return nil, err
	}
	for _, c := range cards {
		if c.ID == "" {
			continue
		}
		all = append(all,
			item{"Send a test: " + c.Title, "Passwordless, Try", tabAddress(c.ID, tabTry)},
			item{c.Title + " settings", "Passwordless", c.Address},
			item{c.Title + " applications", "Passwordless", tabAddress(c.ID, tabApplications)})
		for _, s := range connectionSettings(c.Strategy) {
			all = append(all, item{s.name, "Setting of " + c.Title, c.Address + "#" + s.field})
		}
	}
	return all, nil
}

// A named setting is a field of a page.
type named struct{ name, field string }

// connectionSettings are the fields of a connection's page.
func connectionSettings(c tenant.Channel) []named {
	both := []named{
		{"OTP Expiry", "time_step"}, {"OTP Length", "length"}, {"Disable Sign Ups", "disable_signup"}, {"Language of messages", "request_language"},
	}
	if c == tenant.Email {
		return append([]named{
			{"From", "mail_from"}, {"Subject", "subject"}, {"Body (template)", "body"}, {"Authentication Parameters", "auth_params"},
		}, both...)
	}
	return append([]named{
		{"Twilio Account SID", "twilio_sid"},
		{"Twilio Auth Token", "twilio_token"},
		{"SMS Source: From", "from"},
		{"Twilio Messaging Service SID (Copilot)", "messaging_service_sid"},
		{"Message (template)", "template"},
	}, both...)
}

func (d *Dashboard) findApplications(q *request, text string) ([]item, error) {
	list, err := d.Manage.ListClients(q.Context(), manage.ClientQuery{}, everything())
	if err != nil {
		return nil, err
	}
	var found []item
	for _, c := range list.Items {
		if string(c.ID) == text || matches(c.Name, text) {
			found = append(found, item{c.Name, "Application", applicationAddress(c.ID, tabSettings)})
		}
	}
	return found, nil
}

func (d *Dashboard) findAPIs(q *request, text string) ([]item, error) {
	list, err := d.Manage.ListAPIs(q.Context(), nil, everything())
	if err != nil {
		return nil, err
	}
	var found []item
	for _, a := range list.Items {
		if a.ID == text || a.Identifier == text || matches(a.Name, text) {
			found = append(found, item{a.Name, "API", apiAddress(a.ID, tabSettings)})
		}
	}
	return found, nil
}

// findPeople shows numbers and addresses as lists do, masked.
func (d *Dashboard) findPeople(q *request, text string) ([]item, error) {
	users, err := d.Manage.FindUsers(q.Context(), manage.UserFind{Text: text, Regions: q.regions(), Limit: maxOfAKind})
	if err != nil {
		return nil, err
	}
	var found []item
	for _, u := range users.Items {
		name := shownIdentity(u, false)
		if own := ownName(u); own != "" {
			name = own + ", " + name
		}
		found = append(found, item{name, "User", userAddress(u.ID, "")})
	}
	return found, nil
}

// findMessages finds messages by whole ids, ours or the provider's.
func (d *Dashboard) findMessages(q *request, text string) ([]item, error) {
	if len(text) < minMessageID || strings.ContainsAny(text, " @+|") {
		return nil, nil
	}
	list, err := d.Manage.SearchMessages(q.Context(), text, manage.MessageQuery{Limit: maxOfAKind})
	if err != nil {
		return nil, err
	}
	var found []item
	for _, m := range list.Items {
		if m.ID == text || m.ProviderID == text {
			found = append(found, item{text, "Message, " + string(m.State), pathMessages + "/" + m.ID})
		}
	}
	return found, nil
}

package dashboard

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// messageRoutes are the pages of the message log.
func (d *Dashboard) messageRoutes(mux *http.ServeMux) {
	d.page(mux, "GET "+pathMessages, tenant.Viewer, d.messages)
	d.page(mux, "GET "+pathMessages+"/csv", tenant.Viewer, d.messagesCSV)
	d.page(mux, "GET "+pathMessages+"/{id}", tenant.Viewer, d.message)
	d.page(mux, "POST "+pathMessages+"/{id}", tenant.Editor, d.revealMessage)
}

// messagesAtOnce is how many messages a page lists.
const messagesAtOnce = 50

// messagesPage lists messages.
type messagesPage struct {
	messageFilter
	messageList
	States      []stateWords
	Clients     []*tenant.Client
	Connections []*tenant.Connection
	Chips       []chip
	CSV         string
	Open        *messagePage // the message that is open beside the list
	Close       string       // address of the list alone
	Problem     string
}

// A messageFilter is what the page was asked for.
type messageFilter struct{ Text, State, Channel, Connection, Client, From, To string }

// A messageList is a part of the message log.
type messageList struct {
	Rows    []messageLine
	Pager   pager
	Further string // address that looks further back
	Until   time.Time
	Count   string
}

func readMessageFilter(query url.Values) messageFilter {
	text := func(name string) string {
		s := strings.TrimSpace(query.Get(name))
		return strings.ToValidUTF8(strings.ReplaceAll(s[:min(len(s), 320)], "\x00", ""), "")
	}
	return messageFilter{text("q"), text("state"), text("channel"), text("connection"), text("client"), text("from"), text("to")}
}

// query are the parameters that ask for the same.
func (f *messageFilter) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{
		"q": f.Text, "state": f.State, "channel": f.Channel, "connection": f.Connection, "client": f.Client, "from": f.From, "to": f.To,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// anyFailure is the state that stands for all in which a message has not come.
const anyFailure = "not_delivered"

// find is the search that the filter asks for. Days are those of UTC; "to" is a
// day that counts.
func (f *messageFilter) find() (manage.MessageQuery, error) {
	q := manage.MessageQuery{
		State: tenant.MessageState(f.State), Channel: tenant.Channel(f.Channel), Connection: tenant.ConnectionID(f.Connection),
		Client: tenant.ClientID(f.Client), Limit: messagesAtOnce,
	}
	if f.State == anyFailure {
		q.State, q.Failed = "", true
	}
	var err error
	if q.From, err = day(f.From, 0); err == nil {
		q.To, err = day(f.To, 1)
	}
	return q, err
}

// messages shows the list.
func (d *Dashboard) messages(w http.ResponseWriter, q *request) error {
	query := q.URL.Query()
	p := messagesPage{messageFilter: readMessageFilter(query), States: messageStates()}
	var err error
	if p.Clients, p.Connections, err = d.logChoices(q); err != nil {
		return err
	}
	find, err := p.find()
	if before := query.Get("before"); strings.HasPrefix(before, "msg_") {
		find.Before = before
	}
	if err == nil {
		p.messageList, err = d.listMessages(q, p.Text, find, namesOf(p.Clients, p.Connections), pathMessages, p.query())
	}
	if told := fault.Of(err); err != nil && told.Kind == fault.Invalid {
		p.Problem = told.Message
	} else if err != nil {
		return err
	}
	if err := p.open(d, q, query); err != nil {
		return err
	}
	p.CSV, p.Chips = withQuery(pathMessages+"/csv", p.query()), p.chips()
	return d.show(w, q, "messages", view{Title: "Message log", Script: "drawer.js", Failed: p.Problem != "", Body: p})
}

// open fills in the message that is shown beside the list, if one is to be.
func (p *messagesPage) open(d *Dashboard, q *request, query url.Values) error {
	id := query.Get("open")
	if id == "" {
		return nil
	}
	m, err := d.Manage.Message(q.Context(), id)
	if err != nil {
		return err
	}
	query.Del("open")
	p.Close = withQuery(pathMessages, query)
	p.Open = d.messageShown(q, &m, namesOf(p.Clients, p.Connections), false)
	return nil
}

// listMessages is the part of the message log that a page at the address shows.
func (d *Dashboard) listMessages(q *request, text string, find manage.MessageQuery, names map[string]string, address string, query url.Values) (messageList, error) {
	found, err := d.Manage.SearchMessages(q.Context(), text, find)
	if err != nil {
		return messageList{}, err
	}
	list := messageList{Count: countOf(len(found.Items), "message", found.Next != "" || find.Before != ""), Until: found.Until}
	beside := maps.Clone(query)
	if find.Before != "" {
		beside.Set("before", find.Before)
		list.Pager.First = withQuery(address, query)
	}
	for i := range found.Items {
		line := d.messageLine(&found.Items[i], names, false)
		beside.Set("open", line.ID)
		line.Open = withQuery(address, beside) + "#drawer"
		list.Rows = append(list.Rows, line)
	}
	if found.Next != "" {
		query.Set("before", found.Next)
		if found.Until.IsZero() {
			list.Pager.Next = withQuery(address, query)
		} else {
			list.Further = withQuery(address, query)
		}
		query.Del("before")
	}
	return list, nil
}

// chips are the conditions that were picked.
func (p *messagesPage) chips() []chip {
	var list []chip
	add := func(name, label, value, shown string) {
		if value == "" {
			return
		}
		query := p.query()
		query.Del(name)
		list = append(list, chip{label, shown, withQuery(pathMessages, query)})
	}
	client, connection := p.Client, p.Connection
	for _, c := range p.Clients {
		if string(c.ID) == client {
			client = c.Name
		}
	}
	for _, c := range p.Connections {
		if string(c.ID) == connection {
			connection = c.Name
		}
	}
	state := p.State
	for _, s := range p.States {
		if s.State == state {
			state = s.Name
		}
	}
	add("state", "State", p.State, state)
	add("channel", "Channel", p.Channel, methodName(tenant.Channel(p.Channel)))
	add("connection", "Connection", p.Connection, connection)
	add("client", "Application", p.Client, client)
	add("from", "From", p.From, p.From)
	add("to", "To", p.To, p.To)
	return list
}

// names are those of all applications and connections, by their ids.
func (d *Dashboard) names(q *request) (map[string]string, error) {
	clients, connections, err := d.logChoices(q)
	return namesOf(clients, connections), err
}

func namesOf(clients []*tenant.Client, connections []*tenant.Connection) map[string]string {
	names := make(map[string]string, len(clients)+len(connections))
	for _, c := range clients {
		names[string(c.ID)] = c.Name
	}
	for _, c := range connections {
		names[string(c.ID)] = c.Name
	}
	return names
}

// messagePage shows one.
type messagePage struct {
	messageLine
	Message  *tenant.Message
	Edit     bool
	Revealed bool
	Live     bool // more may be told of it
	Outbox   string
}

// message shows a message with its timeline.
func (d *Dashboard) message(w http.ResponseWriter, q *request) error {
	return d.showMessage(w, q, false)
}

// revealMessage shows it with the number or address in it. That it was shown is
// logged.
func (d *Dashboard) revealMessage(w http.ResponseWriter, q *request) error {
	if _, err := readForm(w, q.Request); err != nil {
		return err
	}
	return d.showMessage(w, q, true)
}

// messageShown is what a page or a drawer shows of a message.
func (d *Dashboard) messageShown(q *request, m *tenant.Message, names map[string]string, reveal bool) *messagePage {
	return &messagePage{
		messageLine: d.messageLine(m, names, reveal), Message: m, Edit: q.Who.Role.May(tenant.Editor), Revealed: reveal,
		Outbox: d.Outbox, Live: d.live(m),
	}
}

func (d *Dashboard) showMessage(w http.ResponseWriter, q *request, reveal bool) error {
	read := d.Manage.Message
	if reveal {
		read = d.Manage.RevealRecipient(q.actor(nil))
	}
	m, err := read(q.Context(), q.PathValue("id"))
	if err != nil {
		return err
	}
	names, err := d.names(q)
	if err != nil {
		return err
	}
	p := d.messageShown(q, &m, names, reveal)
	v := view{Title: "Message to " + address.Mask(m.Channel, m.To), Body: p}
	if p.Live && !reveal {
		v.Script = "live.js"
	}
	return d.show(w, q, "message", v)
}

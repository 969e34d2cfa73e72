package dashboard

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// logRoutes are the pages of the tenant's log.
func (d *Dashboard) logRoutes(mux *http.ServeMux) {
	d.page(mux, "GET "+pathLogs, tenant.Viewer, d.logs)
	d.page(mux, "GET "+pathLogs+"/tail", tenant.Viewer, d.tail)
	d.page(mux, "GET "+pathLogs+"/{id}", tenant.Viewer, d.log)
	d.page(mux, "POST "+pathLogs+"/{id}", tenant.Editor, d.revealLog)
}

// logsAtOnce is how many events a page lists.
const logsAtOnce = 50

// logsPage lists events.
type logsPage struct {
	logFilter
	Rows        []logRow
	Types       []event.Words
	Clients     []*tenant.Client
	Connections []*tenant.Connection
	Chips       []chip
	Live        bool
	LiveAddress string
	StopAddress string
	After       string // the id that live events come after
	Pager       pager
	Further     string // address that looks further back
	Until       time.Time
	Count       string
	Problem     string
}

// A logFilter is what the page was asked for.
type logFilter struct{ Text, Type, Client, Connection, IP, From, To string }

// A chip is a condition that can be taken away.
type chip struct{ Name, Value, Address string }

// A logRow is an event in a list.
type logRow struct {
	ID, Address                      string
	At                               time.Time
	Words                            event.Words
	What                             string // more than the words say
	Who                              string
	UserAddress                      string
	Client, Connection, IP           string
	ClientLink, ConnectionLink, Link string // that add a condition
	TypeLink                         string
}

func readLogFilter(query url.Values) logFilter {
	text := func(name string) string {
		s := strings.TrimSpace(query.Get(name))
		return s[:min(len(s), 1024)]
	}
	return logFilter{text("q"), text("type"), text("client"), text("connection"), text("ip"), text("from"), text("to")}
}

// query are the parameters that ask for the same.
func (f *logFilter) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{
		"q": f.Text, "type": f.Type, "client": f.Client, "connection": f.Connection, "ip": f.IP, "from": f.From, "to": f.To,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// with is the address of the list with another value of a condition.
func (f *logFilter) with(name, value string) string {
	query := f.query()
	if query.Set(name, value); value == "" {
		query.Del(name)
	}
	return withQuery(pathLogs, query)
}

// find is the search that the filter asks for. Days are those of UTC; "to" is a
// day that counts.
func (f *logFilter) find(q *request) (manage.LogFind, error) {
	out := manage.LogFind{
		Text: f.Text, Type: f.Type, Client: f.Client, Connection: f.Connection, IP: f.IP, Regions: q.regions(), Limit: logsAtOnce,
	}
	var err error
	if out.From, err = day(f.From, 0); err == nil {
		out.To, err = day(f.To, 1)
	}
	return out, err
}

func day(s string, more int) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, fault.New(fault.Invalid, "invalid_query_string", "Write a date as 2026-01-31.")
	}
	return t.AddDate(0, 0, more), nil
}

// logs shows the list. Whoever looks for the id of an event or of a message is
// led there.
func (d *Dashboard) logs(w http.ResponseWriter, q *request) error {
	query := q.URL.Query()
	p := logsPage{logFilter: readLogFilter(query), Types: event.Types(), Live: query.Get("live") != ""}
	switch {
	case len(p.Text) == 56 && strings.Trim(p.Text, "0123456789") == "":
		return leave(w, q.Request, pathLogs+"/"+p.Text)
	case strings.HasPrefix(p.Text, "msg_") && !strings.ContainsAny(p.Text, " /?#"):
		return leave(w, q.Request, pathMessages+"/"+p.Text)
	}
	var err error
	if p.Clients, p.Connections, err = d.logChoices(q); err != nil {
		return err
	}
	find, err := p.find(q)
	var found manage.LogFound
	if err == nil {
		find.Before, find.Deep = query.Get("before"), query.Get("deep") != ""
		found, err = d.Manage.FindLogs(q.Context(), find)
	}
	if told := fault.Of(err); err != nil && told.Kind == fault.Invalid {
		p.Problem = told.Message
	} else if err != nil {
		return err
	}
	d.fillLogs(&p, found, find)
	return d.show(w, q, "logs", view{Title: "Logs", Script: "tail.js", Failed: p.Problem != "", Body: p})
}

func (d *Dashboard) logChoices(q *request) ([]*tenant.Client, []*tenant.Connection, error) {
	clients, err := d.Manage.ListClients(q.Context(), manage.ClientQuery{}, everything())
	if err != nil {
		return nil, nil, err
	}
	connections, err := d.Manage.ListConnections(q.Context(), manage.ConnectionQuery{}, everything())
	return clients.Items, connections.Items, err
}

// fillLogs puts what was found into the page.
func (d *Dashboard) fillLogs(p *logsPage, found manage.LogFound, find manage.LogFind) {
	for i := range found.Items {
		p.Rows = append(p.Rows, p.row(&found.Items[i]))
	}
	p.Count = countOf(len(p.Rows), "event", found.Next != "" || find.Before != "")
	query := p.query()
	if find.Before != "" {
		p.Pager.First = withQuery(pathLogs, query)
	}
	if found.Next != "" {
		query.Set("before", found.Next)
		if found.Full {
			p.Pager.Next = withQuery(pathLogs, query)
		} else {
			query.Set("deep", "1")
			p.Further, p.Until = withQuery(pathLogs, query), timeOf(found.Next)
		}
	}
	live := p.query()
	p.StopAddress = withQuery(pathLogs, live)
	live.Set("live", "1")
	p.LiveAddress = withQuery(pathLogs, live)
	p.After = event.NewID(d.Now())
	if len(found.Items) > 0 && find.Before == "" {
		p.After = found.Items[0].ID
	}
	p.Chips = p.chips()
}

// chips are the conditions that were picked.
func (p *logsPage) chips() []chip {
	var list []chip
	add := func(name, label, value, shown string) {
		if value != "" {
			list = append(list, chip{label, shown, p.with(name, "")})
		}
	}
	add("type", "Type", p.Type, event.Tell(p.Type).Name)
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
	add("client", "Application", p.Client, client)
	add("connection", "Connection", p.Connection, connection)
	add("ip", "IP address", p.IP, p.IP)
	add("from", "From", p.From, p.From)
	add("to", "To", p.To, p.To)
	return list
}

// row is an event as the list shows it.
func (f *logFilter) row(e *tenant.LogEvent) logRow {
	r := logRow{
		ID: e.ID, Address: pathLogs + "/" + e.ID, At: e.At, Words: event.Tell(e.Type), What: e.Description,
		Client: e.ClientName, Connection: e.Connection, IP: e.IP, TypeLink: f.with("type", e.Type),
	}
	if e.UserName != "" {
		r.Who = shownIdentifier(channelFor(e.UserName), e.UserName, false)
	}
	if e.User != "" {
		r.UserAddress = userAddress(e.User, "")
		if r.Who == "" {
			r.Who = string(e.User)
		}
	}
	if r.Client == "" {
		r.Client = string(e.Client)
	}
	if e.Client != "" {
		r.ClientLink = f.with("client", string(e.Client))
	}
	if e.ConnectionID != "" {
		r.ConnectionLink = f.with("connection", string(e.ConnectionID))
	}
	if e.IP != "" {
		r.Link = f.with("ip", e.IP)
	}
	return r
}

// timeOf is the moment that an id says.
func timeOf(id string) time.Time {
	if len(id) < 20 {
		return time.Time{}
	}
	t, err := time.Parse("20060102150405", id[3:17])
	if err != nil {
		return time.Time{}
	}
	return t
}

// The bounds of live events. Processes that write at the same moment commit in
// any order, and their clocks differ a little, so what came a short while before
// the newest is looked at again: the page knows what it has.
const (
	tailOverlap = 10 * time.Second
	tailAtOnce  = 200
)

// tail answers the page with the events that came since, newest first, for its
// module. It reads the database, whichever process has written there.
func (d *Dashboard) tail(w http.ResponseWriter, q *request) error {
	query := q.URL.Query()
	f := readLogFilter(query)
	find, err := f.find(q)
	if err != nil {
		return err
	}
	if at := timeOf(query.Get("after")); !at.IsZero() && at.Add(-tailOverlap).After(find.From) {
		find.From = at.Add(-tailOverlap)
	}
	find.Limit = tailAtOnce
	found, err := d.Manage.FindLogs(q.Context(), find)
	if err != nil {
		return err
	}
	p := logsPage{logFilter: f}
	for i := range found.Items {
		p.Rows = append(p.Rows, p.row(&found.Items[i]))
	}
	return d.write(w, http.StatusOK, "log-tail", view{Title: "Logs", Body: p})
}

// logPage shows an event.
type logPage struct {
	logRow
	Event    *tenant.LogEvent
	Story    toldStory
	JSON     string
	Edit     bool
	Hidden   bool
	Revealed bool
}

// log shows an event with the sign-in that it belongs to.
func (d *Dashboard) log(w http.ResponseWriter, q *request) error { return d.showLog(w, q, false) }

// revealLog shows it with the number or address in it. That it was shown is
// logged.
func (d *Dashboard) revealLog(w http.ResponseWriter, q *request) error {
	if _, err := readForm(w, q.Request); err != nil {
		return err
	}
	return d.showLog(w, q, true)
}

func (d *Dashboard) showLog(w http.ResponseWriter, q *request, reveal bool) error {
	e, story, err := d.Manage.Story(q.Context(), q.PathValue("id"))
	if err != nil {
		return err
	}
	if reveal {
		if err := d.Manage.Reveal(q.Context(), q.actor(nil), nil, e.ID); err != nil {
			return err
		}
	}
	p := logPage{
		logRow: (&logFilter{}).row(&e), Event: &e, Story: tell(story), Revealed: reveal, Edit: q.Who.Role.May(tenant.Editor),
		JSON: documentOf(settings.LogDocument(&e), []string{e.UserName}, reveal), Hidden: e.UserName != "" && !reveal,
	}
	if reveal && e.UserName != "" {
		p.Who = shownIdentifier(channelFor(e.UserName), e.UserName, true)
	}
	return d.show(w, q, "log", view{Title: p.Words.Name, Body: p})
}

package dashboard

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// newestSignIns is how many sign-ins the list of applications looks at. The log
// is not ordered by application: to look for each one's last would read all of
// it.
const newestSignIns = 200

// lastSignIns says when somebody last signed in to each application, as far as
// the newest sign-ins tell.
func (d *Dashboard) lastSignIns(q *request) (map[tenant.ClientID]time.Time, error) {
	last := map[tenant.ClientID]time.Time{}
	for _, typ := range []string{event.Login, event.ExchangePasswordless} {
		found, err := d.Manage.FindLogs(q.Context(), manage.LogFind{Type: typ, Limit: newestSignIns})
		if err != nil {
			return nil, err
		}
		for _, e := range found.Items {
			if e.At.After(last[e.Client]) {
				last[e.Client] = e.At
			}
		}
	}
	return last, nil
}

// A rejected is a callback that was asked for and is not the application's.
type rejected struct {
	Callback string
	At       time.Time
	Address  string // where it is added
}

// rejectedFor is how long a rejected callback is told of.
const rejectedFor = 24 * time.Hour

// rejectedCallback is the last one, or nil. What is a callback by now, or could
// not be one, is not told.
func (d *Dashboard) rejectedCallback(q *request, c *tenant.Client) (*rejected, error) {
	found, err := d.Manage.FindLogs(q.Context(), manage.LogFind{
		Type: event.LoginFailed, Client: string(c.ID), From: d.Now().Add(-rejectedFor), Limit: 20,
	})
	if err != nil {
		return nil, err
	}
	for _, e := range found.Items {
		uri, _ := e.Details[event.RejectedCallback].(string)
		if uri == "" {
			continue
		}
		if slices.Contains(c.Callbacks, uri) || oauth.CheckRedirect(uri, d.HTTPS) != nil {
			return nil, nil
		}
		return &rejected{uri, e.At, applicationAddress(c.ID, "callbacks")}, nil
	}
	return nil, nil
}

// addCallback adds one address to the callbacks that the page was made for.
func (d *Dashboard) addCallback(w http.ResponseWriter, q *request) error {
	c, frame, err := d.application(q, tabSettings)
	if err != nil {
		return err
	}
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	seen, err := strconv.ParseInt(f.Get("seen"), 10, 64)
	if err != nil || seen <= 0 {
		return errNoVersion
	}
	form, err := applicationFormOf(c)
	if err != nil {
		return err
	}
	p := applicationPage{applicationFrame: frame, Form: form}
	callback := f.line("callback")
	if problem := addressProblem("callbacks", callback); problem != "" {
		p.Problem = callback + ": " + problem
		return d.showApplication(w, q, p)
	}
	raw, body, err := document(map[string]any{"callbacks": append(slices.Clone(c.Callbacks), callback)})
	if err != nil {
		return err
	}
	_, err = d.Manage.ChangeClient(q.Context(), q.actor(raw), c.ID, manage.Patch{Body: body, Seen: time.UnixMilli(seen)})
	if errors.Is(err, manage.ErrStale) {
		p.Problem = "Somebody else has saved this application since you opened the page. Look at the callbacks and try again."
		return d.showApplication(w, q, p)
	}
	if told := fault.Of(err); err != nil && (told.Kind == fault.Invalid || told.Kind == fault.Conflict) {
		p.Problem = told.Message
		return d.showApplication(w, q, p)
	}
	if err != nil {
		return err
	}
	tab := tabSettings
	if f.Get("back") == tabQuickstart {
		tab = tabQuickstart
	}
	return leave(w, q.Request, applicationAddress(c.ID, tab)+"?done=added")
}

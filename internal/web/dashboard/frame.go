package dashboard

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// policy is what a page may do: show our style, run our modules, ask us, and
// frame the preview of a message.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// A view is what the templates are given: the frame around a page, and the
// page.
type view struct {
	Title  string // of the page, which is its heading
	Script string // a module that the page uses
	Failed bool   // the page says what was wrong with a form

	Theme  string // that was picked; empty: as the system has it
	Host   string
	Dev    bool
	Outbox string
	Who    *tenant.Administrator // nil: nobody is signed in
	Nav    []section
	Notice string // something was done
	Body   any
}

// A section of the navigation.
type section struct {
	Name  string // empty for the first
	Links []link
}

type link struct {
	Name, Address string
	Here          bool
}

// navigation is every page that there is and that the role may see.
func (d *Dashboard) navigation(path string, role tenant.AdministratorRole) []section {
	all := []section{
		{"", []link{{Name: "Home", Address: pathHome}, {Name: "Users", Address: pathUsers}}},
		{"Applications", []link{{Name: "Applications", Address: pathApplications}, {Name: "APIs", Address: pathAPIs}}},
		{"Authentication", []link{{Name: "Passwordless", Address: pathPasswordless}}},
		{"Messaging", []link{{Name: "Message log", Address: pathMessages}}},
		{"Monitoring", []link{{Name: "Logs", Address: pathLogs}}},
		{"Settings", []link{{Name: "General", Address: pathSettings}}},
	}
	if d.Outbox != "" {
		messaging := &all[3]
		messaging.Links = append(messaging.Links, link{Name: "Dev outbox", Address: d.Outbox})
	}
	if role.May(tenant.Owner) {
		settings := &all[5]
		settings.Links = append(settings.Links, link{Name: "Administrators", Address: pathAdministrators})
	}
	for _, s := range all {
		for i := range s.Links {
			l := &s.Links[i]
			l.Here = path == l.Address || l.Address != pathHome && strings.HasPrefix(path, l.Address+"/")
		}
	}
	return all
}

// show writes a page of an administrator.
func (d *Dashboard) show(w http.ResponseWriter, q *request, name string, v view) error {
	v.Who, v.Nav = &q.Who, d.navigation(q.URL.Path, q.Who.Role)
	v.Theme = d.theme(q.Request)
	if v.Notice == "" {
		v.Notice = notices()[q.URL.Query().Get("done")]
	}
	return d.write(w, statusOf(v), name, v)
}

// notices are what a page says about the change that led to it.
func notices() map[string]string {
	return map[string]string{
		"saved": "Saved.", "added": "Added.", "removed": "Removed.", "deleted": "Deleted.", "role": "The role was changed.",
		"on": "Switched on.", "off": "Switched off.", "method-on": "The method was switched on.",
	}
}

func statusOf(v view) int {
	if v.Failed {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

func (d *Dashboard) write(w http.ResponseWriter, status int, name string, v view) error {
	v.Host, v.Dev, v.Outbox = d.Host, d.Dev, d.Outbox
	var b bytes.Buffer
	if err := d.pages.ExecuteTemplate(&b, name, v); err != nil {
		return fmt.Errorf("make page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// With no-referrer, the general rule, browsers would not say that a form
	// comes from our own page.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
	return nil
}

// trouble is what the error page shows.
type trouble struct{ Text, Code, Where string }

// writeError shows the error page, in the frame of whoever is signed in.
func (d *Dashboard) writeError(w http.ResponseWriter, r *http.Request, err error) {
	f, status := fault.Of(err), web.StatusOf(err)
	t := trouble{Text: f.Message, Code: f.Code}
	v := view{Title: "This did not work"}
	switch {
	case f.Kind == fault.Internal && status == http.StatusInternalServerError:
		t.Text, t.Code = "Something went wrong on our side. Nothing was changed unless it says so elsewhere; try again in a moment.", ""
		t.Where = web.RecordOf(r.Context()).RequestID
		d.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
	case f.Kind == fault.NotFound:
		v.Title = "Not found"
	case status == http.StatusRequestEntityTooLarge:
		t.Text = "That was too much at once. Shorten it and try again."
	}
	web.SetRetryAfter(w, f.RetryAfter)
	if q, qerr := d.request(r); qerr == nil {
		v.Who, v.Nav = &q.Who, d.navigation(r.URL.Path, q.Who.Role)
		v.Theme = d.theme(r)
	}
	v.Body = t
	if werr := d.write(w, status, "error", v); werr != nil {
		d.Log.ErrorContext(r.Context(), "write error", "err", werr)
		http.Error(w, http.StatusText(status), status)
	}
}

// leave sends the browser on after a form.
func leave(w http.ResponseWriter, r *http.Request, address string) error {
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

// functions are those of the templates.
func (d *Dashboard) functions() template.FuncMap {
	return template.FuncMap{
		"number": address.Readable,
		"moment": func(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04 UTC") },
		"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":    d.ago,
		"field":  newField,
		"empty":  newEmpty,
		"said":   saidBy,
		"themes": themes,
	}
}

// ago says how long ago something was, as people say it; what is older than a
// month is told by its date.
func (d *Dashboard) ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	const day = 24 * time.Hour
	count := func(n time.Duration, unit string) string {
		if n == 1 {
			return "1 " + unit + " ago"
		}
		return fmt.Sprintf("%d %ss ago", n, unit)
	}
	switch past := d.Now().Sub(t); {
	case past < 10*time.Second:
		return "just now"
	case past < time.Minute:
		return count(past/time.Second, "second")
	case past < time.Hour:
		return count(past/time.Minute, "minute")
	case past < day:
		return count(past/time.Hour, "hour")
	case past < 31*day:
		return count(past/day, "day")
	}
	return t.UTC().Format("2 Jan 2006")
}

// A pager leads to the other parts of a list. An address that is empty has no
// link.
type pager struct{ First, Next string }

// emptyState is what a list without entries shows: what would be there, and
// what to do next.
type emptyState struct{ Title, Text, Action, Address string }

// newEmpty serves templates: empty "title" "text" ["action" "address"].
func newEmpty(title, text string, action ...string) emptyState {
	e := emptyState{Title: title, Text: text}
	if len(action) == 2 {
		e.Action, e.Address = action[0], action[1]
	}
	return e
}

// A field is a text field with its label, hint and error.
type field struct {
	ID, Label, Value, Hint, Error string
	Kind                          string // of input
	Mono, Locked                  bool
}

// newField serves templates: field "id" "Label" value "hint" error.
func newField(id, label, value, hint, problem string, more ...string) field {
	f := field{ID: id, Label: label, Value: value, Hint: hint, Error: problem, Kind: "text"}
	for _, m := range more {
		switch m {
		case "mono":
			f.Mono = true
		case "locked":
			f.Locked = true
		case "":
		default:
			f.Kind = m
		}
	}
	return f
}

package hosted

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// policy is what a page may do: show our style and run our scripts. There is no
// form-action in it: browsers apply that to where a form leads in the end as
// well, which is an address of the application, and wherever that sends people
// next.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"

// page is what the templates are given.
type page struct {
	Title string
	Lang  string
	Dir   string
	State string
	App   string
	Logo  string // the address of a picture; empty: our mark

	Problem string // above the form
	Field   string // beside the field
	Fresh   bool

	// Puzzle is solved by the browser before a code is sent.
	Puzzle *attack.Puzzle

	SMS        bool
	Link       bool // a link was sent, with a code beside it
	Connection string
	Others     []other
	Typed      string
	Phone      *phoneField // nil: an address is asked for
	SignUp     bool        // people who are new are welcome
	Switched   bool        // a code was asked for through another connection before
	Creating   bool        // and that is what was asked for

	Identifier string
	Digits     int
	Wait       int // seconds until another code may be asked for

	User     string
	UserCode string
	Scopes   []string
	API      string
}

// other is another way to sign in.
type other struct{ Text, Address string }

// render shows a page of a sign-in.
func (p *Pages) render(w http.ResponseWriter, v *authorize.View, why problem, e entry) error {
	t := &v.Transaction
	d := page{
		Lang: "en", Dir: "ltr", State: t.ID, App: v.Client.Name, Problem: why.text, Fresh: why.fresh, Digits: t.Digits, Puzzle: why.puzzle,
		Creating: t.Request.ScreenHint == "signup",
	}
	if why.field {
		d.Problem, d.Field = "", why.text
	}
	if c := v.Connection; c != nil {
		d.Link = c.HostedLinks && c.Channel == tenant.Email
		d.SMS, d.Connection, d.SignUp = c.Channel == tenant.SMS, c.Name, !c.NoSignUp
	}
	name := "code"
	switch v.Page {
	case authorize.PageIdentify:
		name = "identifier"
		d.Title = "Sign in to " + d.App
		if d.Creating && d.SignUp {
			d.Title = "Create your account for " + d.App
		}
		d.Typed = p.prefill(v, e.typed)
		if d.SMS {
			p.phone(&d, v, e, why)
		}
		d.Others, d.Switched = p.others(v), v.Switched
	case authorize.PageConsent:
		name, d.Title = "consent", "Allow "+d.App+"?"
		d.consent(v)
	case authorize.PageDevice:
		name, d.Title, d.UserCode = "device", "Connect a device to "+d.App+"?", t.Request.UserCode
		d.consent(v)
	default:
		d.Identifier, d.Others = recipient(t), p.others(v)
		if t.Digits == 0 {
			d.Fresh = true
			if d.Problem == "" {
				d.Problem = noCode(v)
			}
		}
		d.Wait = int(math.Ceil(v.ResendAfter.Seconds()))
		d.Title = "Check your e-mail"
		if d.SMS {
			d.Title = "Check your phone"
		}
	}
	var from string
	if d.Logo, from = logo(v); from != "" {
		from = " " + from
	}
	h := w.Header()
	if t.Request.ResponseMode != oauth.ModeWebMessage {
		// A pop-up of an application has to find its opener at the end.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	return p.writeUnder(w, statusOf(why), name, d, strings.Replace(policy, "img-src 'self'", "img-src 'self'"+from, 1))
}

// plainHost is a host and port that can stand in a policy.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.-]+(?::[0-9]+)?$`)

// logo is the picture of a sign-in, the application's or else the tenant's, and
// the origin that it is loaded from. One without https would tell everybody on
// the way that the page was open, and is not shown.
func logo(v *authorize.View) (address, origin string) {
	for _, at := range []string{v.Client.LogoURI, v.Settings.PictureURL} {
		if u, err := url.Parse(at); err == nil && u.Scheme == "https" && u.User == nil && plainHost.MatchString(u.Host) {
			return at, "https://" + u.Host
		}
	}
	return "", ""
}

// statusOf is the status of a page that says what was wrong. It is not one of
// success, so that programs notice as people do.
func statusOf(why problem) int {
	switch {
	case why.text == "":
		return http.StatusOK
	case why.wait > 0:
		return http.StatusTooManyRequests
	}
	return http.StatusUnprocessableEntity
}

// recipient is where the code went, as it was typed: most of those that never
// come went to another number than was meant. What the application had named is
// masked, since nobody has typed it who could have mistyped it.
func recipient(t *tenant.Transaction) string {
	switch hint := t.Request.LoginHint; {
	case t.Channel == tenant.Email:
		if named, err := address.Email(hint); err != nil || named != t.Identifier {
			return t.Identifier
		}
	default:
		c, _ := address.CountryOf(t.Identifier, "")
		if named, err := address.TypedPhoneIn(hint, c.Region); err != nil || named != t.Identifier {
			return address.Readable(t.Identifier)
		}
	}
	return address.Mask(t.Channel, t.Identifier)
}

// prefill is what the field has in it: what was typed, what was typed before, or
// what the application says it will be.
func (p *Pages) prefill(v *authorize.View, typed string) string {
	t, c := &v.Transaction, v.Connection
	switch {
	case typed != "":
		return typed
	case t.Identifier != "" && c != nil && t.Connection == c.ID:
		return t.Identifier
	case c != nil && strings.Contains(t.Request.LoginHint, "@") == (c.Channel == tenant.Email):
		return t.Request.LoginHint
	}
	return ""
}

// others are the connections that can be chosen instead.
func (p *Pages) others(v *authorize.View) []other {
	var list []other
	for _, c := range v.Connections {
		if v.Connection != nil && c.ID == v.Connection.ID {
			continue
		}
		text := "Use a text message instead"
		if c.Channel == tenant.Email {
			text = "Use e-mail instead"
		}
		list = append(list, other{text, pathIdentify + "?state=" + url.QueryEscape(v.Transaction.ID) + "&connection=" + url.QueryEscape(c.Name)})
	}
	return list
}

// consent fills in what an application asks for.
func (d *page) consent(v *authorize.View) {
	if u := v.User; u != nil {
		if d.User = u.Email; d.User == "" {
			d.User = address.Readable(u.Phone)
		}
	}
	for _, s := range v.Scopes {
		switch s {
		case oauth.OpenID:
		case oauth.Profile:
			d.Scopes = append(d.Scopes, "See your name and picture")
		case oauth.Email:
			d.Scopes = append(d.Scopes, "See your e-mail address")
		case oauth.Phone:
			d.Scopes = append(d.Scopes, "See your phone number")
		case oauth.Address:
			d.Scopes = append(d.Scopes, "See your postal address")
		case oauth.OfflineAccess:
			d.Scopes = append(d.Scopes, "Keep access while you are away")
		default:
			d.Scopes = append(d.Scopes, s)
		}
	}
	if v.API != nil {
		if d.API = v.API.Name; d.API == "" {
			d.API = v.API.Identifier
		}
	}
}

func (p *Pages) write(w http.ResponseWriter, status int, name string, data any) error {
	return p.writeUnder(w, status, name, data, policy)
}

// writeUnder is write under another policy.
func (p *Pages) writeUnder(w http.ResponseWriter, status int, name string, data any, policy string) error {
	var b bytes.Buffer
	if err := p.pages.ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("make page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	// With no-referrer, the general rule, browsers would not say that a form
	// comes from our own page.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
	return nil
}

// trouble is what the error page shows.
type trouble struct {
	Title, Lang, Dir  string
	Text, Code, Where string
	Again             string // where to begin anew; empty: nobody has said
}

// writeError shows the error page. It says in the words of the protocol what is
// wrong, since who made the application is who can mend it.
func (p *Pages) writeError(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	d := trouble{Title: "Something is wrong with this link", Lang: "en", Dir: "ltr", Text: f.Message, Code: f.Code}
	status := oauth.Status(f, false)
	switch {
	case errors.Is(err, web.ErrTooLarge), errors.Is(err, web.ErrEncoded):
		status = web.StatusOf(err)
	case f.Kind == fault.Internal:
		d.Title, d.Text = "Something went wrong", "Something went wrong on our side. Try again in a moment."
		d.Where = web.RecordOf(r.Context()).RequestID
		p.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
	case errors.Is(err, passwordless.ErrLink):
		d.Text = "It is not complete, or too old. Go back to the application and sign in again."
		status = http.StatusBadRequest
	case authorize.IsTransaction(err):
		d.Title = "This sign-in has timed out"
		d.Text = "It was finished already, took longer than " + span(tenant.TransactionLifetime.Round(time.Minute)) +
			", was begun in another browser, or the application's settings have changed. "
		if d.Again, err = p.Authorize.Restart(r.Context(), r.URL.Query().Get("state")); err != nil {
			p.Log.ErrorContext(r.Context(), "read where a sign-in begins", "err", err)
		}
		if d.Again == "" {
			d.Text += "Go back to the application and sign in again."
		}
		status = http.StatusBadRequest
	case f.Kind == fault.TooMany:
		d.Title = "Too many sign-ins"
		d.Text = f.Message + " Try again in " + span(f.RetryAfter) + "."
		web.SetRetryAfter(w, f.RetryAfter)
	}
	if h := w.Header(); h.Get("Cross-Origin-Opener-Policy") == "" { // else refuse has said what holds
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	if werr := p.write(w, status, "error", d); werr != nil {
		p.Log.ErrorContext(r.Context(), "write error", "err", werr)
		http.Error(w, http.StatusText(status), status)
	}
}

// pathOf is the path of an address of ours.
func pathOf(address string) string {
	path, _, _ := strings.Cut(address, "?")
	return path
}

package dashboard

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// tryPage runs the whole loop: a code is sent, what becomes of the message is
// shown, and the code is exchanged for tokens.
type tryPage struct {
	connectionFrame
	To, Language string
	Client       tenant.ClientID
	Clients      []*tenant.Client
	Problem      string
	Message      *tenant.Message // what was sent
	Line         messageLine     // the same for the page
	Live         bool            // and more may be told of it
	Outbox       string
	Tokens       []decoded
}

// decoded is what stands in a token. The token itself is not shown.
type decoded struct{ Name, Claims string }

// try shows the form, or the message that it led to.
func (d *Dashboard) try(w http.ResponseWriter, q *request) error {
	c, f, err := d.connection(q, tabTry)
	if err != nil {
		return err
	}
	f.Edit, f.Managed = q.Who.Role.May(tenant.Editor), false // it changes nothing of the connection
	p := tryPage{connectionFrame: f}
	if id := q.URL.Query().Get("message"); id != "" {
		if err := p.about(q, d, c, id); err != nil {
			return err
		}
	}
	return d.showTry(w, q, c, p)
}

// about fills in the message.
func (p *tryPage) about(q *request, d *Dashboard, c *tenant.Connection, id string) error {
	m, err := d.Manage.Message(q.Context(), id)
	// Those that were not sent from here are for the message log, where looking at
	// who they are to is noted.
	if err == nil && (m.Connection != c.ID || !m.Traced) {
		err = errNoPage
	}
	if err != nil {
		return err
	}
	p.Line = d.messageLine(&m, map[string]string{string(c.ID): c.Name}, true)
	p.Message, p.Live, p.To, p.Client, p.Language = &m, d.live(&m), m.To, m.Client, m.Language
	return nil
}

func (d *Dashboard) showTry(w http.ResponseWriter, q *request, c *tenant.Connection, p tryPage) error {
	all, err := d.people(q.Context())
	if err != nil {
		return err
	}
	for _, client := range all {
		if c.Admits(client.ID) && client.MayUse(tenant.GrantOTP) && client.AuthMethod != tenant.AuthPrivateKeyJWT {
			p.Clients = append(p.Clients, client)
		}
	}
	p.Outbox = d.Outbox
	v := view{Title: title(c), Failed: p.Problem != "", Body: p}
	if p.Live {
		v.Script = "live.js"
	}
	return d.show(w, q, "try", v)
}

// runTry sends a code or takes one.
func (d *Dashboard) runTry(w http.ResponseWriter, q *request) error {
	c, frame, err := d.connection(q, tabTry)
	if err != nil {
		return err
	}
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	frame.Edit, frame.Managed = true, false
	p := tryPage{connectionFrame: frame, To: f.line("to"), Language: f.line("language"), Client: tenant.ClientID(f.Get("client"))}
	if id := f.Get("message"); id != "" {
		if err := p.about(q, d, c, id); err != nil {
			return err
		}
		err = d.exchange(q, c, &p, f.line("code"))
	} else {
		id, err = d.sendTry(q, c, p)
		if err == nil {
			return leave(w, q.Request, tabAddress(c.ID, tabTry)+"?"+url.Values{"message": {id}}.Encode())
		}
	}
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal {
		p.Problem = told.Message
		return d.showTry(w, q, c, p)
	}
	if err != nil {
		return err
	}
	return d.showTry(w, q, c, p)
}

var errNotSent = fault.New(fault.Invalid, "not_sent",
	"No message was due: the person is blocked or may not sign up, or was sent one only just now. The tenant's log says which.")

// sendTry sends a code as an application's server would ask for it, and returns
// the id of the message.
func (d *Dashboard) sendTry(q *request, c *tenant.Connection, p tryPage) (string, error) {
	client, err := d.Manage.Client(q.Context(), p.Client)
	if err != nil {
		return "", err
	}
	r := passwordless.StartRequest{
		Client: client, Authenticated: true, Connection: c.Name, Send: "code", Traced: true, RequestLanguage: p.Language,
		AcceptLanguage: q.Header.Get("Accept-Language"), IP: q.caller.IP, IPKey: q.caller.IPKey, UserAgent: q.caller.UserAgent,
	}
	if c.Channel == tenant.SMS {
		if r.PhoneNumber, err = address.TypedPhone(p.To); err != nil {
			return "", fault.New(fault.Invalid, "invalid_number", "Enter a number with its country code, such as +447700900123.").Because(err)
		}
	} else {
		r.Email = p.To
	}
	if err := d.Manage.Try(q.Context(), q.actor(nil), c, "Try a connection: send a code"); err != nil {
		return "", err
	}
	started, err := d.SignIns.Start(q.Context(), r)
	if err == nil && started.Message == "" {
		err = errNotSent
	}
	return started.Message, err
}

// exchange takes the code that arrived to the token endpoint, as the
// application.
func (d *Dashboard) exchange(q *request, c *tenant.Connection, p *tryPage, code string) error {
	client, err := d.Manage.Client(q.Context(), p.Client)
	if err != nil {
		return err
	}
	who := grant.Credentials{ID: client.ID}
	if !client.Public() {
		who.Method, who.Secret = tenant.AuthSecretPost, client.Secret
		if !client.Takes(who.Method) {
			who.Method = tenant.AuthSecretBasic
		}
	}
	if err := d.Manage.Try(q.Context(), q.actor(nil), c, "Try a connection: exchange a code"); err != nil {
		return err
	}
	answer, err := d.Grants.Token(q.Context(), grant.Request{
		Credentials: who, GrantType: tenant.GrantOTP, Realm: c.Name, Username: p.To, OTP: code,
		Scope: oauth.ParseScopes("openid profile email phone"), IP: q.caller.IP, UserAgent: q.caller.UserAgent,
	})
	if err != nil {
		return err
	}
	for _, t := range []struct{ name, text string }{{"ID token", answer.IDToken}, {"Access token", answer.AccessToken}} {
		claims, err := claimsOf(t.text)
		if err != nil {
			return err
		}
		p.Tokens = append(p.Tokens, decoded{t.name, claims})
	}
	return nil
}

// claimsOf reads what stands in a token, for people. One that is for this server
// alone says nothing.
func claimsOf(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "Opaque: only /userinfo of this server reads it.", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	text, err := json.MarshalIndent(claims, "", "  ")
	return string(text), err
}

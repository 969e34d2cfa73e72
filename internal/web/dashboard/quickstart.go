package dashboard

import (
	"bytes"
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/template"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Programs to copy, as text templates.
//
//go:embed quickstart
var programs embed.FS

// A program is a small application that signs people in.
type program struct {
	Key, Name string
	Before    string // what to install
	File      string // what to call it
	Run       string // how to start it
	Text      string
}

// programList are the programs in the order in which they are offered.
func programList() []program {
	return []program{
		{Key: "curl", Name: "curl", File: "sign-in.sh", Run: "sh sign-in.sh"},
		{
			Key: "express", Name: "Node and Express", Before: "npm install express@5 express-openid-connect@3", File: "server.mjs",
			Run: "node server.mjs",
		},
		{
			Key: "go", Name: "Go", Before: "go mod init example && go get github.com/coreos/go-oidc/v3 golang.org/x/oauth2", File: "main.go",
			Run: "go run .",
		},
		{Key: "python", Name: "Python", Before: "pip install flask authlib requests", File: "app.py", Run: "python app.py"},
		{Key: "react", Name: "React", Before: "npm install @auth0/auth0-react@2", File: "main.jsx", Run: ""},
	}
}

// quickstartPage shows how an application signs people in.
type quickstartPage struct {
	applicationFrame
	Programs []link
	Program  program
	Issuer   string
	Callback string
	Missing  string // of what the program needs and the application lacks
	Since    int64  // sign-ins are waited for from then on
	SignedIn *tenant.LogEvent
	Connect  bool // no connection is on for it
}

// programValues are what is filled in.
type programValues struct {
	Issuer, Domain, ClientID, Callback, Origin, Connection string
	SMS, Public                                            bool
}

// quickstart shows a program with the application's own values, and whether
// anybody has signed in since the page was opened.
func (d *Dashboard) quickstart(w http.ResponseWriter, q *request) error {
	c, f, err := d.application(q, tabQuickstart)
	if err != nil {
		return err
	}
	p := quickstartPage{applicationFrame: f, Issuer: d.URL + "/"}
	query := q.URL.Query()
	if p.Since, err = strconv.ParseInt(query.Get("since"), 10, 64); err != nil || p.Since <= 0 {
		p.Since = d.Now().UnixMilli()
	}
	key := query.Get("for")
	if key == "" {
		key = map[string]string{"spa": "react", "native": "curl"}[c.AppType]
	}
	list := programList()
	p.Program = list[1]
	for _, one := range list {
		if one.Key == key {
			p.Program = one
		}
	}
	for _, one := range list {
		address := "?" + url.Values{"for": {one.Key}, "since": {strconv.FormatInt(p.Since, 10)}}.Encode()
		p.Programs = append(p.Programs, link{Name: one.Name, Address: address, Here: one.Key == p.Program.Key})
	}
	if err := d.fillProgram(q, c, &p); err != nil {
		return err
	}
	if p.SignedIn, err = d.signInSince(q, c.ID, p.Since); err != nil {
		return err
	}
	v := view{Title: c.Name, Body: p}
	if p.SignedIn == nil {
		v.Script = "live.js"
	}
	return d.show(w, q, "application-quickstart", v)
}

// fillProgram writes the program with the values of the application.
func (d *Dashboard) fillProgram(q *request, c *tenant.Client, p *quickstartPage) error {
	values := programValues{Issuer: d.URL + "/", Domain: d.domain(), ClientID: string(c.ID), Public: c.Public(), Connection: "email"}
	p.Callback = "http://localhost:3000/callback"
	if p.Program.Key == "react" {
		p.Callback = "http://localhost:3000"
	}
	if len(c.Callbacks) > 0 && p.Program.Key != "react" {
		p.Callback = c.Callbacks[0]
	}
	values.Callback, values.Origin = p.Callback, p.Callback
	if u, err := url.Parse(p.Callback); err == nil {
		values.Origin = u.Scheme + "://" + u.Host
	}
	ways, err := d.Manage.ListConnections(q.Context(), manage.ConnectionQuery{Client: c.ID}, everything())
	if err != nil {
		return err
	}
	p.Connect = len(ways.Items) == 0
	for i, way := range ways.Items {
		if i == 0 || way.Channel == tenant.SMS {
			values.Connection, values.SMS = way.Name, way.Channel == tenant.SMS
		}
	}
	p.Missing = missing(c, p)
	t, err := template.ParseFS(programs, "quickstart/"+p.Program.Key+".txt")
	if err != nil {
		return fmt.Errorf("parse program: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, values); err != nil {
		return fmt.Errorf("write program: %w", err)
	}
	p.Program.Text = b.String()
	return nil
}

// missing says what the application lacks for the program.
func missing(c *tenant.Client, p *quickstartPage) string {
	needs := tenant.GrantAuthorizationCode
	if p.Program.Key == "curl" {
		needs = tenant.GrantOTP
	}
	if !c.MayUse(needs) {
		return "This application may not use the grant type that the program needs. Allow it under Settings, Grant Types."
	}
	if needs == tenant.GrantOTP {
		return ""
	}
	for _, callback := range c.Callbacks {
		if callback == p.Callback {
			return ""
		}
	}
	return "Add " + p.Callback + " to the Allowed Callback URLs under Settings."
}

// signInSince is a sign-in with the application after a moment, or nil. Only
// events since then are looked at.
func (d *Dashboard) signInSince(q *request, id tenant.ClientID, since int64) (*tenant.LogEvent, error) {
	from := time.UnixMilli(since)
	if oldest := d.Now().Add(-24 * time.Hour); from.Before(oldest) {
		from = oldest
	}
	for _, typ := range []string{event.Login, event.ExchangePasswordless} {
		list, err := d.Manage.ListLogs(q.Context(), manage.LogRequest{
			Query: fmt.Sprintf("client_id:%q AND type:%q AND date:[%s TO *]", id, typ, from.UTC().Format(time.RFC3339Nano)),
		}, manage.Window{Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(list.Items) > 0 {
			return &list.Items[0], nil
		}
	}
	return nil, nil
}

package dashboard

import (
	"bytes"
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/oauth"
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

// machine is the key of the program that asks for a token in its own name.
const machine = "machine"

// programList are the programs for an application, in the order in which they
// are offered.
func programList(c *tenant.Client) []program {
	if !c.MayUse(tenant.GrantAuthorizationCode) && !c.MayUse(tenant.GrantOTP) && c.MayUse(tenant.GrantClientCredentials) {
		return []program{{Key: machine, Name: "curl", File: "token.sh", Run: "sh token.sh"}}
	}
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
		{
			Key: "python", Name: "Python", Before: "python3 -m venv venv\n. venv/bin/activate\npip install flask authlib requests", File: "app.py",
			Run: "python app.py",
		},
		{
			Key: "react", Name: "React", File: "src/main.jsx", Run: "npm run dev -- --port {{.Port}}",
			Before: "npm create vite@latest example -- --template react\ncd example\nnpm install @auth0/auth0-react@2",
		},
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
	Add      string // the callback that is missing
	Seen     int64  // when the application was last changed
	Since    int64  // sign-ins are waited for from then on
	SignedIn *tenant.LogEvent
	Connect  bool // no connection is on for it
}

// programValues are what is filled in.
type programValues struct {
	Issuer, Domain, ClientID, Connection string
	Audience                             string // of an API that it may ask for in its own name
	Callback, Origin, Port, Path         string // of the callback, its origin, port and path
	SMS, Public                          bool
}

// quickstart shows a program with the application's own values, and whether
// anybody has signed in since the page was opened.
func (d *Dashboard) quickstart(w http.ResponseWriter, q *request) error {
	c, f, err := d.application(q, tabQuickstart)
	if err != nil {
		return err
	}
	p := quickstartPage{applicationFrame: f, Issuer: d.URL + "/", Seen: c.UpdatedAt.UnixMilli()}
	query := q.URL.Query()
	if p.Since, err = strconv.ParseInt(query.Get("since"), 10, 64); err != nil || p.Since <= 0 {
		p.Since = d.Now().UnixMilli()
	}
	key := query.Get("for")
	if key == "" {
		key = map[string]string{"spa": "react", "native": "curl"}[c.AppType]
	}
	list := programList(c)
	p.Program = list[min(1, len(list)-1)]
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
	if p.SignedIn, err = d.signInSince(q, c.ID, &p); err != nil {
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
	if !strings.HasPrefix(d.URL, "https://") {
		// Auth0's libraries put https:// before a domain that says no scheme.
		values.Domain = d.URL
	}
	values.come(programCallback(c, p.Program.Key))
	p.Callback = values.Callback
	ways, err := d.Manage.ListConnections(q.Context(), manage.ConnectionQuery{Client: c.ID}, everything())
	if err != nil {
		return err
	}
	p.Connect = len(ways.Items) == 0 && p.Program.Key != machine
	for i, way := range ways.Items {
		if i == 0 || way.Channel == tenant.SMS {
			values.Connection, values.SMS = way.Name, way.Channel == tenant.SMS
		}
	}
	p.Missing, p.Add = missing(c, p)
	if p.Missing == "" && p.Program.Key == "react" && !oauth.MayReturn(c.LogoutURLs, values.Origin) {
		p.Missing = values.Origin + " is not among the Allowed Logout URLs yet, and signing out needs it. Add it under Settings."
	}
	if p.Program.Key == machine {
		if values.Audience, err = d.firstAudience(q, c.ID); err != nil {
			return err
		}
		if p.Missing = ""; values.Audience == "" {
			p.Missing = "No API is authorized for this application yet. Do that under APIs, Machine to Machine."
			values.Audience = "https://api.example.com"
		}
	}
	return p.Program.write(values)
}

// firstAudience is an API that an application may ask for in its own name, as
// applications name it; empty if there is none.
func (d *Dashboard) firstAudience(q *request, id tenant.ClientID) (string, error) {
	grants, err := d.Manage.ListClientGrants(q.Context(), manage.GrantQuery{Client: id}, manage.Window{Limit: 1})
	if err != nil || len(grants.Items) == 0 {
		return "", err
	}
	return d.Manage.ShownAudience(grants.Items[0].Audience), nil
}

// write fills in what the program is and how it is started.
func (p *program) write(values programValues) error {
	file := p.Key + ".txt"
	t, err := template.New(file).Funcs(template.FuncMap{"quoted": quoted}).ParseFS(programs, "quickstart/"+file)
	if err == nil {
		_, err = t.New("run").Parse(p.Run)
	}
	if err != nil {
		return fmt.Errorf("parse program: %w", err)
	}
	var text, run bytes.Buffer
	if err := t.Execute(&text, values); err != nil {
		return fmt.Errorf("write program: %w", err)
	}
	if err := t.ExecuteTemplate(&run, "run", values); err != nil {
		return fmt.Errorf("write program: %w", err)
	}
	p.Text, p.Run = text.String(), run.String()
	return nil
}

// programCallback is where a program takes people back: one of the
// application's own callbacks, on this machine if there is one, since that is
// where programs are tried. A page has no path of its own for it.
func programCallback(c *tenant.Client, key string) string {
	fits := func(callback string) bool {
		u, err := url.Parse(callback)
		return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.RawQuery == "" &&
			!strings.ContainsAny(callback, "*{}\"'`\\$<>") && // it stands in programs
			(key == "react") == (u.Path == "" || u.Path == "/")
	}
	for _, callback := range c.Callbacks {
		if u, err := url.Parse(callback); err == nil && fits(callback) && onOwnMachine(u) {
			return callback
		}
	}
	for _, callback := range c.Callbacks {
		if fits(callback) {
			return callback
		}
	}
	if key == "react" {
		return "http://localhost:3000"
	}
	return "http://localhost:3000/callback"
}

// come fills in where people come back to. The callback is an address.
func (v *programValues) come(callback string) {
	u, err := url.Parse(callback)
	if err != nil {
		return
	}
	v.Callback, v.Origin, v.Path, v.Port = callback, u.Scheme+"://"+u.Host, u.Path, u.Port()
	if v.Port == "" {
		v.Port = "3000"
	}
}

// missing says what the application lacks for the program, and, if that is a
// callback, which.
func missing(c *tenant.Client, p *quickstartPage) (text, callback string) {
	needs := tenant.GrantAuthorizationCode
	if p.Program.Key == "curl" {
		needs = tenant.GrantOTP
	}
	switch {
	case !c.MayUse(needs):
		return "This application may not use the grant type that the program needs. Allow it under Settings, Grant Types.", ""
	case p.Program.Key == "express" && c.Public():
		return "The library of this program works only with applications that keep a secret, and this one has none. Use a Regular Web Application.", ""
	case p.Program.Key == "curl" && c.AuthMethod == tenant.AuthSecretBasic:
		return "The program sends the secret in the body, and this application sends it as Basic. Change the Authentication Method under Settings.", ""
	case needs == tenant.GrantAuthorizationCode && !slices.Contains(c.Callbacks, p.Callback):
		return p.Callback + " is not among the Allowed Callback URLs yet.", p.Callback
	}
	return "", ""
}

// signInSince is a sign-in with the application after a moment, or nil. Only
// events since then are looked at.
func (d *Dashboard) signInSince(q *request, id tenant.ClientID, p *quickstartPage) (*tenant.LogEvent, error) {
	from := time.UnixMilli(p.Since)
	if oldest := d.Now().Add(-24 * time.Hour); from.Before(oldest) {
		from = oldest
	}
	types := []string{event.Login, event.ExchangePasswordless}
	if p.Program.Key == machine {
		types = []string{event.ExchangeClient}
	}
	for _, typ := range types {
		found, err := d.Manage.FindLogs(q.Context(), manage.LogFind{Type: typ, Client: string(id), From: from, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(found.Items) > 0 {
			return &found.Items[0], nil
		}
	}
	return nil, nil
}

package dashboard

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// connectionCodePage shows the settings of a connection for programs.
type connectionCodePage struct {
	connectionFrame
	Forms     []codeForm
	Unsaved   bool
	Typed     bool     // a token was typed, which a browser need not keep
	Variables []string // which stand for secrets
	Own       bool     // there are options that Terraform's provider does not know
}

// connectionCode shows what is stored.
func (d *Dashboard) connectionCode(w http.ResponseWriter, q *request) error {
	c, f, err := d.connection(q, tabCode)
	if err != nil {
		return err
	}
	f.Managed = false // nothing is changed here
	return d.showConnectionCode(w, q, c, connectionCodePage{connectionFrame: f})
}

// typedCode shows what was typed and not saved yet.
func (d *Dashboard) typedCode(w http.ResponseWriter, q *request) error {
	c, f, err := d.connection(q, tabSettings)
	if err != nil {
		return err
	}
	sent, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	p := settingsPage{connectionFrame: f, edit: edited(sent, "version"), Form: readConnectionForm(sent, c)}
	p.Wrong = p.Form.check(c)
	delete(p.Wrong, "twilio_token") // a variable stands for it
	if len(p.Wrong) > 0 {
		return d.showSettings(w, q, c, p)
	}
	typed := c
	if change := p.Form.change(c); len(change) > 0 {
		_, body, err := patch(change)
		if err != nil {
			return err
		}
		after, err := settings.ChangeConnection(c, body, settings.Keep)
		if err != nil {
			return err
		}
		typed = &after.Connection
		typed.ID = c.ID
	}
	if f.Tabs != nil {
		for i := range f.Tabs {
			f.Tabs[i].Here = f.Tabs[i].Address == tabAddress(c.ID, tabCode)
		}
	}
	return d.showConnectionCode(w, q, typed, connectionCodePage{connectionFrame: f, Unsaved: true, Typed: p.Form.Token != ""})
}

func (d *Dashboard) showConnectionCode(w http.ResponseWriter, q *request, c *tenant.Connection, p connectionCodePage) error {
	s, secrets, err := connectionSource(c)
	if err != nil {
		return err
	}
	if p.Forms, err = d.codeForms(s); err != nil {
		return err
	}
	for _, name := range secrets {
		p.Variables = append(p.Variables, name)
		// In the request the shell fills them in, between two quoted parts.
		p.Forms[0].Text = strings.ReplaceAll(p.Forms[0].Text, "##"+name+"##", `'"$`+name+`"'`)
	}
	if options := s.Document.Object("options"); options != nil {
		p.Own = options.Has("doorcode") || options.Has("request_language")
	}
	return d.show(w, q, "connection-code", view{Title: title(c), Body: p})
}

var notInVariables = regexp.MustCompile(`[^A-Z0-9]+`)

// variableFor is the environment variable that stands for a secret.
func variableFor(secret string) string {
	return notInVariables.ReplaceAllString(strings.ToUpper(strings.TrimPrefix(secret, "doorcode.")), "_")
}

// connectionSource is a connection without what only the server sets, with
// variables for its secrets, and the names of these. For which applications it is
// on is not in it: their names differ from one server to the next.
func connectionSource(c *tenant.Connection) (codeSource, []string, error) {
	doc, err := settings.ConnectionAnswer(c, false)
	if err != nil {
		return codeSource{}, nil, err
	}
	options := doc.Object("options")
	if options == nil {
		options = &settings.Object{}
	}
	marks, variables := map[string]string{}, map[string]string{}
	var names []string
	for _, secret := range settings.SecretNames() {
		if c.Secrets[secret] != "" {
			name := variableFor(secret)
			names = append(names, name)
			marks[secret], variables[secret] = "##"+name+"##", "var."+strings.ToLower(name)
		}
	}
	doc.SetRaw("options", settings.JoinSecrets(options, marks).Bytes())
	file := doc.Keep(func(name string) bool {
		switch name {
		case "id", "enabled_clients":
			return false
		case "realms":
			return len(c.Realms) != 1 || c.Realms[0] != c.Name
		}
		return true
	})
	s := codeSource{
		Path: "connections/" + string(c.ID) + "?options=replace", Scope: "update:connections", Section: "connections",
		Document:  file,
		Patch:     file.Keep(func(name string) bool { return name != "name" && name != "strategy" }),
		Terraform: "auth0_connection", Name: c.Name,
	}
	s.Arguments = terraformConnection(doc, settings.JoinSecrets(options, variables))
	return s, names, nil
}

// terraformConnection is what Terraform's provider takes of a connection.
func terraformConnection(doc, options *settings.Object) *settings.Object {
	known := map[string]bool{
		"name": true, "from": true, "syntax": true, "template": true, "twilio_sid": true, "twilio_token": true,
		"messaging_service_sid": true, "provider": true, "gateway_url": true, "gateway_authentication": true,
		"totp": true, "disable_signup": true, "brute_force_protection": true,
	}
	args := options.Keep(func(name string) bool { return known[name] && !options.Null(name) })
	if email := options.Object("email"); email != nil {
		for _, arg := range [][2]string{{"from", "from"}, {"subject", "subject"}, {"body", "template"}, {"syntax", "syntax"}} {
			if email.Has(arg[0]) && !email.Null(arg[0]) {
				args.SetRaw(arg[1], email.Raw(arg[0]))
			}
		}
	}
	if options.Object("authParams") != nil {
		args.SetRaw("auth_params", options.Raw("authParams"))
	}
	if options.Has("forward_req_info") {
		args.Set("forward_request_info", options.Text("forward_req_info") == "true" || string(options.Raw("forward_req_info")) == "true")
	}
	out := doc.Keep(func(name string) bool { return name == "name" || name == "strategy" || name == "display_name" })
	out.SetRaw("options", args.Bytes())
	return out
}

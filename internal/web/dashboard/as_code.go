package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A codeForm is settings as a program would write them.
type codeForm struct{ Name, Text string }

// A codeSource is what the forms are made from.
type codeSource struct {
	Path     string           // of the Management API, below /api/v2/
	Scope    string           // that a token needs for it
	Section  string           // of the configuration file
	Document *settings.Object // for the file
	Patch    *settings.Object // for the Management API
	// Terraform is the type of the resource, Name its name there, and
	// Arguments what it takes. Empty: there is no such form.
	Terraform, Name string
	Arguments       *settings.Object
}

// codeForms writes settings as a request, for the configuration file and for
// Terraform.
func (d *Dashboard) codeForms(s codeSource) ([]codeForm, error) {
	patch, err := indented(s.Patch)
	if err != nil {
		return nil, err
	}
	forms := []codeForm{{"curl", fmt.Sprintf("TOKEN=$(doorcode token --scope %s --ttl 1h)\ncurl -sS --fail-with-body -X PATCH '%s/api/v2/%s' \\\n  -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' -d %s",
		s.Scope, d.URL, s.Path, quoted(patch))}}
	section := &settings.Object{}
	section.SetRaw(s.Section, append(append([]byte("["), s.Document.Bytes()...), ']'))
	text, err := d.YAML(section.Bytes())
	if err != nil {
		return nil, err
	}
	forms = append(forms, codeForm{"YAML, for --config or the deploy CLI", string(text)})
	if s.Terraform != "" {
		var b strings.Builder
		fmt.Fprintf(&b, "resource %q %q {\n", s.Terraform, terraformName(s.Name))
		if err := writeArguments(&b, s.Arguments, "  "); err != nil {
			return nil, err
		}
		forms = append(forms, codeForm{"Terraform", b.String() + "}\n"})
	}
	return forms, nil
}

func indented(o *settings.Object) (string, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, o.Bytes(), "", "  "); err != nil {
		return "", fmt.Errorf("write body: %w", err)
	}
	return b.String(), nil
}

// quoted makes one word of a text for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// terraformName is a name that Terraform takes.
func terraformName(s string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(s), "_"), "_")
	if name == "" || name[0] <= '9' {
		return "the_" + name
	}
	return name
}

// writeArguments writes the members of an object in Terraform's language:
// objects as blocks, all else as JSON, which its values are, with the marks of
// its templates escaped.
func writeArguments(b *strings.Builder, o *settings.Object, indent string) error {
	for _, name := range o.Names() {
		if inner := o.Object(name); inner != nil && name != "auth_params" { // which is a map
			fmt.Fprintf(b, "%s%s {\n", indent, name)
			if err := writeArguments(b, inner, indent+"  "); err != nil {
				return err
			}
			fmt.Fprintf(b, "%s}\n", indent)
			continue
		}
		raw := string(o.Raw(name))
		if text := o.Text(name); strings.HasPrefix(text, "var.") {
			raw = text // a variable, which a secret is replaced by
		} else {
			raw = strings.NewReplacer("${", "$${", "%{", "%%{", `\/`, "/").Replace(raw)
		}
		fmt.Fprintf(b, "%s%s = %s\n", indent, name, raw)
	}
	return nil
}

// codePage shows the forms.
type codePage struct {
	applicationFrame
	Forms []codeForm
}

// applicationCode shows the settings of an application for programs.
func (d *Dashboard) applicationCode(w http.ResponseWriter, q *request) error {
	c, f, err := d.application(q, tabCode)
	if err != nil {
		return err
	}
	s, err := applicationSource(c)
	if err != nil {
		return err
	}
	p := codePage{applicationFrame: f}
	if p.Forms, err = d.codeForms(s); err != nil {
		return err
	}
	return d.show(w, q, "application-code", view{Title: c.Name, Body: p})
}

// applicationSource is an application without what only the server sets, and
// without its secret.
func applicationSource(c *tenant.Client) (codeSource, error) {
	doc, err := settings.ClientAnswer(c, "", "")
	if err != nil {
		return codeSource{}, err
	}
	doc = doc.Keep(func(name string) bool {
		return name != "tenant" && name != "global" && name != "callback_url_template" && name != "signing_keys"
	})
	s := codeSource{
		Path: "clients/" + string(c.ID), Scope: "update:clients", Section: "clients", Terraform: "auth0_client", Name: c.Name,
		Document: doc,
		Patch:    doc.Keep(func(name string) bool { return name != "client_id" }),
	}
	known := map[string]bool{
		"name": true, "description": true, "app_type": true, "logo_uri": true, "initiate_login_uri": true, "callbacks": true,
		"allowed_logout_urls": true, "web_origins": true, "allowed_origins": true, "grant_types": true, "oidc_conformant": true,
		"is_first_party": true, "cross_origin_auth": true, "jwt_configuration": true, "refresh_token": true,
		"require_pushed_authorization_requests": true, "require_proof_of_possession": true,
	}
	s.Arguments = doc.Keep(func(name string) bool { return known[name] })
	return s, nil
}

package dashboard

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// applicationForm is the settings of an application as people type them. Lists
// of addresses are texts with one on each line.
type applicationForm struct {
	Name, Description, Type, Logo, LoginURI   string
	Method                                    string // token_endpoint_auth_method
	KeyMethod                                 bool   // it proves itself by a key or certificate, which the page leaves alone
	Callbacks, LogoutURLs, WebOrigins, CORS   string
	IDTokenLife, IDTokenAlg                   string
	Rotating, Expiring, IdleExpiring          bool
	Leeway, RefreshLife, IdleLife             string
	Grants                                    []string
	Conformant, CrossOrigin, Pushed, ProofKey bool
	// SaidConformant: oidc_conformant was given, as true or false. Leaving it out
	// is not the same as false (R9).
	SaidConformant bool
}

// applicationFormOf is what an application is set to.
func applicationFormOf(c *tenant.Client) (applicationForm, error) {
	doc, err := settings.ClientAnswer(c, "", "")
	if err != nil {
		return applicationForm{}, err
	}
	f := applicationForm{
		Name: c.Name, Description: doc.Text("description"), Type: c.AppType, Logo: doc.Text("logo_uri"), LoginURI: doc.Text("initiate_login_uri"),
		Method: c.AuthMethod, KeyMethod: c.AuthMethod == tenant.AuthPrivateKeyJWT || c.AuthMethod == tenant.AuthTLS,
		Callbacks: lines(c.Callbacks), LogoutURLs: lines(c.LogoutURLs), WebOrigins: lines(c.WebOrigins), CORS: lines(c.AllowedOrigins),
		IDTokenLife: strconv.Itoa(int(c.IDTokenLifetime.Seconds())), IDTokenAlg: c.IDTokenAlg,
		Rotating: c.Refresh.Rotating, Expiring: c.Refresh.Lifetime > 0, IdleExpiring: c.Refresh.Idle > 0,
		Leeway: strconv.Itoa(int(c.Refresh.Leeway.Seconds())), Grants: c.GrantTypes,
		Conformant: c.SaysConformant, SaidConformant: c.SaysConformant || c.SaysLegacy, CrossOrigin: c.CrossOrigin, Pushed: c.NeedsPushed, ProofKey: c.NeedsProof,
	}
	// What is not set may still be stored, and counts as soon as it is set.
	refresh := doc.Object("refresh_token")
	f.RefreshLife = storedNumber(refresh, "token_lifetime", "2592000")
	f.IdleLife = storedNumber(refresh, "idle_token_lifetime", "1296000")
	tidy(f.fields())
	return f, nil
}

func storedNumber(o *settings.Object, name, otherwise string) string {
	var n int
	if raw := o.Raw(name); raw == nil || json.Unmarshal(raw, &n) != nil {
		return otherwise
	}
	return strconv.Itoa(n)
}

func lines(list []string) string { return strings.Join(list, "\n") }

// entries are the lines of a text, without those that are empty.
func entries(text string) []string {
	list := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// fields are those that the page of an application has, in its order.
func (f *applicationForm) fields() []formField {
	list := []formField{
		line("name", "Name", &f.Name), line("description", "Description", &f.Description),
		line("logo_uri", "Application Logo", &f.Logo), pick("app_type", "Application Type", &f.Type, f.types()...),
	}
	if !f.KeyMethod {
		list = append(list, pick("token_endpoint_auth_method", "Authentication Method", &f.Method, f.methods()...))
	}
	return append(list,
		line("initiate_login_uri", "Application Login URI", &f.LoginURI),
		area("callbacks", "Allowed Callback URLs", &f.Callbacks), area("allowed_logout_urls", "Allowed Logout URLs", &f.LogoutURLs),
		area("web_origins", "Allowed Web Origins", &f.WebOrigins), area("allowed_origins", "Allowed Origins (CORS)", &f.CORS),
		box("cross_origin_authentication", "Allow Cross-Origin Authentication", &f.CrossOrigin),
		line("lifetime_in_seconds", "ID Token Expiration", &f.IDTokenLife), pick("alg", "Signature Algorithm", &f.IDTokenAlg),
		box("rotating", "Refresh Token Rotation", &f.Rotating), line("leeway", "Rotation Overlap Period", &f.Leeway),
		box("expiring", "Set Maximum Refresh Token Lifetime", &f.Expiring), line("token_lifetime", "Maximum Refresh Token Lifetime", &f.RefreshLife),
		box("idle_expiring", "Set Idle Refresh Token Lifetime", &f.IdleExpiring), line("idle_token_lifetime", "Idle Refresh Token Lifetime", &f.IdleLife),
		formField{name: "grant", label: "Grant Types", kind: groupField, group: &f.Grants, choices: grantNames()},
		box("oidc_conformant", "OIDC Conformant", &f.Conformant), box("require_par", "Require Pushed Authorization Requests (PAR)", &f.Pushed),
		box("require_proof", "Require Token Sender-Constraining (DPoP)", &f.ProofKey),
	)
}

func (f *applicationForm) types() []choice {
	var list []choice
	if f.Type == "" {
		list = append(list, choice{Value: "", Name: typeName("")})
	}
	for _, t := range applicationTypes() {
		list = append(list, choice{Value: t.Value, Name: t.Name})
	}
	return chosen(f.Type, list...)
}

// change is what the form asks for and the application has not.
func (f *applicationForm) change(c *tenant.Client) (map[string]any, error) {
	stored, err := applicationFormOf(c)
	if err != nil {
		return nil, err
	}
	change := changes(f.patch(), stored.patch())
	return change, overlay(change, c.Doc, "refresh_token")
}

// grantNames are the grant types that the page shows, in words of the field.
func grantNames() []choice {
	return []choice{
		{Value: tenant.GrantAuthorizationCode, Name: "Authorization Code"},
		{Value: tenant.GrantRefreshToken, Name: "Refresh Token"},
		{Value: tenant.GrantOTP, Name: "Passwordless OTP"},
		{Value: tenant.GrantClientCredentials, Name: "Client Credentials"},
		{Value: tenant.GrantDeviceCode, Name: "Device Code"},
		{Value: tenant.GrantImplicit, Name: "Implicit (tokens in the address: not advised)"},
	}
}

func (f *applicationForm) grantChoices() []choice {
	list := grantNames()
	for i := range list {
		list[i].On = slices.Contains(f.Grants, list[i].Value)
	}
	return list
}

func (f *applicationForm) methods() []choice {
	return chosen(f.Method, choice{Value: "", Name: "Its secret, either way"}, choice{Value: tenant.AuthNone, Name: "None"},
		choice{Value: tenant.AuthSecretPost, Name: "Post"}, choice{Value: tenant.AuthSecretBasic, Name: "Basic"})
}

func (f *applicationForm) algs() []choice {
	return chosen(f.IDTokenAlg, choice{Value: "RS256", Name: "RS256"}, choice{Value: "ES256", Name: "ES256"}, choice{Value: "HS256", Name: "HS256"})
}

// chosen marks the choice that is made. One that the page does not offer is
// added, so that saving keeps it.
func chosen(value string, list ...choice) []choice {
	found := false
	for i := range list {
		list[i].On = list[i].Value == value
		found = found || list[i].On
	}
	if !found {
		list = append(list, choice{Value: value, Name: value, On: true})
	}
	return list
}

// check says what is wrong with the form, by field, and how to mend it. What
// the Management API refuses besides comes back from there.
func (f *applicationForm) check() map[string]string {
	wrong := map[string]string{}
	if f.Name == "" {
		wrong["name"] = "Give the application a name: people see it in messages and when they sign in."
	}
	number := func(field, value, unless string) {
		if n, err := strconv.Atoi(value); err != nil || n < 0 || n > 1<<31-1 {
			wrong[field] = unless
		}
	}
	number("lifetime_in_seconds", f.IDTokenLife, "Enter seconds, such as 36000 for ten hours.")
	number("leeway", f.Leeway, "Enter seconds, 0 for none.")
	number("token_lifetime", f.RefreshLife, "Enter seconds, such as 2592000 for thirty days.")
	number("idle_token_lifetime", f.IdleLife, "Enter seconds, such as 1296000 for fifteen days.")
	if f.Expiring && f.IdleExpiring && len(wrong) == 0 {
		life, _ := strconv.Atoi(f.RefreshLife)
		idle, _ := strconv.Atoi(f.IdleLife)
		if idle > life {
			wrong["idle_token_lifetime"] = "A token cannot be idle for longer than it lives: make this at most the lifetime."
		}
	}
	for field, text := range f.addresses() {
		for _, line := range entries(text) {
			if problem := addressProblem(field, line); problem != "" {
				wrong[field] = fmt.Sprintf("%s: %s", line, problem)
				break
			}
		}
	}
	return wrong
}

func (f *applicationForm) addresses() map[string]string {
	return map[string]string{"callbacks": f.Callbacks, "allowed_logout_urls": f.LogoutURLs, "web_origins": f.WebOrigins, "allowed_origins": f.CORS}
}

// addressProblem says why an address cannot be meant; empty if it can.
func addressProblem(field, address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return "enter a whole address, such as https://app.example.com/callback."
	}
	if strings.Contains(address, "#") && field == "callbacks" {
		return "a callback has no fragment: leave out # and what follows it."
	}
	origin := field == "web_origins" || field == "allowed_origins"
	if origin && (u.Path != "" && u.Path != "/" || u.RawQuery != "") {
		return "an origin is scheme, host and port alone, such as https://app.example.com."
	}
	return ""
}

// warnings are about addresses that are taken and may not be meant, by field.
func (f *applicationForm) warnings(dev bool) map[string][]string {
	out := map[string][]string{}
	for field, text := range f.addresses() {
		for _, line := range entries(text) {
			if w := addressWarning(line, dev); w != "" {
				out[field] = append(out[field], line+": "+w)
			}
		}
	}
	if slices.Contains(f.Grants, tenant.GrantImplicit) {
		out["grants"] = append(out["grants"], "Implicit puts tokens into addresses, where they leak. Use the authorization code with PKCE.")
	}
	return out
}

// addressWarning says what may be unsafe about an address.
func addressWarning(address string, dev bool) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	local := onOwnMachine(u)
	switch {
	case strings.Contains(address, "*"):
		return "whoever controls one name that a wildcard covers gets the codes sent there. Name each address."
	case u.Scheme == "http" && !local:
		return "without https, codes and tokens can be read on the way."
	case local && !dev:
		return "leads to the visitor's own machine. Right for development only."
	case strings.HasSuffix(u.Path, "/") && u.Path != "/":
		return "addresses are compared letter by letter: one without the slash at its end is another."
	}
	return ""
}

// onOwnMachine reports whether an address leads to whoever's machine it is opened
// on.
func onOwnMachine(u *url.URL) bool {
	return u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
}

// patch is all that the form says.
func (f *applicationForm) patch() map[string]any {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	refresh := map[string]any{
		"rotation_type": "non-rotating", "expiration_type": "non-expiring", "leeway": number(f.Leeway),
		"token_lifetime": max(1, number(f.RefreshLife)), "infinite_token_lifetime": !f.Expiring,
		"idle_token_lifetime": max(1, number(f.IdleLife)), "infinite_idle_token_lifetime": !f.IdleExpiring,
	}
	if f.Rotating {
		refresh["rotation_type"] = "rotating"
	}
	if f.Expiring || f.IdleExpiring {
		refresh["expiration_type"] = "expiring"
	}
	patch := map[string]any{
		"name": f.Name, "description": f.Description, "logo_uri": f.Logo, "initiate_login_uri": f.LoginURI,
		"callbacks": entries(f.Callbacks), "allowed_logout_urls": entries(f.LogoutURLs),
		"web_origins": entries(f.WebOrigins), "allowed_origins": entries(f.CORS),
		"jwt_configuration": map[string]any{"lifetime_in_seconds": number(f.IDTokenLife), "alg": f.IDTokenAlg},
		"refresh_token":     refresh, "grant_types": append([]string{}, f.Grants...),
		"cross_origin_authentication": f.CrossOrigin, "require_pushed_authorization_requests": f.Pushed,
		"require_proof_of_possession": f.ProofKey,
	}
	if f.Conformant || f.SaidConformant {
		patch["oidc_conformant"] = f.Conformant
	}
	if f.Type != "" {
		patch["app_type"] = f.Type
	}
	if !f.KeyMethod {
		patch["token_endpoint_auth_method"] = nil
		if f.Method != "" {
			patch["token_endpoint_auth_method"] = f.Method
		}
	}
	return patch
}

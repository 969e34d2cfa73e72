package dashboard_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const applications = "/dashboard/applications"

// newApplication makes one in the Dashboard.
func (w *world) newApplication(name, appType string) tenant.ClientID {
	w.t.Helper()
	p := w.get(w.browser, applications+"/new")
	p = w.submit(w.browser, p.Form("name").Set("name", name).Set("app_type", appType))
	w.says(p, "Added.")
	id, _, ok := strings.Cut(strings.TrimPrefix(p.URL.Path, applications+"/"), "/")
	if !ok || p.Status != http.StatusOK {
		w.t.Fatalf("at %s (%d): %s", p.URL, p.Status, p.Text())
	}
	return tenant.ClientID(id)
}

func (w *world) client(id tenant.ClientID) *tenant.Client {
	w.t.Helper()
	c, err := w.Store.Client(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) application(id tenant.ClientID, tab string) *textbrowser.Page {
	w.t.Helper()
	p := w.get(w.browser, applications+"/"+string(id)+"/"+tab)
	if p.Status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", p.URL, p.Status, p.Text())
	}
	return p
}

// An application that is made here can sign people in by code at once, has no
// grant that puts tokens into addresses, and stands in the list.
func TestApplicationsAreCreated(t *testing.T) {
	w := newWorld(t)
	w.developer()
	for appType, want := range map[string]struct{ public, code, refreshing bool }{
		"native": {true, true, true}, "spa": {true, true, true}, "regular_web": {false, true, false}, "non_interactive": {false, false, false},
	} {
		c := w.client(w.newApplication("New "+appType, appType))
		if c.Public() != want.public || c.MayUse(tenant.GrantOTP) != want.code || c.MayUse(tenant.GrantAuthorizationCode) != want.code ||
			c.Refresh.Rotating != want.refreshing || c.MayUse(tenant.GrantImplicit) || !c.SaysConformant {
			t.Errorf("%s: %+v", appType, c)
		}
		w.says(w.get(w.browser, applications), "New "+appType)
	}
	p := w.get(w.browser, applications+"/new")
	p = w.submit(w.browser, p.Form("name").Set("app_type", "spa"))
	if p.Status != http.StatusUnprocessableEntity {
		t.Errorf("without a name: %d", p.Status)
	}
	w.says(p, "Give the application a name")
}

// What is typed is stored under the names of the Management API, and comes back;
// what the page has no field for stays.
func TestApplicationSettings(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.newApplication("Shop", "regular_web")
	if _, err := w.manage().ChangeClient(t.Context(), manage.Actor{}, id, manage.Patch{Body: parsed(t, `{"client_metadata":{"team":"a"},"grant_types":["authorization_code","urn:example:own"]}`)}); err != nil {
		t.Fatal(err)
	}
	p := w.application(id, "settings")
	for _, label := range []string{
		"Name", "Domain", "Client ID", "Client Secret", "Application Logo", "Application Type", "Application Login URI", "Allowed Callback URLs",
		"Allowed Logout URLs", "Allowed Web Origins", "Allowed Origins (CORS)", "ID Token Expiration", "Refresh Token Rotation", "Grant Types", "OIDC Conformant",
	} {
		w.says(p, label)
	}
	f := p.Form("callbacks").Set("name", "Shop 2").Set("description", "sells").Set("callbacks", "https://shop.example.com/callback\r\n\r\n https://b.example.com/cb \r\n").
		Set("allowed_logout_urls", "https://shop.example.com").Set("web_origins", "https://shop.example.com").Set("lifetime_in_seconds", "600").
		Set("rotating", "on").Set("expiring", "on").Set("token_lifetime", "9000").Set("leeway", "3").Set("grant.implicit", "on")
	p = w.submit(w.browser, f.Press("save"))
	w.says(p, "Saved.")
	w.says(p, "Implicit puts tokens into addresses")
	c := w.client(id)
	if c.Name != "Shop 2" || !slices.Equal(c.Callbacks, []string{"https://shop.example.com/callback", "https://b.example.com/cb"}) ||
		c.IDTokenLifetime.Seconds() != 600 || !c.Refresh.Rotating || c.Refresh.Lifetime.Seconds() != 9000 || c.Refresh.Idle != 0 || c.Refresh.Leeway.Seconds() != 3 ||
		!c.MayUse(tenant.GrantImplicit) || !c.MayUse("urn:example:own") {
		t.Errorf("stored %+v", c)
	}
	if !strings.Contains(string(c.Doc), `"client_metadata":{"team":"a"}`) {
		t.Errorf("the metadata is gone: %s", c.Doc)
	}
	if strings.Contains(p.Body, c.Secret) {
		t.Error("the page shows the secret")
	}
}

// Addresses that cannot be meant are refused with the fix; those that may be
// unsafe are stored with a warning.
func TestApplicationAddresses(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.newApplication("Shop", "regular_web")
	for text, want := range map[string]struct{ field, says string }{
		"/callback":                  {"callbacks", "enter a whole address"},
		"https://a.example.com/cb#x": {"callbacks", "a callback has no fragment"},
		"https://a.example.com/path": {"web_origins", "an origin is scheme, host and port alone"},
		"javascript:alert(1)":        {"allowed_logout_urls", "callback-url"},
	} {
		p := w.submit(w.browser, w.application(id, "settings").Form("callbacks").Set(want.field, text).Press("save"))
		if p.Status != http.StatusUnprocessableEntity {
			t.Errorf("%q as %s: %d %s", text, want.field, p.Status, p.Text())
		}
		if want.says != "callback-url" {
			w.says(p, want.says)
		}
	}
	if got := w.client(id).Callbacks; len(got) != 0 {
		t.Errorf("stored %v", got)
	}
	p := w.submit(w.browser, w.application(id, "settings").Form("callbacks").
		Set("callbacks", "http://a.example.com/cb\nhttps://*.example.com/cb\nhttps://a.example.com/cb/").Press("save"))
	w.says(p, "Saved.")
	w.says(p, "without https, codes and tokens can be read on the way")
	w.says(p, "Name each address")
	w.says(p, "one without the slash at its end is another")
}

// D18: whoever saves an application that somebody else has saved meanwhile is
// told, and loses nothing.
func TestApplicationsThatSomebodyElseSaved(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.newApplication("Shop", "regular_web")
	mine := w.application(id, "settings").Form("callbacks").Set("description", "mine")
	w.says(w.submit(w.browser, w.application(id, "settings").Form("callbacks").Set("name", "Theirs").Press("save")), "Saved.")
	p := w.submit(w.browser, mine.Press("save"))
	if p.Status != http.StatusUnprocessableEntity || w.client(id).Name != "Theirs" {
		t.Fatalf("%d, stored %q", p.Status, w.client(id).Name)
	}
	w.says(p, "Somebody else has saved this application since you opened it")
	w.says(p, "in the fields that you had left alone: Name.")
	p = w.submit(w.browser, p.Form("callbacks").Press("save"))
	w.says(p, "Saved.")
	if c := w.client(id); c.Name != "Theirs" || !strings.Contains(string(c.Doc), `"description":"mine"`) {
		t.Errorf("stored %s", c.Doc)
	}
}

// A secret is shown and replaced after a fresh proof, and the log says so
// without it.
func TestApplicationSecret(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.newApplication("Shop", "regular_web")
	before := w.client(id).Secret
	p := w.submit(w.browser, pressing(w.application(id, "secret"), "show"))
	w.says(p, before)
	p = w.submit(w.browser, pressing(p, "rotate"))
	if p.Status != http.StatusUnprocessableEntity || w.client(id).Secret != before {
		t.Errorf("rotated without the tick: %d", p.Status)
	}
	p = w.submit(w.browser, pressing(p, "rotate").Set("sure", "on"))
	after := w.client(id).Secret
	if after == before {
		t.Error("the secret is the same")
	}
	w.says(p, after)
	w.logged("Read the secret of a client", before, after)
	w.logged("Rotate a client secret", before, after)
}

// pressing is the form that a button submits.
func pressing(p *textbrowser.Page, button string) *textbrowser.Form {
	for _, f := range p.Forms() {
		if f = f.Press(button); f != nil {
			return f
		}
	}
	return nil
}

// logged fails unless the tenant's log has an entry with the words and none of
// the secrets.
func (w *world) logged(what string, secrets ...string) {
	w.t.Helper()
	list, err := w.Store.ListLogs(w.t.Context(), manage.LogQuery{Descending: true}, manage.Window{Limit: 50})
	if err != nil {
		w.t.Fatal(err)
	}
	found := false
	for _, e := range list.Items {
		text := fmt.Sprintf("%+v", e)
		found = found || e.Description == what
		for _, s := range secrets {
			if strings.Contains(text, s) {
				w.t.Errorf("the log has a secret: %s", text)
			}
		}
	}
	if !found {
		w.t.Errorf("the log has no entry %q", what)
	}
}

// An application is deleted by its name, typed.
func TestApplicationDeletion(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.newApplication("Shop", "regular_web")
	p := w.application(id, "delete")
	w.says(p, "0 sign-ins with refresh tokens end")
	p = w.submit(w.browser, p.Form("name").Set("name", "shop"))
	if p.Status != http.StatusUnprocessableEntity || w.client(id) == nil {
		t.Fatalf("deleted by another name: %d", p.Status)
	}
	p = w.submit(w.browser, p.Form("name").Set("name", "Shop"))
	w.at(p, applications)
	if _, err := w.Store.Client(t.Context(), id); err == nil {
		t.Error("the application is still there")
	}
}

// The connections of an application are switched on its own page too.
func TestApplicationConnections(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.newApplication("Shop", "regular_web")
	on := w.connection("sms").Admits(id)
	p := w.submit(w.browser, w.application(id, "connections").Form("connection", "to"))
	if p.Status != http.StatusOK || w.connection("sms").Admits(id) == on {
		t.Errorf("%d: still %v", p.Status, on)
	}
}

// D27: what the configuration file manages is shown and not offered for change,
// also to whoever sends the form anyway.
func TestManagedApplication(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.newApplication("Shop", "regular_web")
	form := w.application(id, "settings").Form("callbacks").Set("name", "Other")
	w.manageByFile(id)
	p := w.application(id, "settings")
	w.says(p, "managed by the configuration file")
	if strings.Contains(p.Body, `name="action"`) {
		t.Error("the page offers to save")
	}
	p = w.submit(w.browser, form.Press("save"))
	w.says(p, "managed by the configuration file")
	if w.client(id).Name != "Shop" {
		t.Error("it was changed")
	}
}

// manage is what administrators may do, beside the pages.
func (w *world) manage() *manage.Service {
	return &manage.Service{
		Clients: w.Store, Connections: w.Store, APIs: w.Store, Grants: w.Store, Tenant: w.Store, Users: w.Store, Logs: w.Store,
		Messages: w.Store, Files: w.Store, EmailProviders: w.Store, Protections: w.Store, TestIdentities: w.Store, Now: w.Clock.Now,
	}
}

// actor is nobody in particular.
func (w *world) actor() manage.Actor { return manage.Actor{} }

// manageByFile applies a file that names the application.
func (w *world) manageByFile(id tenant.ClientID) {
	w.t.Helper()
	w.applyFile("clients:\n  - name: Shop\n    client_id: " + string(id) + "\n")
}

// applyFile applies a configuration file.
func (w *world) applyFile(text string) {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "doorcode.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	f, err := config.ReadFile(path, os.LookupEnv)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.manage().ApplyFile(w.t.Context(), f); err != nil {
		w.t.Fatal(err)
	}
}

// Viewers see applications and can change nothing of them.
func TestViewersChangeNoApplication(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.newApplication("Shop", "regular_web")
	viewer := w.administrator("viewer@mail.example", "viewer")
	p := w.get(viewer, applications+"/"+string(id)+"/settings")
	w.says(p, "Allowed Callback URLs")
	for _, tab := range []string{"secret", "delete"} {
		if got := w.get(viewer, applications+"/"+string(id)+"/"+tab); got.Status != http.StatusForbidden {
			t.Errorf("%s: %d", tab, got.Status)
		}
	}
}

// The programs have the application's own values, and say what is missing.
func TestQuickstarts(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.newApplication("Shop", "regular_web")
	for _, key := range []string{"curl", "express", "go", "python", "react"} {
		p := w.get(w.browser, applications+"/"+string(id)+"/quickstart?for="+key)
		if !strings.Contains(p.Body, string(id)) || p.Status != http.StatusOK {
			t.Errorf("%s: %d, without the client id", key, p.Status)
		}
		if secret := w.client(id).Secret; strings.Contains(p.Body, secret) {
			t.Errorf("%s has the secret", key)
		}
		if key != "curl" {
			w.says(p, "is not among the Allowed Callback URLs yet")
		}
	}
	for _, text := range []string{"-X PATCH", `resource "auth0_client" "shop"`, "clients:"} {
		w.says(w.application(id, "code"), text)
	}
}

// parsed reads a body.
func parsed(t *testing.T, body string) *settings.Object {
	t.Helper()
	o, err := settings.ParseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

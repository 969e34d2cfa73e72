package dashboard_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
)

const general = "/dashboard/settings"

// The settings of the tenant are stored under Auth0's names; what the page has no
// field for stays, and a form that is older than what is stored changes nothing.
func TestGeneralSettings(t *testing.T) {
	w := newWorld(t)
	w.developer()
	if _, err := w.manage().ChangeSettings(t.Context(), w.actor(), parsed(t, `{"picture_url":"https://example.com/logo.png","flags":{"confirm_logout":true}}`), ""); err != nil {
		t.Fatal(err)
	}
	p := w.get(w.browser, general)
	old := p.Form("friendly_name").Set("friendly_name", "Old")
	p = w.submit(w.browser, p.Form("friendly_name").Set("friendly_name", "Acme").Set("support_email", "help@example.com").
		Set("enabled_locales", "en, fr-FR").Set("session_lifetime", "24").Set("idle_session_lifetime", "1.5").Set("sms_per_day", "500").
		Set("error_page", "https://example.com/error").Set("allowed_logout_urls", "https://example.com/bye").Set("standards_strict", "on").Press("save"))
	w.says(p, "Saved.")
	set, err := w.Store.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if set.FriendlyName != "Acme" || set.SupportEmail != "help@example.com" || !slices.Equal(set.EnabledLocales, []string{"en", "fr-FR"}) ||
		set.Sessions.Lifetime.Hours() != 24 || set.Sessions.Idle.Hours() != 1.5 || set.SMSBudget.Day != 500 || set.ErrorPage != "https://example.com/error" ||
		!slices.Equal(set.LogoutURLs, []string{"https://example.com/bye"}) || !set.Flags.StandardsStrict || !set.Flags.ConfirmLogout {
		t.Errorf("stored %+v", set)
	}
	if !strings.Contains(string(set.Doc), "picture_url") {
		t.Errorf("what the page does not show is gone: %s", set.Doc)
	}
	p = w.submit(w.browser, old.Press("save"))
	w.says(p, "Somebody else has saved the settings")
	for field, value := range map[string]string{"session_lifetime": "soon", "idle_session_lifetime": "25", "sms_per_hour": "-1", "error_page": "example", "allowed_logout_urls": "/bye"} {
		p := w.submit(w.browser, w.get(w.browser, general).Form("friendly_name").Set("friendly_name", "Wrong").Set(field, value).Press("save"))
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Body, `id="`+field+`-error"`) {
			t.Errorf("%s %q: %d %s", field, value, p.Status, p.Text())
		}
	}
	if set, err = w.Store.Settings(t.Context()); err != nil || set.FriendlyName != "Acme" {
		t.Errorf("stored %q, %v", set.FriendlyName, err)
	}
}

// The export is a configuration file that a new server takes, without a secret in
// it.
func TestExport(t *testing.T) {
	w := newWorld(t)
	w.developer()
	id := w.newApplication("Shop", "regular_web")
	at := w.newAPI("Appointments", appointments)
	p := w.get(w.browser, at+"/permissions")
	w.submit(w.browser, p.Form("value", "description").Set("value", "read:appointments").Press("add"))
	p = w.get(w.browser, general+"/code")
	w.says(p, "Nothing: the server was started without")
	p = w.submit(w.browser, p.FormTo(w.URL+general+"/code"))
	if p.Status != http.StatusOK || strings.Contains(p.Body, w.client(id).Secret) || strings.Contains(p.Body, w.Ready.ClientSecret) {
		t.Fatalf("%d, or a secret is in it:\n%s", p.Status, p.Body)
	}
	path := t.TempDir() + "/doorcode.yaml"
	if err := os.WriteFile(path, []byte(p.Body), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := config.ReadFile(path, os.LookupEnv)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.Body)
	}
	other := newWorld(t)
	m := other.manage()
	m.Management, m.ManagementAudience = []string{w.URL + "/api/v2/", other.URL + "/api/v2/"}, "urn:doorcode:management"
	if err := m.ApplyFile(t.Context(), f); err != nil {
		t.Fatalf("%v\n%s", err, p.Body)
	}
	if c := other.client(id); c.Name != "Shop" || !c.Managed {
		t.Errorf("the application there is %+v", c)
	}
	if a := other.api(appointments); !slices.Equal(a.Scopes, []string{"read:appointments"}) {
		t.Errorf("the API there is %+v", a)
	}
	other.developer()
	other.says(other.get(other.browser, general+"/code"), "the application Shop")
	viewer := w.administrator("viewer@mail.example", "viewer")
	if p := w.get(viewer, general+"/code"); p.FormTo(w.URL+general+"/code") != nil {
		t.Error("a viewer is offered the export")
	}
}

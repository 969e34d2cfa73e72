package dashboard_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const apis = "/dashboard/apis"

// newAPI makes one in the Dashboard and returns where its pages are.
func (w *world) newAPI(name, identifier string) string {
	w.t.Helper()
	p := w.get(w.browser, apis+"/new")
	p = w.submit(w.browser, p.Form("identifier").Set("name", name).Set("identifier", identifier))
	at, ok := strings.CutSuffix(p.URL.Path, "/permissions")
	if !ok || p.Status != http.StatusOK {
		w.t.Fatalf("at %s (%d): %s", p.URL, p.Status, p.Text())
	}
	return at
}

func (w *world) api(identifier string) *tenant.API {
	w.t.Helper()
	a, err := w.manage().API(w.t.Context(), identifier)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

const appointments = "https://appointments.example.com"

// An API is made, set up and deleted by forms alone.
func TestAPIs(t *testing.T) {
	w := newWorld(t)
	w.developer()
	at := w.newAPI("Appointments", appointments)
	w.says(w.get(w.browser, apis), appointments)

	p := w.get(w.browser, at+"/permissions")
	p = w.submit(w.browser, p.Form("value", "description").Set("value", "read:appointments").Set("description", "Read appointments").Press("add"))
	w.says(p, "Added.")
	p = w.submit(w.browser, p.Form("value", "description").Set("value", "read:appointments").Press("add"))
	if p.Status != http.StatusUnprocessableEntity {
		t.Errorf("the same permission again: %d", p.Status)
	}
	p = w.submit(w.browser, p.Form("value", "description").Set("value", "write:appointments").Press("add"))
	if got := w.api(appointments).Scopes; !slices.Equal(got, []string{"read:appointments", "write:appointments"}) {
		t.Errorf("scopes %v", got)
	}
	stale := p.Form("value", "description").Set("value", "late").Press("add")
	w.submit(w.browser, pressing(p, "remove"))
	if got := w.api(appointments).Scopes; !slices.Equal(got, []string{"write:appointments"}) {
		t.Errorf("scopes after removing one: %v", got)
	}
	p = w.submit(w.browser, stale)
	if p.Status != http.StatusUnprocessableEntity || len(w.api(appointments).Scopes) != 1 {
		t.Errorf("a change of an older list: %d, %v", p.Status, w.api(appointments).Scopes)
	}

	p = w.get(w.browser, at+"/settings")
	old := p.Form("token_lifetime").Set("name", "Old")
	p = w.submit(w.browser, p.Form("token_lifetime").Set("token_lifetime", "600").Set("allow_offline_access", "on").
		Set("enforce_policies", "on").Set("permissions", "on").Set("signing_alg", "ES256").Press("save"))
	w.says(p, "Saved.")
	a := w.api(appointments)
	if a.TokenLifetime.Seconds() != 600 || !a.AllowOfflineAccess || !a.Policies || a.Profile != "access_token_authz" || a.SigningAlg != "ES256" {
		t.Errorf("stored %+v", a)
	}
	p = w.submit(w.browser, p.Form("token_lifetime").Set("token_lifetime", "a day").Press("save"))
	w.says(p, "Enter seconds, up to 2592000")
	p = w.submit(w.browser, old.Press("save"))
	w.says(p, "Somebody else has saved this API")
	if w.api(appointments).Name != "Appointments" {
		t.Error("the older form was stored")
	}

	p = w.submit(w.browser, w.get(w.browser, at+"/delete").Form("name").Set("name", "Appointments"))
	w.at(p, apis)
	if _, err := w.manage().API(t.Context(), appointments); err == nil {
		t.Error("the API is still there")
	}
}

// What applications may ask for in their own name is switched on one page, also
// for the Management API.
func TestAPIApplications(t *testing.T) {
	w := newWorld(t)
	w.developer()
	at := w.newAPI("Appointments", appointments)
	p := w.get(w.browser, at+"/permissions")
	w.submit(w.browser, p.Form("value", "description").Set("value", "read:appointments").Press("add"))
	robot := w.newApplication("Robot", "non_interactive")

	grants := func(audience string) []tenant.ClientGrant {
		t.Helper()
		list, err := w.manage().ListClientGrants(t.Context(), manage.GrantQuery{Client: robot, Audience: audience}, manage.Window{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return list.Items
	}
	p = w.get(w.browser, at+"/applications")
	for _, f := range p.Forms() {
		if f.Values.Get("client") == string(robot) {
			p = w.submit(w.browser, f.Press("authorize"))
			break
		}
	}
	if got := grants(appointments); len(got) != 1 || len(got[0].Scopes) != 0 {
		t.Fatalf("granted %+v", got)
	}
	p = w.submit(w.browser, pressing(p, "scopes").Set("scope.read:appointments", "on"))
	w.says(p, "Saved.")
	if got := grants(appointments); len(got) != 1 || !slices.Equal(got[0].Scopes, []string{"read:appointments"}) {
		t.Errorf("granted %+v", got)
	}
	w.submit(w.browser, pressing(p, "revoke"))
	if got := grants(appointments); len(got) != 0 {
		t.Errorf("still granted: %+v", got)
	}
	p = w.get(w.browser, apis+"/management/applications")
	w.says(p, "Robot")
	if got := w.get(w.browser, apis+"/management/settings"); got.Status != http.StatusNotFound {
		t.Errorf("settings of the Management API: %d", got.Status)
	}
}

// The commands that get a token for an API and call it are for applications that
// are authorized, and have no secret in them.
func TestAPITest(t *testing.T) {
	w := newWorld(t)
	w.developer()
	const odd = "https://it's.example.com/?a=1&b=$HOME"
	at := w.newAPI("Odd", odd)
	robot, idle := w.newApplication("Robot", "non_interactive"), w.newApplication("Idle", "non_interactive")
	w.says(w.get(w.browser, at+"/test"), "No application is authorized yet")
	p := w.get(w.browser, at+"/applications")
	for _, f := range p.Forms() {
		if f.Values.Get("client") == string(robot) {
			p = w.submit(w.browser, f.Press("authorize"))
			break
		}
	}
	if strings.Contains(p.Text(), "curl") {
		t.Error("the commands are on another page too")
	}
	viewer := w.administrator("viewer@mail.example", "viewer")
	for _, b := range []*textbrowser.Browser{w.browser, viewer} {
		p = w.get(b, at+"/test?application="+string(idle))
		w.says(p, w.URL+"/oauth/token' \\ -d grant_type=client_credentials \\ --data-urlencode 'client_id="+string(robot)+"' \\ --data-urlencode \"client_secret=$CLIENT_SECRET\"")
		w.says(p, `--data-urlencode 'audience=https://it'\''s.example.com/?a=1&b=$HOME'`)
		w.says(p, `curl -sS --fail-with-body 'https://it'\''s.example.com/?a=1&b=$HOME' \ -H "Authorization: Bearer $ACCESS_TOKEN"`)
		if strings.Contains(p.Body, string(idle)) || strings.Contains(p.Body, w.client(robot).Secret) {
			t.Error("the page shows who is not authorized, or the secret")
		}
	}
	for method, want := range map[string]string{
		`"token_endpoint_auth_method":"client_secret_basic"`: "-u '" + string(robot) + `':"$CLIENT_SECRET"`,
		`"token_endpoint_auth_method":"none"`:                "No application is authorized yet",
	} {
		_, err := w.manage().ChangeClient(t.Context(), manage.Actor{}, robot, manage.Patch{Body: parsed(t, "{"+method+"}")})
		if err != nil {
			t.Fatal(err)
		}
		w.says(w.get(w.browser, at+"/test"), want)
	}
}

// Viewers see APIs and can change nothing of them.
func TestViewersChangeNoAPI(t *testing.T) {
	w := newWorld(t)
	w.developer()
	at := w.newAPI("Appointments", appointments)
	viewer := w.administrator("viewer@mail.example", "viewer")
	for _, path := range []string{apis + "/new", at + "/delete"} {
		if got := w.get(viewer, path); got.Status != http.StatusForbidden {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
	p := w.get(viewer, at+"/permissions")
	if p.Status != http.StatusOK || p.Form("value") != nil {
		t.Errorf("permissions: %d, with a form", p.Status)
	}
}

package hosted_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// enable switches a connection on or off for an application.
func (w *world) enable(connection, client string, on bool) {
	w.t.Helper()
	var found []struct{ ID string }
	if err := json.Unmarshal([]byte(w.manage(http.MethodGet, "/api/v2/connections?name="+connection, "")), &found); err != nil || len(found) != 1 {
		w.t.Fatalf("%d connections named %s: %v", len(found), connection, err)
	}
	doc, err := json.Marshal([]map[string]any{{"client_id": client, "status": on}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.manage(http.MethodPatch, "/api/v2/connections/"+found[0].ID+"/clients", string(doc))
}

// application makes an application of the tenant's own with the usual callback,
// changed by the members that are named.
func (w *world) application(more map[string]any) (id, secret string) {
	w.t.Helper()
	body := map[string]any{
		"name": "Other app", "app_type": "regular_web", "oidc_conformant": true, "callbacks": []string{callback},
		"token_endpoint_auth_method": "client_secret_post", "grant_types": []string{"authorization_code", "refresh_token"},
	}
	for name, v := range more {
		body[name] = v
	}
	doc, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(w.manage(http.MethodPost, "/api/v2/clients", string(doc))), &made); err != nil {
		w.t.Fatal(err)
	}
	return made.ID, made.Secret
}

// F9: a connection that is not enabled for an application is refused there, for
// whoever is signed in through it already too.
func TestSingleSignOnThroughEnabledConnections(t *testing.T) {
	w := newWorld(t)
	mail, _ := w.application(nil)
	w.enable("sms", mail, false)
	w.signIn(w.browser, w.query(), person)
	if got := w.silent("client_id", mail); got.Get("error") != "login_required" {
		t.Errorf("silently, an SMS user in an application for e-mail alone: %v", got)
	}
	p := w.get(w.browser, "/authorize?"+w.query("client_id", mail))
	if p.Left != nil || p.URL.Path != "/u/login/identifier" || p.Form("username").Values.Get("connection") != "email" {
		t.Fatalf("an SMS user in an application for e-mail alone is at %s, left %v", p.URL, p.Left)
	}
	// Whoever proves an address there is somebody else, in both applications.
	p = w.submit(w.browser, p.Form("username").Set("username", "sam@mail.example"))
	if got := w.left(w.submit(w.browser, p.Form("code").Set("code", w.code("sam@mail.example")).Press("default"))); !got.Has("code") {
		t.Fatalf("%v", got)
	}
	if got := w.silent("client_id", mail); !got.Has("code") {
		t.Errorf("silently, an e-mail user in an application for e-mail: %v", got)
	}
	if got := w.silent(); !got.Has("code") {
		t.Errorf("silently, an e-mail user in an application for both: %v", got)
	}
}

// A connection that is switched off for an application is so for those who are
// signed in; what they have been given stays.
func TestConnectionSwitchedOff(t *testing.T) {
	w := newWorld(t)
	_, tokens := w.redeem(w.signIn(w.browser, w.query("scope", "openid offline_access"), person).Get("code"))
	asked := w.get(w.browser, "/authorize?"+w.query("prompt", "consent"))
	if asked.URL.Path != "/u/consent" {
		t.Fatalf("at %s", asked.URL)
	}
	w.enable("sms", w.Ready.ClientID, false)
	if got := w.silent(); got.Get("error") != "login_required" {
		t.Errorf("silently: %v", got)
	}
	if p := w.get(w.browser, "/authorize?"+w.query()); p.Left != nil || p.Form("username").Values.Get("connection") != "email" {
		t.Errorf("at %s, left %v", p.URL, p.Left)
	}
	if p := w.submit(w.browser, asked.Form("action").Press("accept")); p.Left != nil || p.Status != http.StatusBadRequest {
		t.Errorf("a question from before is answered: %d, left %v", p.Status, p.Left)
	}
	if p := w.get(w.browser, asked.URL.RequestURI()); p.Status != http.StatusBadRequest {
		t.Errorf("a question from before is shown: %d", p.Status)
	}
	refresh, _ := tokens["refresh_token"].(string)
	if status, answer := w.redeem("", "grant_type", "refresh_token", "refresh_token", refresh, "code", "", "redirect_uri", ""); status != http.StatusOK {
		t.Errorf("the refresh token from before: %d %v", status, answer)
	}
	w.enable("sms", w.Ready.ClientID, true)
	if got := w.silent(); !got.Has("code") {
		t.Errorf("switched on again: %v", got)
	}
}

// F9, for devices: nobody lets one in through a connection that is not enabled
// for its application.
func TestActivateThroughEnabledConnections(t *testing.T) {
	w := newWorld(t)
	tv := w.television()
	typed := func() *textbrowser.Page {
		t.Helper()
		return w.submit(w.browser, w.get(w.browser, "/activate").Form("user_code").Set("user_code", tv.userCode))
	}
	w.signIn(w.browser, w.query(), person)
	at(t, typed(), "/u/device", tv.userCode)
	w.enable("sms", tv.client, false)
	p := typed()
	at(t, p, "/u/login/identifier", "Sign in to Telly")
	if got := p.Form("username").Values.Get("connection"); got != "email" {
		t.Errorf("they can sign in by %s", got)
	}
	w.enable("email", tv.client, false)
	if p := typed(); p.Status < 400 || strings.Contains(p.Text(), tv.userCode) {
		t.Errorf("without a connection: %d at %s\n%s", p.Status, p.URL, p.Text())
	}
	// The question that stood before is answered by nobody.
	w.enable("sms", tv.client, true)
	asked := typed()
	at(t, asked, "/u/device", tv.userCode)
	w.enable("sms", tv.client, false)
	if p := w.submit(w.browser, asked.Form().Press("confirm")); p.Status < 400 {
		t.Errorf("a question from before is answered: %d\n%s", p.Status, p.Text())
	}
	tv.refused("authorization_pending")
}

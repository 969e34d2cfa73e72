package hosted_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
)

// A link of the API finishes wherever it is opened: with a token for
// applications that take one, with a code for others, and refresh tokens work.
func TestAPILink(t *testing.T) {
	w := linkHost(t)
	answer := w.left(w.tap(w.newBrowser(), w.link("api1@mail.example", map[string]any{
		"scope": "openid email offline_access", "state": "a&b", "redirect_uri": callback, "response_type": "code",
	})))
	status, tokens := w.redeem(answer.Get("code"))
	if answer.Get("state") != "a&b" || status != http.StatusOK || tokens["refresh_token"] == nil {
		t.Fatalf("%v: %d %v", answer, status, tokens)
	}
	if id := claims(t, tokens["id_token"]); id["email"] != "api1@mail.example" || id["email_verified"] != true || id["sid"] == nil {
		t.Errorf("%v", id)
	}
	// The application takes no tokens this way, so without a wish it is a code.
	if got := w.left(w.tap(w.newBrowser(), w.link("api2@mail.example", nil))); got.Get("code") == "" {
		t.Errorf("%v", got)
	}
	w.allowImplicit()
	b := w.newBrowser()
	path := w.link("api3@mail.example", map[string]any{"scope": "openid", "state": "x"})
	got := fragment(w.tap(b, path))
	if got.Get("access_token") == "" || got.Get("state") != "x" || !w.signedIn(b) {
		t.Errorf("%v", got)
	}
	// Auth0's words for a link that was used.
	got = fragment(w.get(w.newBrowser(), path))
	if want := (url.Values{
		"error": {"unauthorized"}, "error_description": {"The verification code has expired. Please try to login again."}, "state": {"x"},
	}); got.Get("error") != want.Get("error") || got.Get("error_description") != want.Get("error_description") || got.Get("state") != "x" {
		t.Errorf("a used link: %v, want %v", got, want)
	}
	path = w.link("api4@mail.example", map[string]any{"state": "y"})
	w.Clock.Advance(11 * time.Minute)
	if got := fragment(w.get(w.newBrowser(), path)); got.Get("error") != "unauthorized" {
		t.Errorf("an old link: %v", got)
	}
	// The same e-mail has the code, for those who type it.
	sent := w.mailed("api5@mail.example", w.ask5())
	form := maps.Collect(maps.All(url.Values{
		"grant_type": {"http://auth0.com/oauth/grant-type/passwordless/otp"}, "client_id": {w.Ready.ClientID}, "client_secret": {w.Ready.ClientSecret},
		"realm": {"email"}, "username": {"api5@mail.example"}, "otp": {sent.Code}, "scope": {"openid"},
	}))
	if status, _, body := w.Post(t, "/oauth/token", url.Values(form).Encode(), "Content-Type", "application/x-www-form-urlencoded"); status != http.StatusOK {
		t.Errorf("the code of a link: %d %s", status, body)
	}
	if got := fragment(w.get(w.newBrowser(), w.path(sent))); got.Get("error") != "unauthorized" {
		t.Errorf("a link whose code was typed: %v", got)
	}
}

func (w *world) ask5() int {
	if status, answer := w.askLink("api5@mail.example", nil); status != http.StatusOK {
		w.t.Fatal(answer)
	}
	return 0
}

// A tenant may want links of the API in the browser that asked, of which there
// is none: the code is shown, to be typed in the application.
func TestLinksNeedBrowser(t *testing.T) {
	w := linkHost(t)
	w.admin("PATCH", "/tenants/settings", map[string]any{"universal_login": map[string]any{"passwordless": map[string]any{"allow_magiclink_verify_without_session": false}}})
	path := w.link("strict@mail.example", nil)
	b := w.newBrowser()
	p := w.get(b, path)
	if p.Form("token") != nil || !strings.Contains(p.Text(), w.mailed("strict@mail.example", 0).Code) {
		t.Errorf("%d %s", p.Status, p.Text())
	}
	if forced := w.force(b, path); forced.StatusCode != http.StatusOK || len(forced.Cookies()) > 0 {
		t.Errorf("signed in: %d %v", forced.StatusCode, forced.Cookies())
	}
}

// BRU-08: whoever uses up the tries of an identifier, and those of a code, does
// not keep its owner from a link that is under way, or from the next one.
func TestBRU08LinkWorksWhenTriesAreUsedUp(t *testing.T) {
	w := linkHost(t, func(c *config.Config) { c.Limits = "strict" })
	const victim = "bru08@mail.example"
	path := w.link(victim, map[string]any{"response_type": "code"})
	for i := range 12 {
		form := url.Values{
			"grant_type": {"http://auth0.com/oauth/grant-type/passwordless/otp"}, "client_id": {w.Ready.ClientID}, "client_secret": {w.Ready.ClientSecret},
			"realm": {"email"}, "username": {victim}, "otp": {fmt.Sprintf("%06d", i)},
		}
		w.Post(t, "/oauth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	if got := w.left(w.tap(w.browser, path)); got.Get("code") == "" {
		t.Errorf("%v", got)
	}
}

// L29: in the browser that began the sign-in another link is sent without
// typing the address again.
func TestOldLinkOffersAnother(t *testing.T) {
	w := linkHost(t)
	_, m := w.mailedTo(w.browser, "old@mail.example", w.query("connection", "email"))
	w.Clock.Advance(5 * time.Minute)
	p := w.get(w.browser, w.path(m))
	if p.Status != http.StatusGone || len(p.Forms()) != 1 {
		t.Fatalf("%d\n%s", p.Status, p.Text())
	}
	p = w.submit(w.browser, p.Forms()[0].Press("resend"))
	if p.URL.Path != "/u/login/passwordless-email-challenge" {
		t.Fatalf("at %s: %s", p.URL, p.Text())
	}
	if got := w.left(w.tap(w.browser, w.path(w.mailed("old@mail.example", 1)))); got.Get("code") == "" {
		t.Errorf("%v", got)
	}
}

// ML-05: a link that could not work is refused when it is asked for, in the
// words of /authorize.
func TestML05LinkForNoAPI(t *testing.T) {
	w := linkHost(t)
	w.allowImplicit()
	const bound = "https://bound.example.test/"
	w.admin("POST", "/resource-servers", map[string]any{
		"identifier": bound, "proof_of_possession": map[string]any{"mechanism": "dpop", "required": true},
	})
	for name, c := range map[string]struct {
		audience, kind, why string
	}{
		"no such API":        {"https://none.example.test/", "code", "Service not found: https://none.example.test/"},
		"the Management API": {w.Ready.Issuer + "api/v2/", "code", "The Management API is not available to people who sign in."},
		"an API that wants a key, through the browser": {bound, "token", "Access tokens are bound to a key here (DPoP)"},
	} {
		to := "ml05-api@mail.example"
		status, answer := w.askLink(to, map[string]any{"audience": c.audience, "response_type": c.kind})
		if status != http.StatusBadRequest || !strings.Contains(answer, `"bad.authParams"`) || !strings.Contains(answer, "error in authParams - "+c.why) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		if sent := w.Outbox.Messages(outbox.Filter{To: to}); len(sent) != 0 {
			t.Errorf("%s: a link was sent", name)
		}
	}
	// What is not allowed through the browser is with a code, and no API is
	// asked for by the audience of userinfo.
	for _, audience := range []string{bound, w.Ready.Issuer + "userinfo"} {
		w.link("ml05-good@mail.example", map[string]any{"audience": audience, "response_type": "code"})
	}
}

// ML-05: what has become wrong with a link since it was sent, the application
// hears at its redirect URI while that is still its own.
func TestML05WhatIsTakenBack(t *testing.T) {
	w := linkHost(t)
	w.allowImplicit()
	const api = "https://gone.example.test/"
	made := struct{ ID string }{}
	doc, _ := json.Marshal(map[string]any{"identifier": api})
	if err := json.Unmarshal([]byte(w.manage("POST", "/api/v2/resource-servers", string(doc))), &made); err != nil || made.ID == "" {
		t.Fatal(made, err)
	}
	heard := func(what string, got url.Values, code, state string) {
		t.Helper()
		if got.Get("error") != code || got.Get("state") != state || got.Get("iss") != w.Ready.Issuer || got.Has("code") || got.Has("access_token") {
			t.Errorf("%s: %v, want %s", what, got, code)
		}
	}
	path := w.link("ml05-gone@mail.example", map[string]any{"audience": api, "response_type": "code", "state": "a&b", "redirect_uri": callback})
	form := w.get(w.browser, path).Form("token")
	w.admin("DELETE", "/resource-servers/"+made.ID, nil)
	heard("the API is gone", w.left(w.get(w.newBrowser(), path)), "access_denied", "a&b")
	heard("the API is gone, tapped", w.left(w.submit(w.browser, form)), "access_denied", "a&b")
	if w.signedIn(w.browser) {
		t.Error("a link that is refused has signed somebody in")
	}

	path = w.link("ml05-implicit@mail.example", map[string]any{"scope": "openid", "state": "c", "response_type": "token"})
	form = w.get(w.browser, path).Form("token")
	w.admin("PATCH", "/clients/"+w.Ready.ClientID, map[string]any{"grant_types": []string{"authorization_code"}})
	heard("the grant is gone", fragment(w.get(w.newBrowser(), path)), "unauthorized_client", "c")
	heard("the grant is gone, tapped", fragment(w.submit(w.browser, form)), "unauthorized_client", "c")
}

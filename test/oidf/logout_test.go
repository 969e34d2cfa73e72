package oidf

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// logout is the plan RP-initiated logout: 11 modules.
var logout = []module{
	{"oidcc-rp-initiated-logout-discovery-endpoint-verification", "the metadata names the logout endpoint", nil, false, checkEndSession},
	{"oidcc-rp-initiated-logout", "the person comes back with the state as it was, signed out", nil, false, checkLogout},
	{"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", "an address that is not registered is not called", nil, false, stays("post_logout_redirect_uri", afterLogout+"/bad", "post_logout_redirect_uri")},
	{"oidcc-rp-initiated-logout-modified-id-token-hint", "an unsigned hint is no hint", nil, false, checkModifiedHint},
	{"oidcc-rp-initiated-logout-no-id-token-hint", "without a hint nobody is sent anywhere", nil, false, stays("id_token_hint", absent, "post_logout_redirect_uri")},
	{"oidcc-rp-initiated-logout-no-params", "without parameters the person is told that they are signed out", nil, false, ends("id_token_hint", "post_logout_redirect_uri", "state")},
	{"oidcc-rp-initiated-logout-no-post-logout-redirect-uri", "nor with a hint alone", nil, false, ends("post_logout_redirect_uri")},
	{"oidcc-rp-initiated-logout-no-state", "without a state none comes back", nil, false, checkLogoutWithoutState},
	{"oidcc-rp-initiated-logout-only-state", "a state alone leads nowhere", nil, false, ends("id_token_hint", "post_logout_redirect_uri")},
	{"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", "a registered address with another query is another address", nil, false, stays("post_logout_redirect_uri", afterLogout+"?foo=bar", "post_logout_redirect_uri")},
	{"oidcc-rp-initiated-logout-bad-id-token-hint", "a hint that the application signed is no hint", nil, false, checkForeignHint},
}

// backchannel is the plan back-channel logout: 2 modules.
var backchannel = []module{
	{"oidcc-backchannel-logout-discovery-endpoint-verification", "the metadata offers back-channel logout with sessions", nil, false, checkBackchannelMetadata},
	{"oidcc-backchannel-rp-initiated-logout", "the application is told of the end of the session", nil, false, checkBackchannel},
}

func checkEndSession(r *run) {
	r.checkMembersEnding("end_session_endpoint")
}

func (r *run) checkMembersEnding(wanted string) {
	u, err := url.Parse(r.endpoint(wanted))
	r.want(err == nil && u.Scheme == "https", "C19", "%s is %q", wanted, r.text(wanted))
	for name := range r.provider.metadata {
		if strings.HasSuffix(name, "_endpoint") {
			u, err := url.Parse(r.text(name))
			r.want(err == nil && u.Scheme == "https", "C19", "%s is %q", name, r.text(name))
		}
	}
}

// awkward are the punctuation marks of a logout state, which has to come back
// byte by byte.
const awkward = "!\"#$%&'()*,-./:<=>?@[\\]^_`{|}~"

// signedIn signs the person in and returns the parameters of a logout request.
func (r *run) signedIn() (url.Values, tokens) {
	r.Helper()
	_, t := r.base(url.Values{"state": {letters(124) + "-._~"}})
	return url.Values{
		"id_token_hint": {t.id}, "post_logout_redirect_uri": {afterLogout},
		"state": {letters(60) + awkward},
	}, t
}

// leave sends the person to the logout endpoint and lets them confirm, if they
// are asked.
func (r *run) leave(q url.Values) (page *textbrowser.Page, asked bool) {
	r.Helper()
	for name, v := range q {
		if v[0] == absent {
			delete(q, name)
		}
	}
	address := r.endpoint("end_session_endpoint")
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	page, err := r.person.browser.Get(r.ctx, address)
	r.no(err)
	if page.Left == nil {
		if f := page.Form("logout"); f != nil {
			r.want(page.Status == http.StatusOK, "logout", "the page that asks has the status %d", page.Status)
			asked = true
			page, err = r.person.browser.Submit(r.ctx, f.Press("confirm"))
			r.no(err)
		}
	}
	return page, asked
}

// backAfterLogout wants the person at the registered address with the state.
func (r *run) backAfterLogout(q url.Values) {
	r.Helper()
	page, _ := r.leave(q)
	r.must(page.Left != nil, "logout", "the person was not sent back but is at %s: %s", page.URL.Path, page.Text())
	to := *page.Left.URL
	got := to.Query()
	to.RawQuery = ""
	r.want(to.String() == afterLogout && page.Left.Method == http.MethodGet, "logout", "sent to %s %s", page.Left.Method, to.String())
	r.want(got.Get("state") == q.Get("state") && got.Has("state") == q.Has("state"), "state", "%q came back as %q", q["state"], got["state"])
	for name := range got {
		r.should(name == "state", "logout", "the parameter %s came back", name)
	}
}

func checkLogout(r *run) {
	q, _ := r.signedIn()
	r.backAfterLogout(q)
	r.gone()
}

func checkLogoutWithoutState(r *run) {
	q, _ := r.signedIn()
	q.Del("state")
	r.backAfterLogout(q)
	r.gone()
}

// stays is for requests that must not lead to the application, not even after
// the person has confirmed.
func stays(name, value, word string) func(*run) {
	return func(r *run) {
		q, _ := r.signedIn()
		q.Set(name, value)
		r.keeps(q, word)
	}
}

// keeps wants the person kept on the server's own pages: by an error that names
// what is wrong or, where they were asked and have confirmed, signed out.
func (r *run) keeps(q url.Values, word string) {
	r.Helper()
	page, asked := r.leave(q)
	if asked {
		r.farewell(page)
		return
	}
	r.ownErrorPage("logout", page, word)
	r.onlyHere(page)
}

// farewell wants the page that says that the person is signed out.
func (r *run) farewell(page *textbrowser.Page) {
	r.Helper()
	r.must(page.Left == nil, "logout", "the person was sent to %v", page.Left)
	r.want(page.Status == http.StatusOK, "logout", "status %d", page.Status)
	r.want(strings.Contains(page.Text(), "You are signed out"), "logout", "the page does not say that the person is signed out: %s", page.Text())
	r.onlyHere(page)
}

// onlyHere wants a page that does not lead to the application by itself either,
// as a browser with scripts would follow it.
func (r *run) onlyHere(page *textbrowser.Page) {
	r.Helper()
	r.want(page.Header.Get("Refresh") == "" && !strings.Contains(strings.ToLower(page.Body), `http-equiv="refresh"`),
		"logout", "the page goes on by itself")
	r.want(page.FormTo("https://"+partyHost) == nil, "logout", "the page has a form to the application")
}

// ends is for requests that name no address: the person is signed out and told
// so on the server's own page.
func ends(without ...string) func(*run) {
	return func(r *run) {
		q, _ := r.signedIn()
		for _, name := range without {
			q.Del(name)
		}
		page, _ := r.leave(q)
		r.farewell(page)
		r.gone()
	}
}

func checkModifiedHint(r *run) {
	q, t := r.signedIn()
	q.Set("id_token_hint", unsigned(t.claims))
	r.keeps(q, "id_token_hint")
}

func checkForeignHint(r *run) {
	q, _ := r.signedIn()
	key := jose.SigningKey{Algorithm: jose.HS256, Key: []byte(r.party.secret)}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	r.no(err)
	claims := unsigned(map[string]any{
		"iss": r.party.id, "sub": "somebody", "aud": r.text("issuer"), "nonce": "flibble",
		"exp": time.Now().Add(5 * time.Minute).Unix(), "iat": time.Now().Unix(),
	})
	jws, err := signer.Sign(payloadOf(claims))
	r.no(err)
	text, err := jws.CompactSerialize()
	r.no(err)
	q.Set("id_token_hint", text)
	r.keeps(q, "id_token_hint")
}

func checkBackchannelMetadata(r *run) {
	r.want(r.provider.metadata["backchannel_logout_supported"] == true, "logout", "back-channel logout is not offered")
	r.want(r.provider.metadata["backchannel_logout_session_supported"] == true, "logout", "back-channel logout knows no sessions")
	r.checkMembersEnding("end_session_endpoint")
}

// logoutEvent is the one member of a logout token's events.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

func checkBackchannel(r *run) {
	q, t := r.signedIn()
	r.must(t.claims["sid"] != nil, "sid", "the ID token has none")
	r.backAfterLogout(q)
	claims := r.logoutToken(t)
	now := time.Now()
	r.want(claims["iss"] == r.text("issuer"), "logout", "iss %v", claims["iss"])
	r.want(holds(claims["aud"], r.party.id), "logout", "aud %v", claims["aud"])
	iat := r.when(claims, "iat")
	r.want(iat.Before(now.Add(skew)) && iat.After(now.AddDate(0, 0, -1)), "logout", "iat %v", iat)
	r.want(claims["jti"] != nil, "logout", "no jti")
	events, _ := claims["events"].(map[string]any)
	event, ok := events[logoutEvent].(map[string]any)
	r.want(ok && len(events) == 1 && len(event) == 0, "logout", "events %v", claims["events"])
	r.want(claims["sub"] != nil || claims["sid"] != nil, "logout", "neither sub nor sid")
	if claims["sub"] != nil {
		r.same(t, tokens{claims: claims}, "sub")
	}
	r.want(claims["sid"] == t.claims["sid"], "logout", "sid %v, in the ID token %v", claims["sid"], t.claims["sid"])
	r.want(claims["nonce"] == nil, "logout", "a logout token with a nonce")
	r.gone()
}

// logoutToken waits for the logout token of this person.
func (r *run) logoutToken(t tokens) map[string]any {
	r.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		for _, post := range r.provider.logout.all() {
			text := post.form.Get("logout_token")
			r.must(text != "" && len(post.form) == 1, "logout", "the post has %d members", len(post.form))
			r.want(post.kind == "application/x-www-form-urlencoded", "logout", "the post's Content-Type is %q", post.kind)
			if claims := r.verified(text); claims["sid"] == t.claims["sid"] {
				return claims
			}
		}
		r.sleep(50 * time.Millisecond)
	}
	r.must(false, "logout", "no logout token came")
	return nil
}

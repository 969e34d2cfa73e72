package oidf

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// basic is the plan Basic: 38 modules. The plan for form_post asks the same
// with another response mode.
var basic = []module{
	{"oidcc-server", "the whole flow; the code cannot be guessed; the ID token holds nothing that was not asked for", nil, false, checkServer},
	{"oidcc-response-type-missing", "a request without response_type is refused", nil, false, checkNoResponseType},
	{"oidcc-idtoken-signature", "ID tokens are signed by RS256 with a kid", nil, false, checkSignature},
	{"oidcc-idtoken-unsigned", "unsigned ID tokens, where they are offered", nil, true, checkUnsignedIDToken},
	{"oidcc-userinfo-get", "userinfo by GET", nil, false, checkUserinfoGet},
	{"oidcc-userinfo-post-header", "userinfo by POST with the token in the header", nil, false, checkUserinfoPostHeader},
	{"oidcc-userinfo-post-body", "userinfo by POST with the token in the body", nil, false, checkUserinfoPostBody},
	{"oidcc-ensure-request-without-nonce-succeeds-for-code-flow", "a nonce is not needed for a code", nil, false, checkNoNonce},
	{"oidcc-scope-profile", "the scope profile gives the claims of a profile", profileLacks, false, checkScope("profile")},
	{"oidcc-scope-email", "the scope email gives address and whether it is verified", []string{"id_token-email"}, false, checkScope("email")},
	{"oidcc-scope-address", "the scope address gives an address", nil, true, checkScope("address")},
	{"oidcc-scope-phone", "the scope phone gives number and whether it is verified", nil, false, checkScope("phone")},
	{"oidcc-scope-all", "all of these at once", nil, true, checkScope("email", "phone", "address", "profile")},
	{"oidcc-alternate-happy-flow", "the order of scopes and parameters does not matter", []string{"id_token-email"}, false, checkReversed},
	{"oidcc-display-page", "display=page is taken", nil, false, checkParameter("display", "page")},
	{"oidcc-display-popup", "display=popup is taken", nil, false, checkParameter("display", "popup")},
	{"oidcc-prompt-login", "prompt=login asks again although there is a session", nil, false, checkPromptLogin},
	{"oidcc-prompt-none-not-logged-in", "prompt=none without a session is refused", nil, false, checkNoneWithoutSession},
	{"oidcc-prompt-none-logged-in", "prompt=none with a session asks nothing", nil, false, checkNone(false)},
	{"oidcc-max-age-1", "a session older than max_age is not enough", nil, false, checkMaxAge1},
	{"oidcc-max-age-10000", "a session younger than max_age is", nil, false, checkMaxAge10000},
	{"oidcc-ensure-request-with-unknown-parameter-succeeds", "unknown parameters are ignored", nil, false, checkParameter("extra", "foobar")},
	{"oidcc-id-token-hint", "id_token_hint with prompt=none", nil, false, checkNone(true)},
	{"oidcc-login-hint", "login_hint of somebody unknown leads to a page that can be used", nil, false, checkLoginHint},
	{"oidcc-ui-locales", "ui_locales of a language that is not there is taken", nil, false, checkParameter("ui_locales", "se")},
	{"oidcc-claims-locales", "claims_locales is taken", nil, false, checkParameter("claims_locales", "se")},
	{"oidcc-ensure-request-with-acr-values-succeeds", "acr_values is taken, and one of them given back", nil, false, checkACR},
	{"oidcc-codereuse", "a code works once", nil, false, checkCodeReuse(0)},
	{"oidcc-codereuse-30seconds", "nor half a minute later; its access token ends with it", nil, false, checkCodeReuse(30 * time.Second)},
	{"oidcc-ensure-registered-redirect-uri", "an address that is not registered is never called", nil, false, checkRedirectURI},
	{"oidcc-ensure-post-request-succeeds", "authorization requests by POST", nil, false, checkPost},
	{"oidcc-server-client-secret-post", "the application's secret in the body", nil, false, checkSecretPost},
	{"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", "unsigned request objects by reference, where offered", nil, true, checkRequestObject},
	{"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", "unsigned request objects, where offered; never ignored", nil, true, checkRequestObject},
	{"oidcc-claims-essential", "the claims parameter for userinfo", nil, false, checkClaims},
	{"oidcc-ensure-request-object-with-redirect-uri", "the address inside a request object, where offered", nil, true, checkRequestObject},
	{"oidcc-refresh-token", "refresh tokens, each for its own application", nil, false, checkRefresh},
	{"oidcc-ensure-request-with-valid-pkce-succeeds", "PKCE by S256 with the longest verifier", nil, false, checkPKCE},
}

func checkServer(r *run) {
	q := r.request()
	code := r.code(q, r.authorize(q))
	r.wantEntropy("code", code)
	t := r.redeem(code, q.Get("nonce"))
	for name := range t.claims {
		known := []string{
			"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "nbf", "jti", "sid", "s_hash", "txn",
		}
		r.should(slices.Contains(known, name), "claims", "the ID token for the scope openid alone has %s", name)
	}
	for name, of := range map[string]string{"at_hash": t.access, "c_hash": code} {
		sum := sha256.Sum256([]byte(of))
		hash, ok := t.claims[name]
		r.want(!ok || hash == base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2]), name, "%v is another one's", hash)
	}
	r.noLeak(t, r.userinfo(t), nil)
}

func checkNoResponseType(r *run) {
	q := r.request(url.Values{"response_type": {absent}})
	page := r.authorize(q)
	if page.Left == nil {
		r.ownErrorPage("E", page, "response_type")
		return
	}
	r.refused(q, page, "unsupported_response_type", "invalid_request")
}

func checkSignature(r *run) { r.base() } // row I8 is about nothing else

func checkUnsignedIDToken(r *run) {
	if !slices.Contains(r.list("id_token_signing_alg_values_supported"), "none") {
		r.skip("unsigned ID tokens are not offered")
	}
	r.fail("I8", "unsigned ID tokens are offered")
}

func checkUserinfoGet(r *run) {
	_, t := r.base()
	r.userinfo(t)
}

func checkUserinfoPostHeader(r *run) {
	_, t := r.base()
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, r.endpoint("userinfo_endpoint"), http.NoBody)
	r.no(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", t.kind+" "+t.access)
	r.checkUserinfo(t, r.do(req))
}

func checkUserinfoPostBody(r *run) {
	_, t := r.base()
	form := url.Values{"access_token": {t.access}}
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, r.endpoint("userinfo_endpoint"), strings.NewReader(form.Encode()))
	r.no(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := r.do(req)
	r.should(a.status < 300, "body", "userinfo answered %d to a token in the body", a.status)
	if a.status < 300 {
		r.checkUserinfo(t, a)
	}
}

func checkNoNonce(r *run) {
	q := r.request(url.Values{"nonce": {absent}})
	r.code(q, r.authorize(q))
}

// profileLacks are the claims of a profile that nobody has here.
var profileLacks = []string{
	"missing:middle_name", "missing:profile", "missing:website", "missing:gender", "missing:birthdate", "missing:zoneinfo",
	"missing:locale", "missing:preferred_username",
}

// claimsOf are the claims that a scope stands for (OpenID Connect Core 1.0
// §5.4).
var claimsOf = map[string][]string{
	"profile": {
		"name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture", "website", "gender",
		"birthdate", "zoneinfo", "locale", "updated_at", "preferred_username",
	},
	"email":   {"email", "email_verified"},
	"phone":   {"phone_number", "phone_number_verified"},
	"address": {"address"},
}

func checkScope(names ...string) func(*run) {
	return func(r *run) {
		offered := r.list("scopes_supported")
		for _, name := range names {
			if !slices.Contains(offered, name) {
				r.skip("the scope " + name + " is not offered")
			}
		}
		if slices.Contains(names, "phone") {
			r.person = r.newPerson("sms") // a bare address has no number
		}
		q := r.request(scope(append([]string{"openid"}, names...)...))
		t := r.redeem(r.code(q, r.authorize(q)), q.Get("nonce"))
		r.checkScopes(t, names)
	}
}

func (r *run) checkScopes(t tokens, names []string) {
	info := r.userinfo(t)
	for _, name := range names {
		for _, claim := range claimsOf[name] {
			r.should(info[claim] != nil, "missing:"+claim, "userinfo has no %s", claim)
		}
	}
	r.noLeak(t, info, names)
	if slices.Contains(names, "profile") {
		for claim, value := range r.person.profile {
			r.want(info[claim] == value, "scope", "%s is %v, not %q", claim, info[claim], value)
		}
	}
	if slices.Contains(names, "phone") {
		r.want(info["phone_number"] == r.person.to && info["phone_number_verified"] == true,
			"scope", "phone_number %v, verified %v", info["phone_number"], info["phone_number_verified"])
	}
	if slices.Contains(names, "email") {
		r.want(info["email"] == r.person.to && info["email_verified"] == true,
			"scope", "email %v, verified %v", info["email"], info["email_verified"])
		r.should(t.claims["email"] == nil, "id_token-email", "the ID token has the address, though userinfo is there for it")
	}
}

// noLeak wants nothing of a scope told to those who have not asked for it.
func (r *run) noLeak(t tokens, info map[string]any, names []string) {
	r.Helper()
	for name, claims := range claimsOf {
		if slices.Contains(names, name) {
			continue
		}
		for _, claim := range claims {
			r.should(info[claim] == nil, "scope-leak", "userinfo has the %s, though %s was not asked for", claim, name)
			r.should(t.claims[claim] == nil, "scope-leak", "the ID token has the %s, though %s was not asked for", claim, name)
		}
	}
}

func checkReversed(r *run) {
	q := r.request(scope("email", "openid"))
	page, err := r.person.browser.Get(r.ctx, r.endpoint("authorization_endpoint")+"?"+ordered(q, true))
	r.no(err)
	t := r.redeem(r.code(q, r.signIn(page)), q.Get("nonce"))
	r.checkScopes(t, []string{"email"})
}

func checkParameter(name, value string) func(*run) {
	return func(r *run) { r.base(url.Values{name: {value}}) }
}

// asked reports whether the person had to sign in since.
func (r *run) asked(before int) bool { return r.person.logins > before }

func checkPromptLogin(r *run) {
	_, first := r.base()
	r.sleep(time.Second)
	before := r.person.logins
	_, second := r.base(url.Values{"prompt": {"login"}})
	r.want(r.asked(before), "prompt", "prompt=login did not ask the person to sign in")
	r.want(r.when(second.claims, "auth_time").After(r.when(first.claims, "auth_time")), "auth_time", "it did not move: %v, %v", first.claims["auth_time"], second.claims["auth_time"])
}

// needsPerson are the errors that say that somebody would have to be asked.
var needsPerson = []string{"login_required", "interaction_required", "account_selection_required", "consent_required"}

func checkNoneWithoutSession(r *run) {
	q := r.request(url.Values{"prompt": {"none"}, "state": {letters(124) + "-._~"}})
	r.refused(q, r.authorize(q), needsPerson...)
	r.want(r.person.codes == 0, "prompt", "prompt=none showed a page")
}

func checkNone(hint bool) func(*run) {
	return func(r *run) {
		_, first := r.base()
		q := url.Values{"prompt": {"none"}}
		if hint {
			q.Set("id_token_hint", first.id)
		}
		before := r.person.logins
		_, second := r.base(q)
		r.want(!r.asked(before), "prompt", "prompt=none asked the person to sign in")
		r.same(first, second, "sub", "auth_time")
	}
}

func (r *run) same(first, second tokens, claims ...string) {
	r.Helper()
	for _, name := range claims {
		r.want(first.claims[name] == second.claims[name], name, "%v and then %v", first.claims[name], second.claims[name])
	}
}

func checkMaxAge1(r *run) {
	_, first := r.base()
	r.sleep(2 * time.Second)
	before := r.person.logins
	_, second := r.base(url.Values{"max_age": {"1"}})
	r.want(r.asked(before), "max_age", "max_age=1 did not ask the person to sign in")
	r.must(second.claims["auth_time"] != nil, "auth_time", "none, though max_age was sent")
	at := r.when(second.claims, "auth_time")
	r.want(at.After(r.when(first.claims, "auth_time")), "auth_time", "it did not move")
	r.want(time.Since(at) <= skew+time.Second, "auth_time", "%v is longer ago than max_age", at)
}

func checkMaxAge10000(r *run) {
	_, first := r.base(url.Values{"max_age": {"15000"}})
	before := r.person.logins
	_, second := r.base(url.Values{"max_age": {"10000"}})
	r.want(!r.asked(before), "max_age", "max_age=10000 asked the person to sign in again")
	r.must(first.claims["auth_time"] != nil, "auth_time", "none, though max_age was sent")
	r.same(first, second, "sub", "auth_time")
}

func checkLoginHint(r *run) {
	issuer, err := url.Parse(r.text("issuer"))
	r.no(err)
	r.base(url.Values{"login_hint": {"buffy@" + issuer.Hostname()}})
}

func checkACR(r *run) {
	values := r.list("acr_values_supported")
	if values == nil {
		values = []string{"1", "2"}
	}
	_, t := r.base(url.Values{"acr_values": {strings.Join(values, " ")}})
	acr, _ := t.claims["acr"].(string)
	r.should(slices.Contains(values, acr), "acr", "acr %q, asked for one of %v", acr, values)
}

func checkCodeReuse(after time.Duration) func(*run) {
	return func(r *run) {
		q := r.request()
		code := r.code(q, r.authorize(q))
		t := r.redeem(code, q.Get("nonce"))
		r.userinfo(t)
		r.sleep(after)
		r.refusedByToken(r.send(r.party, r.endpoint("token_endpoint"), exchange(code)), "invalid_grant")
		if after == 0 {
			return
		}
		req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, r.endpoint("userinfo_endpoint"), nil)
		r.no(err)
		req.Header.Set("Authorization", t.kind+" "+t.access)
		a := r.do(req)
		r.should(a.status >= 400 && a.status < 500, "revoked", "the access token of a code used twice still works: %d", a.status)
	}
}

func checkRedirectURI(r *run) {
	q := r.request(url.Values{"redirect_uri": {callback + "/" + letters(10)}})
	r.ownErrorPage("redirect_uri", r.authorize(q), "redirect_uri")
}

func checkPost(r *run) {
	q := r.request()
	page, err := r.person.browser.Post(r.ctx, r.endpoint("authorization_endpoint"), q)
	r.no(err)
	r.userinfo(r.redeem(r.code(q, r.signIn(page)), q.Get("nonce")))
}

func checkSecretPost(r *run) {
	r.party = r.provider.post
	r.discovered() // row D5 with this method
	r.base()
}

// checkRequestObject is for the three modules about unsigned request objects.
// The suite leaves them out where the metadata lists the algorithms of request
// objects and none is not among them. Then such a request has to be refused by
// name, at an address that is checked first.
func checkRequestObject(r *run) {
	algs := r.list("request_object_signing_alg_values_supported")
	r.must(len(algs) > 0 && !slices.Contains(algs, "none"), "request", "the metadata does not say that unsigned request objects are not taken: %v", algs)
	q := r.request()
	inside := map[string]any{}
	for name, v := range q {
		inside[name] = v[0]
	}
	outer := r.request(url.Values{"state": {absent}, "nonce": {absent}})
	if strings.Contains(r.module.name, "request-uri") {
		outer.Set("request_uri", "https://"+partyHost+"/request.jwt#"+letters(8))
		r.refused(outer, r.authorize(outer), "request_uri_not_supported")
	} else {
		outer.Set("request", unsigned(inside))
		r.refused(outer, r.authorize(outer), "request_not_supported")
	}
	if strings.HasSuffix(r.module.name, "redirect-uri") {
		outer.Set("redirect_uri", callback+"_invalid")
		r.ownErrorPage("redirect_uri", r.authorize(outer), "redirect_uri")
	}
	r.skip("unsigned request objects are not offered, and refused by name")
}

func checkClaims(r *run) {
	q := r.request(url.Values{"claims": {`{"userinfo":{"name":{"essential":true}}}`}})
	t := r.redeem(r.code(q, r.authorize(q)), q.Get("nonce"))
	info := r.userinfo(t)
	r.should(info["name"] == r.person.profile["name"], "claims", "the name in userinfo is %v, though it was asked for by the claims parameter", info["name"])
	r.should(t.claims["name"] == nil, "claims", "the ID token has a name that was asked of userinfo")
}

func checkPKCE(r *run) {
	verifier := pick(128, unreserved)
	sum := sha256.Sum256([]byte(verifier))
	q := r.request(url.Values{
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	})
	t := r.redeem(r.code(q, r.authorize(q)), q.Get("nonce"), url.Values{"code_verifier": {verifier}})
	r.userinfo(t)
}

// sleep waits, since the server's clock is the real one.
func (r *run) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.ctx.Done():
	}
}

package oidf

import (
	"net/url"
	"slices"
	"time"
)

// checkRefresh signs in at two applications, refreshes at each, and then tries
// the second's token at the first (table 4.1 of the plan).
func checkRefresh(r *run) {
	names := []string{"openid"}
	more := url.Values{}
	if slices.Contains(r.list("scopes_supported"), "offline_access") {
		names = append(names, "offline_access")
		more.Set("prompt", "consent")
	}
	more.Set("scope", scope(names...).Get("scope"))

	_, first := r.base(more)
	if first.refresh == "" {
		r.skip("no refresh tokens are issued")
	}
	r.refresh(first, more.Get("scope"))

	r.party = r.provider.second
	more.Set("nonce", pick(43, unreserved))
	_, second := r.base(more)
	last := r.refresh(second, "")

	foreign := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {last}, "scope": more["scope"]}
	r.refusedByToken(r.send(r.provider.main, r.endpoint("token_endpoint"), foreign), "invalid_grant")
}

// refresh exchanges a refresh token and returns the one that is good after it.
func (r *run) refresh(t tokens, names string) string {
	r.Helper()
	r.must(t.refresh != "", "refresh", "no refresh token")
	r.wantEntropy("refresh token", t.refresh)
	r.sleep(time.Second)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.refresh}}
	if names != "" {
		form.Set("scope", names)
	}
	a := r.send(r.party, r.endpoint("token_endpoint"), form)
	r.noStore("refresh", a.header)
	r.isJSON("refresh", a.header)
	next := r.tokens(a)
	r.wantEntropy("access token", next.access)
	r.want(next.access != t.access, "refresh", "the access token is the old one")
	if next.id != "" {
		next.claims = r.verified(next.id)
		r.same(t, next, "iss", "sub", "aud", "azp")
		r.want(next.claims["iat"] != t.claims["iat"], "iat", "the new ID token has the old time")
		if next.claims["auth_time"] != nil {
			r.same(t, next, "auth_time")
		}
	} else {
		next.claims = t.claims
	}
	r.userinfo(next)
	if next.refresh == "" {
		return t.refresh
	}
	r.wantEntropy("refresh token", next.refresh)
	return next.refresh
}

// gone wants a session to have ended: nobody can be signed in without asking.
func (r *run) gone() {
	r.Helper()
	q := r.request(url.Values{"prompt": {"none"}})
	r.refused(q, r.authorize(q), needsPerson...)
}

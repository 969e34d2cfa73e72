package authapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/web"
)

// userinfo tells about the person of an access token: GET or POST /userinfo.
func (a *API) userinfo(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	proof, err := a.proof(w, r)
	if err != nil {
		return a.unauthorized(w, r, err)
	}
	accessToken, bound, err := bearer(w, r)
	if err != nil {
		return a.unauthorized(w, r, err)
	}
	switch {
	case bound && proof.Text == "":
		return a.unauthorized(w, r, grant.ErrNoKey)
	case !bound && proof.Text != "":
		// RFC 9449 §7.1, §7.2: the scheme and the proof belong together.
		return a.unauthorized(w, r, grant.ErrToken)
	}
	doc, client, err := a.Grants.Userinfo(r.Context(), grant.UserinfoRequest{
		Token: accessToken, Proof: proof, Rate: a.rate(w, attack.UserinfoRate),
	})
	if client != "" {
		share(w, r, a.remember(r, client, ""))
	}
	if isTokenFault(err) {
		return a.unauthorized(w, r, err)
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, doc)
}

// bearer reads the token from the header or the body of a form, never from the
// address (RFC 6750 §2). It reports whether the scheme says that the token is
// bound to a key.
func bearer(w http.ResponseWriter, r *http.Request) (token string, bound bool, err error) {
	t, ok, err := web.BearerToken(r)
	if ok || err != nil {
		return t, false, err
	}
	if t, ok, err = web.DPoPToken(r); ok || err != nil {
		return t, true, err
	}
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		p, err := web.ReadParams(w, r, web.AuthLimit)
		if err != nil {
			return "", false, err
		}
		if t = p.Get("access_token"); t != "" {
			return t, false, web.CheckToken(t)
		}
	}
	return "", false, grant.ErrToken
}

func isTokenFault(err error) bool {
	return errors.Is(err, grant.ErrToken) || errors.Is(err, grant.ErrProof) || errors.Is(err, grant.ErrNonce)
}

// unauthorized answers as Auth0 does: plain text, with the reason in the header
// (RFC 6750 §3). It is in the scheme DPoP for who has used that, and where it is
// the proof that is wrong (RFC 9449 §7.1).
func (a *API) unauthorized(w http.ResponseWriter, r *http.Request, err error) error {
	if !isTokenFault(err) {
		return err
	}
	f := fault.Of(err)
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	bound := strings.EqualFold(scheme, oauth.DPoP)
	// Not errors.Is: what is wrong with a proof can have the same code below.
	if f.Code == oauth.CodeInvalidToken {
		f = grant.ErrToken // which says no more, whatever could not be read
	} else {
		bound = true
	}
	reason := ` error="` + f.Code + `", error_description="` + f.Message + `"`
	challenge := oauth.Bearer + reason
	if bound {
		challenge = oauth.DPoP + reason + `, algs="` + strings.Join(signing.ProofAlgs(), " ") + `"`
	}
	h := w.Header()
	h.Set("WWW-Authenticate", challenge)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, werr := w.Write([]byte("Unauthorized"))
	return werr
}

package authapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/web"
)

// userinfo tells about the person of an access token: GET or POST /userinfo.
func (a *API) userinfo(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	proof, err := a.proof(w, r)
	if err != nil {
		return a.unauthorized(w, err)
	}
	accessToken, bound, err := bearer(w, r)
	if err != nil {
		return a.unauthorized(w, err)
	}
	if bound != (proof.Text != "") {
		// RFC 9449 §7.1, §7.2: the scheme and the proof belong together.
		return a.unauthorized(w, grant.ErrToken)
	}
	doc, client, err := a.Grants.Userinfo(r.Context(), grant.UserinfoRequest{
		Token: accessToken, Proof: proof, Rate: a.rate(w, attack.UserinfoRate),
	})
	if client != "" {
		share(w, r, a.remember(r, client, ""))
	}
	if isTokenFault(err) {
		return a.unauthorized(w, err)
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
// (RFC 6750 §3, RFC 9449 §7.1).
func (a *API) unauthorized(w http.ResponseWriter, err error) error {
	h := w.Header()
	switch {
	case errors.Is(err, grant.ErrToken), errors.Is(err, web.ErrBearer):
		h.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="The access token is not valid."`)
	case isTokenFault(err):
		f := fault.Of(err)
		h.Set("WWW-Authenticate", `DPoP error="`+f.Code+`", error_description="`+f.Message+`", algs="`+strings.Join(signing.ProofAlgs(), " ")+`"`)
	default:
		return err
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, werr := w.Write([]byte("Unauthorized"))
	return werr
}

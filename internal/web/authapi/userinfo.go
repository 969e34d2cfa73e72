package authapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/web"
)

// userinfo tells about the person of an access token: GET or POST /userinfo.
func (a *API) userinfo(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	accessToken, err := bearer(w, r)
	if err != nil {
		return a.unauthorized(w, err)
	}
	doc, client, err := a.Grants.Userinfo(r.Context(), accessToken, func(left int, wait time.Duration) {
		web.SetRate(w, web.Rate{Limit: attack.UserinfoRate.Burst, Left: left, Reset: a.Now().Add(wait)})
	})
	if client != "" {
		share(w, r, a.remember(r, client, ""))
	}
	if errors.Is(err, grant.ErrToken) {
		return a.unauthorized(w, err)
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, doc)
}

// bearer reads the token from the header or the body of a form, never from the
// address (RFC 6750 §2).
func bearer(w http.ResponseWriter, r *http.Request) (string, error) {
	t, ok, err := web.BearerToken(r)
	if ok || err != nil {
		return t, err
	}
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		p, err := web.ReadParams(w, r, web.AuthLimit)
		if err != nil {
			return "", err
		}
		if t = p.Get("access_token"); t != "" {
			return t, web.CheckToken(t)
		}
	}
	return "", grant.ErrToken
}

// unauthorized answers as Auth0 does: plain text, with the reason in the header
// (RFC 6750 §3).
func (a *API) unauthorized(w http.ResponseWriter, err error) error {
	if !errors.Is(err, grant.ErrToken) && !errors.Is(err, web.ErrBearer) {
		return err
	}
	h := w.Header()
	h.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="The access token is not valid."`)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, werr := w.Write([]byte("Unauthorized"))
	return werr
}

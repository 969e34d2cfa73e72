package authapi

import (
	"net/http"
	"net/url"

	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/web"
)

// deviceReply is what a device shows and asks with (RFC 8628 §3.2).
type deviceReply struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	URI        string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete"`
	ExpiresIn  int64  `json:"expires_in"`
	Interval   int64  `json:"interval"`
}

// device opens a device's request: POST /oauth/device/code (RFC 8628).
func (a *API) device(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	if err := texts(p, "audience", "resource"); err != nil {
		return err
	}
	scopes, ok := p.Strings("scope")
	if !ok {
		return oauth.InvalidScope()
	}
	cred, err := a.credentials(r, p)
	if err != nil {
		return err
	}
	share(w, r, a.remember(r, cred.ID, ""))
	d, err := a.Grants.StartDevice(r.Context(), grant.DeviceStart{
		Credentials: cred, Scope: oauth.ParseScopes(scopes...), Audience: p.Get("audience"), Resource: p.Get("resource"),
		IP: web.ClientIP(r, a.Proxies).String(), UserAgent: userAgent(r),
	})
	if err != nil {
		return err
	}
	uri := a.Issuer + "activate"
	return web.WriteJSON(w, http.StatusOK, deviceReply{
		DeviceCode: d.DeviceCode, UserCode: d.UserCode, URI: uri,
		Complete:  uri + "?user_code=" + url.QueryEscape(d.UserCode),
		ExpiresIn: int64(d.Life.Seconds()), Interval: int64(d.Step.Seconds()),
	})
}

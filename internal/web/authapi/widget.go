package authapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// What Auth0's login widget loads before it shows anything. All of it is public.

// clientInfo is the argument of Auth0.setClient.
type clientInfo struct {
	ID                tenant.ClientID `json:"id"`
	Tenant            string          `json:"tenant"`
	Subscription      string          `json:"subscription"`
	Authorize         string          `json:"authorize"`
	Callback          string          `json:"callback"`
	HasAllowedOrigins bool            `json:"hasAllowedOrigins"`
	Strategies        []strategyInfo  `json:"strategies"`
}

type strategyInfo struct {
	Name        tenant.Channel   `json:"name"`
	Connections []connectionInfo `json:"connections"`
}

type connectionInfo struct {
	Name     string         `json:"name"`
	Strategy tenant.Channel `json:"strategy,omitempty"`
}

// tenantInfo is the argument of Auth0.setTenant.
type tenantInfo struct {
	Connections map[string][]connectionInfo `json:"connections"`
}

// clientScript tells the widget which ways in an application has:
// GET /client/{id}.js.
func (a *API) clientScript(w http.ResponseWriter, r *http.Request) error {
	id, ok := strings.CutSuffix(r.PathValue("file"), ".js")
	var client *tenant.Client
	if ok {
		client = a.remember(r, tenant.ClientID(id), "")
	}
	if client == nil {
		return fault.New(fault.NotFound, "not_found", "There is no such application.")
	}
	info := clientInfo{
		ID: client.ID, Tenant: a.Tenant, Subscription: "enterprise", Authorize: a.Issuer + "authorize",
		HasAllowedOrigins: len(client.AllowedOrigins) > 0, Strategies: []strategyInfo{},
	}
	if len(client.Callbacks) > 0 {
		info.Callback = client.Callbacks[0]
	}
	all, err := a.Authorize.Settings.AllConnections(r.Context())
	if err != nil {
		return err
	}
	for _, channel := range []tenant.Channel{tenant.SMS, tenant.Email} {
		s := strategyInfo{Name: channel}
		for _, c := range all {
			if c.Channel == channel && c.Admits(client.ID) {
				s.Connections = append(s.Connections, connectionInfo{Name: c.Name})
			}
		}
		if len(s.Connections) > 0 {
			info.Strategies = append(info.Strategies, s)
		}
	}
	return writeScript(w, "setClient", info)
}

// tenantScript is the same for the whole tenant: GET /info-v1.js.
func (a *API) tenantScript(w http.ResponseWriter, r *http.Request) error {
	all, err := a.Authorize.Settings.AllConnections(r.Context())
	if err != nil {
		return err
	}
	list := []connectionInfo{}
	for _, c := range all {
		list = append(list, connectionInfo{Name: c.Name, Strategy: c.Channel})
	}
	return writeScript(w, "setTenant", tenantInfo{Connections: map[string][]connectionInfo{
		"database": {}, "enterprise": {}, "social": {}, "passwordless": list,
	}})
}

// writeScript writes a script that calls a function of the widget's. Values are
// escaped so that they are nothing but values in any script.
func writeScript(w http.ResponseWriter, function string, argument any) error {
	doc, err := json.Marshal(argument)
	if err != nil {
		return fmt.Errorf("write script: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=15, stale-while-revalidate=15")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	w.WriteHeader(http.StatusOK)
	_, _ = fmt.Fprintf(w, "Auth0.%s(%s);\n", function, doc)
	return nil
}

// country is where a person probably has their number: GET /user/geoloc/country.
// Nobody is located here: it is what a connection for SMS is set to.
func (a *API) country(w http.ResponseWriter, r *http.Request) error {
	if err := a.shareAny(w, r); err != nil {
		return err
	}
	all, err := a.Authorize.Settings.AllConnections(r.Context())
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Channel == tenant.SMS && c.DefaultCountry != "" {
			return web.WriteJSON(w, http.StatusOK, map[string]string{"countryCode": c.DefaultCountry})
		}
	}
	return fault.New(fault.NotFound, "not_found", "No connection has a default country.")
}

// captcha says that no captcha is needed: POST /passwordless/challenge.
func (a *API) captcha(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	if err := a.shareAny(w, r); err != nil {
		return err
	}
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	if !p.Has("state") {
		return oauth.MissingParameter("state")
	}
	return web.WriteJSON(w, http.StatusOK, map[string]bool{"required": false})
}

// shareAny lets pages of any application read an answer that is the same for
// all.
func (a *API) shareAny(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Origin") == "" {
		return nil
	}
	origins, err := a.Origins(r.Context())
	if err != nil {
		return err
	}
	web.CORS(w, r, func(o string) bool { return origins[o] })
	return nil
}

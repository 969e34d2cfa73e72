package authapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// startPath is where codes are asked for.
const startPath = "/passwordless/start"

// startProperties are what a start may say (Auth0: /passwordless/start), with
// what its own libraries send beside it.
func startProperties() []string {
	return []string{
		"client_id", "client_secret", "client_assertion", "client_assertion_type", "connection",
		"email", "phone_number", "send", "authParams", "captcha", "state", "auth0Client",
		"_csrf", "_intstate", "protocol", "tenant",
	}
}

// start sends a code: POST /passwordless/start.
func (a *API) start(w http.ResponseWriter, r *http.Request) error {
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	return a.startWith(w, r, p)
}

// startByQuery is start for GET. A secret in an address ends up in logs, so it
// is refused there.
func (a *API) startByQuery(w http.ResponseWriter, r *http.Request) error {
	p, err := web.ReadQuery(r)
	if err != nil {
		return err
	}
	if p.Has("client_secret") || p.Has("client_assertion") {
		return oauth.InvalidRequest("Send client_secret in the body of a POST, not in the address")
	}
	return a.startWith(w, r, p)
}

func (a *API) startWith(w http.ResponseWriter, r *http.Request, p web.Params) error {
	web.NoStore(w)
	authParams, err := checkStart(p)
	if err != nil {
		return err
	}
	cred, err := a.credentials(r, p)
	if err != nil {
		return err
	}
	if cred.ID == "" {
		return fault.New(fault.Invalid, "bad.client_id", "Missing required property: client_id")
	}
	client, proved, err := a.Grants.Identify(r.Context(), cred)
	if err != nil {
		return err
	}
	own := share(w, r, a.remember(r, client.ID, p.Get("connection")))
	if err := wanted(r, own); err != nil {
		return err
	}
	set, err := a.Settings(r.Context())
	if err != nil {
		return err
	}
	if set.Flags.ClientAuthOnStart && !client.Public() && !proved {
		return fault.New(fault.Denied, oauth.CodeInvalidClient, "Client authentication is required")
	}
	if !p.Has("connection") {
		return fault.New(fault.Invalid, "bad.connection", "Missing required property: connection")
	}
	req := passwordless.StartRequest{
		Client: client, Authenticated: proved, Connection: p.Get("connection"),
		PhoneNumber: p.Get("phone_number"), Email: p.Get("email"), Send: p.Get("send"), AuthParams: authParams,
		RequestLanguage: r.Header.Get("X-Request-Language"), AcceptLanguage: r.Header.Get("Accept-Language"),
		UserAgent: userAgent(r),
	}
	a.address(r, client, proved, &req)
	started, err := a.Passwordless.Start(r.Context(), req)
	if err != nil {
		if wait := fault.Of(err).RetryAfter; passwordless.IsRefusal(err) {
			web.SetRate(w, web.Rate{Limit: passwordless.LimitOf(err), Reset: a.Now().Add(wait)})
		}
		return err
	}
	web.RecordOf(r.Context()).Event = started.Event
	if started.RateLeft >= 0 {
		web.SetRate(w, web.Rate{
			Limit: attack.StartRate.Burst, Left: started.RateLeft, Reset: a.Now().Add(attack.StartRate.Every),
		})
	}
	return web.WriteJSON(w, http.StatusOK, startReplyOf(started))
}

// wanted refuses what nobody asked for: what a browser fetches ahead of time, and
// what a page of another site has it send. An image on any page would otherwise
// have each of its visitors pay for a message. Browsers tell both (Fetch Metadata
// Request Headers), and no page can keep them from it; programs on servers and
// phones say nothing of the kind. The application's own pages may ask.
func wanted(r *http.Request, own bool) error {
	for _, name := range []string{"Sec-Purpose", "Purpose"} {
		// "prefetch", or with more about it: "prefetch;prerender".
		if purpose, _, _ := strings.Cut(r.Header.Get(name), ";"); strings.EqualFold(strings.TrimSpace(purpose), "prefetch") {
			return unwanted("No message is sent for what is fetched ahead of time.")
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin": // no browser, the address bar, our own pages
		return nil
	}
	if own {
		return nil
	}
	return unwanted("The page that sent this is not of an origin of the application. Add its origin to web_origins or allowed_origins, or to callbacks an address there.")
}

func unwanted(message string) error {
	return &statusError{oauth.AccessDenied(message), http.StatusForbidden}
}

// startReply is the answer of a start: the same for everybody.
type startReply struct {
	ID            string `json:"_id"`
	PhoneNumber   string `json:"phone_number,omitempty"`
	PhoneVerified bool   `json:"phone_verified,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
}

func startReplyOf(s passwordless.Started) startReply {
	if s.Channel == tenant.SMS {
		return startReply{ID: s.ID, PhoneNumber: s.Identifier, PhoneVerified: true}
	}
	return startReply{ID: s.ID, Email: s.Identifier, EmailVerified: true}
}

// address says where the request comes from: the peer, or whom an application
// we trust with it names.
func (a *API) address(r *http.Request, client *tenant.Client, proved bool, req *passwordless.StartRequest) {
	ip := web.ClientIP(r, a.Proxies)
	if proved && client.TrustsIPHeader {
		if named, ok := web.ParseIP(r.Header.Get("Auth0-Forwarded-For")); ok {
			// The person's address is limited as if they had asked themselves.
			ip, req.Authenticated = named, false
		}
	}
	req.IP, req.IPKey = ip.String(), web.IPKey(ip)
}

// checkStart checks names and types, in Auth0's words, and returns authParams.
func checkStart(p web.Params) (map[string]any, error) {
	var unknown []string
	known := startProperties()
	for _, name := range p.Names() {
		if !slices.Contains(known, name) {
			unknown = append(unknown, printable(name))
		}
	}
	if len(unknown) > 0 {
		return nil, fault.New(fault.Invalid, "bad.request",
			"the following properties are not allowed: "+strings.Join(unknown, ", "))
	}
	for _, name := range []string{"client_id", "client_secret", "connection", "email", "phone_number", "send"} {
		if p.Has(name) && !p.IsText(name) {
			return nil, fault.New(fault.Invalid, "bad."+name,
				"error in "+name+" - invalid type: "+kindOf(p.Raw(name))+" (expected string)")
		}
	}
	return authParams(p)
}

func authParams(p web.Params) (map[string]any, error) {
	raw := p.Raw("authParams")
	if !p.Has("authParams") {
		return nil, nil
	}
	var params map[string]any
	if raw == nil || json.Unmarshal(raw, &params) != nil {
		return nil, fault.New(fault.Invalid, "bad.authParams",
			"error in authParams - invalid type: "+kindOf(raw)+" (expected object)")
	}
	return params, nil
}

// kindOf names the type of a JSON value. Forms have nothing but strings.
func kindOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "string"
	}
	switch raw[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// printable bounds a name that goes back to whoever sent it.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 64)]
}

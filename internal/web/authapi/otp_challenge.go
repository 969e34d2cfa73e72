package authapi

import (
	"net/http"
	"slices"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/web"
)

// challengeReply is the answer of a challenge: the same for everybody.
type challengeReply struct {
	AuthSession string `json:"auth_session"`
}

// challenge sends a code that belongs to the session it answers with: POST
// /otp/challenge (Auth0: OTP on connections).
func (a *API) challenge(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	signUp, err := readChallenge(p)
	if err != nil {
		return err
	}
	cred, err := a.credentials(r, p)
	if err != nil {
		return err
	}
	client, err := a.Grants.Authenticate(r.Context(), cred)
	if err != nil {
		return err
	}
	own := share(w, r, a.remember(r, client.ID, p.Get("connection")))
	if err := wanted(r, own); err != nil {
		return err
	}
	req := passwordless.StartRequest{
		Client: client, Authenticated: !client.Public(), Connection: p.Get("connection"), NoSignUp: !signUp,
		Voice:       p.Get("delivery_method") == "voice",
		PhoneNumber: p.Get("phone_number"), Email: p.Get("email"),
		RequestLanguage: r.Header.Get("X-Request-Language"), AcceptLanguage: r.Header.Get("Accept-Language"),
		UserAgent: userAgent(r),
	}
	a.address(r, client, !client.Public(), &req)
	session, started, err := a.Grants.Challenge(r.Context(), grant.ChallengeRequest{StartRequest: req, AuthSession: p.Get("auth_session")})
	if err != nil {
		if passwordless.IsRefusal(err) {
			web.SetRate(w, web.Rate{Limit: passwordless.LimitOf(err), Reset: a.Now().Add(fault.Of(err).RetryAfter)})
			return err
		}
		if f := fault.Of(err); f.Kind == fault.Invalid {
			return oauth.InvalidRequest(f.Message).Because(err)
		}
		return err
	}
	web.RecordOf(r.Context()).Event = started.Event
	return web.WriteJSON(w, http.StatusOK, challengeReply{session})
}

// readChallenge checks what a challenge says, and reports whether people who are
// new are welcome.
func readChallenge(p web.Params) (signUp bool, err error) {
	if err := texts(p, "connection", "email", "phone_number", "delivery_method", "auth_session"); err != nil {
		return false, err
	}
	if !p.Has("connection") {
		return false, oauth.MissingParameter("connection")
	}
	if p.Has("email") == p.Has("phone_number") {
		return false, oauth.InvalidRequest("Send either email or phone_number")
	}
	switch p.Get("delivery_method") {
	case "", "text":
	case "voice":
		if !p.Has("phone_number") {
			return false, oauth.InvalidRequest("delivery_method voice needs a phone_number")
		}
	default:
		return false, oauth.InvalidRequest("delivery_method must be text or voice")
	}
	if !p.Has("allow_signup") {
		return false, nil
	}
	value := p.Get("allow_signup") // in a form
	if raw := p.Raw("allow_signup"); raw != nil && !p.IsText("allow_signup") {
		value = string(raw)
	}
	if !slices.Contains([]string{"true", "false"}, value) {
		return false, oauth.InvalidRequest("allow_signup must be true or false")
	}
	return value == "true", nil
}

package grant

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// sessionLife is how long an auth_session can be used: no code lives longer.
const sessionLife = tenant.MaxLifetime

// sessionPlace keeps sealed auth_sessions apart from whatever else is sealed for
// the same purpose.
const sessionPlace = "auth_session"

// challengeTransaction keeps these codes apart from those that are asked for
// without an auth_session.
const challengeTransaction = "otp/challenge"

// authSession is what an auth_session says: for whom a code was asked, and by
// whom. It is sealed, so nothing is stored for it and nobody can read or make
// one.
type authSession struct {
	Client   tenant.ClientID `json:"c"`
	Realm    string          `json:"r"`
	Username string          `json:"u"`
	SignUp   bool            `json:"s,omitempty"`
	Expires  int64           `json:"e"`
}

// Challenge sends a code and returns the auth_session that it is good with
// (Auth0: /otp/challenge). It is of no use at /passwordless/start's side, and
// what is asked there neither ends nor repeats it. Asking again while it is
// good repeats it, so that every auth_session for somebody takes the message
// that came last (R5). People who are not known are sent nothing unless they
// may sign up, and the answer is the same.
func (s *Service) Challenge(ctx context.Context, r passwordless.StartRequest) (string, passwordless.Started, error) {
	r.Transaction, r.Send = challengeTransaction, "code"
	started, err := s.Passwordless.Start(ctx, r)
	if err != nil {
		return "", started, err
	}
	doc, err := json.Marshal(authSession{
		Client: r.Client.ID, Realm: r.Connection, Username: started.Identifier,
		SignUp: !r.NoSignUp, Expires: s.Now().Add(sessionLife).Unix(),
	})
	if err != nil {
		return "", started, fmt.Errorf("seal auth_session: %w", err)
	}
	sealed := s.Tokens.Secrets.Seal(secret.Opaque, doc, sessionPlace)
	return base64.RawURLEncoding.EncodeToString(sealed), started, nil
}

// maxSession is the size of the longest auth_session that is read.
const maxSession = 2048

var errSession = errors.New("not an auth_session of this application")

// readSession reads an auth_session of an application. Whatever is wrong with
// it, the fault is that of a wrong code.
func (s *Service) readSession(client *tenant.Client, text string) (authSession, error) {
	wrong := oauth.InvalidGrant("Wrong or expired verification code.")
	var a authSession
	if len(text) > maxSession || strings.ContainsAny(text, "\r\n") {
		return a, wrong
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return a, wrong.Because(err)
	}
	plain, err := s.Tokens.Secrets.Open(secret.Opaque, sealed, sessionPlace)
	if err != nil {
		return a, wrong.Because(err)
	}
	if err := json.Unmarshal(plain, &a); err != nil {
		return a, wrong.Because(err)
	}
	if a.Client != client.ID || !s.Now().Before(time.Unix(a.Expires, 0)) {
		return a, wrong.Because(errSession)
	}
	return a, nil
}

// sessionFault gives every refusal of a code that came with an auth_session one
// form: who is blocked or unknown looks like who mistyped. A limit is told as
// it is.
func sessionFault(err error) error {
	f := fault.Of(err)
	if f.Kind != fault.Denied {
		return err
	}
	return oauth.InvalidGrant("Wrong or expired verification code.").Because(err)
}

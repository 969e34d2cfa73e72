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

// transactionPrefix keeps the codes of challenges apart from those of sign-ins on
// our pages.
const transactionPrefix = "otp_"

// authSession is what an auth_session says: for whom a code was asked, by whom,
// and in which login transaction. It is sealed, so nothing is stored for it and
// nobody can read or make one.
type authSession struct {
	Client      tenant.ClientID `json:"c"`
	Transaction string          `json:"t"`
	Realm       string          `json:"r"`
	Username    string          `json:"u"`
	SignUp      bool            `json:"s,omitempty"`
	Expires     int64           `json:"e"`
}

// A ChallengeRequest asks for a code that is good with the auth_session that the
// answer has.
type ChallengeRequest struct {
	passwordless.StartRequest
	// AuthSession, if it is one that is good, is what this is asked again for.
	AuthSession string
}

// singlePage is the type of applications that run in a browser (Auth0: app_type).
const singlePage = "spa"

// errSinglePage refuses applications that the grant is not for, whatever they are
// allowed.
var errSinglePage = fault.New(fault.Denied, oauth.CodeUnauthorizedClient,
	"Single-page applications cannot use the passwordless OTP grant with an auth_session.")

// Challenge sends a code and returns the auth_session that it is good with
// (Auth0: /otp/challenge). Each auth_session is a login transaction of its own,
// with a code and tries that nobody else can void (R5); asked for again with the
// auth_session that there is already, the code is repeated. An application that
// could not use the code is refused before anything is sent. People who are not
// known are sent nothing unless they may sign up, and the answer is the same.
func (s *Service) Challenge(ctx context.Context, r ChallengeRequest) (string, passwordless.Started, error) {
	switch {
	case !r.Client.MayUse(tenant.GrantOTP):
		return "", passwordless.Started{}, oauth.GrantNotAllowed(tenant.GrantOTP)
	case r.Client.AppType == singlePage:
		return "", passwordless.Started{}, errSinglePage
	}
	r.Transaction, r.Send = transactionPrefix+secret.Alphanumeric(24), "code"
	if r.AuthSession != "" {
		if before, err := s.readSession(r.Client, r.AuthSession); err == nil {
			r.Transaction = before.Transaction
		}
	}
	started, err := s.Passwordless.Start(ctx, r.StartRequest)
	if err != nil {
		return "", started, err
	}
	doc, err := json.Marshal(authSession{
		Client: r.Client.ID, Transaction: r.Transaction, Realm: r.Connection, Username: started.Identifier,
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
	if a.Client != client.ID || a.Transaction == "" || !s.Now().Before(time.Unix(a.Expires, 0)) {
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

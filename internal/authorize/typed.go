package authorize

import (
	"context"
	"slices"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A TypedCode is a request to /authorize that brings the code somebody has typed
// into a page of the application (Auth0: /passwordless/verify_redirect). Any
// site can send a browser there with a code of its own, to have the person go on
// under somebody else's name: they are asked first (SES-07).
type TypedCode struct {
	Client     *tenant.Client
	Channel    tenant.Channel
	Identifier string

	code       string
	connection *tenant.Connection
	request    tenant.AuthorizeRequest
}

// errTypedCode refuses such requests where the tenant does not want them.
var errTypedCode = fault.New(fault.NotFound, oauth.CodeEndpointDisabled, "This endpoint is disabled for the tenant.")

// ShowTyped says who a request with a code would sign in, or has the answer for
// the application if it is not good. It changes nothing and does not look at the
// code.
func (s *Service) ShowTyped(ctx context.Context, r Request) (TypedCode, Step, error) {
	in := TypedCode{}
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return in, Step{}, err
	}
	if set.Flags.NoVerify {
		return in, Step{}, errTypedCode
	}
	if in.Client, err = s.client(ctx, r); err != nil {
		return in, Step{}, err
	}
	if slices.Contains(r.Repeated, "redirect_uri") {
		return in, Step{}, oauth.RepeatedParameter("redirect_uri")
	}
	redirect, err := oauth.Redirect(in.Client, r.Values.Get("redirect_uri"), s.HTTPS)
	if err != nil {
		return in, Step{}, err
	}
	err = s.readTyped(ctx, &in, &beginning{Request: r, client: in.Client, redirect: redirect}, set)
	if err == nil || fault.Has(err, fault.Internal) {
		return in, Step{}, err
	}
	return in, answer(oauth.ReplyFor(redirect, s.Tokens.Issuer, r.Values).Error(fault.Of(err))), nil
}

// readTyped reads a request whose answer goes to the application.
func (s *Service) readTyped(ctx context.Context, in *TypedCode, w *beginning, set *tenant.Settings) (err error) {
	if w.client.NeedsPushed {
		return errPushed
	}
	if in.request, err = s.read(ctx, w, set); err != nil {
		return err
	}
	if silent(&in.request) {
		return oauth.LoginRequired() // they have to be asked
	}
	if in.code = w.Values.Get("verification_code"); in.code == "" {
		return oauth.MissingParameter("verification_code")
	}
	if in.request.Connection == "" {
		return oauth.MissingParameter("connection")
	}
	if in.connection, err = s.Settings.Connection(ctx, in.request.Connection); err != nil {
		return errConnection.Because(err)
	}
	in.Channel = in.connection.Channel
	if in.Channel == tenant.SMS {
		in.Identifier, err = address.Phone(w.Values.Get("phone_number"))
	} else {
		in.Identifier, err = address.Email(w.Values.Get("email"))
	}
	if err != nil {
		return codeRefused(oauth.WrongCode(in.Channel)).Because(err)
	}
	return nil
}

// FollowTyped signs in whoever has agreed to it. The code goes through the same
// ledger as everywhere, and may be one only that the API was asked for: those of
// a sign-in on our pages are good there alone.
func (s *Service) FollowTyped(ctx context.Context, r Request, b Browser) (Step, error) {
	in, step, err := s.ShowTyped(ctx, r)
	if err != nil || step.Response != nil {
		return step, err
	}
	e := event.Deprecation(event.LegacyVerifyRedirect, in.Client, s.Now())
	e.IP, e.UserAgent = b.IP, b.UserAgent
	if err := s.Ledger.Note(ctx, s.limited(attack.Silent, b), e); err != nil {
		return Step{}, err
	}
	return s.proveHere(ctx, proving{client: in.Client, browser: b, code: in.code, elsewhere: true}, tenant.Transaction{
		Request: in.request, Connection: in.connection.ID, Channel: in.Channel, Identifier: in.Identifier,
	}, codeRefused)
}

// codeRefused says what /authorize says for what the token endpoint calls an
// invalid grant.
func codeRefused(f *fault.Error) *fault.Error {
	if f.Code == oauth.CodeInvalidGrant {
		return fault.New(f.Kind, oauth.CodeUnauthorized, f.Message)
	}
	return f
}

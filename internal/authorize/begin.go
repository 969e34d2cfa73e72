package authorize

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/session"
	"github.com/doorcode/doorcode/internal/tenant"
)

// transactionBytes is the size of a sign-in's id, of which the first four bytes
// name its cookie.
const transactionBytes = 16

// Request is a request to /authorize.
type Request struct {
	Values oauth.Values
	// Repeated are the parameters that came more than once. Values has none of
	// them.
	Repeated []string
}

// Begin answers a request, or begins the sign-in that it needs. An error is for
// the person to see: the application is unknown or the redirect URI is not its
// own, so that nothing may be sent there. Everything else that is wrong is
// answered to the application.
func (s *Service) Begin(ctx context.Context, r Request, b Browser) (Step, error) {
	client, err := s.client(ctx, r)
	if err != nil {
		return Step{}, err
	}
	pushed := false
	if uri := r.Values.Get("request_uri"); s.Pushed != nil && strings.HasPrefix(uri, grant.PushedPrefix) {
		values, err := s.Pushed.TakePushed(ctx, client, uri)
		if err != nil {
			return s.notPushed(client, r, err)
		}
		r.Values, pushed = values, true
	}
	if slices.Contains(r.Repeated, "redirect_uri") {
		return Step{}, oauth.RepeatedParameter("redirect_uri")
	}
	redirect, err := oauth.Redirect(client, r.Values.Get("redirect_uri"), s.HTTPS)
	if errors.Is(err, oauth.ErrCallback) {
		if nerr := s.noteCallback(ctx, client, b, r.Values.Get("redirect_uri")); nerr != nil {
			return Step{}, nerr
		}
		return Step{Event: event.LoginFailed}, err
	}
	if err != nil {
		return Step{}, err
	}
	reply := oauth.ReplyFor(redirect, s.Tokens.Issuer, r.Values)
	step, err := s.begin(ctx, &beginning{Request: r, client: client, redirect: redirect, browser: b, pushed: pushed})
	if err == nil || fault.Has(err, fault.Internal) || fault.Has(err, fault.TooMany) {
		return step, err
	}
	cookie, expires := step.SessionCookie, step.SessionExpires // who was signed in stays so
	step = answer(reply.Error(fault.Of(err)))
	step.SessionCookie, step.SessionExpires = cookie, expires
	if r.Values.Get("prompt") == tenant.PromptNone {
		step.Event = event.SilentAuthFailed
		return step, s.note(ctx, step.Event, client, b, fault.Of(err).Message)
	}
	return step, nil
}

func (s *Service) client(ctx context.Context, r Request) (*tenant.Client, error) {
	id := r.Values.Get("client_id")
	switch {
	case slices.Contains(r.Repeated, "client_id"):
		return nil, oauth.RepeatedParameter("client_id")
	case id == "":
		return nil, oauth.MissingParameter("client_id")
	}
	client, err := s.Settings.Client(ctx, tenant.ClientID(id))
	if fault.Has(err, fault.NotFound) {
		return nil, errUnknown.Because(err)
	}
	return client, err
}

// beginning is one request on its way.
type beginning struct {
	Request
	client   *tenant.Client
	redirect string
	browser  Browser
	pushed   bool                 // the parameters were sent ahead
	offered  []*tenant.Connection // what people can sign in through; set by read
}

func (s *Service) begin(ctx context.Context, w *beginning) (Step, error) {
	if w.client.NeedsPushed && !w.pushed {
		return Step{}, errPushed
	}
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return Step{}, err
	}
	r, err := s.read(ctx, w, set)
	if err != nil {
		return Step{}, err
	}
	now := s.Now()
	t := tenant.Transaction{Request: r, Step: tenant.StepIdentify, CreatedAt: now, Expires: now.Add(tenant.TransactionLifetime)}
	have, err := s.session(ctx, w.browser, set)
	if err != nil {
		return Step{}, err
	}
	by, err := s.useTicket(ctx, w, have, set)
	if err != nil {
		return Step{}, err
	}
	if by != nil {
		step, err := s.byTicket(ctx, w, t, by)
		by.give(&step)
		return step, err
	}
	// A ticket that is not used is for somebody of whom nothing is known: whoever
	// is signed in here need not be them.
	if have == nil || w.Values.Get("login_ticket") != "" || !session.Answers(have, &r, w.offered, now) {
		return s.login(ctx, w, t)
	}
	t.Step, t.Session = tenant.StepSignedIn, have.ID
	return s.signedIn(ctx, w, t, have)
}

// read reads the request and checks all of it that does not depend on who is
// there.
func (s *Service) read(ctx context.Context, w *beginning, set *tenant.Settings) (tenant.AuthorizeRequest, error) {
	var r tenant.AuthorizeRequest
	if len(w.Repeated) > 0 {
		return r, oauth.RepeatedParameter(w.Repeated[0])
	}
	r, err := oauth.ReadAuthorize(set, w.client, w.redirect, w.Values)
	if err != nil {
		return r, err
	}
	if _, _, err := s.grantable(ctx, w.client, &r); err != nil {
		return r, err
	}
	hinted, err := s.hinted(ctx, w.Values.Get("id_token_hint"))
	switch {
	case err != nil:
		return r, err
	case hinted == "":
	case r.HintUser != "" && r.HintUser != hinted:
		return r, oauth.LoginRequired() // nobody is both
	default:
		r.HintUser = hinted
	}
	w.offered, _, err = s.offered(ctx, w.client, &r)
	return r, err
}

// silent reports whether the person must not be troubled.
func silent(r *tenant.AuthorizeRequest) bool { return slices.Contains(r.Prompt, tenant.PromptNone) }

// signedIn goes on for somebody who is signed in already: to the answer, or to
// what they have to be asked first.
func (s *Service) signedIn(ctx context.Context, w *beginning, t tenant.Transaction, have *tenant.Session) (Step, error) {
	if hint := t.Request.HintUser; hint != "" && hint != have.User {
		// OpenID Connect Core 1.0 §3.1.2.1: it was somebody else who was meant.
		return Step{}, oauth.LoginRequired()
	}
	ask, err := s.asksConsent(ctx, w.client, &t, have.User)
	switch {
	case err != nil:
		return Step{}, err
	case ask && silent(&t.Request):
		return Step{}, oauth.ConsentRequired()
	case ask:
		return s.wait(ctx, w, t)
	}
	e := event.New(event.Login, s.Now())
	if silent(&t.Request) && w.Values.Get("login_ticket") == "" {
		e.Type = event.SilentAuth
	}
	step, err := s.issue(ctx, issuing{client: w.client, transaction: &t, browser: w.browser, event: &e})
	if IsTransaction(err) { // the session has ended since it was read
		return s.login(ctx, w, t)
	}
	return step, err
}

// login begins a sign-in for a request that no session is enough for.
func (s *Service) login(ctx context.Context, w *beginning, t tenant.Transaction) (Step, error) {
	if silent(&t.Request) {
		return Step{}, oauth.LoginRequired()
	}
	t.Step, t.Session = tenant.StepIdentify, ""
	return s.wait(ctx, w, t)
}

// wait stores a sign-in that needs something of the person. Anybody can have it
// do so, and so each address has a limit.
func (s *Service) wait(ctx context.Context, w *beginning, t tenant.Transaction) (Step, error) {
	t.ID = secret.Hex(transactionBytes)
	cookie := secret.Token(32)
	t.Browser = s.browserDigests(t.ID, cookie)[0]
	wait, err := s.Ledger.AddTransaction(ctx, NewTransaction{
		Transaction: t, Requests: s.limited(attack.SignIns, w.browser), Limited: entry(event.APILimit, t.CreatedAt, w.client, w.browser),
	})
	if err != nil {
		return Step{}, err
	}
	if wait > 0 {
		return Step{}, errTooMany.After(wait)
	}
	step := at(t)
	step.TransactionCookie = cookie
	return step, nil
}

// hinted reads who an ID token is about that is sent as a hint. It may have
// expired: it lets nobody in.
func (s *Service) hinted(ctx context.Context, hint string) (tenant.UserID, error) {
	if hint == "" {
		return "", nil
	}
	id, err := s.Tokens.VerifyHint(ctx, hint, s.Settings.Client)
	switch {
	case err == nil:
		return id.User, nil
	case fault.Has(err, fault.Internal):
		return "", err
	}
	return "", oauth.InvalidRequest("The id_token_hint is not an ID token of this server.").Because(err)
}

// offered are the connections that people can sign in through for a request:
// the one it names, or all that are enabled for the application, the one made
// first at the beginning (Auth0). The first of them that suits the login hint
// is the one to begin with.
func (s *Service) offered(ctx context.Context, client *tenant.Client, r *tenant.AuthorizeRequest) ([]*tenant.Connection, *tenant.Connection, error) {
	if r.Connection != "" {
		c, err := s.Settings.Connection(ctx, r.Connection)
		if fault.Has(err, fault.NotFound) || err == nil && !c.Admits(client.ID) {
			return nil, nil, errConnection.Because(err)
		}
		return []*tenant.Connection{c}, c, err
	}
	all, err := s.Settings.AllConnections(ctx)
	if err != nil {
		return nil, nil, err
	}
	var list []*tenant.Connection
	var suits *tenant.Connection
	for _, c := range all {
		if !c.Admits(client.ID) {
			continue
		}
		list = append(list, c)
		if suits == nil && r.LoginHint != "" && strings.Contains(r.LoginHint, "@") == (c.Channel == tenant.Email) {
			suits = c
		}
	}
	switch {
	case len(list) == 0:
		return nil, nil, errNoConnection
	case suits == nil:
		suits = list[0]
	}
	return list, suits, nil
}

// session is the session that a browser holds, or nil.
func (s *Service) session(ctx context.Context, b Browser, set *tenant.Settings) (*tenant.Session, error) {
	if b.Session == "" {
		return nil, nil
	}
	now := s.Now()
	have, err := s.Ledger.LiveSession(ctx, now, s.sessionDigests(b.Session))
	if fault.Has(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find session: %w", err)
	}
	if !session.Lives(&have, set.Sessions, now) {
		return nil, nil
	}
	return &have, nil
}

// The digests of what browsers hold, under the current root key and those
// before it.
func (s *Service) sessionDigests(cookie string) [][]byte {
	return session.CookieDigests(s.Secrets, cookie)
}

func (s *Service) browserDigests(transaction, cookie string) [][]byte {
	return s.Secrets.MACs(secret.Browsers, "transaction", transaction, cookie)
}

// limited is a bucket of a browser's address, or none where nothing is limited.
func (s *Service) limited(of func(key string) attack.Bucket, b Browser) attack.Bucket {
	if s.Limits == attack.Off {
		return attack.Bucket{}
	}
	return of(b.IPKey)
}

// entry is a log event about a browser's request.
func entry(typ string, now time.Time, client *tenant.Client, b Browser) tenant.LogEvent {
	e := event.New(typ, now)
	event.About(&e, nil, client)
	e.IP, e.UserAgent = b.IP, b.UserAgent
	return e
}

// maxRejected bounds what is kept of an address that anybody can send.
const maxRejected = 500

// noteCallback records a redirect URI that is not the application's, so that
// whoever sets it up sees what was asked for. One that is longer than any
// callback is likely to be is not kept.
func (s *Service) noteCallback(ctx context.Context, client *tenant.Client, b Browser, uri string) error {
	e := entry(event.LoginFailed, s.Now(), client, b)
	e.Description = oauth.ErrCallback.Message
	if len(uri) <= maxRejected {
		e.Details = map[string]any{event.RejectedCallback: uri}
	}
	return s.noteEvent(ctx, b, e)
}

// note records a refusal, which belongs to no other write.
func (s *Service) note(ctx context.Context, typ string, client *tenant.Client, b Browser, what string) error {
	e := entry(typ, s.Now(), client, b)
	e.Description = what
	return s.noteEvent(ctx, b, e)
}

func (s *Service) noteEvent(ctx context.Context, b Browser, e tenant.LogEvent) error {
	if err := s.Ledger.Note(ctx, s.limited(attack.Silent, b), e); err != nil {
		return fmt.Errorf("log refused request: %w", err)
	}
	return nil
}

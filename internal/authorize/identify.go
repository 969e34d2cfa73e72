package authorize

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// pending is the sign-in with an id, if it is this browser's. A foreign one is
// answered as one that there is not.
func (s *Service) pending(ctx context.Context, id string, b Browser) (tenant.Transaction, *tenant.Client, error) {
	if id == "" || b.Transaction == nil {
		return tenant.Transaction{}, nil, tenant.ErrTransaction
	}
	cookie := b.Transaction(id)
	if cookie == "" {
		return tenant.Transaction{}, nil, tenant.ErrTransaction
	}
	t, err := s.Ledger.PendingTransaction(ctx, s.Now(), id)
	if err != nil {
		return t, nil, err
	}
	// The comparison is of keyed digests: its time tells nothing.
	if !slices.ContainsFunc(s.browserDigests(id, cookie), func(d []byte) bool { return bytes.Equal(d, t.Browser) }) {
		return tenant.Transaction{}, nil, tenant.ErrTransaction
	}
	client, err := s.Settings.Client(ctx, t.Request.Client)
	if err == nil && t.Request.UserCode == "" {
		// What it leads to may have been taken from the application since. Then
		// nothing is sent there, not even an error.
		_, err = oauth.Redirect(client, t.Request.RedirectURI, s.HTTPS)
	}
	if err != nil && !fault.Has(err, fault.Internal) {
		return tenant.Transaction{}, nil, tenant.ErrTransaction.Because(err)
	}
	return t, client, err
}

// Restart returns where somebody begins anew whose sign-in has ended: the address
// of its application for that, else the tenant's, else nothing (Auth0:
// initiate_login_uri, default_redirection_uri).
func (s *Service) Restart(ctx context.Context, id string) (string, error) {
	var client tenant.ClientID
	if id != "" {
		var err error
		if client, err = s.Ledger.TransactionClient(ctx, id); err != nil {
			return "", err
		}
	}
	if client != "" {
		c, err := s.Settings.Client(ctx, client)
		if err != nil && !fault.Has(err, fault.NotFound) {
			return "", err
		}
		// Auth0's placeholders stand for what nobody knows here.
		if err == nil && c.LoginURI != "" && !strings.Contains(c.LoginURI, "{") {
			return c.LoginURI, nil
		}
	}
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return "", err
	}
	return set.LoginURI, nil
}

// Show returns what the page of a sign-in shows. A connection that is asked for by
// name is the one to identify oneself by, if the sign-in may use it: who waits for
// a code that does not come can choose another way.
func (s *Service) Show(ctx context.Context, id, connection string, b Browser) (View, error) {
	t, client, err := s.pending(ctx, id, b)
	if err != nil {
		return View{}, err
	}
	v := View{Page: pageOf(&t), Transaction: t, Client: client, ResendAfter: max(0, t.ResendAt.Sub(s.Now()))}
	if v.Settings, err = s.Settings.Settings(ctx); err != nil {
		return View{}, err
	}
	if v.Connections, v.Connection, err = s.offered(ctx, client, &t.Request); err != nil {
		return View{}, err
	}
	v.choose(connection)
	if v.Page != PageConsent && v.Page != PageDevice {
		return v, nil
	}
	return v, s.viewConsent(ctx, &v, b)
}

// choose picks the connection of the page: the one that is named, else the one
// that the sign-in has come to.
func (v *View) choose(named string) {
	chosen := v.Transaction.Connection
	for _, c := range v.Connections {
		if c.ID == chosen {
			v.Connection = c
		}
	}
	if v.Page != PageIdentify && v.Page != PageCode {
		return
	}
	for _, c := range v.Connections {
		if c.Name == named && c.ID != chosen {
			v.Page, v.Connection, v.Switched = PageIdentify, c, chosen != ""
		}
	}
}

// Identification is who somebody says they are.
type Identification struct {
	Connection string // by name
	Identifier string // a number with its plus, or an address
	Answer     string // to the puzzle of an earlier Step, if there was one
}

// Identify sends a code to who somebody says they are, and goes on to asking
// for it. It may be done again, for somebody else too, until a code was right.
func (s *Service) Identify(ctx context.Context, id string, in Identification, b Browser) (Step, error) {
	t, client, err := s.pending(ctx, id, b)
	if err != nil {
		return Step{}, err
	}
	if t.Step == tenant.StepSignedIn {
		return at(t), ErrStep
	}
	list, _, err := s.offered(ctx, client, &t.Request)
	if err != nil {
		return Step{}, err
	}
	n := slices.IndexFunc(list, func(c *tenant.Connection) bool { return c.Name == in.Connection })
	if n < 0 {
		return at(t), errConnection
	}
	return s.send(ctx, sendTo{t, client, list[n], in.Identifier, in.Answer}, b)
}

// Resend asks for another code for who the sign-in is for. Limits may keep it
// from being sent, which looks the same, and a puzzle may have to be solved as
// for the first.
func (s *Service) Resend(ctx context.Context, id string, b Browser) (Step, error) {
	t, client, err := s.pending(ctx, id, b)
	if err != nil {
		return Step{}, err
	}
	if t.Step != tenant.StepCode {
		return at(t), ErrStep
	}
	c, err := s.Settings.ConnectionByID(ctx, t.Connection)
	if fault.Has(err, fault.NotFound) {
		return at(t), errConnection.Because(err)
	}
	if err != nil {
		return Step{}, err
	}
	return s.send(ctx, sendTo{t, client, c, t.Identifier, ""}, b)
}

// sendTo is who a code is sent to in a sign-in, and the answer to a puzzle.
type sendTo struct {
	tenant.Transaction
	client     *tenant.Client
	connection *tenant.Connection
	to, answer string
}

func (s *Service) send(ctx context.Context, in sendTo, b Browser) (Step, error) {
	t, client, c, to := in.Transaction, in.client, in.connection, in.to
	challenge := passwordless.Challenge{Proof: s.proof(in), Until: t.Expires}
	if challenge.Proof == nil {
		// Most are told here, before anything is counted or locked.
		if ask, err := s.Passwordless.Challenged(ctx, c, to, b.Device); ask || err != nil {
			return s.unproven(in), err
		}
	}
	r := passwordless.StartRequest{
		Client: client, Connection: c.Name, Send: sending(c), Transaction: t.ID,
		AcceptLanguage: b.Language, IP: b.IP, IPKey: b.IPKey, UserAgent: b.UserAgent,
		// When the identifier's tries are used up, people here go on with a
		// longer code (R4).
		Device: b.Device, Spare: true,
		Challenge: &challenge,
	}
	if c.Channel == tenant.SMS {
		r.PhoneNumber = to
	} else {
		r.Email = to
	}
	started, err := s.Passwordless.Start(ctx, r)
	if err != nil {
		return at(t), err
	}
	if started.Unproven {
		return s.unproven(in), nil
	}
	// The code comes first: a sign-in that waits for one has one, unless nothing
	// was sent and the last code is not for it, or used up. Then its Digits are 0.
	choice := Choice{
		Now: s.Now(), ID: t.ID, From: []tenant.TransactionStep{tenant.StepIdentify, tenant.StepCode}, To: tenant.StepCode,
		Connection: c.ID, Channel: c.Channel, Identifier: started.Identifier, Digits: started.Digits,
	}
	if started.ResendAfter > 0 {
		choice.ResendAt = choice.Now.Add(started.ResendAfter)
	}
	if err := s.Ledger.ChooseIdentifier(ctx, choice); err != nil {
		return Step{}, err
	}
	t.Step, t.Connection, t.Channel, t.Identifier = choice.To, c.ID, c.Channel, choice.Identifier
	t.Digits, t.ResendAt = choice.Digits, choice.ResendAt
	step := at(t)
	step.Event, step.Cooldown = started.Event, started.Cooldown
	return step, nil
}

// sending is what the pages have sent: a code, or a link that a code is beside.
func sending(c *tenant.Connection) string {
	if c.HostedLinks && c.Channel == tenant.Email {
		return "link"
	}
	return "code"
}

// Edit goes back to asking who somebody is.
func (s *Service) Edit(ctx context.Context, id string, b Browser) (Step, error) {
	t, _, err := s.pending(ctx, id, b)
	if err != nil {
		return Step{}, err
	}
	if t.Step == tenant.StepSignedIn {
		return at(t), ErrStep
	}
	// What was typed stays, to be corrected. The code that was sent works when
	// the same is typed again.
	err = s.Ledger.ChooseIdentifier(ctx, Choice{
		Now: s.Now(), ID: id, From: []tenant.TransactionStep{tenant.StepIdentify, tenant.StepCode},
		To: tenant.StepIdentify, Connection: t.Connection, Channel: t.Channel, Identifier: t.Identifier, Digits: t.Digits, ResendAt: t.ResendAt,
	})
	if err != nil {
		return Step{}, err
	}
	t.Step = tenant.StepIdentify
	return at(t), nil
}

// IsTransaction reports whether an error says that there is no such sign-in any
// more.
func IsTransaction(err error) bool { return errors.Is(err, tenant.ErrTransaction) }

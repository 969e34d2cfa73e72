// Package admin is who may use the Dashboard, and how they sign in.
//
// Administrators are not users of the tenant: no API shows them, nothing a
// tenant configures lets one in, and a code for one is good for nothing else.
// There is none to begin with, and no password. The first comes in by a link
// that is made on the machine that has the server's key; from then on each is
// sent a code by e-mail.
//
// What it promises:
//
//   - A link that is made on the server's machine works once and for thirty
//     minutes. Its secret is never in an address that a server sees.
//   - A code works once, in the browser that asked for it, for ten minutes;
//     three wrong tries end it, and ten wrong tries in a day end those of the
//     address. It is asked for and refused alike whoever the address belongs to.
//   - A session ends after twelve hours, and with the administrator or their
//     role.
//   - There is always an owner, unless the last is removed on the command line.
//
// The e-mail with a code has a link beside it. Opening it changes nothing, since
// mail scanners open links too: its secret is in the fragment, and a form on the
// page that it opens signs in. Code and link are one: they live as long, and
// either used ends both, by the same row and the same condition.
//
// The link works in the browser that asked, and nowhere else. Anybody can be sent
// a link, and one that worked everywhere would sign its reader in to the account
// of whoever sent it (login CSRF); asking first would leave that to how well a
// page explains it. So the secret is no stored value but made, with the root key,
// of what the browser that asked keeps in a cookie: in any other browser there is
// nothing that it could be right for, and the page says to type the code in the
// first. It cannot be guessed, so neither wrong links are counted nor does it
// need a try of the address, which others can use up; the three tries of its own
// code, which only the same browser can use up, do end it.
package admin

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Digits is how long the codes of administrators are.
const Digits = 8

// The limits on asking for codes: for each address that is written to, and for
// each that asks.
var (
	sendRate = attack.Rate{Burst: 5, Every: 12 * time.Minute}
	askRate  = attack.Rate{Burst: 20, Every: 3 * time.Minute}
)

// Mail sends codes.
type Mail interface {
	// Ready reports whether there is a provider to send through.
	Ready(ctx context.Context) (bool, error)
	// Offer takes a code to be sent soon. It never blocks.
	Offer(l Letter)
}

// A Letter is a code on its way to an administrator, with the secret of the link
// beside it.
type Letter struct {
	To      string
	Code    string
	Link    string
	Expires time.Time
}

// Service signs administrators in and says who they are. All fields must be
// set.
type Service struct {
	Ledger Ledger
	Mail   Mail
	Codes  otp.Maker
	Keys   *secret.Ring
	Limits attack.Mode
	Now    func() time.Time
}

// A Caller is who asks, as the tenant's log shows it.
type Caller struct {
	IP        string
	IPKey     string // the address as limits know it
	UserAgent string
	By        tenant.AdministratorID // empty: nobody is signed in
	Session   string                 // the cookie that the browser has, if any
	Channel   string                 // "dashboard" or "command line"
}

// The faults of what people type.
var (
	errEmail = fault.New(fault.Invalid, "invalid_email", "That is not an e-mail address.")
	errRole  = fault.New(fault.Invalid, "invalid_role", "The role is owner, editor or viewer.")
	errRate  = fault.New(fault.TooMany, "too_many_requests", "Too many codes were asked for. Wait a little and try again.")
	// ErrNoMail says that nobody can be sent a code.
	ErrNoMail = fault.New(fault.Unavailable, "no_email_provider",
		"This server cannot send e-mail yet. Run \"doorcode admin link\" on it for a link that lets you in.")
)

// email reads an address as people type it.
func email(s string) (string, error) {
	e, err := address.Email(s)
	if err != nil {
		return "", errEmail.Because(err)
	}
	return e, nil
}

// Administrators returns all, in the order of their addresses.
func (s *Service) Administrators(ctx context.Context) ([]tenant.Administrator, error) {
	return s.Ledger.Administrators(ctx)
}

// None reports whether there is no administrator yet.
func (s *Service) None(ctx context.Context) (bool, error) {
	all, err := s.Ledger.Administrators(ctx)
	return len(all) == 0, err
}

// Add makes an administrator.
func (s *Service) Add(ctx context.Context, by Caller, address string, role tenant.AdministratorRole) (tenant.Administrator, error) {
	a, err := s.person(address, role)
	if err != nil {
		return a, err
	}
	return a, s.Ledger.AddAdministrator(ctx, a, s.log(by, "Add an administrator", nil, &a))
}

func (s *Service) person(address string, role tenant.AdministratorRole) (tenant.Administrator, error) {
	if !role.Valid() {
		return tenant.Administrator{}, errRole
	}
	to, err := email(address)
	return tenant.Administrator{
		ID: tenant.AdministratorID("adm_" + secret.Alphanumeric(16)), Email: to, Role: role, CreatedAt: s.Now(),
	}, err
}

// SetRole gives an administrator another role, with which they sign in anew.
func (s *Service) SetRole(ctx context.Context, by Caller, id tenant.AdministratorID, role tenant.AdministratorRole) error {
	if !role.Valid() {
		return errRole
	}
	before, err := s.find(ctx, func(a tenant.Administrator) bool { return a.ID == id })
	if err != nil {
		return err
	}
	if before.Role == role {
		return nil
	}
	after := before
	after.Role = role
	return s.Ledger.ChangeAdministrator(ctx, id, role, s.log(by, "Change an administrator", &before, &after))
}

// Remove removes an administrator, whose sessions end with it.
func (s *Service) Remove(ctx context.Context, by Caller, id tenant.AdministratorID) error {
	before, err := s.find(ctx, func(a tenant.Administrator) bool { return a.ID == id })
	if err != nil {
		return err
	}
	return s.Ledger.RemoveAdministrator(ctx, id, false, s.log(by, "Remove an administrator", &before, nil))
}

// RemoveByEmail removes an administrator, also the last: it is for whoever can
// start commands on the server, who can make another.
func (s *Service) RemoveByEmail(ctx context.Context, by Caller, address string) error {
	to, err := email(address)
	if err != nil {
		return err
	}
	before, err := s.find(ctx, func(a tenant.Administrator) bool { return a.Email == to })
	if err != nil {
		return err
	}
	return s.Ledger.RemoveAdministrator(ctx, before.ID, true, s.log(by, "Remove an administrator", &before, nil))
}

func (s *Service) find(ctx context.Context, is func(tenant.Administrator) bool) (tenant.Administrator, error) {
	all, err := s.Ledger.Administrators(ctx)
	if err != nil {
		return tenant.Administrator{}, err
	}
	for _, a := range all {
		if is(a) {
			return a, nil
		}
	}
	return tenant.Administrator{}, tenant.ErrAdministrator
}

// log makes the entry of what an administrator did or had done (Auth0: sapi).
// It names administrators by their ids.
func (s *Service) log(by Caller, what string, before, after *tenant.Administrator) tenant.LogEvent {
	return s.entry(event.ManagementWrite, by, what, before, after)
}

func (s *Service) entry(typ string, by Caller, what string, before, after *tenant.Administrator) tenant.LogEvent {
	e := event.New(typ, s.Now())
	e.StrategyType, e.Description, e.IP, e.UserAgent = "", what, by.IP, by.UserAgent
	channel := by.Channel
	if channel == "" {
		channel = "dashboard"
	}
	e.Details = map[string]any{"request": map[string]any{
		"channel": channel, "ip": by.IP, "userAgent": by.UserAgent,
		"auth": map[string]any{"strategy": "administrator", "subject": string(by.By)},
	}}
	if before != nil {
		e.Details["before"] = shown(before)
	}
	if after != nil {
		e.Details["after"] = shown(after)
	}
	return e
}

func shown(a *tenant.Administrator) map[string]any {
	return map[string]any{"id": string(a.ID), "role": string(a.Role)}
}

// key is an address as the counters of tries know it.
func (s *Service) key(email string) string {
	return hex.EncodeToString(s.Keys.MAC(secret.Identifiers, "administrator", email))
}

// digests are those of what a browser or a link holds, under the current root
// key and the ones before it.
func (s *Service) digests(what, value string) [][]byte {
	return s.Keys.MACs(secret.Browsers, "administrator", what, value)
}

// session makes the session of somebody who has just shown who they are, and
// its cookie.
func (s *Service) session(by Caller, what string) (n NewSession, cookie string) {
	now := s.Now()
	cookie = secret.Token(32)
	n = NewSession{
		Now: now, Digest: s.digests("session", cookie)[0], Expires: now.Add(tenant.AdministratorSessionLife),
		Event: s.log(by, what, nil, nil),
	}
	if by.Session != "" {
		n.Replaces = s.digests("session", by.Session)
	}
	return n, cookie
}

// Session returns the session that a cookie is for. The fault is NotFound if
// there is none.
func (s *Service) Session(ctx context.Context, cookie string) (tenant.AdministratorSession, error) {
	return s.Ledger.AdministratorSession(ctx, s.Now(), s.digests("session", cookie))
}

// Fresh reports whether somebody has shown who they are just now.
func (s *Service) Fresh(a tenant.AdministratorSession) bool {
	return s.Now().Sub(a.ProvedAt) < tenant.FreshProof
}

// SignOut ends the session that the browser has.
func (s *Service) SignOut(ctx context.Context, by Caller) error {
	e := s.log(by, "Sign out an administrator", nil, nil)
	if err := s.Ledger.EndAdministratorSession(ctx, s.digests("session", by.Session), e); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

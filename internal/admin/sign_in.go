package admin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// codeRealm is what the codes of administrators are bound to, in the place of a
// connection. No connection's id looks like it.
const codeRealm = "administrators"

// codeKey binds a code to an address and to the browser that asked for it.
func codeKey(p Pending) tenant.CodeKey {
	return tenant.CodeKey{Connection: codeRealm, Identifier: p.Email, Transaction: p.Cookie}
}

// A Pending sign-in waits for its code. The browser keeps Cookie.
type Pending struct {
	Cookie string
	Email  string
}

// Start sends a code to an administrator. For any other address it does the
// same, except that nothing is sent.
func (s *Service) Start(ctx context.Context, by Caller, address string) (Pending, error) {
	to, err := email(address)
	if err != nil {
		return Pending{}, err
	}
	ready, err := s.Mail.Ready(ctx)
	if err != nil {
		return Pending{}, fmt.Errorf("look for an email provider: %w", err)
	}
	if !ready {
		return Pending{}, ErrNoMail
	}
	now, p := s.Now(), Pending{Cookie: secret.Token(32), Email: to}
	b := BeginCode{
		Now: now, Browser: s.digests("code", p.Cookie)[0], Email: to, Expires: now.Add(tenant.AdministratorCodeLife),
	}
	code, err := s.Codes.Digits(s.Codes.New(), codeKey(p), Digits)
	if err != nil {
		return p, fmt.Errorf("make code: %w", err)
	}
	b.Digest = s.Codes.Digest(codeKey(p), code)
	if s.Limits != attack.Off {
		b.Buckets = []attack.Bucket{
			{Name: "administrator/ask/" + by.IPKey, Rate: askRate},
			{Name: "administrator/send/" + s.key(to), Rate: sendRate},
		}
	}
	known, wait, err := s.Ledger.BeginCode(ctx, b)
	switch {
	case err != nil:
		return p, fmt.Errorf("begin sign-in of an administrator: %w", err)
	case wait > 0:
		return p, errRate.After(wait)
	case known:
		s.Mail.Offer(Letter{To: to, Code: code, Link: s.emailed(p)[0], Expires: b.Expires})
	}
	return p, nil
}

// Finish takes a code as it was typed and returns the cookie of the session. A
// code of another length is not counted as a try.
func (s *Service) Finish(ctx context.Context, by Caller, p Pending, typed string) (cookie string, err error) {
	code, ok := otp.Typed(typed)
	if !ok || len(code) != Digits {
		return "", tenant.ErrAdministratorCode
	}
	g, cookie := s.guess(by, p, "Sign in an administrator")
	g.Digest, g.Previous = s.Codes.Digests(codeKey(p), code)
	g.Wrong = s.entry(event.ManagementFailed, by, "Refuse a code of an administrator", nil, nil)
	if _, err := s.Ledger.RedeemCode(ctx, g); err != nil {
		return "", err
	}
	return cookie, nil
}

func (s *Service) guess(by Caller, p Pending, what string) (g Guess, cookie string) {
	g = Guess{Now: s.Now(), Browsers: s.digests("code", p.Cookie), Email: p.Email, Identifier: s.key(p.Email)}
	g.Session, cookie = s.session(by, what)
	return g, cookie
}

// emailed are the secrets of the link beside a code, under the current root key
// and the ones before it.
func (s *Service) emailed(p Pending) []string {
	var out []string
	for _, d := range s.digests("emailed link", p.Cookie+" "+p.Email) {
		out = append(out, base64.RawURLEncoding.EncodeToString(d))
	}
	return out
}

// FinishByLink takes the secret of the link beside a code in the code's place.
func (s *Service) FinishByLink(ctx context.Context, by Caller, p Pending, text string) (cookie string, err error) {
	right := false
	for _, want := range s.emailed(p) {
		right = secret.Equal(want, text) || right
	}
	if !right || p.Cookie == "" {
		return "", tenant.ErrAdministratorBrowser
	}
	g, cookie := s.guess(by, p, "Sign in an administrator by an e-mailed link")
	_, err = s.Ledger.RedeemEmailed(ctx, g)
	if errors.Is(err, tenant.ErrAdministratorDead) {
		err = tenant.ErrAdministratorEmailed
	}
	if err != nil {
		return "", err
	}
	return cookie, nil
}

// NewLink makes a link for an address, or for whoever says theirs if it is
// empty, and returns its secret. first says that it is good only while there is
// no administrator.
func (s *Service) NewLink(ctx context.Context, address string, role tenant.AdministratorRole, first bool) (string, error) {
	if !role.Valid() {
		return "", errRole
	}
	l := Link{Role: role, First: first, Expires: s.Now().Add(tenant.AdministratorLinkLife)}
	if address != "" {
		var err error
		if l.Email, err = email(address); err != nil {
			return "", err
		}
	}
	text := secret.Token(32)
	l.Digest = s.digests("link", text)[0]
	if err := s.Ledger.AddLink(ctx, l); err != nil {
		return "", fmt.Errorf("make link: %w", err)
	}
	return text, nil
}

// UseLink signs in by a link and returns the cookie of the session.
func (s *Service) UseLink(ctx context.Context, by Caller, text, address string) (cookie string, err error) {
	// The role is the link's; this one stands in until it is known.
	a, err := s.person(address, tenant.Viewer)
	if err != nil {
		return "", err
	}
	u := UseLink{Digests: s.digests("link", text), Person: a}
	u.Session, cookie = s.session(by, "Sign in an administrator by a link")
	if _, err := s.Ledger.RedeemLink(ctx, u); err != nil {
		return "", err
	}
	return cookie, nil
}

// Developer is the address of the administrator that a development server lets
// in without proof.
const Developer = "developer@localhost.example"

// EnterDev signs in on a development server, as its owner. Who may call it is
// the surface's to decide.
func (s *Service) EnterDev(ctx context.Context, by Caller) (cookie string, err error) {
	a, err := s.person(Developer, tenant.Owner)
	if err != nil {
		return "", err
	}
	n, cookie := s.session(by, "Sign in a developer")
	if _, err := s.Ledger.OpenAdministratorSession(ctx, a, n); err != nil {
		return "", err
	}
	return cookie, nil
}

package authorize

import (
	"context"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// LinkPage is what opening an e-mailed link shows.
type LinkPage uint8

// The pages.
const (
	// LinkConfirm asks whether to sign in, with one tap.
	LinkConfirm LinkPage = iota + 1
	// LinkCode shows the code, to be typed where the sign-in was begun: this is
	// another browser.
	LinkCode
	// LinkOver says that the link was used or is too old.
	LinkOver
)

// A LinkView is what a page about a link shows.
type LinkView struct {
	Page        LinkPage
	Client      *tenant.Client
	Email       string
	Code        string              // with LinkCode
	Transaction *tenant.Transaction // the sign-in of this browser that it belongs to; nil if there is none
}

// linked is a link that was opened.
type linked struct {
	passwordless.Link
	view    LinkView
	request tenant.AuthorizeRequest // what it answers, if the API has asked for it
	refused *oauth.Response         // what the application hears if that is not allowed any more
}

// codeExpired is what the application hears of a link that was used or is too
// old (Auth0).
func codeExpired() *fault.Error {
	return fault.New(fault.Denied, oauth.CodeUnauthorized, "The verification code has expired. Please try to login again.")
}

// ShowLink says what opening a link shows. It changes nothing, however often it
// is done: programs that look at e-mail open links too (ML-02). The step has an
// answer when the application is to hear that the link is over, or that what it
// was asked for is not given any more.
func (s *Service) ShowLink(ctx context.Context, token string, b Browser) (LinkView, Step, error) {
	l, err := s.openLink(ctx, token, b)
	if err != nil {
		return LinkView{}, Step{}, err
	}
	if l.refused != nil {
		return l.view, answer(*l.refused), nil
	}
	if l.view.Page == LinkOver && l.request.RedirectURI != "" {
		return l.view, answer(s.reply(&l.request).Error(codeExpired())), nil
	}
	return l.view, Step{}, nil
}

func (s *Service) openLink(ctx context.Context, token string, b Browser) (linked, error) {
	link, err := s.Passwordless.OpenLink(ctx, token)
	if err != nil {
		return linked{}, err
	}
	m := &link.Message
	l := linked{Link: link, view: LinkView{Email: m.To, Page: LinkOver}}
	c, err := s.Settings.ConnectionByID(ctx, m.Connection)
	if err == nil {
		l.view.Client, err = s.Settings.Client(ctx, m.Client)
	}
	if fault.Has(err, fault.NotFound) || err == nil && !c.Admits(m.Client) {
		return l, passwordless.ErrLink.Because(err)
	}
	if err != nil {
		return l, err
	}
	if m.Code.Transaction == "" {
		return l, s.openFree(ctx, &l)
	}
	if l.Open {
		l.view.Page, l.view.Code = LinkCode, l.Code
	}
	t, _, err := s.pending(ctx, m.Code.Transaction, b)
	if err != nil {
		if fault.Has(err, fault.Internal) {
			return l, err
		}
		return l, nil // another browser, or the sign-in is over
	}
	if t.Step == tenant.StepCode && t.Connection == m.Connection && t.Identifier == m.To {
		l.view.Transaction = &t
		if l.Open {
			l.view.Page, l.view.Code = LinkConfirm, ""
		}
	}
	return l, nil
}

// openFree is for a link that the API has asked for. No browser has begun its
// sign-in: it is finished where it is opened, unless the tenant does not want
// that.
func (s *Service) openFree(ctx context.Context, l *linked) error {
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return err
	}
	redirect, err := oauth.Redirect(l.view.Client, l.Params.Get("redirect_uri"), s.HTTPS)
	if err != nil {
		// Where it leads to is not allowed any more: nothing may be sent there.
		return passwordless.ErrLink.Because(err)
	}
	l.request, err = s.read(ctx, &beginning{Request: Request{Values: l.Params}, client: l.view.Client, redirect: redirect}, set)
	switch {
	case fault.Has(err, fault.Internal):
		return err
	case err != nil:
		refused := oauth.ReplyFor(redirect, s.Tokens.Issuer, l.Params).Error(fault.Of(err))
		l.refused = &refused
	case !l.Open:
	case set.LinksNeedBrowser:
		l.view.Page, l.view.Code = LinkCode, l.Code
	default:
		l.view.Page = LinkConfirm
	}
	return nil
}

// FollowLink signs in whoever has tapped on a page of LinkConfirm. Of many who
// do one is signed in: the code goes through the same ledger as if typed. The
// fault is ErrStep where the link does not show that page.
func (s *Service) FollowLink(ctx context.Context, token string, b Browser) (Step, error) {
	l, err := s.openLink(ctx, token, b)
	if err != nil {
		return Step{}, err
	}
	if l.view.Page != LinkConfirm {
		return Step{}, ErrStep
	}
	p := proving{client: l.view.Client, browser: b, code: l.Code, link: true, elsewhere: true, sent: l.Message.Code.Transaction}
	if l.view.Transaction != nil {
		p.transaction = *l.view.Transaction
		return s.prove(ctx, p)
	}
	m := &l.Message
	return s.proveHere(ctx, p, tenant.Transaction{
		Request: l.request, Connection: m.Connection, Channel: m.Channel, Identifier: m.To, Digits: m.Digits,
	}, func(*fault.Error) *fault.Error { return codeExpired() })
}

// proveHere begins the sign-in that a code finishes, at the step where the code
// is due, and brings it. The application hears of a code that is refused in the
// words that why has for it.
func (s *Service) proveHere(ctx context.Context, p proving, t tenant.Transaction, why func(*fault.Error) *fault.Error) (Step, error) {
	t.Step, t.CreatedAt = tenant.StepCode, s.Now()
	t.Expires = t.CreatedAt.Add(tenant.TransactionLifetime)
	begun, err := s.wait(ctx, &beginning{client: p.client, browser: p.browser}, t)
	if err != nil {
		return Step{}, err
	}
	p.transaction = begun.Transaction
	step, err := s.prove(ctx, p)
	if err != nil && !fault.Has(err, fault.Internal) {
		// The sign-in that was begun for nothing ends.
		return s.abandon(ctx, &p.transaction, p.client, p.browser, why(fault.Of(err)))
	}
	if step.Response == nil {
		step.TransactionCookie = begun.TransactionCookie
	}
	return step, err
}

// Grantable is what package passwordless asks before it sends a link: whether
// the API of the request that it will answer is given to people that way.
func (s *Service) Grantable(ctx context.Context, c *tenant.Client, r *tenant.AuthorizeRequest) error {
	_, _, err := s.grantable(ctx, c, r)
	return err
}

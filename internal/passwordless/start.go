package passwordless

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// StartRequest asks for a code.
type StartRequest struct {
	Client *tenant.Client
	// Authenticated says that the client proved its secret, which lifts the
	// limit on its address: a server asks for many people.
	Authenticated bool
	Connection    string // by name
	PhoneNumber   string
	Email         string
	Send          string // "code", "link" or empty
	Voice         bool   // the code is read out by a call
	AuthParams    map[string]any
	Transaction   string
	// NoSignUp sends nothing to people who are not known, whatever the
	// connection says.
	NoSignUp bool
	// Device is the token of a browser that may have signed in before. Spare
	// says that a code too long to be guessed is to be sent when the tries are
	// used up, which is for pages that can take it.
	Device string
	Spare  bool
	// Challenge is set by pages that can ask what Challenged asks for.
	Challenge *Challenge
	// Traced keeps what is said to the provider about the message, for the
	// Dashboard.
	Traced bool

	RequestLanguage string // header x-request-language
	AcceptLanguage  string // header accept-language
	IP              string
	IPKey           string // the address as limits know it
	UserAgent       string
}

// Started is what the caller of Start may know: the same for everybody.
type Started struct {
	ID         string // the part of the user id after the bar
	Channel    tenant.Channel
	Identifier string
	RateLeft   int // requests left to the caller's address; -1 when not limited
	// Digits is, on our own pages, how many the code has that may be tried now: 0
	// if none was sent and there is none.
	Digits int
	// Message is the id of the message that was stored, also of one that is not
	// sent: for the operator, since nobody else may learn whether there is one.
	// It is empty when there is none.
	Message string
	// Cooldown is set on our own pages when the same was asked for only just
	// now, and nothing was sent: how long until it is again.
	Cooldown time.Duration
	// ResendAfter is how long it is, on our own pages, until the same may be asked
	// for again.
	ResendAfter time.Duration

	// Unproven is set on our own pages when a challenge has to be passed first.
	Unproven bool

	// Event is the type of the log event that was recorded, for the record of
	// the request and nobody else; empty when nothing was.
	Event string
}

// maxLanguage bounds the language of a request: headers are long, tags are not.
const maxLanguage = 200

// Start sends a code to the number or address, unless a limit or the person's
// standing forbids it; in the latter case it answers as if it had.
func (s *Service) Start(ctx context.Context, r StartRequest) (Started, error) {
	c, err := s.connection(ctx, r.Connection, r.Client.ID)
	if err != nil {
		return Started{}, err
	}
	to, err := recipient(c, r)
	if err != nil {
		return Started{}, err
	}
	if err := s.ready(ctx, c); err != nil {
		return Started{}, err
	}
	if r.Voice && (s.CanCall == nil || !s.CanCall(c)) {
		return Started{}, ErrNoVoice
	}
	set, err := s.Settings(ctx)
	if err != nil {
		return Started{}, err
	}
	test, err := s.testIdentity(ctx, to)
	if err != nil {
		return Started{}, err
	}
	if test == nil {
		if err := s.destination(c, set, to.Identifier); err != nil {
			return Started{}, err
		}
	}
	b, err := s.begin(c, to, test, r)
	if err != nil {
		return Started{}, err
	}
	if err := s.prepareLink(ctx, c, set, &r, &b); err != nil {
		return Started{}, err
	}
	if err := s.limitStart(ctx, c, set, r, &b); err != nil {
		return Started{}, err
	}
	begun, err := s.Ledger.Begin(ctx, b)
	if err != nil {
		return Started{}, fmt.Errorf("begin sign-in: %w", err)
	}
	s.countStart(c.Channel, begun.Outcome)
	switch begun.Outcome {
	case TooManyRequests:
		return Started{}, limited(errRate, begun)
	case TooManySends:
		return Started{}, limited(errSends, begun)
	case TooManyTries:
		return Started{}, limited(errTries, begun)
	case TooManyNumbers:
		return Started{}, limited(errNumbers, begun)
	case BudgetSpent:
		return Started{}, limited(errBudget, begun)
	case Due, Held:
		s.Outbox.Offer(begun.Message)
	case Suppressed:
		s.Outbox.Offer(begun.Message)
		if begun.User == "" && test == nil && set.Flags.RevealSignUpDisabled {
			return Started{}, errSignUpDisabled
		}
	case Unproven:
		return Started{Unproven: true}, nil
	case Cooling:
	}
	if err := s.waitForProvider(ctx, c, begun, r.NoSignUp); err != nil {
		return Started{}, err
	}
	return s.started(b, begun, r.Transaction != ""), nil
}

// started is what the caller may know of a start that was not refused.
func (s *Service) started(b Begin, begun Begun, onPage bool) Started {
	out := Started{Channel: b.To.Channel, Identifier: b.To.Identifier, RateLeft: -1}
	if out.ID = account.External(begun.User); out.ID == "" {
		out.ID = account.ExternalID(s.Keys, b.To, begun.Deletions)
	}
	if b.Requests.Name != "" {
		out.RateLeft = begun.Left
	}
	if onPage {
		out.Digits, out.ResendAfter = begun.Message.Digits, begun.Wait
	}
	switch begun.Outcome {
	case Due, Suppressed, Held:
		out.Event, out.Message = begun.Event, begun.Message.ID
	case Cooling:
		out.Cooldown = out.ResendAfter
	}
	return out
}

// ready refuses a start that could not be followed by a message (R14).
func (s *Service) ready(ctx context.Context, c *tenant.Connection) error {
	ready, err := s.Outbox.Ready(ctx, c)
	switch {
	case err != nil || ready:
		return err
	case c.Channel == tenant.SMS:
		return ErrNoSMS
	}
	return ErrNoEmail
}

// waitForProvider gives the provider's refusal back to the caller where the
// connection asks for that. Where sign-ups are closed nobody waits: a refusal
// would tell who is known.
func (s *Service) waitForProvider(ctx context.Context, c *tenant.Connection, b Begun, noSignUp bool) error {
	if c.WaitForProvider <= 0 || c.NoSignUp || noSignUp {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.WaitForProvider)
	defer cancel()
	handed := ""
	if b.Outcome == Due {
		handed = b.Message.ID
	}
	refusal := s.Outbox.Refusal(ctx, c.ID, handed)
	if refusal == "" {
		return nil
	}
	if c.Channel == tenant.SMS {
		return fault.New(fault.Invalid, "sms_provider_error", refusal)
	}
	return fault.New(fault.Invalid, "server_error", refusal)
}

// recipient reads the number or address for the connection's channel.
func recipient(c *tenant.Connection, r StartRequest) (tenant.Recipient, error) {
	to := tenant.Recipient{Connection: c.ID, Channel: c.Channel}
	var err error
	switch c.Channel {
	case tenant.SMS:
		if r.PhoneNumber == "" {
			return to, fault.New(fault.Invalid, "bad.phone_number", "Missing required property: phone_number")
		}
		if to.Identifier, err = address.Phone(r.PhoneNumber); err != nil {
			return to, fault.New(fault.Invalid, "bad.phone_number", err.Error())
		}
		if err = address.CheckPhone(to.Identifier, c.Numbers); err != nil {
			// Auth0's widgets know a bad number by the provider's code.
			return to, fault.New(fault.Invalid, "sms_provider_error",
				"The 'To' number "+to.Identifier+" "+err.Error()+". (Code: 21211)")
		}
	case tenant.Email:
		if r.Email == "" {
			return to, fault.New(fault.Invalid, "bad.email", "Missing required property: email")
		}
		if to.Identifier, err = address.Email(r.Email); err != nil {
			return to, fault.New(fault.Invalid, "bad.email", "error in email - "+err.Error()+": "+r.Email)
		}
	default:
		return to, fault.New(fault.Invalid, "bad.connection",
			"Invalid connection strategy. It must either be a passwordless connection")
	}
	return to, nil
}

// What StartRequest.Send may be.
const (
	sendCode = "code"
	sendLink = "link"
)

// ErrNoVoice refuses a call where the connection's provider makes none.
var ErrNoVoice = fault.New(fault.Invalid, "bad.delivery_method", "delivery_method voice is not available for this connection")

// sending decides between code and link. SMS always sends a code; e-mail sends
// a link unless a code is asked for (Auth0).
func sending(c *tenant.Connection, send string) (string, error) {
	switch {
	case send != "" && send != sendCode && send != sendLink:
		return "", fault.New(fault.Invalid, "bad.send", "error in send - No enum match for: "+send)
	case c.Channel == tenant.SMS || send == sendCode:
		return sendCode, nil
	}
	return sendLink, nil
}

// language is what templates see as request_language: the header made for it,
// else the connection's, else what the browser sends.
func language(c *tenant.Connection, r StartRequest) string {
	for _, l := range []string{r.RequestLanguage, c.RequestLanguage, r.AcceptLanguage} {
		if l != "" {
			return text(l[:min(len(l), maxLanguage)])
		}
	}
	return ""
}

// text leaves out of a header what PostgreSQL does not store as text: bytes
// that are not UTF-8, such as half a letter that was cut, and zeros.
func text(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "") }

// begin puts together what is stored. It does the same for everybody: who the
// recipient is, only the ledger learns.
func (s *Service) begin(c *tenant.Connection, to tenant.Recipient, test *tenant.TestIdentity, r StartRequest) (Begin, error) {
	send, err := sending(c, r.Send)
	if err != nil {
		return Begin{}, err
	}
	if r.Voice {
		send = tenant.SendVoice
	}
	now := s.Now()
	key := tenant.CodeKey{Connection: c.ID, Identifier: to.Identifier, Client: r.Client.ID, Transaction: r.Transaction}
	salt := s.Codes.New()
	digits, err := s.Codes.Digits(salt, key, c.Code.Digits)
	if err != nil {
		return Begin{}, fmt.Errorf("make code: %w", err)
	}
	b := Begin{
		Now: now, To: to, NoSignUp: c.NoSignUp || r.NoSignUp,
		Identifier: account.Key(s.Keys, c.Channel, to.Identifier),
		Withheld:   withheld(test, r.Client.ID, now),
		Sends:      s.Limits == attack.Strict,
		Code: tenant.Code{
			Key: key, Salt: salt, Digest: s.Codes.Digest(key, digits), Digits: c.Code.Digits,
			FirstSent: now, Expires: now.Add(c.Code.Life()),
		},
		Life:   c.Code.Life(),
		Repeat: c.Resend != "new",
		Message: tenant.Message{
			ID: event.NewMessageID(now), State: tenant.MessageQueued, Channel: c.Channel,
			To: to.Identifier, Connection: c.ID, Client: r.Client.ID, Traced: r.Traced,
			Language: language(c, r), Send: send, Code: key, Digits: c.Code.Digits,
			RequestIP: r.IP, UserAgent: text(r.UserAgent), TemplateVersion: c.Version,
			NextAt: now, LeaseUntil: now.Add(delivery.Lease), CreatedAt: now,
		},
	}
	if test != nil && test.Serves(r.Client.ID, now) {
		b.Code.Digest = s.Codes.TestCode(key, test.Digest)
	}
	b.Event, b.Refused = s.startEvents(c, r, to, b)
	b.Event.Test, b.Refused.Test = test != nil, test != nil
	return b, nil
}

func (s *Service) startEvents(c *tenant.Connection, r StartRequest, to tenant.Recipient, b Begin) (sent, refused tenant.LogEvent) {
	typ := event.CodeSent
	if c.Channel == tenant.Email {
		typ = event.CodeLinkSent
	}
	sent = event.New(typ, b.Now)
	event.About(&sent, c, r.Client)
	sent.IP, sent.UserAgent, sent.UserName = r.IP, r.UserAgent, to.Identifier
	body := map[string]any{
		"client_id": string(r.Client.ID), "connection": c.Name,
		"send": b.Message.Send, "request_language": b.Message.Language,
	}
	if len(r.AuthParams) > 0 {
		body["authParams"] = r.AuthParams
	}
	sent.Details = map[string]any{"body": body, "message_id": b.Message.ID}

	// Both say as much, so that writing one of them takes as long as the other.
	refused = sent
	refused.Type = event.LoginFailed
	return sent, refused
}

package grant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// How long a device's request is open, and how often the device may ask (RFC
// 8628 §3.2). Each poll that comes too soon makes the wait longer for good
// (§3.5).
const (
	deviceLife = 15 * time.Minute
	deviceStep = 5 * time.Second
	// PollSlack forgives a device whose clock runs a little fast.
	PollSlack = 500 * time.Millisecond
)

// DeviceStart asks for a code to show on a device.
type DeviceStart struct {
	Credentials Credentials
	Scope       oauth.Scopes
	Audience    string
	Resource    string
	IP          string
	UserAgent   string
}

// DeviceStarted is what the device is told (RFC 8628 §3.2).
type DeviceStarted struct {
	DeviceCode string
	UserCode   string
	Life       time.Duration
	Step       time.Duration
}

// DevicePoll is what Ledger.PollDevice is given.
type DevicePoll struct {
	Now     time.Time
	Digests [][]byte
	Client  tenant.ClientID
	// Unproved are the audiences that the request must not be for: the fault is
	// ErrNoKey, and the request as it was. If there are Targets it must be for
	// one of them; else the fault is oauth.TargetNotGranted.
	Unproved, Targets []string
	// Give makes what an approved request gives. It is pure.
	Give func(tenant.DeviceRequest) (tenant.Grant, *tenant.RefreshToken)
	Used tenant.LogEvent // stored when it is given
}

// DevicePolled is what became of a poll.
type DevicePolled struct {
	Outcome DeviceOutcome
	Request tenant.DeviceRequest
	Grant   tenant.Grant
	User    tenant.User
}

// DeviceOutcome says what a poll led to.
type DeviceOutcome uint8

// The outcomes. Expired is told once.
const (
	DeviceUnknown DeviceOutcome = iota // no such code, not this client's, used, or told before that it is over
	DeviceWaiting
	DeviceTooSoon // the wait is longer from now on
	DeviceOver    // it has expired
	DeviceRefused // the person said no, or may not sign in any more
	DeviceGiven
)

// Devices keeps the requests of devices. Each method is one transaction.
type Devices interface {
	// AddDevice stores a request. It reports false if the code that people type
	// is taken.
	AddDevice(ctx context.Context, d tenant.DeviceRequest) (bool, error)
	// PollDevice answers a device. At most one call ever is told DeviceGiven.
	PollDevice(ctx context.Context, p DevicePoll) (DevicePolled, error)
	// FindDevice returns the request that people type the code for. The fault is
	// NotFound unless it waits for an answer, and TooMany if a limit is reached:
	// each call takes one out of each bucket, found or not.
	FindDevice(ctx context.Context, f DeviceSearch) (tenant.DeviceRequest, error)
	// AnswerDevice approves a request for a user, or denies it if there is none.
	// The fault is NotFound unless it waits for an answer: the first one counts;
	// and tenant.ErrTransaction, with nothing stored, unless the sign-in of the
	// answer, if there is one, is signed in and its session holds.
	AnswerDevice(ctx context.Context, a DeviceAnswer) error
	// AddLogs stores log events that belong to no other write.
	AddLogs(ctx context.Context, events ...tenant.LogEvent) error
}

// A DeviceSearch is the code of a device that somebody has typed.
type DeviceSearch struct {
	Now       time.Time
	UserCodes [][]byte
	Limits    []attack.Bucket
	Failed    tenant.LogEvent // stored when there is no such request
}

// A DeviceAnswer is what somebody says to a device's request, in a session of
// theirs.
type DeviceAnswer struct {
	Now         time.Time
	UserCodes   [][]byte
	Transaction string        // the sign-in that asked, which ends
	User        tenant.UserID // empty: no
	SessionID   string
	AuthTime    time.Time
	IP          string
	UserAgent   string
	Denied      tenant.LogEvent // stored if the answer is no
}

// StartDevice opens a request (RFC 8628 §3.1).
func (s *Service) StartDevice(ctx context.Context, r DeviceStart) (DeviceStarted, error) {
	client, err := s.Authenticate(ctx, r.Credentials)
	if err != nil {
		return DeviceStarted{}, err
	}
	out, err := s.startDevice(ctx, client, r)
	if err != nil && !fault.Has(err, fault.Internal) {
		e := event.New(event.DeviceAskFailed, s.Now())
		event.About(&e, nil, client)
		e.IP, e.UserAgent, e.Description = r.IP, r.UserAgent, fault.Of(err).Message
		if lerr := s.Devices.AddLogs(ctx, e); lerr != nil {
			return out, fmt.Errorf("log refused device: %w", lerr)
		}
	}
	return out, err
}

func (s *Service) startDevice(ctx context.Context, client *tenant.Client, r DeviceStart) (DeviceStarted, error) {
	if !client.MayUse(tenant.GrantDeviceCode) {
		return DeviceStarted{}, oauth.GrantNotAllowed(tenant.GrantDeviceCode)
	}
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return DeviceStarted{}, err
	}
	if r.Audience, err = oauth.Audience(r.Audience, r.Resource, set.ResourceParameter); err != nil {
		return DeviceStarted{}, err
	}
	if r.Audience == "" {
		r.Audience = set.DefaultAudience
	}
	api, err := s.PersonAPI(ctx, r.Audience)
	if err != nil {
		return DeviceStarted{}, err
	}
	now := s.Now()
	d := tenant.DeviceRequest{
		Client: client.ID, Audience: r.Audience, AskedScope: r.Scope.String(),
		Scope: oauth.ScopeRule{Client: client, API: api}.Grantable(r.Scope).String(),
		Step:  deviceStep, CreatedAt: now, Expires: now.Add(deviceLife),
	}
	out := DeviceStarted{DeviceCode: secret.Token(32), Life: deviceLife, Step: deviceStep}
	d.Digest = s.deviceDigests(out.DeviceCode)[0]
	// Of some 25 billion codes one is seldom taken; a few times in a row, never.
	for range 5 {
		out.UserCode = set.DeviceFlow.Filled(secret.Text(set.DeviceFlow.Alphabet(), set.DeviceFlow.Size()))
		d.UserCode = s.userCodes(out.UserCode)[0]
		added, err := s.Devices.AddDevice(ctx, d)
		if err != nil {
			return DeviceStarted{}, fmt.Errorf("start device: %w", err)
		}
		if added {
			return out, nil
		}
	}
	return DeviceStarted{}, errors.New("start device: every code is taken")
}

func (s *Service) deviceDigests(code string) [][]byte {
	return s.Tokens.Secrets.MACs(secret.Refresh, "device code", code)
}

// userCodes are the digests of what somebody types: in any case, and with or
// without what stands between the characters (RFC 8628 §6.1).
func (s *Service) userCodes(typed string) [][]byte {
	return s.Tokens.Secrets.MACs(secret.Identifiers, "user code", tenant.PlainUserCode(typed))
}

// The faults of polls (RFC 8628 §3.5), in Auth0's words.
var (
	errPending = fault.New(fault.Denied, oauth.CodeAuthorizationPending, "User has yet to authorize device code.")
	errTooSoon = fault.New(fault.TooMany, oauth.CodeSlowDown, "You are polling faster than the specified interval of 5 seconds.")
	errOver    = fault.New(fault.Denied, oauth.CodeExpiredToken, "The device code has expired.")
	errRefused = fault.New(fault.Denied, oauth.CodeAccessDenied, "User cancelled the confirmation prompt.")
)

// deviceCode answers a device that asks whether somebody has let it in (RFC
// 8628 §3.4).
func (s *Service) deviceCode(ctx context.Context, w *work) (Answer, error) {
	if w.DeviceCode == "" {
		return Answer{}, oauth.MissingParameter("device_code")
	}
	if err := needsKey(w, nil); err != nil {
		return Answer{}, err
	}
	unproved, err := s.unproved(ctx, w)
	if err != nil {
		return Answer{}, err
	}
	targets, err := s.targets(ctx, w)
	if err != nil {
		return Answer{}, err
	}
	now := s.Now()
	text := ""
	used := event.New(event.ExchangeDevice, now)
	event.About(&used, nil, w.client)
	used.IP, used.UserAgent = w.IP, w.UserAgent
	done, err := s.Devices.PollDevice(ctx, DevicePoll{
		Now: now, Digests: s.deviceDigests(w.DeviceCode), Client: w.client.ID, Unproved: unproved, Targets: targets, Used: used,
		Give: func(d tenant.DeviceRequest) (tenant.Grant, *tenant.RefreshToken) {
			g := tenant.Grant{
				ID: "grt_" + secret.Alphanumeric(24), User: d.User, Client: d.Client, SessionID: d.SessionID,
				Audience: d.Audience, Scope: d.Scope, AuthTime: d.AuthTime, CreatedAt: now,
			}
			w.granted = oauth.ParseScopes(d.Scope)
			var refresh *tenant.RefreshToken
			text, refresh = s.refreshToken(w, g.ID)
			return g, refresh
		},
	})
	if err != nil {
		return Answer{}, fmt.Errorf("poll device: %w", err)
	}
	switch done.Outcome {
	case DeviceGiven:
	case DeviceWaiting:
		return Answer{}, errPending
	case DeviceTooSoon:
		return Answer{}, errTooSoon.After(done.Request.Step)
	case DeviceOver:
		return Answer{}, errOver
	case DeviceRefused:
		return Answer{}, errRefused
	default:
		return Answer{}, oauth.InvalidGrant("Invalid or expired device code.")
	}
	if w.api, err = s.PersonAPI(ctx, done.Grant.Audience); err != nil {
		return Answer{}, err
	}
	w.Scope = oauth.ParseScopes(done.Request.AskedScope)
	return s.answer(ctx, w, person{user: &done.User, grant: &done.Grant, refresh: text, event: event.ExchangeDevice})
}

package grant

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// An Activation is the code of a device that somebody has typed.
type Activation struct {
	UserCode  string
	Session   string // the id of the one they have, if any
	IP        string
	IPKey     string // the address as limits know it
	UserAgent string
}

var errActivations = fault.New(fault.TooMany, oauth.CodeTooManyRequests, "Too many codes of devices were typed.")

// PendingDevice finds the request that somebody has typed the code of, with its
// application. The fault is NotFound if there is none that waits, and TooMany
// after too many tries, right or wrong, at an address or in a session.
func (s *Service) PendingDevice(ctx context.Context, a Activation) (tenant.DeviceRequest, *tenant.Client, error) {
	now := s.Now()
	failed := event.New(event.DeviceFailed, now)
	failed.IP, failed.UserAgent, failed.Description = a.IP, a.UserAgent, "No device waits for this code"
	d, err := s.Devices.FindDevice(ctx, DeviceSearch{
		Now: now, UserCodes: s.userCodes(a.UserCode), Limits: attack.Activations(a.IPKey, a.Session), Failed: failed,
	})
	if fault.Has(err, fault.TooMany) {
		return d, nil, errActivations.After(fault.Of(err).RetryAfter).Because(err)
	}
	if err != nil {
		return d, nil, err
	}
	client, err := s.Settings.Client(ctx, d.Client)
	if err != nil {
		return d, nil, fmt.Errorf("find application of device: %w", err)
	}
	return d, client, nil
}

// A Decision is what somebody says to a device, in a session of theirs.
type Decision struct {
	UserCode    string
	Transaction string // the sign-in that asked, which ends by it
	Session     tenant.Session
	Allow       bool
	IP          string
	UserAgent   string
}

// DecideDevice lets a device in as the user of a session, or refuses it. The
// fault is NotFound unless it waits for an answer, and tenant.ErrTransaction
// unless the sign-in and the session still hold.
func (s *Service) DecideDevice(ctx context.Context, d Decision) error {
	now := s.Now()
	e := event.New(event.DeviceDenied, now)
	e.User, e.IP, e.UserAgent, e.Description = d.Session.User, d.IP, d.UserAgent, "The person did not let the device in"
	a := DeviceAnswer{
		Now: now, UserCodes: s.userCodes(d.UserCode), Transaction: d.Transaction,
		SessionID: d.Session.ID, AuthTime: d.Session.AuthTime, IP: d.IP, UserAgent: d.UserAgent, Denied: e,
	}
	if d.Allow {
		a.User = d.Session.User
	}
	return s.Devices.AnswerDevice(ctx, a)
}

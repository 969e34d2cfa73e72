package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ grant.Devices = (*Store)(nil)

// AddDevice implements grant.Devices.
func (s *Store) AddDevice(ctx context.Context, d tenant.DeviceRequest) (bool, error) {
	var n int64
	err := s.write(ctx, func(tx querier) (err error) {
		n, err = tx.exec(ctx, `
			INSERT INTO device_codes (digest, user_code, client_id, audience, scope, asked_scope, state, step, next_poll_at,
				user_id, sid, auth_time, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', '', 0, $9, $10) ON CONFLICT DO NOTHING`,
			d.Digest, d.UserCode, string(d.Client), d.Audience, d.Scope, d.AskedScope, string(tenant.DevicePending),
			d.Step.Milliseconds(), toMillis(d.CreatedAt), toMillis(d.Expires))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("store device: %w", err)
	}
	return n == 1, nil
}

// maxStep bounds how long a device that never waits is made to wait.
const maxStep = time.Minute

// slower is how much longer a device has to wait for each poll that came too
// soon (RFC 8628 §3.5).
const slower = 5 * time.Second

// PollDevice implements grant.Devices. The first statement takes the row, so
// that polls of one device are judged in turn.
func (s *Store) PollDevice(ctx context.Context, p grant.DevicePoll) (grant.DevicePolled, error) {
	var out grant.DevicePolled
	first, last := ends(p.Digests)
	err := s.write(ctx, func(tx querier) error {
		out = grant.DevicePolled{}
		d := &out.Request
		var next time.Time
		err := tx.row(ctx, `
			UPDATE device_codes SET client_id = client_id WHERE (digest = $1 OR digest = $2) AND client_id = $3
			RETURNING digest, client_id, audience, scope, asked_scope, state, step, next_poll_at, user_id, sid, auth_time,
				created_at, expires_at`, first, last, string(p.Client)).
			Scan(&d.Digest, &d.Client, &d.Audience, &d.Scope, &d.AskedScope, &d.State, span{&d.Step}, millis{&next},
				&d.User, &d.SessionID, millis{&d.AuthTime}, millis{&d.CreatedAt}, millis{&d.Expires})
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("poll device: %w", err)
		}
		out.Outcome = judgePoll(d, next, p.Now)
		if out.Outcome == grant.DeviceUnknown {
			return nil
		}
		if out.Outcome == grant.DeviceGiven {
			if err := admitDevice(ctx, tx, p, &out); err != nil {
				return err
			}
		}
		_, err = tx.exec(ctx, `UPDATE device_codes SET state = $2, step = $3, next_poll_at = $4 WHERE digest = $1`,
			d.Digest, string(d.State), d.Step.Milliseconds(), toMillis(p.Now.Add(d.Step-grant.PollSlack)))
		return err
	})
	return out, err
}

// judgePoll says what a poll leads to, and what becomes of the request by it.
func judgePoll(d *tenant.DeviceRequest, next, now time.Time) grant.DeviceOutcome {
	over := !now.Before(d.Expires)
	switch d.State {
	case tenant.DevicePending, tenant.DeviceApproved, tenant.DeviceDenied:
	default:
		return grant.DeviceUnknown
	}
	switch {
	case over:
		d.State = tenant.DeviceExpired
		return grant.DeviceOver
	case now.Before(next):
		d.Step = min(d.Step+slower, maxStep)
		return grant.DeviceTooSoon
	case d.State == tenant.DeviceApproved:
		d.State = tenant.DeviceRedeemed
		return grant.DeviceGiven
	case d.State == tenant.DeviceDenied:
		d.State = tenant.DeviceRedeemed
		return grant.DeviceRefused
	}
	return grant.DeviceWaiting
}

// admitDevice stores what an approved request gives, if the person and the
// session in which they approved still hold.
func admitDevice(ctx context.Context, tx querier, p grant.DevicePoll, out *grant.DevicePolled) error {
	active, err := lockActive(ctx, tx, out.Request.User)
	if err != nil {
		return err
	}
	var ended bool
	if err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM sessions WHERE id = $1 AND ended_at > 0)`, out.Request.SessionID).Scan(&ended); err != nil {
		return fmt.Errorf("poll device: %w", err)
	}
	if ended || !active {
		out.Outcome = grant.DeviceRefused
		return nil
	}
	if slices.Contains(p.Unproved, out.Request.Audience) {
		return grant.ErrNoKey // takes it all back
	}
	if len(p.Targets) > 0 && !slices.Contains(p.Targets, out.Request.Audience) {
		return oauth.TargetNotGranted() // as above
	}
	g, refresh := p.Give(out.Request)
	if err := insertGrant(ctx, tx, &g, refresh != nil); err != nil {
		return err
	}
	if refresh != nil {
		if err := addRefresh(ctx, tx, &g, refresh); err != nil {
			return err
		}
	}
	if out.Grant, out.User, err = readGrantUser(ctx, tx, g.ID); err != nil {
		return err
	}
	p.Used.User = out.User.ID
	return insertLogs(ctx, tx, p.Used)
}

// FindDevice implements grant.Devices. What is counted and logged stays, found or
// not.
func (s *Store) FindDevice(ctx context.Context, f grant.DeviceSearch) (tenant.DeviceRequest, error) {
	var d tenant.DeviceRequest
	var refused error
	first, last := ends(f.UserCodes)
	err := s.write(ctx, func(tx querier) error {
		d, refused = tenant.DeviceRequest{State: tenant.DevicePending}, nil
		for _, b := range f.Limits {
			tat, ok, err := takeRequest(ctx, tx, b, f.Now)
			if err != nil {
				return err
			}
			if !ok {
				refused = fault.New(fault.TooMany, "too_many_requests", "The limit is reached.").After(b.Wait(tat, f.Now))
				return noteLimit(ctx, tx, note{event.APILimit, b.Name, "Too many codes of devices were typed"}, f.Failed, f.Now)
			}
		}
		err := tx.row(ctx, `SELECT client_id, audience, scope, asked_scope, expires_at FROM device_codes
			WHERE (user_code = $1 OR user_code = $2) AND state = $3 AND expires_at > $4`,
			first, last, string(tenant.DevicePending), toMillis(f.Now)).
			Scan(&d.Client, &d.Audience, &d.Scope, &d.AskedScope, millis{&d.Expires})
		if errors.Is(err, sql.ErrNoRows) {
			refused = absent(err)
			return insertLogs(ctx, tx, f.Failed)
		}
		return err
	})
	if err != nil {
		return d, fmt.Errorf("find device: %w", err)
	}
	return d, refused
}

// AnswerDevice implements grant.Devices.
func (s *Store) AnswerDevice(ctx context.Context, a grant.DeviceAnswer) error {
	state := tenant.DeviceApproved
	if a.User == "" {
		state = tenant.DeviceDenied
	}
	first, last := ends(a.UserCodes)
	err := s.write(ctx, func(tx querier) error {
		if a.Transaction != "" {
			if err := endAsking(ctx, tx, a); err != nil {
				return err
			}
		}
		denied := a.Denied
		err := tx.row(ctx, `UPDATE device_codes SET state = $3, user_id = $4, sid = $5, auth_time = $6
			WHERE (user_code = $1 OR user_code = $2) AND state = $7 AND expires_at > $8
			RETURNING client_id`, first, last, string(state), string(a.User), a.SessionID, toMillis(a.AuthTime),
			string(tenant.DevicePending), toMillis(a.Now)).Scan(&denied.Client)
		if err != nil || state == tenant.DeviceApproved {
			return absent(err)
		}
		return insertLogs(ctx, tx, denied)
	})
	if err != nil && !fault.Has(err, fault.NotFound) {
		return fmt.Errorf("answer device: %w", err)
	}
	return err
}

// endAsking ends the sign-in that asked about a device, if its session holds.
func endAsking(ctx context.Context, tx querier, a grant.DeviceAnswer) error {
	if _, _, err := useSession(ctx, tx, a.Now, a.SessionID, a.IP, a.UserAgent); err != nil {
		return err
	}
	n, err := tx.exec(ctx, `UPDATE transactions SET step = $4 WHERE id = $1 AND expires_at > $2 AND step = $5 AND session_id = $3`,
		a.Transaction, toMillis(a.Now), a.SessionID, tenant.StepDone, tenant.StepSignedIn)
	return oneRow(n, err)
}

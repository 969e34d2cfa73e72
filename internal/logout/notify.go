package logout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// The bounds of telling applications.
const (
	// CallTime is how long one has to answer.
	CallTime = 5 * time.Second
	// MaxCalls is how often it is called, over about two hours.
	MaxCalls = 6

	batch    = 16 // claimed at once, and told side by side
	lease    = 4 * CallTime
	idleTime = 5 * time.Second // between looks, when nobody says that there is work
)

// Notifier tells applications that sessions have ended (OpenID Connect
// Back-Channel Logout 1.0). Of several processes one calls at a time: each
// notice is leased for as long as a call can take. An application that does not
// answer with success is called again, later each time, and at last given up.
type Notifier struct {
	Queue   Queue
	Clients interface {
		// Client returns an application. The fault is NotFound if there is none.
		Client(ctx context.Context, id tenant.ClientID) (*tenant.Client, error)
	}
	Tokens *token.Issuer
	// Post sends a logout token to an address that a tenant has chosen. The
	// error says why it was not taken, without the token in it.
	Post func(ctx context.Context, address, token string) error
	Now  func() time.Time
	Log  *slog.Logger

	once sync.Once
	wake chan struct{}
}

// Queue keeps who is to be told.
type Queue interface {
	// ClaimLogouts leases up to limit notices that are due, until a time. No
	// other claim returns them before.
	ClaimLogouts(ctx context.Context, now, until time.Time, limit int) ([]tenant.LogoutNotice, error)
	// SettleLogout removes a notice, or has it due again at next. It does
	// nothing if the lease is another's by now. The event is stored with it.
	SettleLogout(ctx context.Context, n tenant.LogoutNotice, next time.Time, e *tenant.LogEvent) error
}

func (n *Notifier) signal() chan struct{} {
	n.once.Do(func() { n.wake = make(chan struct{}, 1) })
	return n.wake
}

// Wake has the notifier look at once. It never blocks.
func (n *Notifier) Wake() {
	select {
	case n.signal() <- struct{}{}:
	default:
	}
}

// Run tells applications until ctx ends, and finishes calls under way.
func (n *Notifier) Run(ctx context.Context) {
	t := time.NewTicker(idleTime)
	defer t.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = n.Tell(ctx); err != nil && ctx.Err() == nil {
				n.Log.ErrorContext(ctx, "applications not told of logouts", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-n.signal():
		}
	}
}

// Tell calls all applications of one claim. It reports whether there may be
// more to tell.
func (n *Notifier) Tell(ctx context.Context) (more bool, err error) {
	now := n.Now()
	due, err := n.Queue.ClaimLogouts(ctx, now, now.Add(lease), batch)
	if err != nil {
		return false, err
	}
	var wg sync.WaitGroup
	for _, d := range due {
		wg.Go(func() {
			// A server that stops lets a call finish: it is short.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease)
			defer cancel()
			if err := n.tell(ctx, d); err != nil {
				n.Log.ErrorContext(ctx, "application not told of a logout", "client_id", d.Client, "err", err)
			}
		})
	}
	wg.Wait()
	return len(due) == batch, nil
}

// tell calls one application and writes down what came of it.
func (n *Notifier) tell(ctx context.Context, d tenant.LogoutNotice) error {
	client, err := n.Clients.Client(ctx, d.Client)
	if fault.Has(err, fault.NotFound) || err == nil && !client.Backchannel.Wants(d.Initiator) {
		return n.Queue.SettleLogout(ctx, d, time.Time{}, nil)
	}
	if err != nil {
		return err // due again when the lease is over
	}
	text, err := n.Tokens.Logout(ctx, client, d.User, d.Session)
	if err != nil {
		return errors.Join(err, n.Queue.SettleLogout(ctx, d, n.next(d), nil))
	}
	call, cancel := context.WithTimeout(ctx, CallTime)
	defer cancel()
	refused := n.Post(call, client.Backchannel.URL, text)
	e := event.New(event.BackchannelLogout, n.Now())
	event.About(&e, nil, client)
	e.User, e.Details = d.User, map[string]any{"session_id": d.Session, "initiator": string(d.Initiator), "attempt": d.Attempts + 1}
	if refused == nil {
		return n.Queue.SettleLogout(ctx, d, time.Time{}, &e)
	}
	e.Type, e.Description = event.BackchannelFailed, refused.Error()
	return n.Queue.SettleLogout(ctx, d, n.next(d), &e)
}

// next is when an application is called again: after five seconds, and six
// times as long each time after. The zero time gives it up.
func (n *Notifier) next(d tenant.LogoutNotice) time.Time {
	if d.Attempts+1 >= MaxCalls {
		return time.Time{}
	}
	wait := 5 * time.Second
	for range d.Attempts {
		wait *= 6
	}
	return n.Now().Add(wait)
}

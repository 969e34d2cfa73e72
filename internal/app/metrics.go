package app

import (
	"cmp"
	"context"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/observe"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// queueWait bounds the question how long the queue is, and queueFresh is for
// how long its answer serves.
const (
	queueWait  = time.Second
	queueFresh = time.Second
)

// meters count what engines and use cases tell them. docs/operate/metrics.md
// lists what they show.
type meters struct {
	starts, verifies, refusals, tokens *observe.Counter
	attempts, messages, failures       *observe.Counter
	holds                              *observe.Counter
	handOver, attempt                  *observe.Histogram

	providers sync.Map // the names of those that were sent to
}

var (
	_ passwordless.Counter = (*meters)(nil)
	_ grant.Counter        = (*meters)(nil)
	_ delivery.Counter     = (*meters)(nil)
)

func newMeters(reg *observe.Registry) *meters {
	return &meters{
		starts:   reg.Counter("starts_total", "Starts that were decided.", "channel", "outcome"),
		verifies: reg.Counter("verifies_total", "Codes that were judged.", "channel", "outcome"),
		refusals: reg.Counter("refusals_total", "Starts and verifies refused by a limit.", "at", "reason"),
		tokens:   reg.Counter("tokens_issued_total", "Token requests that got tokens.", "grant"),
		attempts: reg.Counter("delivery_attempts_total", "Attempts to hand a message over.", "provider", "channel", "result"),
		messages: reg.Counter("messages_total", "Messages that are over, by what became of them.", "provider", "channel", "state"),
		failures: reg.Counter("message_failures_total", "Messages that were not handed over, by error code.", "provider", "code"),
		holds:    reg.Counter("provider_holds_total", "Times a provider account was held.", "provider", "reason"),
		handOver: reg.Histogram("handover_seconds", "Time from a start to the provider's word that it has the message.",
			[]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 180}, "provider", "channel"),
		attempt: reg.Histogram("delivery_attempt_seconds", "Time that an attempt to hand a message over took.",
			[]float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "provider"),
	}
}

// Started implements passwordless.Counter.
func (m *meters) Started(ch tenant.Channel, outcome string) {
	m.starts.Inc(string(ch), outcome)
	m.refused("start", outcome)
}

// Verified implements passwordless.Counter.
func (m *meters) Verified(ch tenant.Channel, outcome string) {
	m.verifies.Inc(string(ch), outcome)
	m.refused("verify", outcome)
}

func (m *meters) refused(at, outcome string) {
	if strings.HasPrefix(outcome, "too_many_") {
		m.refusals.Inc(at, outcome)
	}
}

// Issued implements grant.Counter.
func (m *meters) Issued(grantType string) { m.tokens.Inc(grantType) }

// Attempted implements delivery.Counter.
func (m *meters) Attempted(provider string, ch tenant.Channel, took time.Duration, e *delivery.Error) {
	m.providers.LoadOrStore(provider, nil)
	result := "taken"
	switch {
	case e != nil && e.Unanswered:
		result = "unanswered"
	case e != nil:
		result = e.Class.String()
	}
	m.attempts.Inc(provider, string(ch), result)
	m.attempt.Observe(took.Seconds(), provider)
}

// Ended implements delivery.Counter.
func (m *meters) Ended(msg *tenant.Message, took time.Duration) {
	provider := cmp.Or(msg.Provider, "none")
	m.messages.Inc(provider, string(msg.Channel), string(msg.State))
	switch msg.State {
	case tenant.MessageFailed, tenant.MessageExpired:
		m.failures.Inc(provider, msg.ErrorCode)
	default:
		m.handOver.Observe(took.Seconds(), provider, string(msg.Channel))
	}
}

// HoldChanged implements delivery.Counter.
func (m *meters) HoldChanged(s delivery.AccountState) {
	switch {
	case s.Standing != delivery.Held:
	case s.Refused:
		m.holds.Inc(s.Provider, "refused")
	default:
		m.holds.Inc(s.Provider, "down")
	}
}

// count adds all metrics, and has engines and use cases count.
func (a *App) count(send *senders) {
	reg := a.registry
	m := newMeters(reg)
	a.signIns.Counts, a.grants.Counts, a.worker.Counts = m, m, m
	queue := &queueLength{read: a.Store.Queue, now: a.now}
	reg.Gauge("queue_messages", "Messages in the database that are not over yet.", func() float64 {
		n, _ := queue.get()
		return n
	})
	reg.Gauge("queue_oldest_seconds", "Age of the oldest of these.", func() float64 {
		_, age := queue.get()
		return age
	})
	reg.Gauge("delivery_waiting", "Messages that wait in this process for an attempt.", func() float64 {
		waiting, _ := a.worker.Load()
		return float64(waiting)
	})
	reg.Gauge("delivery_running", "Attempts to hand a message over that are under way.", func() float64 {
		_, running := a.worker.Load()
		return float64(running)
	})
	reg.Gauge("connections_not_ready", "Connections that had nobody to send through when last asked to.", func() float64 {
		n := 0
		send.told.Range(func(any, any) bool { n++; return true })
		return float64(n)
	})
	reg.Gauges("provider_accounts_held", "Provider accounts to which nothing is handed over at the moment.", []string{"provider"},
		func(set func(float64, ...string)) {
			m.providers.Range(func(provider, _ any) bool { set(0, provider.(string)); return true })
			for _, s := range a.worker.Accounts() {
				set(1, s.Provider)
			}
		})
	reg.AddRuntime(time.Now())
}

// MetricNames returns the names of all metrics.
func (a *App) MetricNames() []string { return a.registry.Names() }

// queueLength asks the database how long the queue is, seldom.
type queueLength struct {
	read func(ctx context.Context) (int, time.Time, error)
	now  func() time.Time

	mu     sync.Mutex
	until  time.Time
	n, age float64
}

// get returns the length of the queue and the age of its oldest message in
// seconds, or what is no number if the database does not say.
func (q *queueLength) get() (n, age float64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := q.now(); now.After(q.until) {
		ctx, cancel := context.WithTimeout(context.Background(), queueWait)
		defer cancel()
		n, oldest, err := q.read(ctx)
		q.n, q.age = float64(n), 0
		switch {
		case err != nil:
			q.n, q.age = math.NaN(), math.NaN()
		case n > 0:
			q.age = max(0, now.Sub(oldest).Seconds())
		}
		q.until = q.now().Add(queueFresh)
	}
	return q.n, q.age
}

package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// memory is a Queue as the store is meant to be one.
type memory struct {
	mu     sync.Mutex
	rows   map[string]tenant.Message
	logged []tenant.LogEvent
	broken error // what every method returns, when set
	writes int
}

func (q *memory) put(m tenant.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.rows == nil {
		q.rows = map[string]tenant.Message{}
	}
	q.rows[m.ID] = m
}

func (q *memory) row(id string) tenant.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.rows[id]
}

func (q *memory) breakWith(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.broken = err
}

func (q *memory) Claim(_ context.Context, c Claim) ([]Claimed, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.broken != nil {
		return nil, q.broken
	}
	var due []tenant.Message
	for _, m := range q.rows {
		if !m.State.Over() && !m.NextAt.After(c.Now) && !m.LeaseUntil.After(c.Now) && !slices.Contains(c.Except, m.Connection) {
			due = append(due, m)
		}
	}
	slices.SortFunc(due, func(a, b tenant.Message) int {
		if n := a.NextAt.Compare(b.NextAt); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	var out []Claimed
	for _, m := range due[:min(len(due), c.Limit)] {
		taken := c.TakeOver(m)
		row := taken.Message
		if taken.Line != nil {
			row.Events = append(slices.Clone(row.Events), *taken.Line)
		}
		q.rows[m.ID] = row
		taken.Message.Events = nil
		out = append(out, taken)
	}
	return out, nil
}

func (q *memory) Finish(_ context.Context, id string, lease time.Time, o Outcome) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.broken != nil {
		return q.broken
	}
	m, ok := q.rows[id]
	if !ok || !m.LeaseUntil.Equal(lease) || lease.IsZero() {
		return ErrLease
	}
	q.writes++
	m.State, m.NextAt, m.LeaseUntil, m.Attempts = o.State, o.NextAt, o.LeaseUntil, o.Attempts
	m.Provider, m.ProviderID, m.TemplateVersion = o.Provider, o.ProviderID, o.TemplateVersion
	m.Encoding, m.Segments, m.ErrorCode, m.ErrorText = o.Encoding, o.Segments, o.ErrorCode, o.ErrorText
	m.Events = append(slices.Clone(m.Events), o.Events...)
	q.rows[id] = m
	if o.Event != nil {
		q.logged = append(q.logged, *o.Event)
	}
	return nil
}

// provider is a Sender that answers from a script. What lies beyond its end is
// taken.
type provider struct {
	mu     sync.Mutex
	script []func(ctx context.Context) (Receipt, error)
	always func(ctx context.Context) (Receipt, error)
	calls  []call
}

type call struct {
	at time.Time
	m  Outgoing
}

func (p *provider) Provider() string { return "fake" }

func (p *provider) Send(ctx context.Context, m Outgoing) (Receipt, error) {
	p.mu.Lock()
	n := len(p.calls)
	p.calls = append(p.calls, call{time.Now(), m})
	p.mu.Unlock()
	if p.always != nil {
		return p.always(ctx)
	}
	if n < len(p.script) {
		return p.script[n](ctx)
	}
	return Receipt{ProviderID: fmt.Sprintf("SM%d", n+1)}, nil
}

func (p *provider) sent() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// refuses answers with an error.
func refuses(e *Error) func(context.Context) (Receipt, error) {
	return func(context.Context) (Receipt, error) { return Receipt{}, e }
}

// hangs never answers.
func hangs(ctx context.Context) (Receipt, error) {
	<-ctx.Done()
	return Receipt{}, ctx.Err()
}

func takes(after time.Duration) func(context.Context) (Receipt, error) {
	return func(ctx context.Context) (Receipt, error) {
		select {
		case <-time.After(after):
			return Receipt{ProviderID: "SM1"}, nil
		case <-ctx.Done():
			return Receipt{}, ctx.Err()
		}
	}
}

var (
	outage   = &Error{Code: "20503", Text: "Service unavailable", Class: Temporary}
	silence  = &Error{Code: CodeNoAnswer, Text: "No answer.", Class: Temporary, Unanswered: true}
	badTo    = &Error{Code: "21211", Text: "The 'To' number +15005550001 is not a valid phone number.", Class: Permanent}
	badToken = &Error{Code: "20003", Text: "Authenticate", Class: Configuration, Fix: "Check the Auth Token."}
)

type renderFunc func(ctx context.Context, m *tenant.Message, c *tenant.Connection) (Outgoing, error)

func (f renderFunc) Render(ctx context.Context, m *tenant.Message, c *tenant.Connection) (Outgoing, error) {
	return f(ctx, m, c)
}

// bench is a worker with fakes around it.
type bench struct {
	*Worker
	queue *memory
	to    *provider
	stop  func() // lets Run end and waits for it
}

// newBench returns a worker that does not run yet.
func newBench(script ...func(context.Context) (Receipt, error)) *bench {
	b := &bench{queue: &memory{}, to: &provider{script: script}}
	b.Worker = &Worker{
		Queue: b.queue,
		Renderer: renderFunc(func(context.Context, *tenant.Message, *tenant.Connection) (Outgoing, error) {
			return Outgoing{Text: "123456 is your code.", Segments: 1, Encoding: "GSM-7", TemplateVersion: 7}, nil
		}),
		Senders: func(context.Context, *tenant.Connection, tenant.Channel) (Sender, error) { return b.to, nil },
		Connections: func(_ context.Context, id tenant.ConnectionID) (*tenant.Connection, error) {
			if id == "gone" {
				return nil, fault.New(fault.NotFound, "inexistent_connection", "none")
			}
			return &tenant.Connection{ID: id, Channel: tenant.SMS}, nil
		},
		Now: time.Now,
	}
	return b
}

// run starts the worker; the test's bubble ends with it stopped.
func (b *bench) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); b.Run(ctx) }()
	b.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(b.stop)
	synctest.Wait()
}

// message is one just stored, whose code lives for life.
func message(id string, life time.Duration) tenant.Message {
	now := time.Now()
	return tenant.Message{
		ID: id, State: tenant.MessageQueued, Channel: tenant.SMS, To: "+447700900123", Connection: "con_sms",
		Client: "app", CodeExpires: now.Add(life), NextAt: now, LeaseUntil: now.Add(Lease), CreatedAt: now,
	}
}

// offer stores the message and hands it over, as a start does.
func (b *bench) offer(m tenant.Message) {
	b.queue.put(m)
	b.Offer(m)
}

var errDisk = errors.New("disk is full")

package delivery

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// The times of delivery (decision R17).
const (
	// Lease is how long a process has a message. Whoever stores a message to
	// Offer it stores it with this lease; it outlasts any one attempt.
	Lease = 30 * time.Second
	// LastCall is how long before a code's end nothing is handed over any more.
	LastCall = 15 * time.Second

	tries       = 3
	shortTry    = 4 * time.Second  // an attempt that can be repeated
	longTry     = 10 * time.Second // the last one
	firstPause  = 500 * time.Millisecond
	secondPause = 1500 * time.Millisecond

	sweepEvery  = time.Second
	claimAtOnce = 256
	// leaseMargin is what must be left of a lease after an attempt, to write
	// down what came of it.
	leaseMargin = 5 * time.Second
	// handPause is the longest pause for which a message stays in memory.
	handPause = 5 * time.Second
	// writeTime bounds one write of an outcome.
	writeTime = 5 * time.Second
)

// Answering is enough for the answer to a start to be written.
const Answering = 2 * time.Millisecond

// Defaults of a Worker.
const (
	DefaultConcurrency = 192
	DefaultBacklog     = 4096
)

// Worker delivers messages. Set the fields up to Now at least, then Run it; it
// is safe for use by many goroutines.
type Worker struct {
	Queue    Queue
	Renderer Renderer
	// Senders returns who sends for the connection. An *Error says why there
	// is nobody; nil and nil mean that nothing is configured. Any other error
	// counts as passing.
	Senders func(ctx context.Context, c *tenant.Connection, channel tenant.Channel) (Sender, error)
	// Connections returns a connection; the fault is NotFound if it was deleted.
	Connections func(ctx context.Context, id tenant.ConnectionID) (*tenant.Connection, error)
	Now         func() time.Time

	// Concurrency is how many attempts run at once, Backlog how many messages
	// wait in memory. An account may use three quarters of the former, at most
	// 128, and half of the latter, less when others are busy too, so that one
	// that is slow leaves room for the rest.
	Concurrency int
	Backlog     int

	// Answering is how long an offered message waits for its first attempt: until
	// whoever asked for it has their answer. The attempt would slow that answer
	// down, and so tell that there is a message at all.
	Answering time.Duration

	// OnOutcome is called before the final outcome of a message is written,
	// and may set its Event. The connection is nil if there is none any more.
	OnOutcome func(m *tenant.Message, c *tenant.Connection, o *Outcome)
	Counts    Counter // nil counts nothing
	Log       *slog.Logger

	mu      sync.Mutex
	running bool
	lanes   lanes
	pausing map[*job]*time.Timer // between two attempts
	spilled []*job               // no room for them: their leases are to be given back
	wake    chan struct{}        // tells the sweep that there is something to do
	busy    sync.WaitGroup       // attempts under way
	refused refusals
	holds   breakers
}

// A Counter is told what happens, for metrics. Its methods return at once.
type Counter interface {
	// Attempted is called after each hand-over; e is nil for a success.
	Attempted(provider string, channel tenant.Channel, took time.Duration, e *Error)
	// Ended is called when a message is over; took is the time since it was
	// asked for.
	Ended(m *tenant.Message, took time.Duration)
	// HoldChanged is called when an account is held or free again.
	HoldChanged(s AccountState)
}

// job is a message in hand.
type job struct {
	m     tenant.Message
	c     *tenant.Connection // nil until it was looked up
	since time.Time          // when it came into hand
	lane  *lane
	swept bool // it was found in the store
	// unanswered counts the attempts that the provider may have taken.
	unanswered int
	passing    int                   // failures of our own so far
	events     []tenant.MessageEvent // not yet written
	said       tenant.Exchange       // in the latest attempt
}

// Offer hands over a message that was just stored with a lease of this process.
// It never blocks. A message for which there is no room is given back to the
// queue, from where whoever has room takes it. One that is suppressed is dropped:
// that costs as much time as one that is sent.
func (w *Worker) Offer(m tenant.Message) {
	j := &job{m: m, since: w.Now()}
	switch suppressed := m.State == tenant.MessageSuppressed; {
	case suppressed && w.Answering > 0:
		time.AfterFunc(w.Answering, func() {})
	case suppressed:
	case w.Answering > 0:
		w.mu.Lock()
		defer w.mu.Unlock()
		w.pause(j, w.Answering)
	default:
		w.take(j)
	}
}

func (w *Worker) take(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lanes.add(j, w.backlog()) {
		w.pump()
		return
	}
	// If there is no room for it here either, the lease runs out.
	if len(w.spilled) < w.backlog() {
		w.spilled = append(w.spilled, j)
	}
	w.nudge()
}

// pump begins as many attempts as there is room for. The lock is held.
func (w *Worker) pump() {
	for w.running {
		j := w.lanes.next(w.concurrency())
		if j == nil {
			return
		}
		w.busy.Add(1)
		go w.work(j)
	}
}

// work makes one attempt and decides what follows.
func (w *Worker) work(j *job) {
	defer w.busy.Done()
	pause, again := w.attempt(j)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lanes.done(j)
	switch {
	case again && w.running:
		w.pause(j, pause)
	case again:
		w.spilled = append(w.spilled, j)
	}
	w.pump()
	if j.lane.runsLow() {
		w.nudge()
	}
}

// pause brings the message back after d. The lock is held.
func (w *Worker) pause(j *job, d time.Duration) {
	if w.pausing == nil {
		w.pausing = map[*job]*time.Timer{}
	}
	w.pausing[j] = time.AfterFunc(d, func() {
		w.mu.Lock()
		_, ok := w.pausing[j]
		delete(w.pausing, j)
		w.mu.Unlock()
		if ok {
			w.take(j)
		}
	})
}

// Run delivers messages until ctx ends. Then it lets the attempts under way
// come to their end, gives back what it has not begun, and returns.
func (w *Worker) Run(ctx context.Context) {
	w.mu.Lock()
	w.running = true
	w.wake = make(chan struct{}, 1)
	wake := w.wake
	w.pump()
	w.mu.Unlock()

	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	w.sweep(ctx)
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-wake:
		case <-ctx.Done():
			continue
		}
		w.sweep(ctx)
	}

	w.mu.Lock()
	w.running = false
	w.spilled = append(w.spilled, w.lanes.drain()...)
	for j, timer := range w.pausing {
		timer.Stop()
		w.spilled = append(w.spilled, j)
	}
	clear(w.pausing)
	w.mu.Unlock()
	w.giveBack(context.WithoutCancel(ctx))
	w.busy.Wait()
	w.giveBack(context.WithoutCancel(ctx))
}

// sweep takes over messages that are due and nobody has: those of a process
// that died, those whose provider asked for a longer pause, and those there was
// no room for.
func (w *Worker) sweep(ctx context.Context) {
	w.mu.Lock()
	// What has waited so long that its lease would not outlast an attempt goes
	// back as well: another process may be free for it.
	w.spilled = append(w.spilled, w.lanes.stale(w.Now().Add(longTry))...)
	w.mu.Unlock()
	w.giveBack(ctx)
	for ctx.Err() == nil {
		w.mu.Lock()
		room, full := w.lanes.room(w.backlog())
		w.mu.Unlock()
		limit := min(room, claimAtOnce)
		if limit <= 0 {
			return
		}
		now := w.Now()
		until := now.Add(Lease).Truncate(time.Millisecond)
		got, err := w.claim(ctx, Claim{Now: now, Until: until, Limit: limit, Except: full})
		if err != nil {
			if ctx.Err() == nil {
				w.logger().ErrorContext(ctx, "messages not claimed", "err", err)
			}
			return
		}
		for i := range got {
			j := claimed(&got[i], now)
			if got[i].Spent {
				w.busy.Go(func() { w.unknown(context.WithoutCancel(ctx), j) })
				continue
			}
			w.take(j)
		}
		if len(got) < limit {
			return
		}
	}
}

func (w *Worker) claim(ctx context.Context, c Claim) ([]Claimed, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	return w.Queue.Claim(ctx, c)
}

// claimed makes a job of what the sweep found.
func claimed(c *Claimed, now time.Time) *job {
	j := &job{m: c.Message, since: now, swept: true}
	if j.m.Attempts > 0 && j.m.ErrorCode == CodeNoAnswer {
		j.unanswered = 1
	}
	return j
}

// giveBack sets the spilled messages free.
func (w *Worker) giveBack(ctx context.Context) {
	w.mu.Lock()
	jobs := w.spilled
	w.spilled = nil
	w.mu.Unlock()
	for _, j := range jobs {
		o := j.outcome()
		err := w.write(ctx, j, o)
		if err != nil && !errors.Is(err, ErrLease) {
			// It is found again when its lease ends.
			w.logger().ErrorContext(ctx, "message not given back", "message", j.m.ID, "err", err)
		}
	}
}

// nudge wakes the sweep. The lock is held.
func (w *Worker) nudge() {
	select {
	case w.wake <- struct{}{}:
	default: // not running, or awake already
	}
}

// Accounts returns the accounts that this process holds back at the moment.
func (w *Worker) Accounts() []AccountState { return w.holds.held(w.Now()) }

// Load returns how many messages wait in memory, and how many attempts are under
// way.
func (w *Worker) Load() (waiting, running int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lanes.waiting + len(w.pausing), w.lanes.running
}

func (w *Worker) concurrency() int {
	if w.Concurrency > 0 {
		return w.Concurrency
	}
	return DefaultConcurrency
}

func (w *Worker) backlog() int {
	if w.Backlog > 0 {
		return w.Backlog
	}
	return DefaultBacklog
}

func (w *Worker) logger() *slog.Logger {
	if w.Log != nil {
		return w.Log
	}
	return slog.New(slog.DiscardHandler)
}

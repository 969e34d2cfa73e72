// Package load measures what a running server costs: a closed loop of callers,
// each of whom sends its next request when the last one is answered.
//
// The figure that holds still from run to run is the processor time of the
// server and its database for each request. It is what the targets are about;
// throughput is told as well, but the callers use the same processors here.
package load

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// A meter reads the processor time of a server and of its database.
type meter struct {
	server   int // process id
	database postgres
	quiet    time.Duration // how long nothing must go on before a reading counts
}

// A reading is what a meter shows at one moment.
type reading struct{ server, database time.Duration }

func (m meter) read() reading { return reading{processor(m.server), m.database.processor()} }

// settle waits until the work that was left for after the answers is done.
func (m meter) settle() reading {
	last := m.read()
	for range 50 {
		time.Sleep(m.quiet)
		now := m.read()
		if now.server-last.server <= tick && now.database-last.database <= tick {
			return now
		}
		last = now
	}
	return last
}

// A result is what a loop has measured.
type result struct {
	requests int
	failed   int
	failure  binary.Answer // one of them
	wall     time.Duration
	cost     reading // of all requests
	times    []time.Duration
}

// loop has callers make n requests in all, and waits for the work after them.
func loop(m meter, callers, n int, fn func(i int) binary.Answer) result {
	r := result{requests: n, times: make([]time.Duration, n)}
	var next, failed atomic.Int64
	var failure atomic.Pointer[binary.Answer]
	before := m.settle()
	began := time.Now()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				sent := time.Now()
				a := fn(i)
				r.times[i] = time.Since(sent)
				if !a.OK() {
					failed.Add(1)
					failure.Store(&a)
				}
			}
		})
	}
	wg.Wait()
	r.wall = time.Since(began)
	after := m.settle()
	r.cost = reading{after.server - before.server, after.database - before.database}
	r.failed = int(failed.Load())
	if f := failure.Load(); f != nil {
		r.failure = *f
	}
	slices.Sort(r.times)
	return r
}

// each is the processor time of server and database for one request, in
// microseconds.
func (r result) each() float64 { return r.serverEach() + r.databaseEach() }

func (r result) serverEach() float64 { return micros(r.cost.server) / float64(max(1, r.requests)) }

func (r result) databaseEach() float64 { return micros(r.cost.database) / float64(max(1, r.requests)) }

// rate is how many requests were answered in a second.
func (r result) rate() float64 { return float64(r.requests) / r.wall.Seconds() }

// at returns the time that a share of the requests stayed below.
func (r result) at(share float64) time.Duration { return percentile(r.times, share) }

func percentile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

// timed is a result of times alone.
func timed(times []time.Duration) result {
	slices.Sort(times)
	return result{requests: len(times), times: times}
}

// signatures measures what one RS256 signature with a key of 2048 bits costs
// while something else is done: in microseconds of one processor. There are as
// many signers as processors, so that they and what they are compared with have
// the machine in the same state at the same moment: its clock, its caches, and
// threads that share a core. Each counts the time of its own thread alone.
func signatures(others func()) (float64, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return 0, err
	}
	digest := sha256.Sum256([]byte("a token"))
	signers := make([]struct {
		made int
		used time.Duration
		err  error
	}, runtime.GOMAXPROCS(0))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range signers {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			s := &signers[i]
			before := thread()
			for over := false; !over && s.err == nil; s.made++ {
				_, s.err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
				select {
				case <-done:
					over = true
				default:
				}
			}
			s.used = thread() - before
		})
	}
	others()
	close(done)
	wg.Wait()
	var used time.Duration
	made := 0
	for _, s := range signers {
		used, made, err = used+s.used, made+s.made, errors.Join(err, s.err)
	}
	return micros(used) / float64(max(1, made)), err
}

package load

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/test/internal/database"
)

// settingsFile adds what the ready-made settings do not have: an API, whose
// access tokens are signed, an application whose ID tokens are signed with an
// elliptic curve, and one that people come to by /authorize.
const settingsFile = `
clients:
  - name: Load ES256
    client_id: %s
    client_secret: %s
    app_type: regular_web
    oidc_conformant: true
    grant_types: ["http://auth0.com/oauth/grant-type/passwordless/otp", refresh_token]
    jwt_configuration: { alg: ES256, lifetime_in_seconds: 36000 }
  - name: Load code
    client_id: %s
    client_secret: %s
    app_type: regular_web
    oidc_conformant: true
    grant_types: [authorization_code, refresh_token]
    callbacks: [` + codeCallback + `]
resourceServers:
  - name: Load
    identifier: ` + audience + `
    signing_alg: RS256
    allow_offline_access: true
    skip_consent_for_verifiable_first_party_clients: true
connections:
  - name: sms
    strategy: sms
    enabled_clients: ["My app", "Load ES256", "Load code"]
`

const (
	audience = "https://api.load.example"
	esID     = "LoadES256LoadES256LoadES256Load0"
	esSecret = "a-secret-of-the-load-suite-that-is-long-enough-for-everybody-0001"

	codeID     = "LoadCodeLoadCodeLoadCodeLoadCode"
	codeSecret = "a-secret-of-the-load-suite-that-is-long-enough-for-everybody-0002"
)

// sizes are how much is measured.
type sizes struct {
	one, many int // requests of one caller and of all callers
	callers   int
	paced     time.Duration // of starts at an even pace
	restarts  int
	quiet     time.Duration
	waiting   int           // starts that wait for a slow provider
	slow      time.Duration // how long it takes
}

// A bench is one server with one database under load.
type bench struct {
	t      testing.TB
	run    *binary.Run
	db     *database.Database
	server *binary.Server
	meter  meter
	app    *binary.App
	es     *binary.App
	code   *binary.App // of the code grant
	sizes  sizes
	people []string

	firstReady time.Duration
	idle       float64 // megabytes
	idleFile   float64 // of them, the program's file
}

func newBench(t testing.TB, db *database.Database, size sizes) *bench {
	t.Helper()
	b := &bench{t: t, run: binary.New(t), db: db, sizes: size}
	file := b.run.File("load.yaml", fmt.Sprintf(settingsFile, esID, esSecret, codeID, codeSecret))
	b.run.Note(esSecret, codeSecret)
	b.server = b.run.Start(append(slices.Clone(db.Flags), "--limits", "off", "--config", file)...)
	b.firstReady = b.server.ReadyAfter
	b.meter = meter{b.server.PID, postgres{db.Postmaster(t), db.ServerName()}, size.quiet}
	b.app = b.server.App()
	b.es = &binary.App{Server: b.server, ID: esID, Secret: esSecret}
	b.code = &binary.App{Server: b.server, ID: codeID, Secret: codeSecret}
	for range max(size.one, size.many) {
		b.people = append(b.people, b.run.Phone())
	}
	time.Sleep(500 * time.Millisecond)
	b.idle, b.idleFile, _ = memory(b.server.PID)
	return b
}

// must ends the test when requests have failed.
func (b *bench) must(what string, r result) result {
	b.t.Helper()
	if r.failed > 0 {
		b.t.Fatalf("%s, %s: %d of %d requests failed, such as with %v", b.db.Name, what, r.failed, r.requests, r.failure)
	}
	return r
}

// starts measures starts for n people.
func (b *bench) starts(callers, n int) result {
	b.t.Helper()
	return b.must("start", loop(b.meter, callers, n, func(i int) binary.Answer {
		return b.app.Start(b.t.Context(), binary.Start{To: b.people[i]})
	}))
}

// codes asks for codes for n people, without measuring it, and returns them.
// Live events cost the server something, so they are only on here.
func (b *bench) codes(app *binary.App, n int) []string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	inbox := b.run.Inbox()
	stop := inbox.Live(b.server)
	defer stop()
	// A few at a time: the outbox forgets what is not read at once.
	const atOnce = 200
	codes := make([]string, 0, n)
	for from := 0; from < n; from += atOnce {
		till := min(n, from+atOnce)
		var wg sync.WaitGroup
		for caller := range 4 {
			wg.Go(func() {
				for i := from + caller; i < till; i += 4 {
					if a := app.Start(ctx, binary.Start{To: b.people[i]}); !a.OK() {
						b.t.Errorf("start: %v", a)
					}
				}
			})
		}
		wg.Wait()
		for i := from; i < till; i++ {
			m, err := inbox.Wait(ctx, b.people[i], 0)
			if err != nil {
				b.t.Fatal(err)
			}
			codes = append(codes, m.Code)
		}
	}
	return codes
}

// verifies measures the exchange of codes for tokens and returns the refresh
// tokens.
func (b *bench) verifies(app *binary.App, callers, n int, c binary.Code) (result, []string) {
	b.t.Helper()
	codes := b.codes(app, n)
	refresh := make([]string, n)
	r := loop(b.meter, callers, n, func(i int) binary.Answer {
		typed := c
		typed.To, typed.Code = b.people[i], codes[i]
		a := app.Token(b.t.Context(), typed)
		refresh[i] = a.RefreshToken
		return a
	})
	return b.must("verify", r), refresh
}

// refreshes measures the exchange of refresh tokens.
func (b *bench) refreshes(callers int, tokens []string) result {
	b.t.Helper()
	return b.refreshesOf(b.app, callers, tokens)
}

func (b *bench) refreshesOf(app *binary.App, callers int, tokens []string) result {
	b.t.Helper()
	return b.must("refresh", loop(b.meter, callers, len(tokens), func(i int) binary.Answer {
		return app.Refresh(b.t.Context(), tokens[i])
	}))
}

// handOver measures, with starts at an even pace, the time from the answer of
// a start to the message in the outbox.
func (b *bench) handOver(perSecond int, d time.Duration) []time.Duration {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), d+time.Minute)
	defer cancel()
	inbox := b.run.Inbox()
	stop := inbox.Live(b.server)
	defer stop()
	n := max(1, int(d.Seconds()*float64(perSecond)))
	answered := make([]time.Time, n)
	people := make([]string, n)
	for i := range people {
		people[i] = b.run.Phone()
	}
	var wg sync.WaitGroup
	pace := time.NewTicker(time.Second / time.Duration(perSecond))
	defer pace.Stop()
	for i := range n {
		<-pace.C
		wg.Go(func() {
			if a := b.app.Start(ctx, binary.Start{To: people[i]}); !a.OK() {
				b.t.Errorf("start: %v", a)
			}
			answered[i] = time.Now()
		})
	}
	wg.Wait()
	var delays []time.Duration
	for i, to := range people {
		m, err := inbox.Wait(ctx, to, 0)
		if err != nil {
			b.t.Fatal(err)
		}
		delays = append(delays, max(0, m.Seen.Sub(answered[i])))
	}
	slices.Sort(delays)
	return delays
}

// besideVerifies measures starts of one caller while others have the
// processors busy with signatures.
func (b *bench) besideVerifies(n int) result {
	b.t.Helper()
	codes := b.codes(b.app, n)
	return b.besides(func() {
		b.must("verify beside starts", loop(b.meter, b.sizes.callers, n, func(i int) binary.Answer {
			return b.app.Token(b.t.Context(), binary.Code{To: b.people[i], Code: codes[i]})
		}))
	})
}

// A signedRun is what requests and a signature cost at the same moment.
type signedRun struct {
	what              string
	sign, each, times float64
	share             float64 // the least that signatures have to be of it, in percent
}

// signed measures requests with one signature and with two, beside signatures.
func (b *bench) signed(sessions []string) []signedRun {
	b.t.Helper()
	n := b.sizes.many / 4
	var codes []string
	verify := func(audience string) func() float64 {
		return func() float64 {
			return b.must("verify beside signatures", loop(b.meter, b.sizes.callers, n, func(i int) binary.Answer {
				return b.app.Token(b.t.Context(), binary.Code{To: b.people[i], Code: codes[i], Audience: audience})
			})).each()
		}
	}
	code := func(audience string) func() float64 {
		return func() float64 { return b.codeGrant(sessions, b.sizes.callers, n, audience).exchange.each() }
	}
	runs := []signedRun{
		{what: "verify RS256", times: 1, share: 83},
		{what: "verify RS256 twice", times: 2, share: 90},
		{what: "code RS256", times: 1, share: 83},
		{what: "code RS256 twice", times: 2, share: 90},
	}
	for i, work := range []func() float64{verify(""), verify(audience), code(""), code(audience)} {
		codes = b.codes(b.app, n)
		var err error
		runs[i].sign, err = signatures(func() { runs[i].each = work() })
		if err != nil {
			b.t.Fatal(err)
		}
	}
	return runs
}

// restarts measures how long the server takes until it answers on a database
// that exists: the middle one of several.
func (b *bench) restarts() time.Duration {
	b.t.Helper()
	var times []time.Duration
	for range b.sizes.restarts {
		b.server.Stop()
		b.server.Restart()
		b.meter.server = b.server.PID
		times = append(times, b.server.ReadyAfter)
	}
	slices.Sort(times)
	return percentile(times, 0.5)
}

package load

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
	"github.com/doorcode/doorcode/test/internal/database"
)

// slowFile has two connections with one account: one whose starts wait for the
// provider's word, from the pool of 64, and one whose starts do not.
const slowFile = `
clients:
  - name: Load
    client_id: %s
    client_secret: %s
    grant_types: ["http://auth0.com/oauth/grant-type/passwordless/otp"]
connections:
  - name: sms
    strategy: sms
    enabled_clients: [Load]
    options:
      {name: sms, twilio_sid: "%s", twilio_token: "%s", from: "%s", template: "Your code is @@password@@"}
  - name: waiting
    strategy: sms
    enabled_clients: [Load]
    options: {name: waiting, twilio_sid: "%[3]s", twilio_token: "%[4]s", from: "%[5]s",
      template: "Your code is @@password@@", doorcode: {wait_for_provider_ms: 9000}}
`

// A slowBench is a server in production whose provider is a stand-in.
type slowBench struct {
	t     testing.TB
	run   *binary.Run
	app   *binary.App
	stand *twiliotest.Server
	sizes sizes
}

// slowProvider measures what starts and verifies of one caller take while many
// starts wait for a provider that is slow, and adds it to the report (P7).
func slowProvider(t testing.TB, like *database.Database, size sizes, r *report) {
	t.Helper()
	db := database.SQLite(t)
	if like.Name != db.Name {
		db = database.Postgres(t)
	}
	b := &slowBench{t: t, run: binary.New(t), stand: twiliotest.Start(t), sizes: size}
	b.run.Note(esSecret)
	file := b.run.File("slow.yaml", fmt.Sprintf(slowFile, esID, esSecret, twiliotest.SID, twiliotest.Token, twiliotest.From))
	server := b.run.Serve(append(slices.Clone(db.Flags), "--limits", "off", "--config", file, "--twilio-url", b.stand.URL)...)
	b.app = &binary.App{Server: server, ID: esID, Secret: esSecret}

	starts, verifies := b.measure(func() func() { return func() {} })
	busyStarts, busyVerifies := b.measure(b.wait)
	ratio := func(busy, alone []time.Duration) float64 {
		return float64(percentile(busy, 0.5)) / float64(percentile(alone, 0.5))
	}
	r.atMost("P7", fmt.Sprintf("start beside %d that wait, p50 to that alone", size.waiting), ratio(busyStarts, starts), 1.2, "×")
	r.atMost("P7", fmt.Sprintf("verify beside %d that wait, p50 to that alone", size.waiting), ratio(busyVerifies, verifies), 1.2, "×")
	server.Stop()
}

var codeOf = regexp.MustCompile(`[0-9]{6}`)

// measure has people start and verify, one after the other, beside what begin
// begins. Their codes are from before it.
func (b *slowBench) measure(begin func() (stop func())) (starts, verifies []time.Duration) {
	b.t.Helper()
	people := b.people(b.sizes.one)
	b.starts(people)
	codes := b.codes(people)
	stop := begin()
	defer stop()
	verifies = b.verifies(people, codes)
	return b.starts(b.people(b.sizes.one)), verifies
}

// wait makes the provider slow and has as many starts wait for it as the size
// says, all the time until stop is called.
func (b *slowBench) wait() (stop func()) {
	b.stand.Always(&twiliotest.Fault{Delay: b.sizes.slow})
	var wg sync.WaitGroup
	end := make(chan struct{})
	for range b.sizes.waiting {
		wg.Go(func() {
			// Those that the pool has no room for come back at once.
			pace := time.NewTicker(b.sizes.slow)
			defer pace.Stop()
			for {
				if a := b.app.Start(b.t.Context(), binary.Start{To: b.run.Phone(), Connection: "waiting"}); !a.OK() {
					b.t.Errorf("start that waits: %v", a)
				}
				select {
				case <-pace.C:
				case <-end:
					return
				}
			}
		})
	}
	time.Sleep(b.sizes.slow / 2)
	return func() {
		close(end)
		wg.Wait()
		b.stand.Always(nil)
	}
}

func (b *slowBench) people(n int) []string {
	people := make([]string, n)
	for i := range people {
		people[i] = b.run.Phone()
	}
	return people
}

// starts measures a start for each of the people, one after the other.
func (b *slowBench) starts(people []string) []time.Duration {
	b.t.Helper()
	return b.each(len(people), func(i int) binary.Answer {
		return b.app.Start(b.t.Context(), binary.Start{To: people[i]})
	})
}

// verifies measures the exchange of their codes, one after the other.
func (b *slowBench) verifies(people, codes []string) []time.Duration {
	b.t.Helper()
	return b.each(len(people), func(i int) binary.Answer {
		return b.app.Token(b.t.Context(), binary.Code{To: people[i], Code: codes[i]})
	})
}

func (b *slowBench) each(n int, fn func(i int) binary.Answer) []time.Duration {
	b.t.Helper()
	times := make([]time.Duration, n)
	for i := range times {
		sent := time.Now()
		if a := fn(i); !a.OK() {
			b.t.Fatalf("beside a slow provider: %v", a)
		}
		times[i] = time.Since(sent)
	}
	slices.Sort(times)
	return times
}

// codes waits until the provider has a message for each of the people, and
// reads the codes in them.
func (b *slowBench) codes(people []string) []string {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		got := map[string]string{}
		for _, r := range b.stand.Sent() {
			got[r.Form.Get("To")] = codeOf.FindString(r.Form.Get("Body"))
		}
		codes := make([]string, 0, len(people))
		for _, p := range people {
			if c := got[p]; c != "" {
				b.run.Note(c)
				codes = append(codes, c)
			}
		}
		if len(codes) == len(people) {
			return codes
		}
	}
	b.t.Fatal("not everybody's message reached the provider")
	return nil
}

package load

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/test/internal/database"
)

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

// long reports whether the suite is run for figures, by test/long load.
func long() bool { return os.Getenv("DOORCODE_TEST_LONG") == "load" }

// amounts returns how much is measured: enough for figures, or just enough to
// see that every request is answered.
func amounts() sizes {
	if long() {
		return sizes{
			one: 1000, many: 4000, callers: 32, paced: 10 * time.Second, restarts: 7,
			quiet: 100 * time.Millisecond, waiting: 128, slow: 2 * time.Second,
		}
	}
	return sizes{
		one: 10, many: 64, callers: 32, paced: 200 * time.Millisecond, restarts: 1,
		quiet: 10 * time.Millisecond, waiting: 128, slow: 200 * time.Millisecond,
	}
}

// Starts, verifies and refreshes by one caller and by many, on both databases.
// No request may fail. Whether a target is met depends on the machine, so a
// missed one is shown and fails nothing.
func TestLoad(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc to read processor times from")
	}
	size := amounts()
	database.Each(t, func(t *testing.T, db *database.Database) {
		before := busy()
		b := newBench(t, db, size)
		r := &report{database: db.Name}
		b.measure(r)
		b.server.Stop()
		slowProvider(t, db, size, r)
		tell(t, r, before)
	})
}

// Starts with the limits that a server in production has unless it is told
// otherwise: what the rest measures is without them.
func TestStrictStarts(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc to read processor times from")
	}
	database.Each(t, func(t *testing.T, db *database.Database) {
		before := busy()
		r := &report{database: db.Name}
		strictStarts(t, db, amounts(), r)
		tell(t, r, before)
	})
}

// tell logs the figures, if they are what the suite is run for. before is the load
// average that the machine had.
func tell(t *testing.T, r *report, before string) {
	t.Helper()
	if !long() {
		t.Log("every request was answered; for figures: test/long load")
		return
	}
	t.Logf("\n%s", r)
	t.Logf("measured: %s (load average of the machine %s before it)", r.short(), before)
}

func (b *bench) measure(r *report) {
	verifyLimit := 300.0
	if b.db.Name != "SQLite" {
		verifyLimit = 450
	}
	one, many, callers := b.sizes.one, b.sizes.many, b.sizes.callers

	// Nobody is known at first.
	newStart := b.starts(callers, many)
	newVerify, tokens := b.verifies(b.app, callers, many, binary.Code{})
	oldStart := b.starts(callers, many)
	oldVerify, _ := b.verifies(b.app, callers, many, binary.Code{})
	refresh := b.refreshes(callers, tokens)
	unsigned, _ := b.verifies(b.app, callers, many, binary.Code{Scope: "profile"})
	twice, _ := b.verifies(b.app, callers, many, binary.Code{Audience: audience})
	curve, _ := b.verifies(b.es, callers, many, binary.Code{})
	r.loop("start, new people", callers, newStart)
	r.loop("start, known people", callers, oldStart)
	r.loop("verify RS256, new people", callers, newVerify)
	r.loop("verify RS256, known people", callers, oldVerify)
	r.loop("verify without signature", callers, unsigned)
	r.loop("verify RS256 twice", callers, twice)
	r.loop("verify ES256", callers, curve)
	r.loop("refresh RS256", callers, refresh)

	sessions := b.sessions(many)
	code := b.codeGrant(sessions, callers, many, "")
	codeTwice := b.codeGrant(sessions, callers, many, audience)
	codeRefresh := b.refreshesOf(b.code, callers, code.refresh)
	r.loop("authorize, with a session", callers, code.authorize)
	r.loop("code RS256", callers, code.exchange)
	r.loop("code RS256 twice", callers, codeTwice.exchange)
	r.loop("refresh of code RS256", callers, codeRefresh)
	signed := b.signed(sessions)

	startAlone := b.starts(1, one)
	verifyAlone, _ := b.verifies(b.app, 1, one, binary.Code{})
	r.loop("start", 1, startAlone)
	r.loop("verify RS256", 1, verifyAlone)

	delays := b.handOver(200, b.sizes.paced)
	beside := b.besideVerifies(many)
	besideCodes := b.besideCodes(sessions, many)
	_, _, most := memory(b.server.PID)
	again := b.restarts()

	r.atMost("P1", "start, known people", oldStart.each(), startLimit(b.db), "µs")
	r.atMost("P1", "start and verify of new people to that of known ones",
		(newStart.each()+newVerify.each())/(oldStart.each()+oldVerify.each()), 1.1, "×")
	r.atMost("P2", "verify without signature", unsigned.each(), verifyLimit, "µs")
	for _, s := range signed {
		r.atLeast("P3", fmt.Sprintf("share of the signature, %.0f µs then, in %s", s.sign, s.what), 100*s.sign*s.times/s.each, s.share, "%")
	}
	r.atMost("P4", "verify ES256", curve.each(), 360, "µs")
	r.atMost("P5", "refresh to verify", refresh.each()/oldVerify.each(), 1.1, "×")
	r.atMost("P5", "failed refreshes of 32 callers", float64(refresh.failed), 0, "")
	r.atMost("P5", "refresh to exchange of a code", codeRefresh.each()/code.exchange.each(), 1.1, "×")
	r.atMost("P5", "failed refreshes of 32 callers, by code", float64(codeRefresh.failed), 0, "")
	r.tell("code", "authorize, code and token", code.each(), "µs")
	r.atMost("P6", "start of one caller, p50", millis(startAlone.at(0.5)), 0.8, "ms")
	r.atMost("P6", "verify RS256 of one caller, p50", millis(verifyAlone.at(0.5)), 2.6, "ms")
	r.atMost("P8", "hand-over after the answer at 200 starts/s, p99", millis(percentile(delays, 0.99)), 50, "ms")
	r.atMost("P9", "start while 32 callers verify, p99", millis(beside.at(0.99)), 100, "ms")
	r.atMost("P9", "start while 32 callers exchange codes, p99", millis(besideCodes.at(0.99)), 100, "ms")
	r.atMost("P10", fmt.Sprintf("memory when idle, %.0f MB of it the program's file", b.idleFile), b.idle, 25, "MB")
	r.atMost("P10", "memory under load, at most", most, 60, "MB")
	r.atMost("P10", "ready on a new database", millis(b.firstReady), 1000, "ms")
	r.atMost("P10", "ready on an existing database, median", millis(again), 100, "ms")
	if info, err := os.Stat(binary.Path(b.t)); err == nil {
		r.atMost("P10", "size of the program", float64(info.Size())/1e6, 40, "MB")
	}
}

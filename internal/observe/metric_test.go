package observe

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func text(t *testing.T, r *Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d %s\n%s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	return w.Body.String()
}

// shown is the value of a series, which has to be there.
func shown(t *testing.T, r *Registry, series string) string {
	t.Helper()
	for line := range strings.Lines(text(t, r)) {
		if v, ok := strings.CutPrefix(line, "doorcode_"+series+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	t.Errorf("there is no %s", series)
	return ""
}

func TestExposition(t *testing.T) {
	r := NewRegistry()
	sent := r.Counter("messages_total", "Messages handed over.", "channel", "state")
	sent.Inc("sms", "sent")
	for range 2 {
		sent.Inc("email", "not sent")
	}
	r.Counter("starts_total", "Starts.")
	took := r.Histogram("send_seconds", "Time to send.", []float64{.1, 1}, "channel")
	for _, v := range []float64{.05, .1, .5, 7} {
		took.Observe(v, "sms")
	}
	r.Gauge("outbox", "Messages waiting.", func() float64 { return 3 })
	r.Gauges("accounts", "Accounts.", []string{"provider"}, func(set func(float64, ...string)) {
		set(1, "a")
		set(2, "b")
		set(4, "+31612345623")
		set(8, "jane@example.com")
	})
	const want = `# HELP doorcode_accounts Accounts.
# TYPE doorcode_accounts gauge
doorcode_accounts{provider="a"} 1
doorcode_accounts{provider="b"} 2
doorcode_accounts{provider="other"} 12
# HELP doorcode_messages_total Messages handed over.
# TYPE doorcode_messages_total counter
doorcode_messages_total{channel="email",state="not sent"} 2
doorcode_messages_total{channel="sms",state="sent"} 1
# HELP doorcode_outbox Messages waiting.
# TYPE doorcode_outbox gauge
doorcode_outbox 3
# HELP doorcode_send_seconds Time to send.
# TYPE doorcode_send_seconds histogram
doorcode_send_seconds_bucket{channel="sms",le="0.1"} 2
doorcode_send_seconds_bucket{channel="sms",le="1"} 3
doorcode_send_seconds_bucket{channel="sms",le="+Inf"} 4
doorcode_send_seconds_sum{channel="sms"} 7.65
doorcode_send_seconds_count{channel="sms"} 4
# HELP doorcode_starts_total Starts.
# TYPE doorcode_starts_total counter
doorcode_starts_total 0
`
	if got := text(t, r); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What is added for the runtime has names and texts as Prometheus wants them.
func TestRuntime(t *testing.T) {
	r := NewRegistry()
	r.AddRuntime(time.Now().Add(-time.Minute))
	problems, err := testutil.GatherAndLint(r.reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	if problems, err := promlint.New(strings.NewReader(text(t, r))).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	for _, name := range []string{"goroutines", "heap_bytes", "memory_bytes", "uptime_seconds"} {
		if v := shown(t, r, name); v == "0" {
			t.Errorf("%s is 0", name)
		}
	}
}

// SEC-02: labels say nothing about people, and there cannot be many.
func TestSEC02LabelsAreBounded(t *testing.T) {
	r := NewRegistry()
	c := r.Counter("x_total", "X.", "who")
	for _, v := range []string{"+31612345623", "jane@example.com", "a\nb", strings.Repeat("x", 101), "naïve"} {
		c.Inc(v)
	}
	if n := shown(t, r, `x_total{who="other"}`); n != "5" {
		t.Errorf(`other is %s, want 5`, n)
	}
	for i := range 10_000 {
		c.Inc(fmt.Sprint("v", i))
	}
	out := text(t, r)
	if n := strings.Count(out, "\n"); n > maxSeries+3 {
		t.Errorf("%d lines", n)
	}
	for _, p := range []string{"3161", "jane"} {
		if strings.Contains(out, p) {
			t.Errorf("found %q", p)
		}
	}
	if got, want := shown(t, r, `x_total{who="other"}`), fmt.Sprint(5+10_000-(maxSeries-2)); got != want {
		t.Errorf(`other is %s, want %s`, got, want)
	}
	if n := len(c.all.known); n > maxSeries {
		t.Errorf("%d label values are remembered", n)
	}
	many := r.Counter("y_total", "Y.", "a", "b")
	many.Inc("only one value")
	if n := shown(t, r, `y_total{a="only one value",b=""}`); n != "1" {
		t.Errorf("a missing value is not empty: %s", n)
	}
	r.Gauges("z", "Z.", []string{"who"}, func(set func(float64, ...string)) {
		for i := range 2 * maxSeries {
			set(1, fmt.Sprint("v", i))
		}
	})
	if n := strings.Count(text(t, r), "doorcode_z{"); n > maxSeries+1 {
		t.Errorf("%d gauges", n)
	}
}

func TestMetricsAtOnce(t *testing.T) {
	r := NewRegistry()
	c := r.Counter("x_total", "X.", "n")
	h := r.Histogram("y", "Y.", nil)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for range 500 {
				c.Inc(fmt.Sprint(i % 4))
				h.Observe(1)
			}
		})
	}
	for range scrapes {
		wg.Go(func() { text(t, r) })
	}
	wg.Wait()
	if n := shown(t, r, `x_total{n="1"}`); n != "2500" {
		t.Errorf("counter is %s, want 2500", n)
	}
	if shown(t, r, "y_sum") != "10000" || shown(t, r, "y_count") != "10000" {
		t.Errorf("histogram:\n%s", text(t, r))
	}
}

func TestRegistry(t *testing.T) {
	r := NewRegistry()
	r.AddRuntime(time.Now())
	r.Counter("x_total", "X.", "n")
	for name, mistake := range map[string]func(){
		"another kind":   func() { r.Histogram("x_total", "X.", nil, "n") },
		"other labels":   func() { r.Counter("x_total", "X.", "m") },
		"the same again": func() { r.Counter("x_total", "X.", "n") },
		"gauge twice":    func() { r.AddRuntime(time.Now()) },
		"no label":       func() { r.Counter("z_total", "X.", "") },
		"unsorted":       func() { r.Histogram("h", "X.", []float64{2, 1}).Observe(1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			mistake()
		})
	}
	var c *Counter
	var h *Histogram
	c.Inc("x")
	h.Observe(1)
	// Two servers in one process count apart.
	NewRegistry().Counter("x_total", "X.", "n").Inc("1")
	if strings.Contains(text(t, r), "doorcode_x_total{") {
		t.Error("one registry counts for another")
	}
}

func BenchmarkCounter(b *testing.B) {
	c := NewRegistry().Counter("x_total", "X.", "route", "status")
	b.ReportAllocs()
	for b.Loop() {
		c.Inc("POST /passwordless/start", "200")
	}
}

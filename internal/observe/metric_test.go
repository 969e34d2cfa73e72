package observe

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func text(t *testing.T, r *Registry) string {
	t.Helper()
	var b strings.Builder
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestExposition(t *testing.T) {
	r := NewRegistry()
	sent := r.Counter("messages_total", "Messages handed over.\nBy outcome.", "channel", "state")
	sent.Inc("sms", "sent")
	sent.Add(2, "email", `odd"\`)
	r.Counter("starts_total", "Starts.")
	took := r.Histogram("send_seconds", "Time to send.", []float64{.1, 1}, "channel")
	for _, v := range []float64{.05, .1, .5, 7} {
		took.Observe(v, "sms")
	}
	r.Gauge("outbox", "Messages waiting.", func() float64 { return 3 })
	const want = `# HELP doorcode_messages_total Messages handed over.\nBy outcome.
# TYPE doorcode_messages_total counter
doorcode_messages_total{channel="email",state="odd\"\\"} 2
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
	if n := took.Count("sms"); n != 4 {
		t.Errorf("Count = %d, want 4", n)
	}
}

// SEC-02: labels say nothing about people, and there cannot be many.
func TestLabelsAreBounded(t *testing.T) {
	r := NewRegistry()
	c := r.Counter("x_total", "X.", "who")
	for _, v := range []string{"+31612345623", "jane@example.com", "a\nb", strings.Repeat("x", 101), "naïve"} {
		c.Inc(v)
	}
	if n := c.Value("other"); n != 5 {
		t.Errorf(`Value("other") = %d, want 5`, n)
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
	if got, want := c.Value("other"), uint64(5+10_000-(maxSeries-1)); got != want {
		t.Errorf(`Value("other") = %d, want %d`, got, want)
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
			text(t, r)
		})
	}
	wg.Wait()
	if n := c.Value("1"); n != 2500 {
		t.Errorf("counter is %d, want 2500", n)
	}
	if out := text(t, r); !strings.Contains(out, "doorcode_y_sum 10000\ndoorcode_y_count 10000\n") {
		t.Errorf("histogram:\n%s", out)
	}
}

func TestRegistry(t *testing.T) {
	r := NewRegistry()
	r.AddRuntime(time.Now())
	a, b := r.Counter("x_total", "X.", "n"), r.Counter("x_total", "X.", "n")
	a.Inc("1")
	if b.Value("1") != 1 {
		t.Error("one name has two counters")
	}
	for name, mistake := range map[string]func(){
		"another kind":   func() { r.Histogram("x_total", "X.", nil, "n") },
		"other labels":   func() { r.Counter("x_total", "X.", "m") },
		"gauge twice":    func() { r.AddRuntime(time.Now()) },
		"bad name":       func() { r.Counter("x-total", "X.") },
		"bad label":      func() { r.Counter("z_total", "X.", "É") },
		"unsorted":       func() { r.Histogram("h", "X.", []float64{2, 1}) },
		"name is absent": func() { r.Counter("z_total", "X.", "") },
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
	if c.Value() != 0 || h.Count() != 0 {
		t.Error("nil metrics count")
	}
	a.Inc() // too few values count under empty ones
	if a.Value("") != 1 {
		t.Error("a missing value is not empty")
	}
}

func BenchmarkCounter(b *testing.B) {
	c := NewRegistry().Counter("x_total", "X.", "route", "status")
	b.ReportAllocs()
	for b.Loop() {
		c.Inc("POST /passwordless/start", "200")
	}
}

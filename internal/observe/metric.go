package observe

import (
	"net/http"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	prefix    = "doorcode_"
	maxSeries = 500 // of one metric; further ones are counted together
	maxLabel  = 100 // bytes of a label's value
	overflow  = "other"
	// scrapes is how many readers are served at once.
	scrapes = 4
)

// A Registry holds the metrics of one server. Its methods add metrics, before
// it is used by more than one goroutine. Their names get the prefix doorcode_. They panic if the name is taken or is
// none, which is a mistake in the program.
type Registry struct {
	reg   *prometheus.Registry
	names []string
}

// NewRegistry returns a registry without metrics.
func NewRegistry() *Registry { return &Registry{reg: prometheus.NewRegistry()} }

// Names returns the metrics in the order in which they were added.
func (r *Registry) Names() []string { return slices.Clone(r.names) }

// add registers a metric.
func (r *Registry) add(name string, c prometheus.Collector) {
	r.reg.MustRegister(c)
	r.names = append(r.names, prefix+name)
}

// Handler answers with all metrics in the text format of Prometheus. One that
// cannot be read is left out.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.reg, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapes, DisableCompression: true,
	})
}

// A Counter counts events, apart by the values of its labels. A nil *Counter
// counts nothing.
//
// Label values are for things of which there are few, such as routes and
// outcomes. What looks personal, is too long, or comes after the 500th
// combination is counted under "other".
type Counter struct{ all series[prometheus.Counter] }

// A Histogram counts measurements by size, apart by the values of its labels,
// for which the rules of Counter hold. A nil *Histogram counts nothing.
type Histogram struct{ all series[prometheus.Observer] }

// Counter returns a new counter. By convention its name ends in "_total".
func (r *Registry) Counter(name, help string, labels ...string) *Counter {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	r.add(name, vec)
	c := &Counter{series[prometheus.Counter]{labels: len(labels), with: func(v []string) prometheus.Counter {
		return vec.WithLabelValues(v...)
	}}}
	if len(labels) == 0 {
		c.all.at(nil) // so that it shows as 0 before the first event
	}
	return c
}

// Histogram returns a new histogram. buckets are upper bounds in rising order;
// nil means 1 ms to 10 s.
func (r *Registry) Histogram(name, help string, buckets []float64, labels ...string) *Histogram {
	if buckets == nil {
		buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	}
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}, labels)
	r.add(name, vec)
	h := &Histogram{series[prometheus.Observer]{labels: len(labels), with: func(v []string) prometheus.Observer {
		return vec.WithLabelValues(v...)
	}}}
	if len(labels) == 0 {
		h.all.at(nil)
	}
	return h
}

// Inc counts one event.
func (c *Counter) Inc(values ...string) {
	if c != nil {
		c.all.at(values).Inc()
	}
}

// Observe counts a measurement.
func (h *Histogram) Observe(v float64, values ...string) {
	if h != nil {
		h.all.at(values).Observe(v)
	}
}

// Gauge has read called whenever the metrics are, by possibly many goroutines.
func (r *Registry) Gauge(name, help string, read func() float64) {
	r.add(name, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + name, Help: help}, read))
}

// Gauges is Gauge for values that are apart by labels: read calls set for each.
// The rules for label values are those of Counter.
func (r *Registry) Gauges(name, help string, labels []string, read func(set func(v float64, values ...string))) {
	r.add(name, gauges{prometheus.NewDesc(prefix+name, help, labels, nil), len(labels), read})
}

// gauges reads its values whenever they are asked for.
type gauges struct {
	desc   *prometheus.Desc
	labels int
	read   func(set func(v float64, values ...string))
}

// Describe implements prometheus.Collector.
func (g gauges) Describe(to chan<- *prometheus.Desc) { to <- g.desc }

// Collect implements prometheus.Collector.
func (g gauges) Collect(to chan<- prometheus.Metric) {
	sum := map[string]float64{}
	own := map[string][]string{}
	g.read(func(v float64, values ...string) {
		shown := bounded(values, g.labels, len(own) < maxSeries)
		key := strings.Join(shown, "\xff")
		sum[key] += v
		own[key] = shown
	})
	for key, v := range sum {
		to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, v, own[key]...)
	}
}

// series are the numbers of one metric, by what was given as label values. It
// keeps the library's promise of labels from being asked again for each event,
// and bounds how many there are.
type series[T any] struct {
	labels int
	with   func(values []string) T

	mu    sync.RWMutex
	known map[string]T
	shown map[string]struct{} // the label values that were made
}

// at returns the number for the values, which it makes if need be.
func (s *series[T]) at(values []string) T {
	var room [128]byte
	key := room[:0]
	for i := range s.labels {
		if i < len(values) {
			key = append(key, values[i]...)
		}
		key = append(key, 0xff) // in no valid text
	}
	s.mu.RLock()
	n, ok := s.known[string(key)]
	s.mu.RUnlock()
	if ok {
		return n
	}
	return s.make(string(key), values)
}

// make makes the number, or finds the one for values that are not to have a
// number of their own. Only values that are shown as they are, are remembered.
func (s *series[T]) make(key string, values []string) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known, s.shown = map[string]T{}, map[string]struct{}{}
	}
	shown := bounded(values, s.labels, len(s.shown) < maxSeries-1)
	n := s.with(shown)
	own := strings.Join(append(shown, ""), "\xff")
	s.shown[own] = struct{}{}
	if own == key {
		s.known[key] = n
	}
	return n
}

// bounded returns the label values as they may be shown, where room says
// whether there may be more of them.
func bounded(values []string, labels int, room bool) []string {
	shown := make([]string, labels, labels+1)
	for i := range shown {
		switch {
		case !room:
			shown[i] = overflow
		case i < len(values):
			shown[i] = label(values[i])
		}
	}
	return shown
}

// label is the value as it may be shown.
func label(value string) string {
	if len(value) > maxLabel || !plain(value) {
		return overflow
	}
	return value
}

// AddRuntime adds what the Go runtime knows about the process: goroutines,
// memory, and the time since start. The library's own collector of these makes
// thirty metrics more than anybody asks for here.
func (r *Registry) AddRuntime(start time.Time) {
	read := func(name string) func() float64 {
		return func() float64 {
			s := []metrics.Sample{{Name: name}}
			metrics.Read(s)
			return float64(s[0].Value.Uint64())
		}
	}
	r.Gauge("goroutines", "Goroutines that exist.", read("/sched/goroutines:goroutines"))
	r.Gauge("heap_bytes", "Memory in use by Go values.", read("/memory/classes/heap/objects:bytes"))
	r.Gauge("memory_bytes", "Memory that the Go runtime has from the system.", read("/memory/classes/total:bytes"))
	r.Gauge("uptime_seconds", "Time since the server started.", func() float64 { return time.Since(start).Seconds() })
}

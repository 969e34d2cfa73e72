package observe

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	prefix    = "doorcode_"
	maxSeries = 500 // of one metric; further ones are counted together
	maxLabel  = 100 // bytes of a label's value
	overflow  = "other"
)

// A Registry holds the metrics of one server. Its methods add metrics, whose
// names get the prefix doorcode_; they panic if a name is taken by a metric of
// another kind, which is a mistake in the program.
type Registry struct {
	mu       sync.Mutex
	families map[string]*family
}

// NewRegistry returns a registry without metrics.
func NewRegistry() *Registry { return &Registry{families: map[string]*family{}} }

// A Counter counts events, apart by the values of its labels. A nil *Counter
// counts nothing.
//
// Label values are for things of which there are few, such as routes and
// outcomes. What looks personal, is too long, or comes after the 500th
// combination is counted under "other".
type Counter struct{ family *family }

// A Histogram counts measurements by size, apart by the values of its labels,
// for which the rules of Counter hold. A nil *Histogram counts nothing.
type Histogram struct{ family *family }

// Counter returns the counter of that name. By convention it ends in "_total".
func (r *Registry) Counter(name, help string, labels ...string) *Counter {
	return &Counter{r.add(&family{kind: "counter", name: prefix + name, help: help, labels: labels})}
}

// Histogram returns the histogram of that name. buckets are upper bounds in
// rising order; nil means 1 ms to 10 s.
func (r *Registry) Histogram(name, help string, buckets []float64, labels ...string) *Histogram {
	if buckets == nil {
		buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	}
	if !slices.IsSorted(buckets) {
		panic("observe: internal error: buckets of " + name + " are not in order")
	}
	return &Histogram{r.add(&family{kind: "histogram", name: prefix + name, help: help, labels: labels, buckets: buckets})}
}

// Gauge has read called whenever the metrics are, by possibly many goroutines.
func (r *Registry) Gauge(name, help string, read func() float64) {
	r.add(&family{kind: "gauge", name: prefix + name, help: help, read: read})
}

// add registers f, or returns what is registered under its name already.
func (r *Registry) add(f *family) *family {
	for _, name := range append([]string{f.name}, f.labels...) {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			panic(fmt.Sprintf("observe: internal error: bad name %q", name))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.families[f.name]; ok {
		if old.kind != f.kind || f.kind == "gauge" || !slices.Equal(old.labels, f.labels) || !slices.Equal(old.buckets, f.buckets) {
			panic("observe: internal error: " + f.name + " is registered twice")
		}
		return old
	}
	f.series = map[string]*series{}
	if len(f.labels) == 0 && f.read == nil {
		f.at(nil) // so that it shows as 0 before the first event
	}
	r.families[f.name] = f
	return f
}

// Inc counts one event.
func (c *Counter) Inc(values ...string) { c.Add(1, values...) }

// Add counts n events.
func (c *Counter) Add(n uint64, values ...string) {
	if c != nil {
		c.family.at(values).count.Add(n)
	}
}

// Value returns how many events were counted.
func (c *Counter) Value(values ...string) uint64 {
	if c == nil {
		return 0
	}
	return c.family.at(values).count.Load()
}

// Observe counts a measurement.
func (h *Histogram) Observe(v float64, values ...string) {
	if h == nil {
		return
	}
	s := h.family.at(values)
	s.buckets[sort.SearchFloat64s(h.family.buckets, v)].Add(1)
	for {
		old := s.sum.Load()
		if s.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// Count returns how many measurements were counted.
func (h *Histogram) Count(values ...string) uint64 {
	if h == nil {
		return 0
	}
	var n uint64
	s := h.family.at(values)
	for i := range s.buckets {
		n += s.buckets[i].Load()
	}
	return n
}

// family is one metric with all its series.
type family struct {
	kind, name, help string
	labels           []string
	buckets          []float64
	read             func() float64 // of a gauge

	mu     sync.RWMutex
	series map[string]*series
}

// series is the numbers for one combination of label values.
type series struct {
	values  []string
	count   atomic.Uint64
	buckets []atomic.Uint64 // not cumulative; the last is for what exceeds all
	sum     atomic.Uint64   // bits of a float64
}

// at returns the series for the values, which it makes if need be.
func (f *family) at(values []string) *series {
	var room [128]byte
	key := room[:0]
	for i := range f.labels {
		if i < len(values) {
			key = append(key, values[i]...)
		}
		key = append(key, 0xff) // in no valid text
	}
	f.mu.RLock()
	s := f.series[string(key)]
	f.mu.RUnlock()
	if s != nil {
		return s
	}
	return f.create(string(key), values)
}

// create makes the series, or finds the one for values that are not to have a
// series of their own.
func (f *family) create(key string, values []string) *series {
	own := make([]string, len(f.labels))
	for i := range own {
		if i < len(values) {
			own[i] = label(values[i])
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.series[key]; s != nil {
		return s
	}
	if len(f.series) >= maxSeries {
		for i := range own {
			own[i] = overflow
		}
	}
	key = strings.Join(append(own, ""), "\xff")
	if s := f.series[key]; s != nil {
		return s
	}
	s := &series{values: own}
	if f.kind == "histogram" {
		s.buckets = make([]atomic.Uint64, len(f.buckets)+1)
	}
	f.series[key] = s
	return s
}

// label is the value as it may be shown.
func label(value string) string {
	if len(value) > maxLabel || !plain(value) {
		return overflow
	}
	return value
}

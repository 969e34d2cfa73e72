// Package timing measures whether the time of a start's answer tells who is known
// (ENU-02): starts for known, unknown and blocked people, in a random order, over
// HTTP.
package timing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// A difference is by how much one median is above another, with the interval that
// holds it with a probability of 95 %.
type difference struct{ by, from, till time.Duration }

// String is the difference in microseconds.
func (d difference) String() string {
	return fmt.Sprintf("%s (%s to %s)", micros(d.by), micros(d.from), micros(d.till))
}

// least is how far from nothing the interval is: what the medians differ by at
// least.
func (d difference) least() time.Duration {
	return max(0, d.from, -d.till)
}

// resamples is how often the bootstrap draws.
const resamples = 1000

// compare says by how much the median of b is above that of a. The interval is
// from the bootstrap: the same difference of samples drawn from each with
// replacement, over and over.
func compare(a, b []time.Duration) difference {
	d := difference{by: median(b) - median(a)}
	drawn := make([]time.Duration, resamples)
	x, y := make([]time.Duration, len(a)), make([]time.Duration, len(b))
	for i := range drawn {
		for j := range x {
			x[j] = a[rand.IntN(len(a))]
		}
		for j := range y {
			y[j] = b[rand.IntN(len(b))]
		}
		drawn[i] = median(y) - median(x)
	}
	slices.Sort(drawn)
	d.from, d.till = drawn[resamples*25/1000], drawn[resamples*975/1000]
	return d
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Clone(times)
	slices.Sort(sorted)
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d.Nanoseconds())/1e3) }

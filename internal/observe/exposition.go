package observe

import (
	"bytes"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ContentType is that of what WriteTo writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// WriteTo writes all metrics in the text format of Prometheus, sorted.
func (r *Registry) WriteTo(w io.Writer) (int64, error) {
	r.mu.Lock()
	families := make([]*family, 0, len(r.families))
	for _, name := range slices.Sorted(maps.Keys(r.families)) {
		families = append(families, r.families[name])
	}
	r.mu.Unlock()
	var b bytes.Buffer
	for _, f := range families {
		f.write(&b)
	}
	return b.WriteTo(w)
}

func (f *family) write(b *bytes.Buffer) {
	b.WriteString("# HELP " + f.name + " " + strings.NewReplacer("\\", `\\`, "\n", `\n`).Replace(f.help) + "\n")
	b.WriteString("# TYPE " + f.name + " " + f.kind + "\n")
	if f.read != nil {
		b.WriteString(f.name + " " + number64(f.read()) + "\n")
		return
	}
	f.mu.RLock()
	all := slices.Collect(maps.Values(f.series))
	f.mu.RUnlock()
	slices.SortFunc(all, func(a, b *series) int { return slices.Compare(a.values, b.values) })
	for _, s := range all {
		if f.kind == "counter" {
			line(b, f.name, f.labelled(s, ""), strconv.FormatUint(s.count.Load(), 10))
			continue
		}
		var total uint64
		for i := range s.buckets {
			total += s.buckets[i].Load()
			bound := math.Inf(1)
			if i < len(f.buckets) {
				bound = f.buckets[i]
			}
			line(b, f.name+"_bucket", f.labelled(s, number64(bound)), strconv.FormatUint(total, 10))
		}
		line(b, f.name+"_sum", f.labelled(s, ""), number64(math.Float64frombits(s.sum.Load())))
		line(b, f.name+"_count", f.labelled(s, ""), strconv.FormatUint(total, 10))
	}
}

func line(b *bytes.Buffer, name, labels, value string) {
	b.WriteString(name)
	b.WriteString(labels)
	b.WriteByte(' ')
	b.WriteString(value)
	b.WriteByte('\n')
}

// labelled is the labels of a series, with the bound of a bucket if there is one.
func (f *family) labelled(s *series, le string) string {
	var pairs []string
	for i, name := range f.labels {
		pairs = append(pairs, name+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s.values[i])+`"`)
	}
	if le != "" {
		pairs = append(pairs, `le="`+le+`"`)
	}
	if pairs == nil {
		return ""
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

func number64(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// AddRuntime adds what the Go runtime knows about the process: goroutines,
// memory, and the time since start.
func (r *Registry) AddRuntime(start time.Time) {
	r.Gauge("goroutines", "Goroutines that exist.", func() float64 { return float64(runtime.NumGoroutine()) })
	r.Gauge("heap_bytes", "Memory in use by Go values.", func() float64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	})
	r.Gauge("uptime_seconds", "Time since the server started.", func() float64 { return time.Since(start).Seconds() })
}

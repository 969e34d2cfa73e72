package web

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/doorcode/doorcode/internal/observe"
)

// A Record is what is known about one request. Handlers fill it as they learn
// things, and Logged writes it once.
type Record struct {
	RequestID  string
	Route      string // the pattern that matched, never the path
	ClientID   string // the application
	Connection string // the connection's name
	Event      string // the type of the log event that was recorded

	late error // what went wrong after the response had begun
}

type recordKey struct{}

// RecordOf returns the record of the request that ctx belongs to. Outside one
// it returns a record that nobody reads, never nil.
func RecordOf(ctx context.Context) *Record {
	if rec, ok := ctx.Value(recordKey{}).(*Record); ok {
		return rec
	}
	return new(Record)
}

// Metrics counts requests. A nil *Metrics counts nothing.
type Metrics struct {
	Requests *observe.Counter   // by route and status
	Seconds  *observe.Histogram // by route
}

// NewMetrics adds the counters of requests to a registry.
func NewMetrics(reg *observe.Registry) *Metrics {
	return &Metrics{
		Requests: reg.Counter("http_requests_total", "Requests answered.", "route", "status"),
		Seconds:  reg.Histogram("http_request_seconds", "Time to answer a request.", nil, "route"),
	}
}

// exchange is one request being served: the context that carries its record,
// and the writer that remembers its status, in one allocation.
type exchange struct {
	context.Context
	record Record
	writer tracker
}

// Value finds the record, and the request's id for whatever is logged meanwhile.
func (x *exchange) Value(key any) any {
	switch key.(type) {
	case recordKey:
		return &x.record
	case observe.RequestIDKey:
		return x.record.RequestID
	}
	return x.Context.Value(key)
}

// Logged writes one line for each request when it has been answered, and counts
// it. The request's id is the one a proxy gave it in X-Request-Id if that looks
// like one, and goes back in the response. A panic that got past Handle is
// answered with a plain 500.
func Logged(next http.Handler, log *slog.Logger, metrics *Metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		x := &exchange{Context: r.Context(), writer: tracker{ResponseWriter: w}}
		x.record.RequestID = r.Header.Get("X-Request-Id")
		if !observe.ValidRequestID(x.record.RequestID) {
			x.record.RequestID = observe.NewRequestID()
		}
		w.Header().Set("X-Request-Id", x.record.RequestID)
		r = r.WithContext(x)
		defer func() {
			v := recover()
			broken := v != nil && (v == http.ErrAbortHandler || x.writer.status != 0)
			if err := x.record.late; err != nil {
				log.ErrorContext(x, "response cut off", "err", err)
			}
			if v != nil && v != http.ErrAbortHandler {
				log.ErrorContext(x, "handler panicked", "err", recovered(v))
			}
			if v != nil && !broken {
				http.Error(&x.writer, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			}
			finish(x, r.Pattern, start, log, metrics)
			if broken {
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(&x.writer, r)
	})
}

// finish writes the line and counts.
func finish(x *exchange, pattern string, start time.Time, log *slog.Logger, metrics *Metrics) {
	end := time.Now()
	took := end.Sub(start)
	rec := &x.record
	if rec.Route == "" {
		rec.Route = pattern
	}
	if rec.Route == "" {
		rec.Route = "unmatched"
	}
	status := x.writer.status
	if status == 0 {
		status = http.StatusOK // what net/http sends for a handler that wrote nothing
	}
	if metrics != nil {
		metrics.Requests.Inc(rec.Route, strconv.Itoa(status))
		metrics.Seconds.Observe(took.Seconds(), rec.Route)
	}
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	// Not with x, from which the handler would add the id a second time.
	ctx := context.Background()
	if h := log.Handler(); h.Enabled(ctx, level) {
		line := slog.NewRecord(end, level, "request", 0)
		line.AddAttrs(
			slog.String("request_id", rec.RequestID),
			slog.String("route", rec.Route),
			slog.Int("status", status),
			slog.Int64("dur_us", took.Microseconds()),
			slog.String("client_id", rec.ClientID),
			slog.String("connection", rec.Connection),
			slog.String("event", rec.Event))
		// A log that cannot be written to leaves nobody to tell.
		_ = h.Handle(ctx, line)
	}
}

// A tracker is a ResponseWriter that remembers the status, 0 before there is
// one.
type tracker struct {
	http.ResponseWriter
	status int
}

// track returns w if it is a tracker, else one around it.
func track(w http.ResponseWriter) *tracker {
	if t, ok := w.(*tracker); ok {
		return t
	}
	return &tracker{ResponseWriter: w}
}

// WriteHeader notes the status, unless it is only informational.
func (t *tracker) WriteHeader(status int) {
	if t.status == 0 && status >= 200 {
		t.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write begins the response with 200 if nothing else was said.
func (t *tracker) Write(b []byte) (int, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	return t.ResponseWriter.Write(b)
}

// Flush sends what was written so far, if the connection can. It is here for
// code that looks for an http.Flusher.
func (t *tracker) Flush() {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	_ = http.NewResponseController(t.ResponseWriter).Flush()
}

// Unwrap gives http.ResponseController the writer below.
func (t *tracker) Unwrap() http.ResponseWriter { return t.ResponseWriter }

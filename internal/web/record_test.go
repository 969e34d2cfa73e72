package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/observe"
)

// surface is a small one with everything that can go right and wrong.
func surface() http.Handler {
	writeError := func(w http.ResponseWriter, r *http.Request, err error) {
		_ = WriteJSON(w, StatusOf(err), map[string]string{"error": fault.Of(err).Code})
	}
	mux := http.NewServeMux()
	route := func(pattern string, fn HandlerFunc) { mux.Handle(pattern, Handle(fn, writeError)) }
	route("POST /start/{id}", func(w http.ResponseWriter, r *http.Request) error {
		rec := RecordOf(r.Context())
		rec.ClientID, rec.Connection, rec.Event = "app", "sms", "cs"
		return WriteJSON(w, http.StatusOK, "sent")
	})
	route("GET /refuse", func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.Invalid, "invalid_request", "No.")
	})
	route("GET /fail", func(http.ResponseWriter, *http.Request) error { return errors.New("database is at 10.0.0.1") })
	route("GET /panic", func(http.ResponseWriter, *http.Request) error { panic("the secret of /srv/doorcode") })
	route("GET /late", func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "half of it")
		return errors.New("gone wrong midway")
	})
	route("GET /nothing", func(http.ResponseWriter, *http.Request) error { return nil })
	mux.HandleFunc("GET /bare", func(http.ResponseWriter, *http.Request) { panic("bare panic") })
	mux.HandleFunc("GET /abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	return mux
}

// logLine is what a request leaves in the log.
type logLine struct {
	Time, Level, Msg, Route, Event, Connection string
	RequestID                                  string `json:"request_id"`
	ClientID                                   string `json:"client_id"`
	Status                                     int
	Dur                                        *int64 `json:"dur_us"`
}

func lastLine(t *testing.T, log *bytes.Buffer) (line logLine) {
	t.Helper()
	all := strings.Split(strings.TrimSpace(log.String()), "\n")
	if err := json.Unmarshal([]byte(all[len(all)-1]), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

func TestLogged(t *testing.T) {
	tests := []struct {
		method, target string
		status         int
		level, route   string
	}{
		{"POST", "/start/jane@example.com?phone=%2B31612345623", 200, "INFO", "POST /start/{id}"},
		{"GET", "/refuse?token=abc", 400, "INFO", "GET /refuse"},
		{"GET", "/fail", 500, "ERROR", "GET /fail"},
		{"GET", "/panic", 500, "ERROR", "GET /panic"},
		{"GET", "/bare", 500, "ERROR", "GET /bare"},
		{"GET", "/nothing", 200, "INFO", "GET /nothing"},
		{"GET", "/nowhere/jane", 404, "INFO", "unmatched"},
		{"TRACE", "/refuse", 405, "INFO", "unmatched"},
	}
	var out bytes.Buffer
	reg := observe.NewRegistry()
	h := Logged(Secure(surface(), true), observe.NewLogger(&out, observe.JSON, slog.LevelInfo), NewMetrics(reg))
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			out.Reset()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.target, nil))
			if w.Code != tt.status {
				t.Fatalf("status %d, want %d", w.Code, tt.status)
			}
			for _, leak := range []string{"secret", "srv", "10.0.0.1", "goroutine", ".go", "panic"} {
				if strings.Contains(w.Body.String(), leak) {
					t.Errorf("HTT-12: %q in the response %s", leak, w.Body)
				}
			}
			line := lastLine(t, &out)
			if line.Level != tt.level || line.Msg != "request" || line.Route != tt.route || line.Status != tt.status || line.Dur == nil {
				t.Errorf("line %s", &out)
			}
			if line.RequestID == "" || line.RequestID != w.Header().Get("X-Request-Id") {
				t.Errorf("request id %q, header %q", line.RequestID, w.Header().Get("X-Request-Id"))
			}
			if tt.status == 200 && tt.method == "POST" && line.ClientID+line.Connection+line.Event != "appsmscs" {
				t.Errorf("line %s", &out)
			}
			for _, personal := range []string{"jane", "31612345623", "abc", "phone="} {
				if strings.Contains(out.String(), personal) {
					t.Errorf("%q in %s", personal, out.String())
				}
			}
		})
	}
	metrics := httptest.NewRecorder()
	reg.Handler().ServeHTTP(metrics, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`doorcode_http_requests_total{route="POST /start/{id}",status="200"} 1`,
		`doorcode_http_requests_total{route="unmatched",status="404"} 1`,
		`doorcode_http_request_seconds_count{route="GET /panic"} 1`,
	} {
		if !strings.Contains(metrics.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, metrics.Body.String())
		}
	}
}

// HTT-12: over a connection, a panic is one 500 and the next request is served;
// a response that cannot be completed is cut off, and logged with its reason.
func TestHTT12PanicsOnTheWire(t *testing.T) {
	var out bytes.Buffer
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = Server(Logged(surface(), observe.NewLogger(&out, observe.Text, slog.LevelInfo), nil))
	srv.Start()
	get := func(path string) (int, string, error) {
		res, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			return 0, "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return res.StatusCode, string(body), err
	}
	for _, path := range []string{"/panic", "/bare"} {
		if status, body, err := get(path); status != 500 || err != nil {
			t.Errorf("%s: %d %q %v", path, status, body, err)
		}
		if status, _, err := get("/nothing"); status != 200 || err != nil {
			t.Errorf("after %s: %d %v", path, status, err)
		}
	}
	for _, path := range []string{"/late", "/abort"} {
		if status, body, err := get(path); err == nil {
			t.Errorf("%s: complete response %d %q", path, status, body)
		}
	}
	srv.Close()
	log := out.String()
	for _, want := range []string{"handler panicked", "bare panic at web.surface", "gone wrong midway"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	// The client may repeat a GET that was cut off.
	if n := strings.Count(log, "msg=request "); n < 6 || n > 8 {
		t.Errorf("%d request lines, want 6, in\n%s", n, log)
	}
}

func TestRequestID(t *testing.T) {
	h := Logged(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := observe.RequestIDOf(r.Context()); id != RecordOf(r.Context()).RequestID || id == "" {
			t.Errorf("context has %q", id)
		}
	}), slog.New(slog.DiscardHandler), nil)
	for in, keep := range map[string]bool{
		"abc-DEF_123": true, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
		"": false, "a b": false, "<script>": false, "a\nb": false, "jane@example.com": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Request-Id", in)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("X-Request-Id"); (got == in) != keep || got == "" {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestRecordOutsideRequest(t *testing.T) {
	RecordOf(t.Context()).ClientID = "nobody reads this"
	if got := RecordOf(t.Context()).ClientID; got != "" {
		t.Errorf("kept %q", got)
	}
}

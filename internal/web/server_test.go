package web

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
)

func TestServer(t *testing.T) {
	s := Server(http.NotFoundHandler())
	if s.ReadHeaderTimeout != 5*time.Second || s.ReadTimeout != 15*time.Second || s.WriteTimeout == 0 ||
		s.IdleTimeout != 120*time.Second || s.MaxHeaderBytes != 12<<10 {
		t.Errorf("%+v", s)
	}
}

// A handler that extends its time may wait longer than the server's timeouts,
// its client is not taken for lost meanwhile, and streams come through.
func TestExtend(t *testing.T) {
	mux := http.NewServeMux()
	wait := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			t.Error("the request was cancelled")
		case <-time.After(300 * time.Millisecond):
		}
		_, _ = io.WriteString(w, "done")
	}
	mux.HandleFunc("/extended", func(w http.ResponseWriter, r *http.Request) {
		if err := Extend(w, time.Minute); err != nil {
			t.Error(err)
		}
		wait(w, r)
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		if err := Extend(w, 0); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, "first ")
		w.(http.Flusher).Flush()
		wait(w, r)
	})
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = Server(Logged(mux, slog.New(slog.DiscardHandler), nil))
	srv.Config.ReadTimeout = 100 * time.Millisecond
	srv.Config.WriteTimeout = 100 * time.Millisecond
	srv.Start()
	defer srv.Close()
	for path, want := range map[string]string{"/extended": "done", "/stream": "first done"} {
		res, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(body) != want {
			t.Errorf("%s: %q, %v", path, body, err)
		}
	}
	if err := Extend(httptest.NewRecorder(), time.Second); err != nil {
		t.Errorf("without a connection: %v", err)
	}
}

func TestWriteJSON(t *testing.T) {
	w := httptest.NewRecorder()
	NoStore(w)
	if err := WriteJSON(w, http.StatusCreated, map[string]string{"a": "<é>&"}); err != nil {
		t.Fatal(err)
	}
	want := `{"a":"<é>&"}`
	if w.Code != 201 || w.Body.String() != want || w.Header().Get("Content-Length") != fmt.Sprint(len(want)) ||
		w.Header().Get("Content-Type") != "application/json; charset=utf-8" ||
		w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Pragma") != "no-cache" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	w = httptest.NewRecorder()
	if err := WriteJSON(w, 200, func() {}); err == nil || w.Body.Len() > 0 || w.Header().Get("Content-Type") != "" {
		t.Errorf("a function was encoded: %v %s", err, w.Body)
	}
}

func TestStatus(t *testing.T) {
	for kind, want := range map[fault.Kind]int{
		fault.Internal: 500, fault.Invalid: 400, fault.Denied: 403, fault.NotFound: 404, fault.Conflict: 409,
		fault.Gone: 410, fault.TooMany: 429, fault.Unavailable: 503, 200: 500,
	} {
		if got := Status(kind); got != want {
			t.Errorf("Status(%d) = %d, want %d", kind, got, want)
		}
	}
	if got := StatusOf(io.EOF); got != 500 {
		t.Errorf("StatusOf(plain error) = %d", got)
	}
	for d, want := range map[time.Duration]string{0: "", time.Millisecond: "1", 1500 * time.Millisecond: "2", time.Minute: "60"} {
		w := httptest.NewRecorder()
		SetRetryAfter(w, d)
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("Retry-After for %v is %q, want %q", d, got, want)
		}
	}
}

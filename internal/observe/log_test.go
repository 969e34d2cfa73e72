package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
)

// personal is what must never be found in a log, wherever it was put.
var personal = []string{
	"31612345623", "jane.doe", "s3cret-value", "493817", "c2lnbmF0dXJl",
}

func secretRecord(log *slog.Logger) {
	const (
		phone = "+31612345623"
		email = "jane.doe@example.com"
		jwt   = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
	)
	for _, key := range []string{
		"code", "otp", "token", "access_token", "refresh_token", "id_token", "secret", "client_secret",
		"password", "authorization", "Authorization", "cookie", "set_cookie", "twilio_token", "api_key", "dsn", "body",
	} {
		log.Info("a", key, "s3cret-value")
		log.Info("a", key, 493817)
		log.Info("a", slog.Group(key, "x", "s3cret-value"))
		log.With(key, "s3cret-value").WithGroup(key).Info("a", "x", "s3cret-value")
	}
	for _, key := range []string{"phone", "phone_number", "email", "to", "address", "recipient", "note", "path"} {
		log.Info("a", key, phone)
		log.Info("a", key, email)
		log.Info("a", key, jwt)
	}
	log.Info("sent to " + phone + " and " + email)
	log.Error("a", "err", fmt.Errorf("post https://api/?To=%%2B31612345623: %w", errors.New("no "+email)))
	log.Info("a", "header", http.Header{"Authorization": {"Bearer s3cret-value"}})
	log.Info("a", "struct", struct{ Password string }{"s3cret-value"})
	log.Info("a", "pointer", &struct{ Phone string }{phone})
	log.Info("a", "bytes", []byte("s3cret-value"))
	log.Info("a", "list", []string{phone, email})
	log.Info("a", "value", hiding{phone})
	log.Info("a", "url", "postgres://doorcode:s3cret-value@db/x")
}

type hiding struct{ phone string }

func (h hiding) LogValue() slog.Value { return slog.StringValue(h.phone) }

// SEC-02: a search of the log for what is personal or secret finds nothing.
func TestSEC02Redaction(t *testing.T) {
	for _, format := range []Format{Text, JSON} {
		var b bytes.Buffer
		secretRecord(NewLogger(&b, format, slog.LevelDebug))
		for _, p := range personal {
			for line := range strings.Lines(b.String()) {
				if strings.Contains(line, p) {
					t.Errorf("%s: found %q in %s", format, p, line)
				}
			}
		}
		if !strings.Contains(b.String(), "+31•••••••23") {
			t.Errorf("%s: no masked number in\n%s", format, b.String())
		}
	}
}

func TestWhatIsKept(t *testing.T) {
	var b bytes.Buffer
	log := NewLogger(&b, Text, slog.LevelInfo)
	var nilError *netipError
	log.Info("request", "status", 200, "status_code", 404, "event", "s", "to_masked", "x", "client_id", "abc",
		"ip", netip.MustParseAddr("192.0.2.1"), "took", time.Second, "err", error(nilError), "nothing", nil)
	log.Debug("not at this level")
	want := `level=INFO msg=request status=200 status_code=404 event=s to_masked=x client_id=abc ip=192.0.2.1 took=1s err=[*observe.netipError] nothing=<nil>`
	if _, got, _ := strings.Cut(strings.TrimSpace(b.String()), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

type netipError struct{ s string }

func (e *netipError) Error() string { return e.s }

func TestRequestIDInLog(t *testing.T) {
	var b bytes.Buffer
	log := NewLogger(&b, JSON, slog.LevelInfo).With("a", 1)
	log.InfoContext(WithRequestID(context.Background(), "r-1"), "hello")
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil || line["request_id"] != "r-1" {
		t.Errorf("got %v from %s (%v)", line["request_id"], b.Bytes(), err)
	}
	if when, err := time.Parse(time.RFC3339Nano, line["time"].(string)); err != nil || when.Location() != time.UTC {
		t.Errorf("time is %v, %v", line["time"], err)
	}
}

// INJ-12: a hundred ways to start a line of one's own, steer a terminal or
// break the format, each as message, name and value: lines = events.
func TestINJ12LogInjection(t *testing.T) {
	var payloads []string
	for _, c := range []string{
		"\n", "\r", "\r\n", "\x00", "\x1b[2J", "\x1b]0;x\x07", "\x08", "\x0b", "\x0c", "\x7f",
		"\u0085", "\u009b31m", "\u2028", "\u2029", "\u202e", "\u2066", "\u200f", "\ufeff", "\xff\xfe", "\xc2",
		"\"", "\\", "\\n", "\"}\n{\"level\":\"ERROR\"", "%0a",
	} {
		payloads = append(payloads, c, "ok"+c+"level=ERROR msg=forged", c+c+c, strings.Repeat(c+"x", 600))
	}
	if len(payloads) != 100 {
		t.Fatalf("%d payloads, want 100", len(payloads))
	}
	for _, format := range []Format{Text, JSON} {
		for _, p := range payloads {
			var b bytes.Buffer
			log := NewLogger(&b, format, slog.LevelInfo)
			log.Info(p, "field", p, "err", errors.New(p), slog.Group("group", "member", p))
			out := b.String()
			if strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "\n") {
				t.Errorf("%s, %.20q: %d lines", format, p, strings.Count(out, "\n"))
			}
			line := strings.TrimSuffix(out, "\n")
			if i := strings.IndexFunc(line, func(r rune) bool {
				return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
			}); i >= 0 {
				t.Errorf("%s, %.20q: control character in %.80q", format, p, line[i:])
			}
			if format != JSON {
				continue
			}
			var got struct{ Level, Field string }
			if err := json.Unmarshal([]byte(line), &got); err != nil || got.Level != "INFO" {
				t.Errorf("%.20q: level %q, %v", p, got.Level, err)
			}
		}
	}
}

func TestFieldCap(t *testing.T) {
	for _, in := range []string{
		strings.Repeat("x", 5000), strings.Repeat("é", 5000), strings.Repeat("jane@example.com ", 500),
		strings.Repeat("\x00", 5000), strings.Repeat("x", 1025),
	} {
		var b bytes.Buffer
		NewLogger(&b, JSON, slog.LevelInfo).Info("m", "field", in)
		var got struct{ Field string }
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Field) > maxField || !strings.HasSuffix(got.Field, "…") {
			t.Errorf("%.10q: %d bytes, end %q", in, len(got.Field), got.Field[max(0, len(got.Field)-5):])
		}
	}
}

func TestRequestID(t *testing.T) {
	if a, b := NewRequestID(), NewRequestID(); a == b || !ValidRequestID(a) {
		t.Errorf("NewRequestID gave %q, %q", a, b)
	}
	for _, id := range []string{"", "a b", "a\n", "é", "a.b", strings.Repeat("x", 65), "<script>"} {
		if ValidRequestID(id) {
			t.Errorf("ValidRequestID(%q) = true", id)
		}
	}
	if id := strings.Repeat("x", 60) + "A-_9"; !ValidRequestID(id) {
		t.Errorf("ValidRequestID(%q) = false", id)
	}
	if id := RequestIDOf(context.Background()); id != "" {
		t.Errorf("RequestIDOf = %q", id)
	}
}

func BenchmarkLog(b *testing.B) {
	for _, format := range []Format{Text, JSON} {
		b.Run(string(format), func(b *testing.B) {
			log := NewLogger(io.Discard, format, slog.LevelInfo)
			b.ReportAllocs()
			for b.Loop() {
				log.LogAttrs(context.Background(), slog.LevelInfo, "request",
					slog.String("request_id", "3ZQ5OWM2A7RFYB4KDXJ6NTEHLC"),
					slog.String("route", "POST /passwordless/start"),
					slog.Int("status", 200), slog.Int64("dur_us", 234),
					slog.String("client_id", "AbCdEfGhIjKlMnOpQrStUvWxYz012345"),
					slog.String("connection", "sms"), slog.String("event", "cs"))
			}
		})
	}
}

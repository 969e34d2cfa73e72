package call

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
)

func TestBase(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://api.example.com": true, "https://api.example.com/": true, "http://127.0.0.1:1": true, "http://[::1]:1": true,
		"http://localhost:1": true, "": false, "http://api.example.com": false, "ftp://x": false,
		"https://u:p@api.example.com": false, "api.example.com": false, "https://x/?a=b": false, "https://x/#y": false,
		"http://127.0.0.1.example.com": false, "http://10.0.0.1": false,
	} {
		got, err := Base("Acme", base)
		if (err == nil) != ok || strings.HasSuffix(got, "/") {
			t.Errorf("Base(%q) = %q, %v", base, got, err)
		}
	}
}

// A status that nobody has a code for counts for itself.
func TestRefusal(t *testing.T) {
	c := New(func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) })
	for status, class := range map[int]delivery.Class{
		302: delivery.Configuration, 400: delivery.Permanent, 401: delivery.Configuration, 402: delivery.Configuration, 403: delivery.Configuration,
		404: delivery.Configuration, 408: delivery.Temporary, 413: delivery.Configuration, 429: delivery.Temporary, 500: delivery.Temporary, 504: delivery.Temporary,
	} {
		e := c.Refusal(Party{Name: "Acme"}, &Answer{Status: status, Header: http.Header{}}, "", "")
		if e.Class != class || e.Code == "" || e.Text == "" || e.Unanswered || class == delivery.Configuration && e.Fix == "" {
			t.Errorf("status %d: %+v, want %v", status, e, class)
		}
	}
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "": 0, "-5": 0, "9999999": 24 * time.Hour, "soon": 0, "Thu, 01 Jan 2026 00:00:30 GMT": 30 * time.Second,
	} {
		e := c.Refusal(Party{Name: "Acme"}, &Answer{Status: 429, Header: http.Header{"Retry-After": {header}}}, "x", "y")
		if e.RetryAfter != want || e.Code != "x" {
			t.Errorf("Retry-After %q gave %v", header, e.RetryAfter)
		}
	}
}

func TestText(t *testing.T) {
	p := Party{Name: "Acme", Hidden: []string{"hunter22", "x", ""}}
	for in, want := range map[string]string{
		"no hunter22 here":          "no [redacted] here",
		"no aHVudGVyMjI= here":      "no [redacted]= here",
		"a\r\nb\x00c\u2028d":        "a  b c d",
		"to jo@example.com, x":      "to j•••@example.com, x",
		strings.Repeat("é", 1000):   strings.Repeat("é", 250),
		"\xff\xfe":                  "",
		"the number +447700900123.": "",
	} {
		got := p.Text(in)
		if strings.Contains(in, "@") || strings.Contains(in, "+44") {
			// How much of an address is left is observe's business.
			if strings.Contains(got, "jo@example.com") || strings.Contains(got, "447700900123") {
				t.Errorf("Text(%q) = %q", in, got)
			}
			continue
		}
		if got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"msg-1": "msg-1", " a ": "a", "a b": "", strings.Repeat("a", 200): "", "a\nb": ""} {
		if got := p.ID(in); got != want {
			t.Errorf("ID(%q) = %q, want %q", in, got, want)
		}
	}
}

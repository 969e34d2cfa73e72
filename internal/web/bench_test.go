package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/observe"
)

const (
	startBody = `{"client_id":"AbCdEfGhIjKlMnOpQrStUvWxYz012345","client_secret":"x9fKq0Zs3vB7nM2dLp5Rt8Wy","connection":"sms","phone_number":"+15550100123","authParams":{"scope":"openid offline_access","device":"phone"}}`
	tokenForm = `grant_type=http%3A%2F%2Fauth0.com%2Foauth%2Fgrant-type%2Fpasswordless%2Fotp&client_id=AbCdEfGhIjKlMnOpQrStUvWxYz012345&username=%2B15550100123&otp=123456&realm=sms&scope=openid+offline_access`
)

// sink is a ResponseWriter that costs nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

func reading(body, contentType string) (*http.Request, func()) {
	r := post(body)
	r.Header.Set("Content-Type", contentType)
	src := strings.NewReader(body)
	return r, func() { src.Reset(body); r.Body = io.NopCloser(src) }
}

func BenchmarkScan(b *testing.B) {
	body := []byte(startBody)
	b.ReportAllocs()
	for b.Loop() {
		s := scanner{src: body, fold: true}
		if err := s.document(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadJSON(b *testing.B) {
	r, again := reading(startBody, "application/json")
	w := &sink{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		again()
		var dst struct {
			ClientID   string            `json:"client_id"`
			Secret     string            `json:"client_secret"`
			Connection string            `json:"connection"`
			Phone      string            `json:"phone_number"`
			Params     map[string]string `json:"authParams"`
		}
		if err := ReadJSON(w, r, AuthLimit, &dst); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadParams(b *testing.B) {
	for name, v := range map[string][2]string{"form": {tokenForm, formType}, "json": {startBody, "application/json"}} {
		b.Run(name, func(b *testing.B) {
			r, again := reading(v[0], v[1])
			w := &sink{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				again()
				if _, err := ReadParams(w, r, AuthLimit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLogged(b *testing.B) {
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := RecordOf(r.Context())
		rec.Route, rec.ClientID, rec.Connection, rec.Event = "POST /passwordless/start", "AbCdEfGhIjKlMnOpQrStUvWxYz012345", "sms", "cs"
		w.WriteHeader(http.StatusOK)
	})
	for name, log := range map[string]*slog.Logger{
		"json": observe.NewLogger(io.Discard, observe.JSON, slog.LevelInfo),
		"slog": slog.New(slog.NewJSONHandler(io.Discard, nil)), // what the standard library alone costs
		"off":  slog.New(slog.DiscardHandler),
	} {
		b.Run(name, func(b *testing.B) {
			h := Logged(next, log, NewMetrics(observe.NewRegistry()))
			r := httptest.NewRequestWithContext(context.Background(), "POST", "/passwordless/start", nil)
			w := &sink{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkWriteJSON(b *testing.B) {
	w := &sink{http.Header{}}
	v := struct {
		ID       string `json:"_id"`
		Phone    string `json:"phone_number"`
		Verified bool   `json:"phone_verified"`
	}{"6492b5a75bedeae7449299fa", "+123456789", true}
	b.ReportAllocs()
	for b.Loop() {
		_ = WriteJSON(w, http.StatusOK, v)
	}
}

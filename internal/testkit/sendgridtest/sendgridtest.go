// Package sendgridtest is a stand-in for SendGrid: a server that answers to its
// v3 Mail Send as SendGrid documents it, for tests that must not send anything.
package sendgridtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/standin"
)

// Key is an API key of the account.
const Key = "SG.aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

// Server is a stand-in. Set its fields before the first request.
type Server struct {
	*standin.Server

	Verified []string // domains that may be sent from
	Scopes   []string // what the key may do

	made int
}

// Start starts a server that stops with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Verified: []string{"example.com", "example.org"}, Scopes: []string{"mail.send", "alerts.read"}}
	s.Server = standin.Start(t, s.answer)
	return s
}

// Problem is an error document. field is what of the request is wrong, or "".
func Problem(status int, text, field string) standin.Reply {
	one := map[string]any{"message": text, "field": nil, "help": nil}
	if field != "" {
		one["field"] = field
	}
	return reply(status, map[string]any{"errors": []any{one}})
}

func reply(status int, v any) standin.Reply {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return standin.Reply{Status: status, Body: string(raw), Header: map[string]string{"Content-Type": "application/json"}}
}

func (s *Server) answer(r *standin.Request) standin.Reply {
	if r.Header.Get("Authorization") != "Bearer "+Key {
		return Problem(http.StatusUnauthorized, "The provided authorization grant is invalid, expired, or revoked", "")
	}
	switch {
	case r.Method == http.MethodGet && r.URI == "/v3/scopes":
		return reply(http.StatusOK, map[string]any{"scopes": s.Scopes})
	case r.Method == http.MethodPost && r.URI == "/v3/mail/send":
		return s.send(r)
	}
	return Problem(http.StatusNotFound, "not found", "")
}

type mailbox struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

// outgoing is what is known here of a request.
type outgoing struct {
	Personalizations []struct {
		To   []mailbox         `json:"to"`
		Cc   []mailbox         `json:"cc"`
		Bcc  []mailbox         `json:"bcc"`
		Args map[string]string `json:"custom_args"`
	} `json:"personalizations"`
	From    mailbox `json:"from"`
	Subject string  `json:"subject"`
	Content []struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"content"`
	Headers  map[string]string `json:"headers"`
	Tracking struct {
		Click struct {
			Enable *bool `json:"enable"`
			Text   *bool `json:"enable_text"`
		} `json:"click_tracking"`
		Open struct {
			Enable *bool `json:"enable"`
		} `json:"open_tracking"`
	} `json:"tracking_settings"`
}

// reserved are the headers that cannot be set.
func reserved(name string) bool {
	return slices.Contains([]string{
		"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-transfer-encoding", "content-type", "to", "from", "subject", "reply-to", "cc", "bcc",
	}, strings.ToLower(name))
}

func (s *Server) send(r *standin.Request) standin.Reply {
	var m outgoing
	dec := json.NewDecoder(strings.NewReader(r.Body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || r.Header.Get("Content-Type") != "application/json" {
		return Problem(http.StatusBadRequest, "Bad Request", "")
	}
	bad := func(text, field string) standin.Reply { return Problem(http.StatusBadRequest, text, field) }
	if !slices.Contains(s.Scopes, "mail.send") {
		return Problem(http.StatusForbidden, "access forbidden", "")
	}
	if len(m.Personalizations) != 1 || len(m.Personalizations[0].To) != 1 || m.Personalizations[0].Cc != nil || m.Personalizations[0].Bcc != nil {
		return bad("The stand-in wants one recipient.", "personalizations")
	}
	one := m.Personalizations[0]
	if a, err := netmail.ParseAddress(one.To[0].Email); err != nil || a.Address != one.To[0].Email {
		return bad("Does not contain a valid address.", "personalizations.0.to.0.email")
	}
	_, domain, _ := strings.Cut(m.From.Email, "@")
	if !slices.Contains(s.Verified, domain) {
		return Problem(http.StatusForbidden, "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.", "from")
	}
	if m.Subject == "" {
		return bad("The subject is required.", "subject")
	}
	r.Message = standin.Message{To: one.To[0].Email, From: m.From.Name + " <" + m.From.Email + ">", Subject: m.Subject, Headers: map[string]string{}}
	for i, c := range m.Content {
		switch {
		case c.Value == "":
			return bad("The content value must be a string at least one character in length.", fmt.Sprintf("content.%d.value", i))
		case c.Type == "text/plain" && i == 0:
			r.Message.Text = c.Value
		case c.Type == "text/html":
			r.Message.HTML = c.Value
		default:
			return bad("If present, text/plain and text/html may only be provided once, in this order.", "content")
		}
	}
	for name, value := range m.Headers {
		if reserved(name) || strings.ContainsAny(name+value, "\r\n\x00") {
			return bad("The header "+name+" is not allowed.", "headers")
		}
		r.Message.Headers[name] = value
	}
	for name, value := range one.Args {
		r.Message.Headers["arg "+name] = value
	}
	off := func(b *bool) bool { return b != nil && !*b }
	r.Message.Headers["untracked"] = fmt.Sprint(off(m.Tracking.Click.Enable) && off(m.Tracking.Click.Text) && off(m.Tracking.Open.Enable))
	s.made++
	r.ID = fmt.Sprintf("LRzXl_NHStOGhQ4kof%04d", s.made)
	return standin.Reply{Status: http.StatusAccepted, Header: map[string]string{"X-Message-Id": r.ID}}
}

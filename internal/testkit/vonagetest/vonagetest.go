// Package vonagetest is a stand-in for Vonage: a server that answers to its
// Messages API and its SMS API as Vonage documents them, for tests that must not
// send anything.
package vonagetest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/testkit/standin"
)

// Key, Secret and From belong to the account that a new server has, and
// Application to an application of it.
const (
	Key         = "abcd1234"
	Secret      = "AbCdEf0123456789"
	From        = "Acme"
	Application = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
)

// Server is a stand-in. Set its fields before the first request.
type Server struct {
	*standin.Server

	Now    func() time.Time
	Public *rsa.PublicKey // of the application; nil if there is none
	Seen   []string       // token ids; each counts once
	// Balance is that of the account, in euros.
	Balance float64
	// LegacyStatus has the SMS API answer with that status, and Refused name the
	// parts of the message that meet it.
	LegacyStatus string
	Refused      []int

	made int
}

// Start starts a server that stops with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Now: time.Now, Balance: 10.28}
	s.Server = standin.Start(t, s.answer)
	return s
}

// Problem is an error document of the Messages API. A code of 0 is that of an
// error without one, such as for wrong credentials.
func Problem(status, code int, title, detail string) standin.Reply {
	kind := "https://developer.vonage.com/api-errors"
	if code != 0 {
		kind += "/messages#" + strconv.Itoa(code)
	}
	return document(status, map[string]any{
		"type": kind, "title": title, "detail": detail, "instance": "bf0ca0bf927b3b52e3cb03217e1a1ddf",
	})
}

func document(status int, v any) standin.Reply {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return standin.Reply{Status: status, Body: string(raw), Header: map[string]string{"Content-Type": "application/json"}}
}

func (s *Server) answer(r *standin.Request) standin.Reply {
	switch {
	case r.Method == http.MethodPost && r.URI == "/v1/messages":
		return s.messages(r)
	case r.Method == http.MethodPost && r.URI == "/sms/json":
		return s.sms(r)
	case r.Method == http.MethodGet && r.URI == "/account/get-balance":
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Basic ") || !s.known(r.Header.Get("Authorization")) {
			return Problem(http.StatusUnauthorized, 0, "Unauthorized", "You did not provide correct credentials.")
		}
		return document(http.StatusOK, map[string]any{"value": s.Balance, "autoReload": false})
	}
	return Problem(http.StatusNotFound, 0, "Not Found", "There is nothing here.")
}

// body is what the Messages API takes of a text message.
type body struct {
	Type    string `json:"message_type"`
	Channel string `json:"channel"`
	To      string `json:"to"`
	From    string `json:"from"`
	Text    string `json:"text"`
	TTL     *int   `json:"ttl"`
	Ref     string `json:"client_ref"`
	Webhook string `json:"webhook_url"`
	Version string `json:"webhook_version"`
	SMS     struct {
		Encoding string `json:"encoding_type"`
	} `json:"sms"`
}

func (s *Server) messages(r *standin.Request) standin.Reply {
	if !s.known(r.Header.Get("Authorization")) {
		return Problem(http.StatusUnauthorized, 0, "Unauthorized", "You did not provide correct credentials. Check your authentication credentials; they should be in the Authorization header.")
	}
	var b body
	dec := json.NewDecoder(strings.NewReader(r.Body))
	dec.DisallowUnknownFields()
	invalid := func(why string) standin.Reply {
		return Problem(http.StatusUnprocessableEntity, 1010, "Missing params", why)
	}
	switch err := dec.Decode(&b); {
	case err != nil || r.Header.Get("Content-Type") != "application/json":
		return invalid("The request body is not one.")
	case b.Type != "text" || b.Channel != "sms" || b.Text == "" || b.From == "":
		return invalid("A member is missing.")
	case !standin.Number(b.To):
		return Problem(http.StatusUnprocessableEntity, 1170, "Invalid or Missing Msisdn Param", "The value of to is not a number.")
	case strings.HasPrefix(b.From, "+") || utf8.RuneCountInString(b.From) > 15:
		return Problem(http.StatusUnprocessableEntity, 1120, "Illegal Sender Address - rejected", "The value of from is not a sender.")
	case b.TTL != nil && (*b.TTL < 20 || *b.TTL > 604800) || len(b.Ref) > 100:
		return Problem(http.StatusUnprocessableEntity, 1020, "Invalid params", "The value of ttl or client_ref is not allowed.")
	}
	s.made++
	r.ID = fmt.Sprintf("aaaaaaaa-bbbb-cccc-dddd-%012d", s.made)
	r.Message = standin.Message{To: b.To, From: b.From, Text: b.Text, Headers: map[string]string{"client_ref": b.Ref, "encoding_type": b.SMS.Encoding}}
	if b.Version == "v1" {
		r.Message.Headers["webhook_url"] = b.Webhook
	}
	if b.TTL != nil {
		r.Message.Headers["ttl"] = strconv.Itoa(*b.TTL)
	}
	return document(http.StatusAccepted, map[string]string{"message_uuid": r.ID})
}

// known reports whether the header is of the account or of its application.
func (s *Server) known(auth string) bool {
	if basic, ok := strings.CutPrefix(auth, "Basic "); ok {
		return basic == base64.StdEncoding.EncodeToString([]byte(Key+":"+Secret))
	}
	token, ok := strings.CutPrefix(auth, "Bearer ")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 || s.Public == nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || rsa.VerifyPKCS1v15(s.Public, crypto.SHA256, sum[:], sig) != nil {
		return false
	}
	var header struct{ Alg, Typ string }
	var claims struct {
		Application string `json:"application_id"`
		ID          string `json:"jti"`
		IssuedAt    int64  `json:"iat"`
		Expires     int64  `json:"exp"`
	}
	if !part(parts[0], &header) || !part(parts[1], &claims) || header.Alg != "RS256" || slices.Contains(s.Seen, claims.ID) || claims.ID == "" {
		return false
	}
	s.Seen = append(s.Seen, claims.ID)
	now := s.Now().Unix()
	return claims.Application == Application && claims.IssuedAt <= now+5 && claims.Expires > now && claims.Expires <= claims.IssuedAt+86400
}

func part(s string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && json.Unmarshal(raw, into) == nil
}

// Statuses is an answer of the SMS API: one status for each part of a message.
func Statuses(to string, statuses ...string) standin.Reply {
	list := make([]map[string]string, len(statuses))
	for i, status := range statuses {
		list[i] = map[string]string{"status": status, "error-text": "Error " + status}
		if status == "0" {
			list[i] = map[string]string{
				"to": to, "message-id": fmt.Sprintf("0A00000001%06d", i+1), "status": "0",
				"remaining-balance": "3.14159265", "message-price": "0.03330000", "network": "12345",
			}
		}
	}
	return document(http.StatusOK, map[string]any{"message-count": strconv.Itoa(len(list)), "messages": list})
}

// Error is an answer of the SMS API with a text of its own.
func Error(status, text string) standin.Reply {
	return document(http.StatusOK, map[string]any{"message-count": "1", "messages": []map[string]string{{"status": status, "error-text": text}}})
}

// sms answers as the older API does: always with 200.
func (s *Server) sms(r *standin.Request) standin.Reply {
	form, err := url.ParseQuery(r.Body)
	to, from, text, kind := form.Get("to"), form.Get("from"), form.Get("text"), form.Get("type")
	ttl, noTTL := strconv.Atoi(form.Get("ttl"))
	gsm := !strings.ContainsFunc(text, func(c rune) bool {
		return c > 0x7e && !strings.ContainsRune("£¥èéùìòÇØøÅåÆæßÉÄÖÑÜ§¿äöñüà¡€", c)
	})
	switch {
	case err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return Error("2", "Missing params")
	case form.Get("api_key") != Key || form.Get("api_secret") != Secret:
		return Error("4", "Bad Credentials")
	case to == "" || from == "" || text == "":
		return Error("2", "Missing to param")
	case !standin.Number(to):
		return Error("3", "to address is not numeric")
	case strings.HasPrefix(from, "+") || utf8.RuneCountInString(from) > 15:
		return Error("15", "Illegal Sender Address - rejected")
	case form.Has("ttl") && (noTTL != nil || ttl < 20_000 || ttl > 604_800_000) || len(form.Get("client-ref")) > 40:
		return Error("3", "Invalid ttl or client-ref")
	case kind != "unicode" && !gsm:
		text = strings.Repeat("?", utf8.RuneCountInString(text)) // what phones would show, more or less
	}
	s.made++
	r.Message = standin.Message{To: to, From: from, Text: text, Headers: map[string]string{"client_ref": form.Get("client-ref"), "ttl": form.Get("ttl"), "type": kind}}
	r.ID = "0A00000001000001"
	length, one := utf8.RuneCountInString(text), 160
	if kind == "unicode" {
		one = 70
	}
	statuses := slices.Repeat([]string{"0"}, (length+one-1)/one)
	for _, i := range s.Refused {
		statuses[i] = s.LegacyStatus
	}
	return Statuses(to, statuses...)
}

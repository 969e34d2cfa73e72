package twilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"mime"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The faults of callbacks that are Twilio's and say nothing about a message.
var (
	errNotReport = fault.New(fault.Invalid, "invalid_request", "This is not a report about a message.")
	errNotForm   = fault.New(fault.Invalid, "invalid_request", "Twilio's reports are forms.")
)

// maxStatus bounds a status that is not known here.
const maxStatus = 40

// Listen reads a status callback (Twilio: StatusCallback). It is signed with
// the account's Auth Token, also where an API key sends.
func (c *Client) Listen(conn *tenant.Connection, cb delivery.Callback) (delivery.Report, error) {
	var r delivery.Report
	kind, _, err := mime.ParseMediaType(cb.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return r, errNotForm
	}
	form, err := url.ParseQuery(string(cb.Body))
	if err != nil {
		return r, errNotForm.Because(err)
	}
	if !signed(conn.Secrets[TokenOption], cb, form) {
		return r, delivery.ErrForged
	}
	// Whoever has one token of several accounts speaks for that account only.
	if form.Get("AccountSid") != conn.Sender.TwilioSID {
		return r, delivery.ErrForged
	}
	r.ProviderID, r.Status = line(form.Get("MessageSid"), 64), line(form.Get("MessageStatus"), maxStatus)
	if r.ProviderID == "" || r.Status == "" {
		return r, errNotReport
	}
	r.State = stateOf(r.Status)
	if r.State == "" {
		return r, errNotReport
	}
	r.ErrorCode = line(form.Get("ErrorCode"), 16)
	if r.ErrorCode == "0" {
		r.ErrorCode = ""
	}
	if r.ErrorCode != "" || r.State == tenant.MessageFailed || r.State == tenant.MessageUndelivered {
		r.Text, r.Fix = explain(r)
	}
	return r, nil
}

// explain says in our words what a report of a failure means. Twilio's own are
// seldom there, and change.
func explain(r delivery.Report) (text, fix string) {
	if a, ok := About(r.ErrorCode); ok {
		return a.Text, a.Fix
	}
	if r.ErrorCode == "" {
		return "Twilio gives no reason.", "Look the message up in the Twilio console."
	}
	return "Twilio reports the error " + r.ErrorCode + ".", "Look it up at twilio.com/docs/api/errors/" + r.ErrorCode + "."
}

// stateOf is what Twilio's status means, or "" for those of messages that come
// in. A status that is new is told in the timeline and moves nothing.
func stateOf(status string) tenant.MessageState {
	switch status {
	case "sent", "partially_delivered":
		return tenant.MessageSent
	case "delivered", "read":
		return tenant.MessageDelivered
	case "undelivered":
		return tenant.MessageUndelivered
	case "failed", "canceled":
		return tenant.MessageFailed
	case "received", "receiving":
		return ""
	}
	return tenant.MessageAccepted
}

// line makes a line of at most n bytes of what came from outside.
func line(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "")
	}
	return text
}

// signed reports whether the callback bears the account's signature (Twilio:
// X-Twilio-Signature). Twilio does not agree with itself on whether a port that
// goes without saying is part of the address.
func signed(token string, cb delivery.Callback, form url.Values) bool {
	given := cb.Header.Values("X-Twilio-Signature")
	if token == "" || len(given) != 1 {
		return false
	}
	ok := false
	for _, address := range addresses(cb.URL) {
		// Compared as text, so that one signature has one form.
		ok = hmac.Equal([]byte(signature(token, address, form)), []byte(given[0])) || ok
	}
	return ok
}

// signature is the base64 of the HMAC-SHA1 over the address and all parameters,
// sorted by name; of one with several values each that differs, sorted.
func signature(token, address string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			mac.Write([]byte(name + value))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// addresses are the forms of an address that may have been signed: without a
// port, and with the one that it has or that its scheme stands for.
func addresses(address string) []string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return []string{address}
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, path := rest[:end], rest[end:]
	bare, port := authority, ":443"
	if scheme == "http" {
		port = ":80"
	}
	// A colon behind the brackets of an IPv6 address begins a port.
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexAny(authority, "]@") {
		bare, port = authority[:colon], authority[colon:]
	}
	return []string{scheme + "://" + bare + path, scheme + "://" + bare + port + path}
}

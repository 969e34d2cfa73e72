package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

const (
	// longest is how long Auth0 waits for a gateway. The worker's attempts end
	// earlier; this is for callers that set no limit.
	longest = 30 * time.Second
	// drainTime is how long the rest of an answer is waited for, so that the
	// connection can be used again.
	drainTime = 200 * time.Millisecond
)

// sender is one gateway.
type sender struct {
	client  *Client
	url     string
	from    string
	forward bool
	auth    tenant.GatewayAuth
	secret  string // as entered
	key     []byte // what tokens are signed with
}

// Provider is the name of the provider.
func (s *sender) Provider() string { return Provider }

// Account names the gateway and the key that opens it.
func (s *sender) Account() string {
	return delivery.AccountKey(s.url, s.auth.Subject, s.auth.Audience, s.secret)
}

// request is what gateways get (Auth0: custom SMS gateway).
type request struct {
	Recipient string `json:"recipient"`
	Body      string `json:"body"`
	Sender    string `json:"sender"`
	Req       *asker `json:"req,omitempty"`
}

// asker is who asked for the message.
type asker struct {
	IP        string `json:"ip"`
	UserAgent string `json:"user-agent"`
}

// Send hands the message to the gateway.
func (s *sender) Send(ctx context.Context, m delivery.Outgoing) (delivery.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	// From here on the request may have reached the gateway. Headers and body
	// are one write, so that headers begun is as good as written.
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }})
	req, token, err := s.request(ctx, m)
	if err != nil {
		return delivery.Receipt{}, err
	}
	hidden := []string{token, s.secret, string(s.key), m.Link, m.Code}
	// The body alone: the address of a gateway may have a key in it.
	delivery.NoteRequest(ctx, req.Method+" "+req.URL.Scheme+"://"+req.URL.Host+"\n"+bodyOf(req), hidden...)
	resp, err := s.client.http.Do(req)
	if err != nil {
		return delivery.Receipt{}, s.noAnswer(m, token, err, written.Load())
	}
	defer resp.Body.Close()
	delivery.NoteAnswer(ctx, resp.StatusCode, nil)
	// What the body says does not count, and nobody is shown it (SSR-07).
	late := time.AfterFunc(drainTime, cancel)
	_, _ = io.Copy(io.Discard, resp.Body)
	late.Stop()
	return delivery.Receipt{}, s.judge(resp)
}

// bodyOf is what a request sends.
func bodyOf(req *http.Request) string {
	r, err := req.GetBody() // it is a buffer's
	if err != nil {
		return ""
	}
	body, _ := io.ReadAll(r)
	return string(body)
}

// request makes the request, and returns the token in it too.
func (s *sender) request(ctx context.Context, m delivery.Outgoing) (req *http.Request, token string, err error) {
	doc := request{Recipient: m.To, Body: m.Text, Sender: s.from}
	if m.From != "" {
		doc.Sender = m.From
	}
	for _, f := range []struct{ what, value string }{{"recipient", doc.Recipient}, {"sender", doc.Sender}} {
		if err := delivery.CheckLine(f.what, f.value); err != nil {
			return nil, "", err
		}
	}
	if s.forward {
		doc.Req = &asker{IP: m.RequestIP, UserAgent: m.UserAgent}
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(doc) // texts alone, which can always be written
	req, err = http.NewRequestWithContext(ctx, http.MethodPost, s.url, &body)
	if err != nil {
		return nil, "", &delivery.Error{
			Code: delivery.CodeNoAccount, Class: delivery.Configuration, Text: "The address of the SMS gateway cannot be used.",
			Fix: "Correct the address of the SMS gateway.",
		}
	}
	// No Idempotency-Key: net/http would take it for leave to send twice.
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "doorcode")
	if s.auth.Method != "" {
		token = s.bearer()
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, token, nil
}

// judge reads the status: 200 is success, and nothing else is, not even 202
// (Auth0: custom SMS gateway). The texts are Auth0's.
func (s *sender) judge(resp *http.Response) error {
	status := resp.StatusCode
	code := strconv.Itoa(status)
	e := &delivery.Error{Code: code, Class: delivery.Permanent, Text: "Unexpected response while calling the SMS gateway: " + code}
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusUnauthorized:
		e.Class, e.Text = delivery.Configuration, "Authentication failed while calling the SMS gateway: "+code
		e.Scope = delivery.OfAccount
		e.Fix = "Make the audience, subject and secret of the connection the same as the gateway's."
	case status == http.StatusTooManyRequests || status >= 500:
		e.Class, e.RetryAfter = delivery.Temporary, s.retryAfter(resp.Header.Get("Retry-After"))
	case status < 300:
		e.Fix = "The gateway may have sent the message. Have it answer with status 200."
	case status < 400:
		e.Class, e.Scope = delivery.Configuration, delivery.OfAccount
		e.Fix = "The gateway answers with a redirect, which is not followed. Enter the address that it leads to."
	}
	return e
}

// retryAfter reads the header of that name (RFC 9110 §10.2.3).
func (s *sender) retryAfter(v string) time.Duration {
	if n, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(n, 0), 86400)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(s.client.now()), 0)
	}
	return 0
}

// scrub makes a line of an error, without what nobody may read: a gateway that
// does not speak HTTP is quoted in it. What it wrapped is lost, and with it what
// else it may say.
func (s *sender) scrub(m delivery.Outgoing, token string, err error) error {
	var uerr *url.Error
	if errors.As(err, &uerr) {
		err = uerr.Err // without the address, which may have a key in it
	}
	text := err.Error()
	for _, hidden := range []string{token, s.secret, string(s.key), m.Link, m.Code} {
		if len(hidden) >= 4 {
			text = strings.ReplaceAll(text, hidden, "[redacted]")
		}
	}
	text = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, text)
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "")
	}
	return errors.New(text)
}

// Package call makes one call of a provider's HTTP API, and tells apart what
// the worker must know: that nothing was written, that something was and no
// answer came, or what was answered.
//
// The addresses of providers are the operator's and ours, never a tenant's, so
// they are not guarded as those in outbound are; what a tenant may choose of
// them, such as a region, is checked by whoever makes the address. Nothing that
// came from outside leaves this package unless it was cleaned.
package call

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/observe"
)

const (
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 64 << 10
	// maxText bounds the text of an error.
	maxText = 500
	// maxID bounds what a provider calls a message or an exchange.
	maxID = 128
	// maxConns bounds the connections to one provider. The worker allows fewer
	// attempts at once, so this only guards against its being configured
	// otherwise.
	maxConns = 256
)

// A Client holds connections to providers. It is safe for use by many
// goroutines.
type Client struct {
	http *http.Client
	now  func() time.Time
}

// New returns a client whose time comes from now.
func New(now func() time.Time) *Client {
	if now == nil {
		now = time.Now
	}
	dialer := &net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}
	return &Client{now: now, http: &http.Client{
		Transport: &http.Transport{
			// No proxy from the environment: that would get to read credentials.
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    3 * time.Second,
			MaxConnsPerHost:        maxConns,
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    64,
			MaxResponseHeaderBytes: 32 << 10,
			// Shorter than servers keep idle connections: writing to one that
			// was just closed looks like an attempt without an answer.
			IdleConnTimeout: 20 * time.Second,
		},
		// A redirect would take the credentials to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Now is the client's time.
func (c *Client) Now() time.Time { return c.now() }

// Close drops the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Base checks an address that the operator gave in place of a provider's own:
// credentials are sent to it, so it is https or on this machine. It is returned
// without a slash at its end.
func Base(provider, base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("the base URL of %s must look like https://api.example.com", provider)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return "", fmt.Errorf("the base URL of %s must be https: account credentials are sent to it", provider)
	}
	return strings.TrimRight(base, "/"), nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// A Party is whom a call is made to, and what must not be told of it.
type Party struct {
	Name   string   // as people know the provider
	Hidden []string // credentials, the code, the link
}

// Answer is what a provider answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most 64 KiB of it
}

// Good reports whether the status is one of success.
func (a *Answer) Good() bool { return a.Status >= 200 && a.Status < 300 }

// Do makes the call. The error is a *delivery.Error: without Unanswered if
// nothing was written, with it if the provider may have the message.
func (c *Client) Do(req *http.Request, p Party) (*Answer, error) {
	// From here on the request may have reached the provider. Headers and body
	// are one write, so that headers begun is as good as written.
	var written atomic.Bool
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }})
	req.Header.Set("User-Agent", "doorcode")
	delivery.NoteRequest(ctx, said(req), p.Hidden...)
	resp, err := c.http.Do(req.WithContext(ctx))
	if err != nil {
		return nil, p.noAnswer(err, written.Load())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil && resp.StatusCode < 300 {
		return nil, p.noAnswer(err, true)
	}
	delivery.NoteAnswer(ctx, resp.StatusCode, body, p.Hidden...)
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// said is a request for people to read, without its headers, which have the
// credentials.
func said(req *http.Request) string {
	line := req.Method + " " + req.URL.Scheme + "://" + req.URL.Host + req.URL.Path
	if req.GetBody == nil {
		return line
	}
	r, err := req.GetBody()
	if err != nil {
		return line
	}
	defer r.Close()
	body, _ := io.ReadAll(io.LimitReader(r, maxAnswer))
	if strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(string(body)); err == nil {
			return delivery.FormText(req.Method, line[len(req.Method)+1:], form)
		}
	}
	return line + "\n" + string(body)
}

// noAnswer is the error of an exchange that broke off.
func (p Party) noAnswer(err error, written bool) error {
	var uerr *url.Error
	if errors.As(err, &uerr) {
		err = uerr.Err // without the address, which may name the account
	}
	e := &delivery.Error{Class: delivery.Temporary}
	switch {
	case written && errors.Is(err, context.DeadlineExceeded):
		e.Code, e.Unanswered, e.Text = delivery.CodeNoAnswer, true, p.Name+" did not answer in time."
	case written:
		e.Code, e.Unanswered, e.Text = delivery.CodeNoAnswer, true, "The connection to "+p.Name+" broke off before the answer."
	default:
		e.Code, e.Text = delivery.CodeUnreachable, p.Name+" cannot be reached."
		e.Fix = "Check that this server may open connections to " + p.Name + ", and its DNS and clock."
	}
	// What it wrapped may say more than anybody should read.
	return e.Because(errors.New(p.Text(err.Error())))
}

// BadAnswer is the error of a success that is not in the provider's own form: a
// page of some proxy, say.
func (p Party) BadAnswer(a *Answer) *delivery.Error {
	return &delivery.Error{
		Code: delivery.CodeBadAnswer, Class: delivery.Temporary, Unanswered: true,
		Text: fmt.Sprintf("The answer (status %d) does not come from %s: it names no message.", a.Status, p.Name),
	}
}

// Refusal is the error of an answer that is no success, with the provider's code
// and words. Without a code it is named for its status. The class is that of
// the status; a caller that knows the code better replaces class and fix, but
// not Temporary: whatever the code, a status that asks to come back means it.
func (c *Client) Refusal(p Party, a *Answer, code, text string) *delivery.Error {
	e := &delivery.Error{Code: p.ID(code), Text: p.Text(text)}
	if e.Code == "" {
		e.Code = "http_" + strconv.Itoa(a.Status)
	}
	if e.Text == "" {
		e.Text = fmt.Sprintf("%s answered with status %d and gave no reason.", p.Name, a.Status)
	}
	switch {
	case a.Status == http.StatusTooManyRequests || a.Status == http.StatusRequestTimeout || a.Status >= 500:
		e.Class, e.RetryAfter = delivery.Temporary, c.retryAfter(a.Header.Get("Retry-After"))
	case a.Status == http.StatusUnauthorized:
		e.Class, e.Scope, e.Fix = delivery.Configuration, delivery.OfAccount, "Check the credentials for "+p.Name+"."
	case a.Status == http.StatusForbidden:
		e.Class, e.Fix = delivery.Configuration, "Check the credentials for "+p.Name+", and the state of the account."
	case a.Status < 400:
		e.Class, e.Scope = delivery.Configuration, delivery.OfAccount
		e.Fix = "The base URL of " + p.Name + " answers with a redirect, which is not followed. Correct it."
	case a.Status == http.StatusBadRequest:
		e.Class = delivery.Permanent
	default:
		e.Class, e.Fix = delivery.Configuration, "Check the settings for "+p.Name+"."
	}
	return e
}

// retryAfter reads the header of that name (RFC 9110 §10.2.3).
func (c *Client) retryAfter(v string) time.Duration {
	if n, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(n, 0), 86400)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(c.now()), 0)
	}
	return 0
}

// Text makes a short line of what came from outside, without what nobody may
// read: providers quote addresses, and an intermediary might echo the request.
func (p Party) Text(s string) string {
	for _, hidden := range p.Hidden {
		if len(hidden) < 4 {
			continue
		}
		for _, form := range []string{hidden, strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(hidden)), "=")} {
			s = strings.ReplaceAll(s, form, "[redacted]")
		}
	}
	return cut(observe.Mask(line(s)), maxText)
}

// ID is what a provider calls something, as a line; "" if it is too long to be
// a name.
func (p Party) ID(s string) string {
	if s = line(s); len(s) > maxID || strings.Contains(s, " ") {
		return ""
	}
	return s
}

func line(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, cut(s, maxAnswer)))
}

func cut(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return strings.TrimSpace(s)
}

// Number reports whether s is a plus and up to 15 digits (ITU-T E.164 §6).
func Number(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && len(digits) >= 1 && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}

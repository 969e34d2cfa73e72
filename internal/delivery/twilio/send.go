package twilio

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
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

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// sender is one account.
type sender struct {
	client     *Client
	connection tenant.ConnectionID
	sid        string
	token      string // may be empty where an API key signs in
	user       string // who signs in: the account or the API key
	password   string
	from       string
	service    string
	api        string // address of the core API
	messaging  string // address of the API for Messaging Services
}

// Provider is the name of the provider.
func (s *sender) Provider() string { return Provider }

// Account names the account and who signs in: a new token is worth a new try.
func (s *sender) Account() string { return delivery.AccountKey(s.api, s.sid, s.user, s.password) }

// Send asks Twilio to send the message (Twilio: POST Messages).
func (s *sender) Send(ctx context.Context, m delivery.Outgoing) (delivery.Receipt, error) {
	path, making := "/Messages.json", s.form
	if m.Spoken != "" {
		path, making = "/Calls.json", s.callForm
	}
	form, err := making(m)
	if err != nil {
		return delivery.Receipt{}, err
	}
	// From here on the request may have reached Twilio. Headers and body are
	// one write, so that headers begun is as good as written.
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		s.account(path), strings.NewReader(form.Encode()))
	if err != nil {
		return delivery.Receipt{}, (&delivery.Error{
			Code: delivery.CodeNoAccount, Class: delivery.Configuration, Text: "The Twilio Account SID cannot be part of an address.",
		}).Because(s.scrub(m, err))
	}
	s.sign(req)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	delivery.NoteRequest(ctx, delivery.FormText(req.Method, s.account(path), form), s.hidden(m)...)
	resp, err := s.client.http.Do(req)
	if err != nil {
		return delivery.Receipt{}, s.noAnswer(m, err, written.Load())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil && resp.StatusCode < 300 {
		return delivery.Receipt{}, s.noAnswer(m, err, true)
	}
	delivery.NoteAnswer(ctx, resp.StatusCode, body, s.hidden(m)...)
	return s.answer(m, resp, body)
}

// account is the address of something below the account.
func (s *sender) account(path string) string {
	return s.api + "/2010-04-01/Accounts/" + url.PathEscape(s.sid) + path
}

// sign puts the credentials on a request.
func (s *sender) sign(req *http.Request) {
	req.SetBasicAuth(s.user, s.password)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "doorcode")
}

// The bounds of a validity period (Twilio: ValidityPeriod), of which those
// under five seconds are advised against.
const (
	minValidity = 5
	maxValidity = 36000
)

// form is what is sent. A Messaging Service wins over a number: Twilio then
// chooses the number itself.
func (s *sender) form(m delivery.Outgoing) (url.Values, error) {
	from := s.from
	if m.From != "" {
		from = m.From
	}
	for _, f := range []struct{ what, value string }{
		{"recipient", m.To}, {"sender", from}, {"Messaging Service SID", s.service}, {"Account SID", s.sid},
	} {
		if err := delivery.CheckLine(f.what, f.value); err != nil {
			return nil, err
		}
	}
	if m.Channel == tenant.SMS && !number(m.To) {
		return nil, &delivery.Error{
			Code: "21211", Class: delivery.Permanent, Text: "The 'To' number is not a valid phone number.",
		}
	}
	form := url.Values{"To": {m.To}, "Body": {m.Text}}
	if s.service != "" {
		form.Set("MessagingServiceSid", s.service)
	} else if err := checkFrom(from); err != nil {
		return nil, err
	} else {
		form.Set("From", from)
	}
	if !m.Expires.IsZero() {
		// A code that is over is not to arrive, and not to be paid for.
		left := int(m.Expires.Sub(s.client.now()) / time.Second)
		form.Set("ValidityPeriod", strconv.Itoa(min(max(left, minValidity), maxValidity)))
	}
	// Twilio signs reports with the Auth Token, whoever sent the message:
	// without it none could be believed.
	if s.client.reports != "" && s.token != "" {
		form.Set("StatusCallback", delivery.CallbackURL(s.client.reports, Provider, s.connection, m.MessageID))
	}
	return form, nil
}

// number reports whether s is a plus and up to 15 digits (ITU-T E.164 §6).
func number(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && len(digits) >= 1 && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}

// noAnswer is the error of an exchange that broke off.
func (s *sender) noAnswer(m delivery.Outgoing, err error, written bool) error {
	var uerr *url.Error
	if errors.As(err, &uerr) {
		err = uerr.Err // without the address, which names the account
	}
	e := &delivery.Error{Class: delivery.Temporary}
	switch {
	case written && errors.Is(err, context.DeadlineExceeded):
		e.Code, e.Unanswered, e.Text = delivery.CodeNoAnswer, true, "Twilio did not answer in time."
	case written:
		e.Code, e.Unanswered, e.Text = delivery.CodeNoAnswer, true, "The connection to Twilio broke off before the answer."
	default:
		e.Code, e.Text = delivery.CodeUnreachable, "Twilio cannot be reached."
		e.Fix = "Check that this server may open connections to the Twilio API, and its DNS and clock."
	}
	return e.Because(s.scrub(m, err))
}

// message is Twilio's message resource, as far as we read it. Numbers come as
// text, except for error_code; either way is taken.
type message struct {
	SID         string `json:"sid"`
	Status      string `json:"status"`
	NumSegments any    `json:"num_segments"`
	ErrorCode   any    `json:"error_code"`
	ErrorText   string `json:"error_message"`
}

// problem is Twilio's error document.
type problem struct {
	Code    any    `json:"code"`
	Message string `json:"message"`
}

// integer reads a number or the text of one; anything else is 0.
func integer(v any) int {
	n, err := strconv.Atoi(fmt.Sprint(v))
	if err != nil {
		return 0
	}
	return n
}

// answer reads what Twilio answered.
func (s *sender) answer(m delivery.Outgoing, resp *http.Response, body []byte) (delivery.Receipt, error) {
	id := s.clean(m, resp.Header.Get("Twilio-Request-Id"), 64)
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		var got message
		// A page of some proxy may come with 200 as well.
		if err := json.Unmarshal(body, &got); err != nil || got.SID == "" || len(got.SID) > 64 {
			return delivery.Receipt{}, &delivery.Error{
				Code: delivery.CodeBadAnswer, Class: delivery.Temporary, Unanswered: true, RequestID: id,
				Text: fmt.Sprintf("The answer (status %d) does not come from Twilio: it names no message.", resp.StatusCode),
			}
		}
		return s.receipt(m, got, id)
	}
	return delivery.Receipt{}, s.refusal(m, resp, body)
}

// refusal is the error of an answer that is none of success.
func (s *sender) refusal(m delivery.Outgoing, resp *http.Response, body []byte) *delivery.Error {
	var p problem
	_ = json.Unmarshal(body, &p) // what is not an error document has no code
	code := integer(p.Code)
	e := &delivery.Error{
		Code: strconv.Itoa(code), Text: s.clean(m, p.Message, 500),
		RequestID: s.clean(m, resp.Header.Get("Twilio-Request-Id"), 64),
	}
	if code <= 0 {
		e.Code = "http_" + strconv.Itoa(resp.StatusCode)
	}
	if e.Text == "" {
		e.Text = fmt.Sprintf("Twilio answered with status %d and gave no reason.", resp.StatusCode)
	}
	e.Class, e.Fix = judge(code, resp.StatusCode)
	e.Scope = scope(code, resp.StatusCode)
	if e.Class == delivery.Temporary {
		e.RetryAfter = s.retryAfter(resp.Header.Get("Retry-After"))
	}
	return e
}

// receipt is Twilio's word that it has the message, or, seldom, that it already
// knows it cannot send it.
func (s *sender) receipt(m delivery.Outgoing, got message, requestID string) (delivery.Receipt, error) {
	r := delivery.Receipt{ProviderID: s.clean(m, got.SID, 64), State: tenant.MessageAccepted}
	if n := integer(got.NumSegments); n > 0 && n < 100 {
		r.Segments = n // 0 as long as a Messaging Service has not decided
	}
	switch got.Status {
	case "sent":
		r.State = tenant.MessageSent
	case "delivered", "read":
		r.State = tenant.MessageDelivered
	case "failed", "undelivered", "canceled":
		code := integer(got.ErrorCode)
		e := &delivery.Error{Code: strconv.Itoa(code), Text: s.clean(m, got.ErrorText, 500), RequestID: requestID}
		if e.Text == "" {
			e.Text = "Twilio took the message and reported it as " + got.Status + "."
		}
		e.Class, e.Fix = judge(code, http.StatusBadRequest)
		return delivery.Receipt{}, e
	}
	return r, nil
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

// clean makes a line of at most n bytes of what came from outside, without what
// nobody may read: an intermediary might echo the request.
func (s *sender) clean(m delivery.Outgoing, text string, n int) string {
	for _, hidden := range s.hidden(m) {
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
	if len(text) > n {
		text = strings.ToValidUTF8(text[:n], "")
	}
	return strings.TrimSpace(text)
}

// hidden is what nobody may read.
func (s *sender) hidden(m delivery.Outgoing) []string {
	basic := base64.StdEncoding.EncodeToString([]byte(s.user + ":" + s.password))
	hide := []string{basic, s.password, s.token, m.Link, m.Code}
	if m.Spoken != "" {
		hide = append(hide, strings.Join(strings.Split(m.Code, ""), ", "))
	}
	return hide
}

// scrub is clean for an error. What it wrapped is lost, and with it what else
// it may say.
func (s *sender) scrub(m delivery.Outgoing, err error) error {
	return errors.New(s.clean(m, err.Error(), 500))
}

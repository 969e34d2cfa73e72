package twiliotest

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A Report is what Twilio tells a StatusCallback.
type Report struct {
	Status string // "sent", "delivered", "undelivered", "failed"
	Code   int    // with the latter two
	Token  string // signs; empty: the account's Auth Token
	Extra  url.Values
}

// Report tells the StatusCallback of a message what became of it, as Twilio
// does: with a form that is signed for the address that was given. The request
// goes to reach instead of the address's host, since that leads nowhere in a
// test. It returns the status of the answer.
func (s *Server) Report(ctx context.Context, reach string, of Request, r Report) (int, error) {
	address := of.Form.Get("StatusCallback")
	if address == "" {
		return 0, errors.New("the message has no StatusCallback")
	}
	s.mu.Lock()
	a, _ := s.account(of.User)
	s.mu.Unlock()
	form := url.Values{
		"AccountSid": {a.SID}, "ApiVersion": {"2010-04-01"}, "MessageSid": {of.SID}, "SmsSid": {of.SID},
		"MessageStatus": {r.Status}, "SmsStatus": {r.Status}, "To": {of.Form.Get("To")},
	}
	if from := of.Form.Get("From"); from != "" {
		form.Set("From", from)
	}
	if service := of.Form.Get("MessagingServiceSid"); service != "" {
		form.Set("MessagingServiceSid", service)
	}
	if r.Code != 0 {
		form.Set("ErrorCode", strconv.Itoa(r.Code))
	}
	for name, values := range r.Extra {
		form[name] = values
	}
	token := r.Token
	if token == "" {
		token = a.Token
	}
	u, err := url.Parse(address)
	if err != nil {
		return 0, fmt.Errorf("read StatusCallback: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, reach+u.RequestURI(), strings.NewReader(form.Encode()))
	if err != nil {
		return 0, fmt.Errorf("report: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	req.Header.Set("User-Agent", "TwilioProxy/1.1")
	req.Header.Set("X-Twilio-Signature", Sign(token, address, form))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("report: %w", err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// Sign is the X-Twilio-Signature of a form that is posted to an address: the
// address and, sorted by name, every name with its value, through HMAC-SHA1.
func Sign(token, address string, form url.Values) string {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	text := address
	for _, name := range names {
		text += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

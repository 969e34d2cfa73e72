// Package sestest is a stand-in for Amazon SES: a server that answers to
// SendEmail and GetAccount of its API v2 as Amazon documents them, for tests
// that must not send anything. It takes only requests that are signed.
package sestest

import (
	"encoding/json"
	"fmt"
	"net/http"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/awstest"
	"github.com/doorcode/doorcode/internal/testkit/standin"
)

// Server is a stand-in. Set its fields before the first request.
type Server struct {
	*standin.Server

	Now      func() time.Time
	Verified []string // domains that may be sent from
	Sets     []string // configuration sets
	Sandbox  bool     // sends to verified domains only
	Paused   bool
	Status   string // of enforcement
	Denied   bool   // the key may send, and nothing else
	Sent     float64

	made int
}

// Start starts a server that stops with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Now: time.Now, Verified: []string{"example.com", "example.org"}, Sets: []string{"logins"}, Status: "HEALTHY"}
	s.Server = standin.Start(t, s.answer)
	return s
}

// Problem is an error document.
func Problem(status int, code, text string) standin.Reply {
	r := reply(status, map[string]string{"message": text})
	r.Header["x-amzn-ErrorType"] = code
	return r
}

func reply(status int, v any) standin.Reply {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return standin.Reply{Status: status, Body: string(raw), Header: map[string]string{
		"Content-Type": "application/json", "x-amzn-RequestId": "e5b4c6e8-1111-4222-8333-0123456789ab",
	}}
}

func (s *Server) answer(r *standin.Request) standin.Reply {
	signed := awstest.Request{Method: r.Method, Host: r.Host, URI: r.URI, Header: r.Header, Body: r.Body}
	if code := awstest.Check(signed, "ses", awstest.Region, s.Now()); code != "" {
		if code == "InvalidClientTokenId" {
			code = "UnrecognizedClientException"
		}
		return Problem(http.StatusForbidden, code, "The request is not signed as it must be.")
	}
	switch {
	case r.Method == http.MethodPost && r.URI == "/v2/email/outbound-emails":
		return s.send(r)
	case s.Denied:
		return Problem(http.StatusForbidden, "AccessDeniedException", "User is not authorized to perform: ses:GetAccount")
	case r.Method == http.MethodGet && r.URI == "/v2/email/account":
		return reply(http.StatusOK, map[string]any{
			"DedicatedIpAutoWarmupEnabled": true, "EnforcementStatus": s.Status, "ProductionAccessEnabled": !s.Sandbox, "SendingEnabled": !s.Paused,
			"SendQuota": map[string]float64{"Max24HourSend": 50000, "MaxSendRate": 14, "SentLast24Hours": s.Sent},
		})
	}
	return Problem(http.StatusNotFound, "UnknownOperationException", "There is nothing here.")
}

type part struct{ Data, Charset string }

type pair struct{ Name, Value string }

// outgoing is what SendEmail takes of a message that is no template and not
// raw.
type outgoing struct {
	FromEmailAddress string
	Destination      struct{ ToAddresses, CcAddresses, BccAddresses []string }
	Content          struct {
		Simple struct {
			Subject part
			Body    struct{ Text, HTML *part }
			Headers []pair
		}
	}
	ConfigurationSetName string
	EmailTags            []pair
}

var (
	headerName = regexp.MustCompile(`^[!-9;-@A-~]{1,126}$`)
	tagText    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
)

func (s *Server) send(r *standin.Request) standin.Reply {
	var m outgoing
	dec := json.NewDecoder(strings.NewReader(r.Body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || r.Header.Get("Content-Type") != "application/json" {
		return Problem(http.StatusBadRequest, "BadRequestException", "The request is not one.")
	}
	from, err := netmail.ParseAddress(m.FromEmailAddress)
	if err != nil {
		return Problem(http.StatusBadRequest, "BadRequestException", "Invalid from address.")
	}
	all := slices.Concat(m.Destination.ToAddresses, m.Destination.CcAddresses, m.Destination.BccAddresses)
	if len(all) != 1 {
		return Problem(http.StatusBadRequest, "BadRequestException", fmt.Sprintf("%d recipients", len(all)))
	}
	to, err := netmail.ParseAddress(all[0])
	simple := &m.Content.Simple
	switch {
	case err != nil:
		return Problem(http.StatusBadRequest, "BadRequestException", "Illegal address")
	case s.Paused:
		return Problem(http.StatusBadRequest, "SendingPausedException", "Sending is paused for the account.")
	case !s.verified(from.Address) || s.Sandbox && !s.verified(to.Address):
		return Problem(http.StatusBadRequest, "MessageRejected", "Email address is not verified. The following identities failed the check in region "+strings.ToUpper(awstest.Region)+": "+from.Address)
	case m.ConfigurationSetName != "" && !slices.Contains(s.Sets, m.ConfigurationSetName):
		return Problem(http.StatusNotFound, "NotFoundException", "Configuration set "+m.ConfigurationSetName+" does not exist.")
	case simple.Subject.Data == "" || simple.Subject.Charset != "UTF-8" || simple.Body.Text == nil && simple.Body.HTML == nil || len(simple.Headers) > 15:
		return Problem(http.StatusBadRequest, "BadRequestException", "Subject or body is missing.")
	}
	headers := map[string]string{}
	for _, h := range simple.Headers {
		if !headerName.MatchString(h.Name) || len(h.Value) > 870 || strings.ContainsAny(h.Value, "\r\n\x00") {
			return Problem(http.StatusBadRequest, "BadRequestException", "Invalid header.")
		}
		headers[h.Name] = h.Value
	}
	for _, tag := range m.EmailTags {
		if !tagText.MatchString(tag.Name) || !tagText.MatchString(tag.Value) {
			return Problem(http.StatusBadRequest, "BadRequestException", "Invalid tag.")
		}
		headers["tag "+tag.Name] = tag.Value
	}
	if m.ConfigurationSetName != "" {
		headers["set"] = m.ConfigurationSetName
	}
	s.made++
	r.ID = fmt.Sprintf("0102018f%08d-aaaa-bbbb-cccc-000000", s.made)
	r.Message = standin.Message{To: to.Address, From: m.FromEmailAddress, Subject: simple.Subject.Data, Headers: headers}
	if simple.Body.Text != nil {
		r.Message.Text = simple.Body.Text.Data
	}
	if simple.Body.HTML != nil {
		r.Message.HTML = simple.Body.HTML.Data
	}
	return reply(http.StatusOK, map[string]string{"MessageId": r.ID})
}

func (s *Server) verified(address string) bool {
	_, domain, _ := strings.Cut(address, "@")
	return slices.Contains(s.Verified, strings.ToLower(domain))
}

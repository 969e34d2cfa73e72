// Package snstest is a stand-in for Amazon SNS: a server that answers to the
// actions about text messages as Amazon documents them, for tests that must not
// send anything. It takes only requests that are signed.
package snstest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/testkit/awstest"
	"github.com/doorcode/doorcode/internal/testkit/standin"
)

// Server is a stand-in. Set its fields before the first request.
type Server struct {
	*standin.Server

	Now        func() time.Time
	Sandbox    bool   // the account is in the SMS sandbox
	SpendLimit string // what it may spend in a month
	Denied     bool   // the key may publish, and nothing else
	OptedOut   string // a number whose owner answered STOP

	made int
}

// Start starts a server that stops with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Now: time.Now, SpendLimit: "50"}
	s.Server = standin.Start(t, s.answer)
	return s
}

// Problem is an error document.
func Problem(status int, code, text string) standin.Reply {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text)) // a strings.Builder takes anything
	kind := "Sender"
	if status >= 500 {
		kind = "Receiver"
	}
	return reply(status, fmt.Sprintf(`<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
		kind, code, escaped.String(), requestID))
}

const requestID = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"

func reply(status int, body string) standin.Reply {
	return standin.Reply{Status: status, Body: body, Header: map[string]string{"Content-Type": "text/xml", "x-amzn-RequestId": requestID}}
}

func (s *Server) answer(r *standin.Request) standin.Reply {
	signed := awstest.Request{Method: r.Method, Host: r.Host, URI: r.URI, Header: r.Header, Body: r.Body}
	if code := awstest.Check(signed, "sns", awstest.Region, s.Now()); code != "" {
		return Problem(http.StatusForbidden, code, "The request is not signed as it must be.")
	}
	form, err := url.ParseQuery(r.Body)
	switch {
	case err != nil || r.Method != http.MethodPost || r.URI != "/" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return Problem(http.StatusBadRequest, "MalformedQueryString", "The request is not one.")
	case form.Get("Version") != "2010-03-31":
		return Problem(http.StatusBadRequest, "InvalidAction", "Could not find operation for version "+form.Get("Version"))
	case form.Get("Action") == "Publish":
		return s.publish(r, form)
	case s.Denied:
		return Problem(http.StatusForbidden, "AuthorizationError", "User is not authorized to perform: SNS:"+form.Get("Action"))
	case form.Get("Action") == "GetSMSSandboxAccountStatus":
		return result("GetSMSSandboxAccountStatus", fmt.Sprintf("<IsInSandbox>%t</IsInSandbox>", s.Sandbox))
	case form.Get("Action") == "GetSMSAttributes":
		return result("GetSMSAttributes", "<attributes><entry><key>DefaultSMSType</key><value>Transactional</value></entry><entry><key>MonthlySpendLimit</key><value>"+s.SpendLimit+"</value></entry></attributes>")
	}
	return Problem(http.StatusBadRequest, "InvalidAction", "Could not find operation "+form.Get("Action"))
}

func result(action, inner string) standin.Reply {
	return reply(http.StatusOK, fmt.Sprintf(`<%[1]sResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><%[1]sResult>%[2]s</%[1]sResult><ResponseMetadata><RequestId>%[3]s</RequestId></ResponseMetadata></%[1]sResponse>`,
		action, inner, requestID))
}

func (s *Server) publish(r *standin.Request, form url.Values) standin.Reply {
	to, text := form.Get("PhoneNumber"), form.Get("Message")
	attributes := map[string]string{}
	for i := 1; form.Has(fmt.Sprintf("MessageAttributes.entry.%d.Name", i)); i++ {
		entry := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		if form.Get(entry+"Value.DataType") == "" {
			return Problem(http.StatusBadRequest, "ParameterValueInvalid", "The message attribute must contain a non-empty type.")
		}
		attributes[form.Get(entry+"Name")] = form.Get(entry + "Value.StringValue")
	}
	digits, plus := strings.CutPrefix(to, "+")
	switch {
	case !plus || !standin.Number(digits):
		return Problem(http.StatusBadRequest, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: "+to+" is not valid to publish to")
	case to == s.OptedOut:
		return Problem(http.StatusBadRequest, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: Phone number is opted out")
	case text == "" || utf8.RuneCountInString(text) > 1600:
		return Problem(http.StatusBadRequest, "InvalidParameter", "Invalid parameter: Message Reason: the message is empty or too long")
	}
	s.made++
	r.ID = fmt.Sprintf("567910cd-659e-55d4-8ccb-%012d", s.made)
	from := attributes["AWS.SNS.SMS.SenderID"]
	if from == "" {
		from = attributes["AWS.MM.SMS.OriginationNumber"]
	}
	r.Message = standin.Message{To: to, From: from, Text: text, Headers: attributes}
	return result("Publish", "<MessageId>"+r.ID+"</MessageId>")
}

package twilio

import (
	"bytes"
	"encoding/xml"
	"net/url"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

// ringing is for how many seconds a call rings (Twilio: Timeout).
const ringing = "30"

// CanCall reports whether the connection's account can be asked to call: calls
// come from a number, and not from a name or a Messaging Service.
func CanCall(conn *tenant.Connection) bool {
	return Check(conn) == nil && number(conn.Sender.From)
}

// response is the TwiML of a call (Twilio: Say, Pause). Everything in it is
// escaped where it is written.
type response struct {
	XMLName xml.Name `xml:"Response"`
	Said    []any
}

type say struct {
	XMLName  xml.Name `xml:"Say"`
	Language string   `xml:"language,attr,omitempty"`
	Text     string   `xml:",chardata"`
}

type pause struct {
	XMLName xml.Name `xml:"Pause"`
	Length  int      `xml:"length,attr"`
}

// twiml says the text twice: nobody has a pen at the first time.
func twiml(text, language string) (string, error) {
	s := say{Language: language, Text: text}
	var b bytes.Buffer
	err := xml.NewEncoder(&b).Encode(response{Said: []any{pause{Length: 1}, s, pause{Length: 2}, s}})
	return b.String(), err
}

// callForm is what is sent for a call (Twilio: POST Calls).
func (s *sender) callForm(m delivery.Outgoing) (url.Values, error) {
	for _, f := range []struct{ what, value string }{{"recipient", m.To}, {"sender", s.from}, {"Account SID", s.sid}} {
		if err := delivery.CheckLine(f.what, f.value); err != nil {
			return nil, err
		}
	}
	if !number(m.To) {
		return nil, &delivery.Error{Code: "21211", Class: delivery.Permanent, Text: "The 'To' number is not a valid phone number."}
	}
	if !number(s.from) {
		return nil, &delivery.Error{
			Code: "21212", Class: delivery.Configuration, Text: "The connection has no From number, which calls come from.",
			Fix: "Set From of the connection to a number of the account that can call.",
		}
	}
	text, err := twiml(m.Text, m.Spoken)
	if err != nil {
		return nil, (&delivery.Error{Code: delivery.CodeTemplate, Class: delivery.Permanent, Text: "The call has no text that can be said."}).Because(err)
	}
	return url.Values{"To": {m.To}, "From": {s.from}, "Twiml": {text}, "Timeout": {ringing}}, nil
}

// CanCall implements delivery.Caller.
func (s *sender) CanCall() bool { return number(s.from) }

package twilio

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The names of credentials among a connection's Secrets.
const (
	// TokenOption is the Auth Token. It signs in, unless there is an API key,
	// and signs what Twilio reports, always.
	TokenOption = "twilio_token"
	// KeySecretOption is the secret of the API key.
	KeySecretOption = "doorcode.twilio_api_secret"
)

// Sender returns who sends for the connection. The error is a *delivery.Error
// that names what its settings lack, as Check does.
func (c *Client) Sender(conn *tenant.Connection) (delivery.Sender, error) {
	if err := Check(conn); err != nil {
		return nil, err
	}
	a := &conn.Sender
	s := &sender{
		client: c, connection: conn.ID, sid: a.TwilioSID, token: conn.Secrets[TokenOption],
		from: strings.TrimSpace(a.From), service: a.MessagingServiceSID,
	}
	s.user, s.password = s.sid, s.token
	if a.TwilioAPIKey != "" {
		s.user, s.password = a.TwilioAPIKey, conn.Secrets[KeySecretOption]
	}
	var err error
	s.api, s.messaging, err = c.hosts(a)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Check reports what the connection's account lacks to send anything. A number
// need not be set where a Messaging Service sends.
func Check(conn *tenant.Connection) error {
	a := &conn.Sender
	var missing []string
	if a.TwilioSID == "" {
		missing = append(missing, "the Twilio Account SID")
	}
	switch {
	case a.TwilioAPIKey != "" && conn.Secrets[KeySecretOption] == "":
		missing = append(missing, "the secret of the Twilio API key")
	case a.TwilioAPIKey == "" && conn.Secrets[TokenOption] == "":
		missing = append(missing, "the Twilio Auth Token")
	}
	if a.From == "" && a.MessagingServiceSID == "" {
		missing = append(missing, "an SMS Source: a From number or a Twilio Messaging Service SID")
	}
	if len(missing) == 0 {
		return nil
	}
	return &delivery.Error{
		Code: delivery.CodeNoAccount, Class: delivery.Configuration,
		Text: fmt.Sprintf("The connection %q lacks %s.", conn.Name, strings.Join(missing, " and ")),
		Fix:  "Complete the Twilio settings of the connection.",
	}
}

// The parts of a host's name that a connection may choose. Nothing else can be
// written with them: what is sent there stays within twilio.com.
var (
	regionName = regexp.MustCompile(`^[a-z]{2}[0-9]{1,2}$`)
	edgeName   = regexp.MustCompile(`^[a-z]{2,20}(?:-[a-z]{2,20})?$`)
)

// edgeOf is where a region is reached if the connection does not say (Twilio:
// a region without an edge is not served).
func edgeOf(region string) string {
	switch region {
	case "us1":
		return "ashburn"
	case "us2":
		return "umatilla"
	case "ie1":
		return "dublin"
	case "au1":
		return "sydney"
	case "br1":
		return "sao-paulo"
	case "de1":
		return "frankfurt"
	case "jp1":
		return "tokyo"
	case "jp2":
		return "osaka"
	case "sg1":
		return "singapore"
	}
	return ""
}

// hosts returns the addresses of the account's core API and of that for
// Messaging Services. Where the operator has Twilio somewhere else than at
// Twilio, credentials go there and nowhere else.
func (c *Client) hosts(a *tenant.SenderAccount) (api, messaging string, err error) {
	u, err := url.Parse(c.base)
	if err != nil {
		return "", "", fmt.Errorf("read base URL: %w", err)
	}
	host, core := strings.CutPrefix(strings.ToLower(u.Host), "api.")
	if !core || u.Scheme != "https" || host != "twilio.com" && !strings.HasSuffix(host, ".twilio.com") {
		return c.base, c.base, nil
	}
	if a.TwilioRegion == "" && a.TwilioEdge == "" {
		return c.base, "https://messaging." + host, nil
	}
	region, edge := a.TwilioRegion, a.TwilioEdge
	if region == "" {
		region = "us1"
	}
	if edge == "" {
		edge = edgeOf(region)
	}
	if !regionName.MatchString(region) || !edgeName.MatchString(edge) {
		return "", "", &delivery.Error{
			Code: delivery.CodeNoAccount, Class: delivery.Configuration,
			Text: "The Twilio region of the connection is not one that is known here, and its edge is not set.",
			Fix:  "Correct doorcode.twilio_region, such as ie1, or set doorcode.twilio_edge, such as dublin.",
		}
	}
	place := edge + "." + region + ".twilio.com"
	return "https://api." + place, "https://messaging." + place, nil
}

// senderName is the form of a From that is no number (Twilio: alphanumeric
// sender ID).
var senderName = regexp.MustCompile(`^[A-Za-z0-9 &_+-]{1,11}$`)

// checkFrom reports what is wrong with a From that Twilio would refuse as well.
// Numbers are left to Twilio, which takes them in more forms than one.
func checkFrom(from string) error {
	letters := strings.ContainsFunc(from, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' })
	channel := strings.Contains(from, ":") // "whatsapp:+14155550100"
	if !letters || channel || senderName.MatchString(from) {
		return nil
	}
	return &delivery.Error{
		Code: "21212", Class: delivery.Configuration, Text: "The From of the connection is neither a number nor a sender name that Twilio takes.",
		Fix: "A sender name has at most 11 characters: letters, digits, spaces, and & _ + -.",
	}
}

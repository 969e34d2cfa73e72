package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/message"
	"github.com/doorcode/doorcode/internal/tenant"
)

// connections looks at each connection that an application may use.
func (e *examination) connections(ctx context.Context) {
	all, err := e.Settings.AllConnections(ctx)
	if err != nil {
		e.unread("connections", err)
		return
	}
	used := 0
	for _, c := range all {
		if len(c.Clients) == 0 {
			continue
		}
		used++
		e.sender(ctx, c)
		e.text(ctx, c)
		e.codes(c)
		e.fraud(ctx, c)
	}
	if used == 0 {
		e.warn("connections", "No connection is enabled for an application: nobody can sign in.", "Enable one for the applications that are to use it.")
	}
}

func about(c *tenant.Connection) string { return fmt.Sprintf("Connection %q: ", c.Name) }

func (e *examination) sender(ctx context.Context, c *tenant.Connection) {
	check := "sender"
	s, err := e.Sender(ctx, c)
	var missing *delivery.Error
	switch {
	case errors.As(err, &missing):
		e.fail(check, about(c)+missing.Text, missing.Fix)
		return
	case err != nil:
		e.unread(check, err)
		return
	case s == nil && c.Channel == tenant.Email:
		e.fail(check, about(c)+"no email provider is configured.", "Set it up: emailProvider in the configuration file, or POST /api/v2/emails/provider.")
		return
	case s == nil:
		e.fail(check, about(c)+"no SMS provider is configured.", "Give the connection the options of its provider, such as twilio_sid, twilio_token and from.")
		return
	}
	found := findings(ctx, s, e.checks.Network)
	for _, f := range found {
		e.add(check, f.Verdict, about(c)+f.Name+": "+f.Detail, f.Fix)
	}
	if len(found) == 0 {
		e.ok(check, about(c)+"set up to send through "+s.Provider()+".")
	}
}

// findings are what a sender says of itself, after asking its provider or without.
func findings(ctx context.Context, s delivery.Sender, ask bool) []delivery.Finding {
	if ask {
		return delivery.Check(ctx, s)
	}
	if i, ok := s.(delivery.Inspector); ok {
		return i.Inspect()
	}
	return nil
}

// A sample is what a template is tried with: a code as the connection makes
// them, and names of a usual length.
func sample(c *tenant.Connection, set *tenant.Settings) message.Vars {
	v := message.Vars{
		Code: strings.Repeat("0", c.Code.Digits), ApplicationName: "My application", ClientID: "client", Send: "code",
		RequestLanguage: "en", ExpiresMinutes: 3, TenantName: set.FriendlyName, SupportEmail: set.SupportEmail, SupportURL: set.SupportURL,
	}
	if c.Channel == tenant.SMS {
		v.PhoneNumber = "+15005550006"
	} else {
		v.Email = "jo@example.com"
	}
	return v
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// text looks at what the connection's messages say.
func (e *examination) text(ctx context.Context, c *tenant.Connection) {
	const check = "template"
	set, err := e.Settings.Settings(ctx)
	if err != nil {
		e.unread(check, err)
		return
	}
	shows, problems := false, []message.Problem(nil)
	var out message.SMS
	if c.Channel == tenant.SMS {
		var t *message.SMSTemplate
		if t, err = message.ParseSMS(or(c.Text.Template, message.DefaultSMS), message.Syntax(c.Text.Syntax)); err == nil {
			shows, problems = t.ShowsCode(), t.Check()
			host := ""
			if c.Autofill {
				_, host, _ = strings.Cut(e.Place.PublicURL, "://")
			}
			out, err = t.Render(sample(c, set), host)
		}
	} else {
		var t *message.MailTemplate
		if t, err = message.ParseMail(or(c.Text.From, message.DefaultMailFrom), or(c.Text.Subject, message.DefaultMailSubject), or(c.Text.Body, message.DefaultMailBody)); err == nil {
			shows, problems = t.ShowsCode() || t.ShowsLink(), t.Check()
			_, err = t.Render(sample(c, set))
		}
	}
	switch {
	case err != nil:
		e.fail(check, about(c)+"the template cannot be used: "+err.Error()+".", "Correct the template.")
		return
	case !shows:
		e.fail(check, about(c)+"the message has no code in it.", "Add @@password@@ or {{ code }} to the template.")
	case len(problems) > 0:
		p := problems[0]
		e.warn(check, about(c)+fmt.Sprintf("%s, line %d, column %d: %s.", p.Field, p.Line, p.Column, p.Message), "Correct the template.")
	default:
		e.ok(check, about(c)+"the message shows the code.")
	}
	if c.Channel == tenant.SMS {
		e.segments(c, out)
	}
}

// segments tells what a message costs.
func (e *examination) segments(c *tenant.Connection, out message.SMS) {
	const check = "segments"
	switch {
	case out.Segments <= 1:
		e.ok(check, about(c)+fmt.Sprintf("a message is one segment (%s).", out.Encoding))
	case out.Encoding == message.UCS2:
		e.warn(check, about(c)+fmt.Sprintf("a message is billed as %d segments, because it has characters that are not in the GSM alphabet.", out.Segments),
			"Shorten it to 70 characters, or use only characters of the GSM alphabet.")
	default:
		e.warn(check, about(c)+fmt.Sprintf("a message is billed as %d segments.", out.Segments), "Shorten it to 160 characters.")
	}
}

// fraud looks at whether anybody could have messages sent to wherever they earn
// with them. What is not set up is left to the provider, so that is told.
func (e *examination) fraud(ctx context.Context, c *tenant.Connection) {
	const check = "sms_fraud"
	if c.Channel != tenant.SMS || e.Place.Dev {
		return // nothing is sent, or nothing that costs
	}
	set, err := e.Settings.Settings(ctx)
	if err != nil {
		e.unread(check, err)
		return
	}
	before := len(e.findings)
	if !c.Fraud.LineTypes {
		e.warn(check, about(c)+"text messages go to premium rate and other numbers that earn with each of them.",
			"Give the connection options.doorcode.fraud, without line_types: false in it: then such numbers are refused.")
	}
	if len(c.Fraud.Countries.List) == 0 && len(set.Countries.List) == 0 {
		e.warn(check, about(c)+"text messages go to every country.", "Name those where your people are: options.doorcode.fraud.country_codes.")
	}
	if c.Fraud.Sends == (tenant.Budget{}) && set.SMSBudget == (tenant.Budget{}) {
		e.warn(check, about(c)+"nothing bounds how many text messages are sent.", "Set options.doorcode.fraud.sends_per_day to what you would pay for.")
	}
	if len(e.findings) == before {
		e.ok(check, about(c)+"kinds of numbers, countries and number of text messages are bounded.")
	}
}

// codes looks at what the connection hands out.
func (e *examination) codes(c *tenant.Connection) {
	const check = "codes"
	switch {
	case c.Code.Digits < tenant.DefaultDigits:
		e.warn(check, about(c)+fmt.Sprintf("codes have %d digits.", c.Code.Digits), "Set totp.length to 6 or more.")
	case c.Code.Lifetime > tenant.MaxLifetime:
		e.warn(check, about(c)+fmt.Sprintf("totp.time_step is %d, and a code lives ten minutes at most.", int(c.Code.Lifetime.Seconds())), "Set totp.time_step to 600 or less.")
	default:
		e.ok(check, about(c)+fmt.Sprintf("codes have %d digits and live %v.", c.Code.Digits, c.Code.Life()))
	}
}

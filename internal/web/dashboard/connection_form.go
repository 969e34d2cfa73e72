package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/doorcode/doorcode/internal/message"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// connectionForm is the settings of a connection as people type them.
type connectionForm struct {
	TwilioSID, Token, Source, From, ServiceSID string
	Template, Syntax                           string
	MailFrom, Subject, Body, AuthParams        string
	Expiry, Length, Language                   string
	NoSignUp, Autofill, NewCodes               bool
	Numbers, Wait                              string
}

// Where the messages of an SMS connection come from.
const (
	sourceFrom    = "from"
	sourceService = "service"
)

// formOf is what a connection is set to. Texts that are not set are the built-in
// ones, which can then be edited.
func formOf(c *tenant.Connection) connectionForm {
	f := connectionForm{
		TwilioSID: c.Sender.TwilioSID, Source: sourceFrom, From: c.Sender.From, ServiceSID: c.Sender.MessagingServiceSID,
		Template: or(c.Text.Template, message.DefaultSMS), Syntax: or(c.Text.Syntax, string(message.Liquid)),
		MailFrom: or(c.Text.From, message.DefaultMailFrom), Subject: or(c.Text.Subject, message.DefaultMailSubject),
		Body:   or(c.Text.Body, message.DefaultMailBody),
		Expiry: strconv.Itoa(int(c.Code.Lifetime.Seconds())), Length: strconv.Itoa(c.Code.Digits), Language: c.RequestLanguage,
		NoSignUp: c.NoSignUp, Autofill: c.Autofill, NewCodes: c.Resend == "new", Numbers: c.Numbers,
		Wait: strconv.Itoa(int(c.WaitForProvider.Milliseconds())),
	}
	if f.ServiceSID != "" {
		f.Source = sourceService
	}
	if len(c.AuthParams) > 0 {
		if raw, err := json.MarshalIndent(c.AuthParams, "", "  "); err == nil {
			f.AuthParams = string(raw)
		}
	}
	return f
}

// unsaved reports whether saving the form would store something else than the
// connection has.
func (f *connectionForm) unsaved(c *tenant.Connection) bool {
	stored := formOf(c)
	mine, err := f.patch(c.Channel, usesTwilio(c))
	theirs, err2 := stored.patch(c.Channel, usesTwilio(c))
	return err != nil || err2 != nil || !bytes.Equal(mine, theirs)
}

// resetTexts puts the built-in texts in place of those that were typed.
func (f *connectionForm) resetTexts() {
	fresh := formOf(&tenant.Connection{})
	f.Template, f.Syntax = fresh.Template, fresh.Syntax
	f.MailFrom, f.Subject, f.Body = fresh.MailFrom, fresh.Subject, fresh.Body
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// readConnectionForm reads the page. Line breaks are those of texts here, not
// those of forms.
func readConnectionForm(f form) connectionForm {
	text := func(name string) string { return strings.ReplaceAll(f.Get(name), "\r\n", "\n") }
	return connectionForm{
		TwilioSID: f.line("twilio_sid"), Token: f.line("twilio_token"), Source: f.Get("source"), From: f.line("from"),
		ServiceSID: f.line("messaging_service_sid"), Template: text("template"), Syntax: f.Get("syntax"),
		MailFrom: f.line("mail_from"), Subject: f.line("subject"), Body: text("body"), AuthParams: text("auth_params"),
		Expiry: f.line("time_step"), Length: f.line("length"), Language: f.line("request_language"), NoSignUp: f.on("disable_signup"),
		Autofill: f.on("autofill"), NewCodes: f.on("resend"), Numbers: f.Get("numbers"), Wait: f.line("wait"),
	}
}

// What Twilio takes as a sender: a number, a short code, or a name.
var (
	senderNumber = regexp.MustCompile(`^(?:\+[1-9][0-9]{5,14}|[0-9]{3,8})$`)
	senderName   = regexp.MustCompile(`^[A-Za-z0-9 ]{1,11}$`)
	hasLetter    = regexp.MustCompile(`[A-Za-z]`)
)

// check says what is wrong with the form, by field, and how to mend it. Twilio's
// account is another provider's business where sender is false; stored says that
// there is a token already.
func (f *connectionForm) check(channel tenant.Channel, sender, stored bool) map[string]string {
	wrong := map[string]string{}
	if n, err := strconv.Atoi(f.Expiry); err != nil || n < int(tenant.MinLifetime.Seconds()) {
		wrong["time_step"] = fmt.Sprintf("Enter seconds, %d or more.", int(tenant.MinLifetime.Seconds()))
	}
	if n, err := strconv.Atoi(f.Length); err != nil || n < tenant.MinDigits || n > tenant.MaxDigits {
		wrong["length"] = fmt.Sprintf("Enter how many digits, %d to %d.", tenant.MinDigits, tenant.MaxDigits)
	}
	if n, err := strconv.Atoi(or(f.Wait, "0")); err != nil || n < 0 || n > 10_000 {
		wrong["wait"] = "Enter milliseconds, 0 to 10000."
	}
	if channel == tenant.Email {
		f.checkMail(wrong)
		return wrong
	}
	if _, err := f.sms(); err != nil {
		wrong["template"] = err.Error()
	}
	if sender {
		f.checkTwilio(stored, wrong)
	}
	return wrong
}

// errNoCode says how a message gets its code.
var errNoCode = errors.New("there is no code in the message: add @@password@@ or {{ password }}")

// sms parses the message.
func (f *connectionForm) sms() (*message.SMSTemplate, error) {
	t, err := message.ParseSMS(or(f.Template, message.DefaultSMS), message.Syntax(f.Syntax))
	if err != nil {
		return nil, place(err)
	}
	if !t.ShowsCode() {
		return nil, sentence(errNoCode.Error())
	}
	return t, nil
}

// mail parses the e-mail.
func (f *connectionForm) mail() (*message.MailTemplate, error) {
	return message.ParseMail(or(f.MailFrom, message.DefaultMailFrom), or(f.Subject, message.DefaultMailSubject), or(f.Body, message.DefaultMailBody))
}

// place says where a template is broken.
func place(err error) error {
	var p *message.ParseError
	if !errors.As(err, &p) {
		return err
	}
	return sentence(fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Message))
}

// sentence is an error in the words of a page.
func sentence(s string) error { return errors.New(strings.ToUpper(s[:1]) + s[1:] + ".") }

func (f *connectionForm) checkMail(wrong map[string]string) {
	t, err := f.mail()
	var p *message.ParseError
	switch {
	case errors.As(err, &p):
		name := map[string]string{"from": "mail_from", "subject": "subject"}[p.Field]
		wrong[or(name, "body")] = place(err).Error()
	case err != nil:
		wrong["body"] = err.Error()
	case !t.ShowsCode() && !t.ShowsLink():
		wrong["body"] = "There is neither a code nor a link in the e-mail: add {{ code }} or {{ link }}."
	}
	if strings.TrimSpace(f.AuthParams) != "" {
		if _, err := settings.ParseObject([]byte(f.AuthParams)); err != nil {
			wrong["auth_params"] = `Enter a JSON object, such as {"scope": "openid"}.`
		}
	}
}

// checkTwilio demands all of an account or none of it: without any the
// connection is not ready, with half of one nobody knows what is meant.
func (f *connectionForm) checkTwilio(stored bool, wrong map[string]string) {
	from := f.From
	if f.Source == sourceService {
		from = f.ServiceSID
	}
	if f.TwilioSID == "" && f.Token == "" && from == "" {
		return
	}
	if f.TwilioSID == "" {
		wrong["twilio_sid"] = "Enter the Account SID from your Twilio Console."
	}
	if f.Token == "" && !stored {
		wrong["twilio_token"] = "Enter the Auth Token from your Twilio Console."
	}
	switch {
	case from == "" && f.Source == sourceService:
		wrong["messaging_service_sid"] = "Enter the SID of a Messaging Service, or choose From."
	case from == "":
		wrong["from"] = "Enter the number that messages come from, or choose a Messaging Service."
	case f.Source != sourceService && !senderNumber.MatchString(from) && !(senderName.MatchString(from) && hasLetter.MatchString(from)):
		wrong["from"] = "Use the international form, such as +447700900123, a short code, or a name of up to 11 letters and digits."
	}
}

// patch is the change that the form asks for. What is empty, or the built-in
// text, is removed; a token that is left out stays.
func (f *connectionForm) patch(channel tenant.Channel, sender bool) ([]byte, error) {
	expiry, _ := strconv.Atoi(f.Expiry)
	length, _ := strconv.Atoi(f.Length)
	wait, _ := strconv.Atoi(or(f.Wait, "0"))
	own := map[string]any{"wait_for_provider_ms": unless(wait, 0), "resend": unless(map[bool]string{true: "new"}[f.NewCodes], "")}
	options := map[string]any{
		"totp":           map[string]any{"length": length, "time_step": expiry},
		"disable_signup": f.NoSignUp, "request_language": unless(f.Language, ""), "doorcode": own,
	}
	if channel == tenant.Email {
		options["email"] = map[string]any{
			"from": unless(f.MailFrom, message.DefaultMailFrom), "subject": unless(f.Subject, message.DefaultMailSubject),
			"body": unless(f.Body, message.DefaultMailBody), "syntax": "liquid",
		}
		options["authParams"] = json.RawMessage("null")
		if strings.TrimSpace(f.AuthParams) != "" {
			options["authParams"] = json.RawMessage(f.AuthParams)
		}
	} else {
		own["autofill"], own["numbers"] = f.Autofill, unless(f.Numbers, "")
		options["template"], options["syntax"] = unless(f.Template, message.DefaultSMS), f.syntax()
		if sender {
			f.account(options)
		}
	}
	return json.Marshal(map[string]any{"options": options})
}

func (f *connectionForm) syntax() string {
	if slices.Contains([]string{string(message.Liquid), string(message.Markdown)}, f.Syntax) {
		return f.Syntax
	}
	return string(message.Liquid)
}

func (f *connectionForm) account(options map[string]any) {
	options["twilio_sid"] = unless(f.TwilioSID, "")
	if f.Token != "" {
		options["twilio_token"] = f.Token
	}
	options["from"], options["messaging_service_sid"] = unless(f.From, ""), nil
	if f.Source == sourceService {
		options["from"], options["messaging_service_sid"] = nil, unless(f.ServiceSID, "")
	}
}

// unless is the value, or null where it is what an absent one means.
func unless[T comparable](v, absent T) any {
	var zero T
	if v == absent || v == zero {
		return nil
	}
	return v
}

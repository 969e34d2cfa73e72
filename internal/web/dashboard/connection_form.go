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
	"time"

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

	token, tokenShown string // the stored one: what tells it from others, and what is shown of it
}

// fields are those that the page of a connection has, in its order.
func (f *connectionForm) fields(c *tenant.Connection) []formField {
	var list []formField
	if usesTwilio(c) {
		secret := line("twilio_token", "Twilio Auth Token", &f.Token)
		secret.kind, secret.stored, secret.shown = secretField, f.token, f.tokenShown
		list = append(list,
			line("twilio_sid", "Twilio Account SID", &f.TwilioSID), secret,
			pick("source", "SMS Source", &f.Source, choice{Value: sourceFrom, Name: "From"}, choice{Value: sourceService, Name: "Messaging Service (Copilot)"}),
			line("from", "From", &f.From), line("messaging_service_sid", "Twilio Messaging Service SID", &f.ServiceSID),
		)
	}
	if c.Channel == tenant.Email {
		list = append(list,
			line("mail_from", "From", &f.MailFrom), line("subject", "Subject", &f.Subject), area("body", "Body", &f.Body),
			area("auth_params", "Authentication Parameters", &f.AuthParams))
	} else {
		list = append(list, area("template", "Message", &f.Template),
			pick("syntax", "Syntax", &f.Syntax, choice{Value: string(message.Liquid), Name: "Liquid"}, choice{Value: string(message.Markdown), Name: "Markdown"}))
	}
	list = append(list,
		line("time_step", "OTP Expiry", &f.Expiry), line("length", "OTP Length", &f.Length), box("disable_signup", "Disable Sign Ups", &f.NoSignUp),
		line("request_language", "Language of messages", &f.Language))
	if c.Channel == tenant.SMS {
		list = append(list, box("autofill", "Let phones fill the code in", &f.Autofill),
			pick("numbers", "Numbers that are taken", &f.Numbers, choice{Value: "", Name: "Any: the provider decides"},
				choice{Value: "possible", Name: "Possible ones: their country has such"}, choice{Value: "valid", Name: "Valid ones: their digits are in use there"}))
	}
	return append(list, box("resend", "A new code each time one is asked for", &f.NewCodes),
		line("wait", "Wait for the provider (milliseconds)", &f.Wait))
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
	if raw := authParams(c); len(raw) > 0 {
		f.AuthParams = string(raw)
	}
	if t := c.Secrets[settings.SecretTwilio]; t != "" {
		f.tokenShown = "one that ends in " + ending(t)
		f.token = c.SecretsAt[settings.SecretTwilio].UTC().Format(time.RFC3339Nano) + " " + ending(t)
	}
	tidy(f.fields(c))
	return f
}

// ending is what may be seen of a stored token: its last four characters, unless
// that would be much of it.
func ending(token string) string {
	if len(token) >= 16 {
		return token[len(token)-4:]
	}
	return "…"
}

// authParams are the parameters of a connection's links as people edit them: as
// they are stored, in lines.
func authParams(c *tenant.Connection) []byte {
	var b bytes.Buffer
	if stored := storedAuthParams(c); stored != nil && stored.Len() > 0 && json.Indent(&b, stored.Bytes(), "", "  ") == nil {
		return b.Bytes()
	}
	if len(c.AuthParams) > 0 { // they came as a text
		if raw, err := json.MarshalIndent(c.AuthParams, "", "  "); err == nil {
			return raw
		}
	}
	return nil
}

// storedAuthParams is the stored object, nil if there is none.
func storedAuthParams(c *tenant.Connection) *settings.Object {
	doc, err := settings.ParseObject(c.Doc)
	if err != nil {
		return nil
	}
	return doc.Object("options").Object("authParams")
}

// unsaved reports whether saving the form would store something else than the
// connection has.
func (f *connectionForm) unsaved(c *tenant.Connection) bool { return len(f.change(c)) > 0 }

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

// readConnectionForm reads the page of a connection.
func readConnectionForm(sent form, c *tenant.Connection) connectionForm {
	f := formOf(c)
	read(sent, f.fields(c))
	return f
}

// What Twilio takes as a sender: a number, a short code, or a name.
var (
	senderNumber = regexp.MustCompile(`^(?:\+[1-9][0-9]{5,14}|[0-9]{3,8})$`)
	senderName   = regexp.MustCompile(`^[A-Za-z0-9 ]{1,11}$`)
	hasLetter    = regexp.MustCompile(`[A-Za-z]`)
)

// check says what is wrong with the form, by field, and how to mend it. Twilio's
// account is another provider's business where there is another.
func (f *connectionForm) check(c *tenant.Connection) map[string]string {
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
	if c.Channel == tenant.Email {
		f.checkMail(wrong)
		return wrong
	}
	if _, err := f.sms(); err != nil {
		wrong["template"] = err.Error()
	}
	if usesTwilio(c) {
		stored := c.Secrets[settings.SecretTwilio] != "" && f.TwilioSID == c.Sender.TwilioSID || c.Sender.TwilioAPIKey != ""
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
// connection is not ready, with half of one nobody knows what is meant. stored says
// that there is a token already.
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

// change is what the form asks for and the connection has not, by the names of
// its options. What was left alone is not in it, so that it also stays what no
// form has a field for.
func (f *connectionForm) change(c *tenant.Connection) map[string]any {
	stored := formOf(c)
	change := changes(f.options(c), stored.options(c))
	if mail, ok := change["email"].(map[string]any); ok && c.Text.Syntax == "" {
		mail["syntax"] = "liquid" // which Auth0's tools expect
	}
	// A change of an object leaves the members that it does not name.
	if raw, ok := change["authParams"].(json.RawMessage); ok {
		if typed, err := settings.ParseObject(raw); err == nil {
			if before := storedAuthParams(c); before != nil {
				for _, name := range before.Names() {
					typed.SetDefault(name, nil)
				}
			}
			change["authParams"] = typed
		}
	}
	return change
}

// patch is the body of a change.
func patch(change map[string]any) ([]byte, *settings.Object, error) {
	return document(map[string]any{"options": change})
}

// options are all that the form says. What is empty, or the built-in text, is
// null; a token that is left out stays.
func (f *connectionForm) options(c *tenant.Connection) map[string]any {
	expiry, _ := strconv.Atoi(f.Expiry)
	length, _ := strconv.Atoi(f.Length)
	wait, _ := strconv.Atoi(or(f.Wait, "0"))
	own := map[string]any{"wait_for_provider_ms": unless(wait, 0), "resend": unless(map[bool]string{true: "new"}[f.NewCodes], "")}
	options := map[string]any{
		"totp":           map[string]any{"length": length, "time_step": expiry},
		"disable_signup": f.NoSignUp, "request_language": unless(f.Language, ""), "doorcode": own,
	}
	if c.Channel == tenant.Email {
		options["email"] = map[string]any{
			"from": unless(f.MailFrom, message.DefaultMailFrom), "subject": unless(f.Subject, message.DefaultMailSubject),
			"body": unless(f.Body, message.DefaultMailBody),
		}
		options["authParams"] = nil
		if strings.TrimSpace(f.AuthParams) != "" {
			options["authParams"] = json.RawMessage(f.AuthParams)
		}
		return options
	}
	own["autofill"], own["numbers"] = f.Autofill, unless(f.Numbers, "")
	options["template"], options["syntax"] = unless(f.Template, message.DefaultSMS), f.syntax()
	if usesTwilio(c) {
		f.account(options)
	}
	return options
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
	// A Messaging Service is used before a number, which may stay beside it.
	options["from"], options["messaging_service_sid"] = unless(f.From, ""), nil
	if f.Source == sourceService {
		options["messaging_service_sid"] = unless(f.ServiceSID, "")
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

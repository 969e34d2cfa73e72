package dashboard

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// twilio is the provider whose settings the page has. Others are set up through
// the API.
const twilio = "twilio"

// settingsPage is the settings of a connection.
type settingsPage struct {
	connectionFrame
	Form    connectionForm
	Wrong   map[string]string
	Problem string
	Version int64
	// Theirs is what somebody else stored meanwhile, where it is something
	// else.
	Theirs    map[string]string
	Address   string // of the page
	Twilio    bool   // the account is Twilio's
	Ending    string // the last four characters of the stored token
	TokenDate string // " 2 Jan 2026": since when it is stored
	Warnings  []string
	Unsaved   bool // the form has something else than is stored
	Checked   bool // the provider was asked
	Findings  []delivery.Finding
	Clients   []*tenant.Client // the applications that a preview can be for
}

// settings shows what a connection is set to.
func (d *Dashboard) settings(w http.ResponseWriter, q *request) error {
	c, f, err := d.connection(q, tabSettings)
	if err != nil {
		return err
	}
	return d.showSettings(w, q, c, settingsPage{connectionFrame: f, Form: formOf(c)})
}

func (d *Dashboard) showSettings(w http.ResponseWriter, q *request, c *tenant.Connection, p settingsPage) error {
	p.Version, p.Twilio, p.Address = c.Version, usesTwilio(c), tabAddress(c.ID, tabSettings)
	if t := c.Secrets[settings.SecretTwilio]; len(t) >= 16 {
		p.Ending = t[len(t)-4:]
	} else if t != "" {
		p.Ending = "…" // too short to show a part of it
	}
	if at := c.SecretsAt[settings.SecretTwilio]; !at.IsZero() {
		p.TokenDate = " " + at.UTC().Format("2 Jan 2006")
	}
	p.Warnings = warnings(c)
	var err error
	if p.Clients, err = d.people(q.Context()); err != nil {
		return err
	}
	p.Form.Token = "" // never shown, also not to who has just typed it
	p.Unsaved = p.Form.unsaved(c)
	v := view{Title: title(c), Script: "form.js", Failed: p.Problem != "" || len(p.Wrong) > 0, Body: p}
	if c.Channel == tenant.Email {
		return d.show(w, q, "email-settings", v)
	}
	return d.show(w, q, "sms-settings", v)
}

func usesTwilio(c *tenant.Connection) bool {
	return c.Channel == tenant.SMS && (c.Sender.Provider == "" || c.Sender.Provider == twilio)
}

// What Twilio's ids look like.
var (
	accountSID = regexp.MustCompile(`^AC[0-9a-f]{32}$`)
	serviceSID = regexp.MustCompile(`^MG[0-9a-f]{32}$`)
)

// warnings are about settings that are taken and may not be meant.
func warnings(c *tenant.Connection) []string {
	var list []string
	if c.Code.Digits < tenant.DefaultDigits {
		list = append(list, "Codes of fewer than 6 digits are easier to guess.")
	}
	switch {
	case c.Code.Lifetime > tenant.MaxLifetime:
		list = append(list, "A code never lives longer than 600 seconds, whatever the expiry says.")
	case c.Code.Lifetime > 5*time.Minute && c.Code.Digits <= tenant.DefaultDigits:
		list = append(list, "Codes that live longer should be longer.")
	}
	if usesTwilio(c) {
		if s := c.Sender.TwilioSID; s != "" && !accountSID.MatchString(s) {
			list = append(list, "The Account SID does not look like one of Twilio's: AC and 32 hexadecimal digits.")
		}
		if s := c.Sender.MessagingServiceSID; s != "" && !serviceSID.MatchString(s) {
			list = append(list, "The Messaging Service SID does not look like one of Twilio's: MG and 32 hexadecimal digits.")
		}
	}
	if c.WaitForProvider > 0 {
		list = append(list, "Waiting for the provider's answer tells whoever asks whether a number can be reached.")
	}
	form := formOf(c)
	if c.Channel == tenant.SMS {
		if _, err := form.sms(); err != nil {
			list = append(list, "The stored message cannot be sent as it is. "+err.Error())
		}
	}
	return list
}

// saveSettings stores what was typed, or says what is wrong with it.
func (d *Dashboard) saveSettings(w http.ResponseWriter, q *request) error {
	c, frame, err := d.connection(q, tabSettings)
	if err != nil {
		return err
	}
	sent, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	p := settingsPage{connectionFrame: frame, Form: readConnectionForm(sent)}
	switch sent.Get("action") {
	case "check":
		return d.checkSender(w, q, c, p)
	case "default":
		p.Form.resetTexts()
		return d.showSettings(w, q, c, p)
	}
	sender := usesTwilio(c)
	stored := c.Secrets[settings.SecretTwilio] != "" && p.Form.TwilioSID == c.Sender.TwilioSID || c.Sender.TwilioAPIKey != ""
	if p.Wrong = p.Form.check(c.Channel, sender, stored); len(p.Wrong) > 0 {
		return d.showSettings(w, q, c, p)
	}
	version, err := strconv.ParseInt(sent.Get("version"), 10, 64)
	if err != nil || version <= 0 {
		return errNoVersion
	}
	raw, err := p.Form.patch(c.Channel, sender)
	if err != nil {
		return err
	}
	body, err := settings.ParseObject(raw)
	if err != nil {
		return err
	}
	_, err = d.Manage.ChangeConnection(q.Context(), q.actor(raw), c.ID, manage.ConnectionPatch{Body: body, Merge: settings.Keep, Version: version})
	if errors.Is(err, manage.ErrStale) {
		return d.showStale(w, q, p)
	}
	if told := fault.Of(err); err != nil && (told.Kind == fault.Invalid || told.Kind == fault.Conflict) {
		p.Problem = told.Message
		return d.showSettings(w, q, c, p)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, tabAddress(c.ID, tabSettings)+"?done=saved")
}

var errNoVersion = fault.New(fault.Invalid, "invalid_request", "The form is not whole. Load the page again.")

// showStale shows both what was typed and what somebody else stored meanwhile.
func (d *Dashboard) showStale(w http.ResponseWriter, q *request, p settingsPage) error {
	c, frame, err := d.connection(q, tabSettings)
	if err != nil {
		return err
	}
	p.connectionFrame = frame
	p.Problem = "Somebody else has saved this connection since you opened it. What they stored is shown below the fields. Save again to keep what you typed, or discard it."
	p.Theirs = differences(p.Form, formOf(c))
	return d.showSettings(w, q, c, p)
}

// differences are the stored values of the fields that were typed otherwise.
func differences(mine, theirs connectionForm) map[string]string {
	yes := map[bool]string{true: "on", false: "off"}
	out := map[string]string{}
	for name, pair := range map[string][2]string{
		"twilio_sid": {mine.TwilioSID, theirs.TwilioSID}, "from": {mine.From, theirs.From},
		"messaging_service_sid": {mine.ServiceSID, theirs.ServiceSID}, "template": {mine.Template, theirs.Template},
		"mail_from": {mine.MailFrom, theirs.MailFrom}, "subject": {mine.Subject, theirs.Subject}, "body": {mine.Body, theirs.Body},
		"time_step": {mine.Expiry, theirs.Expiry}, "length": {mine.Length, theirs.Length},
		"request_language": {mine.Language, theirs.Language},
		"disable_signup":   {yes[mine.NoSignUp], yes[theirs.NoSignUp]},
	} {
		if pair[0] != pair[1] {
			out[name] = or(pair[1], "(empty)")
		}
	}
	return out
}

// checkSender asks the provider whether it would take messages.
func (d *Dashboard) checkSender(w http.ResponseWriter, q *request, c *tenant.Connection, p settingsPage) error {
	var err error
	if p.Findings, err = d.Manage.CheckSender(q.Context(), c.ID); err != nil {
		return err
	}
	p.Checked = true
	return d.showSettings(w, q, c, p)
}

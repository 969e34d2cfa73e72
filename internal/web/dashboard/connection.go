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
	edit
	Form      connectionForm
	Address   string // of the page
	Twilio    bool   // the account is Twilio's
	Ending    string // the last four characters of the stored token
	TokenDate string // " 2 Jan 2026": since when it is stored
	TokenLost string // says that a token which was typed is not stored
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
	stored := formOf(c)
	p.about(strconv.FormatInt(c.Version, 10), stored.fields(c))
	p.Twilio, p.Address = usesTwilio(c), tabAddress(c.ID, tabSettings)
	if t := c.Secrets[settings.SecretTwilio]; t != "" {
		p.Ending = ending(t)
	}
	if at := c.SecretsAt[settings.SecretTwilio]; !at.IsZero() {
		p.TokenDate = " " + at.UTC().Format("2 Jan 2006")
	}
	p.Warnings = warnings(c)
	var err error
	if p.Clients, err = d.people(q.Context()); err != nil {
		return err
	}
	// It is never shown, also not to who has just typed it.
	if p.Form.Token != "" && p.Form.Token != c.Secrets[settings.SecretTwilio] {
		p.TokenLost = "The token you typed was not saved: type it again."
	}
	p.Form.Token = ""
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
	p := settingsPage{connectionFrame: frame, edit: edited(sent, "version"), Form: readConnectionForm(sent, c)}
	switch sent.Get("action") {
	case "check":
		return d.checkSender(w, q, c, p)
	case "default":
		p.Form.resetTexts()
		return d.showSettings(w, q, c, p)
	}
	version, err := strconv.ParseInt(p.Seen, 10, 64)
	switch {
	case c.Managed:
		return manage.ErrManaged
	case err != nil || version <= 0:
		return errNoVersion
	case version != c.Version:
		return d.showStale(w, q, p)
	}
	change := p.Form.change(c)
	if len(change) == 0 {
		return leave(w, q.Request, tabAddress(c.ID, tabSettings)+"?done=saved")
	}
	if p.Wrong = p.Form.check(c); len(p.Wrong) > 0 {
		return d.showSettings(w, q, c, p)
	}
	raw, body, err := patch(change)
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

// showStale shows what was typed on top of what somebody else stored meanwhile.
func (d *Dashboard) showStale(w http.ResponseWriter, q *request, p settingsPage) error {
	c, frame, err := d.connection(q, tabSettings)
	if err != nil {
		return err
	}
	stored := formOf(c)
	p.connectionFrame = frame
	p.stale("this connection since you opened it", p.Form.fields(c), stored.fields(c))
	p.Wrong = p.Form.check(c)
	return d.showSettings(w, q, c, p)
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

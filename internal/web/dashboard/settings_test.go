package dashboard_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// connection is the one of that name, as it is stored.
func (w *world) connection(name string) *tenant.Connection {
	w.t.Helper()
	c, err := w.Store.Connection(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) settings(name string) *textbrowser.Page {
	w.t.Helper()
	p := w.get(w.browser, passwordless+"/"+string(w.connection(name).ID)+"/settings")
	if p.Status != http.StatusOK {
		w.t.Fatalf("%d %s", p.Status, p.Text())
	}
	return p
}

const (
	sid   = "AC00000000000000000000000000000001"
	token = "an auth token that ends in 9f2c"
)

// F2, F7, F8: everything about an SMS connection is set on one page, under
// Auth0's labels; the token is never shown again.
func TestSMSSettings(t *testing.T) {
	w := newWorld(t)
	w.developer()
	p := w.settings("sms")
	for _, label := range []string{
		"Twilio Account SID", "Twilio Auth Token", "SMS Source", "From", "Messaging Service (Copilot)",
		"Twilio Messaging Service SID", "Message", "OTP Expiry", "OTP Length", "Disable Sign Ups",
	} {
		w.says(p, label)
	}
	const text = "@@password@@ for\n{{ application.name }}"
	f := p.Form("twilio_sid").Set("twilio_sid", sid).Set("twilio_token", token).Set("from", "+15555550100").
		Set("template", strings.ReplaceAll(text, "\n", "\r\n")).Set("syntax", "md_with_macros").Set("time_step", "240").Set("length", "7").
		Set("disable_signup", "on").Set("request_language", "en-US").Set("autofill", "on").Set("resend", "on").Set("numbers", "valid").Set("wait", "500")
	p = w.submit(w.browser, f.Press("save"))
	w.says(p, "Saved.")
	w.says(p, "ends in 9f2c")
	if strings.Contains(p.Body, token) {
		t.Error("the page shows the token")
	}
	c := w.connection("sms")
	if c.Sender.TwilioSID != sid || c.Secrets[settings.SecretTwilio] != token || c.Sender.From != "+15555550100" || c.Text.Template != text ||
		c.Text.Syntax != "md_with_macros" || c.Code.Lifetime.Seconds() != 240 || c.Code.Digits != 7 || !c.NoSignUp || c.RequestLanguage != "en-US" ||
		!c.Autofill || c.Resend != "new" || c.Numbers != "valid" || c.WaitForProvider.Milliseconds() != 500 || !c.BruteForce {
		t.Errorf("stored is %+v", c)
	}
	// What is left empty stays or goes; the token stays, and so does the number,
	// which calls still come from.
	f = p.Form("twilio_sid").Set("source", "service").Set("messaging_service_sid", "MG00000000000000000000000000000001")
	f.Values.Del("disable_signup")
	w.says(w.submit(w.browser, f.Press("save")), "Saved.")
	c = w.connection("sms")
	if c.Secrets[settings.SecretTwilio] != token || c.Sender.From != "+15555550100" || c.Sender.MessagingServiceSID == "" || c.NoSignUp {
		t.Errorf("stored is %+v", c.Sender)
	}
	events, err := w.Store.ListLogs(t.Context(), manage.LogQuery{Type: "sapi", Descending: true}, manage.Window{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	logged := 0
	for _, e := range events.Items {
		if e.Description == "Update a connection" {
			logged++
			if e.Details["before"] == nil || e.Details["after"] == nil {
				t.Errorf("logged is %v", e.Details)
			}
		}
	}
	if logged != 2 {
		t.Errorf("%d changes are in the log", logged)
	}
}

// D4, D5: what is wrong is said beside the field with what to do, and nothing is
// stored.
func TestSMSSettingsRefused(t *testing.T) {
	w := newWorld(t)
	w.developer()
	before := w.connection("sms").Version
	for _, tt := range []struct{ field, value, want string }{
		{"template", "hello", "add @@password@@ or {{ password }}"},
		{"template", "{{ code }}\n{% if x %}", "Line 2, column 4"},
		{"template", "{{ code", "Line 1, column"},
		{"time_step", "59", "60 or more"},
		{"time_step", "", "60 or more"},
		{"length", "3", "4 to 40"},
		{"length", "six", "4 to 40"},
		{"wait", "-1", "0 to 10000"},
		{"twilio_sid", sid, "Enter the Auth Token"},
		{"twilio_token", token, "Enter the Account SID"},
		{"from", "07700 900123", "+447700900123"},
		{"from", "a sender name that is long", "11 letters"},
	} {
		p := w.submit(w.browser, w.settings("sms").Form("twilio_sid").Set(tt.field, tt.value).Press("save"))
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Text(), tt.want) || !strings.Contains(p.Body, "<title>Error: ") {
			t.Errorf("%s %q: %d, want %q in:\n%s", tt.field, tt.value, p.Status, tt.want, p.Text())
		}
		if tt.field != "twilio_token" && p.Form("twilio_sid").Values.Get(tt.field) != tt.value {
			t.Errorf("%s %q: what was typed is gone", tt.field, tt.value)
		}
		if strings.Contains(p.Body, token) {
			t.Error("the page shows the token")
		}
	}
	p := w.submit(w.browser, w.settings("sms").Form("twilio_sid").Set("twilio_sid", sid).Set("twilio_token", token).Press("save"))
	w.says(p, "choose a Messaging Service")
	if after := w.connection("sms").Version; after != before {
		t.Error("something was stored")
	}
}

// labels are the exact labels of a page's fields, groups and columns.
func labels(p *textbrowser.Page) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?s)<(?:label|legend)[^>]*>(.*?)</(?:label|legend)>`).FindAllStringSubmatch(p.Body, -1) {
		found[strings.TrimSpace(regexp.MustCompile(`(?s)<select.*?</select>|<[^>]*>`).ReplaceAllString(m[1], ""))] = true
	}
	return found
}

// D3, F2, F11: fields have Auth0's labels, word for word.
func TestD3Labels(t *testing.T) {
	w := newWorld(t)
	w.developer()
	for name, want := range map[string][]string{
		"sms": {
			"Twilio Account SID", "Twilio Auth Token", "SMS Source", "From", "Messaging Service (Copilot)", "Twilio Messaging Service SID",
			"Message", "OTP Expiry", "OTP Length", "Disable Sign Ups",
		},
		"email": {"From", "Subject", "Body", "Authentication Parameters", "OTP Expiry", "OTP Length", "Disable Sign Ups"},
	} {
		found := labels(w.settings(name))
		for _, label := range want {
			if !found[label] {
				t.Errorf("%s has no label %q among %v", name, label, found)
			}
		}
	}
}

// The built-in texts are put in place of what was typed, and stored only when
// they are saved; all else that was typed stays.
func TestBuiltInTexts(t *testing.T) {
	w := newWorld(t)
	w.developer()
	for name, field := range map[string]string{"sms": "template", "email": "body"} {
		builtIn := w.settings(name).Form("version").Values.Get(field)
		p := w.submit(w.browser, w.settings(name).Form("version").Set(field, "Ours: {{ code }}").Press("save"))
		w.says(p, "Saved.")
		if strings.Contains(p.Body, `data-guard="unsaved"`) {
			t.Errorf("%s: what is saved is called unsaved", name)
		}
		p = w.submit(w.browser, p.Form("version").Set(field, "Typed").Set("length", "9").Press("default"))
		f := p.Form("version")
		if p.Status != http.StatusOK || f.Values.Get(field) != builtIn || f.Values.Get("length") != "9" || !strings.Contains(p.Body, `data-guard="unsaved"`) {
			t.Errorf("%s: %d %v", name, p.Status, f.Values)
		}
		if c := w.connection(name); c.Text.Template+c.Text.Body != "Ours: {{ code }}" {
			t.Errorf("%s: stored is %+v", name, c.Text)
		}
		w.says(w.submit(w.browser, f.Press("save")), "Saved.")
		if c := w.connection(name); c.Text.Template+c.Text.Body != "" || c.Code.Digits != 9 {
			t.Errorf("%s: stored is %+v", name, c.Text)
		}
	}
}

// D27: a connection of the configuration file is shown with where it is from, and
// can be changed by nobody here, also not by whoever sends the form anyway.
func TestD27ManagedConnection(t *testing.T) {
	w := newWorld(t)
	w.developer()
	form := w.settings("sms").Form("version").Set("length", "9")
	w.applyFile("connections:\n  - name: sms\n    strategy: sms\n    options:\n      totp: {length: 7, time_step: 120}\n")
	p := w.settings("sms")
	w.says(p, "managed by the configuration file")
	if strings.Contains(p.Body, `name="action"`) || !strings.Contains(p.Body, "<fieldset class=\"plain-set\" disabled>") {
		t.Error("the page offers to change it")
	}
	if p = w.submit(w.browser, form.Press("save")); p.Status == http.StatusOK {
		t.Error("the form is taken")
	}
	w.says(p, "managed by the configuration file")
	if got := w.connection("sms").Code.Digits; got != 7 {
		t.Errorf("stored are %d digits", got)
	}
}

// D18: who saves what somebody else has changed meanwhile sees both, and decides.
func TestStaleSettings(t *testing.T) {
	w := newWorld(t)
	w.developer()
	mine := w.settings("sms").Form("twilio_sid").Set("length", "8").Press("save")
	w.says(w.submit(w.browser, w.settings("sms").Form("twilio_sid").Set("length", "9").Press("save")), "Saved.")
	p := w.submit(w.browser, mine)
	w.says(p, "Somebody else has saved")
	w.says(p, "Stored now: 9")
	if got := w.connection("sms").Code.Digits; got != 9 {
		t.Errorf("stored is %d", got)
	}
	w.says(w.submit(w.browser, p.Form("twilio_sid").Press("save")), "Saved.")
	if got := w.connection("sms").Code.Digits; got != 8 {
		t.Errorf("stored is %d", got)
	}
}

// F11: the settings of e-mail.
func TestEmailSettings(t *testing.T) {
	w := newWorld(t)
	w.developer()
	p := w.settings("email")
	for _, label := range []string{"From", "Subject", "Body", "Authentication Parameters", "OTP Expiry", "OTP Length", "Disable Sign Ups"} {
		w.says(p, label)
	}
	edit := func(pairs ...string) *textbrowser.Page {
		f := w.settings("email").Form("mail_from")
		for i := 0; i < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		return w.submit(w.browser, f.Press("save"))
	}
	w.says(edit("subject", "Hello", "body", "<p>hello</p>"), "add {{ code }} or {{ link }}")
	w.says(edit("subject", "{{ code"), "Line 1, column")
	w.says(edit("auth_params", "scope=openid"), "JSON object")
	w.says(edit("mail_from", "Acme <login@acme.example>", "subject", "{{ code }}", "body", "<p>{{ code }} {{ link }}</p>", "auth_params", `{"scope":"openid"}`), "Saved.")
	c := w.connection("email")
	if c.Text.From != "Acme <login@acme.example>" || c.Text.Subject != "{{ code }}" || c.Text.Body != "<p>{{ code }} {{ link }}</p>" || c.AuthParams["scope"] != "openid" {
		t.Errorf("stored is %+v %v", c.Text, c.AuthParams)
	}
	w.says(edit("auth_params", ""), "Saved.")
	if c := w.connection("email"); len(c.AuthParams) != 0 {
		t.Errorf("stored is %v", c.AuthParams)
	}
}

// The preview is the message that would be sent, with the application and the
// language that were picked, and what it costs.
func TestPreview(t *testing.T) {
	w := newWorld(t)
	w.developer()
	look := func(name string, pairs ...string) *textbrowser.Page {
		f := w.settings(name).Form("version")
		for i := 0; i < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		f.Action = f.Action.JoinPath("../preview")
		p := w.submit(w.browser, f)
		if csp := p.Header.Get("Content-Security-Policy"); p.Status != http.StatusOK || !strings.HasPrefix(csp, "sandbox;") {
			t.Errorf("%d %s", p.Status, csp)
		}
		return p
	}
	w.says(look("sms", "template", "{% if request_language contains 'dutch' %}Uw code{% else %}Your code{% endif %} @@code@@ {{ application.name }}",
		"length", "4", "preview_language", "dutch", "preview_app", w.Ready.ClientID), "Uw code 4829 My app")
	w.says(look("sms", "template", "@@code@@", "autofill", "on"), "@localhost #482913")
	w.says(look("sms", "template", "@@code@@"), "1 segment, GSM-7")
	w.says(look("sms", "template", "@@code@@ Ж"+strings.Repeat("x", 80)), "2 segments, UCS-2")
	// What is broken is said, and the message that would be sent is still there.
	for name, field := range map[string]string{"sms": "template", "email": "body"} {
		p := look(name, field, "{{ code")
		w.says(p, "ine 1, column")
		w.says(p, "The message as it is stored:")
		if !strings.Contains(p.Body, `<div class="past">`) || !strings.Contains(p.Body, "482913") {
			t.Errorf("%s: the stored message is not there: %s", name, p.Body)
		}
	}
	p := look("sms", "template", "@@code@@ <script>alert(1)</script>")
	if strings.Contains(p.Body, "<script>") {
		t.Error("a message runs scripts")
	}
	w.says(look("email", "subject", "Code {{ code }}"), "Code 482913")
	p = look("email", "body", "<p>{{ link }}</p>", "preview_send", "link")
	if !strings.Contains(p.Body, "sample-link") {
		t.Error("there is no link in the preview")
	}
	if c := w.connection("sms"); c.Text.Template != "" {
		t.Error("a preview was stored")
	}
}

// F1, F9: a method is switched off and on again for applications that are asked
// for; one application is switched by itself.
func TestSwitching(t *testing.T) {
	w := newWorld(t)
	w.developer()
	clients := func() int { return len(w.connection("sms").Clients) }
	all := clients()
	p := w.get(w.browser, passwordless)
	off := p.Form("connection").Set("connection", string(w.connection("sms").ID))
	p = w.submit(w.browser, off)
	w.says(p, "SMS was switched off for 5 applications.")
	if clients() != 0 {
		t.Fatalf("%d applications are left", clients())
	}
	p = w.submit(w.browser, p.Form("connection", "client."+w.Ready.ClientID))
	w.at(p, passwordless) // taken back where it was done
	w.says(p, "SMS was switched on for 5 applications.")
	if clients() != all {
		t.Errorf("%d applications are on again, want %d", clients(), all)
	}
	w.submit(w.browser, off)
	p = w.get(w.browser, passwordless+"/on?connection="+string(w.connection("sms").ID))
	w.says(p, "Which applications")
	w.says(w.submit(w.browser, p.Form("strategy")), "Choose an application")
	p = w.submit(w.browser, p.Form("strategy").Set("client."+w.Ready.ClientID, "on"))
	if !strings.HasSuffix(p.URL.Path, "/settings") || clients() != 1 {
		t.Errorf("at %s with %d applications", p.URL, clients())
	}
	p = w.get(w.browser, strings.TrimSuffix(p.URL.Path, "settings")+"applications")
	p = w.submit(w.browser, p.Form("client", "to").Set("client", w.Ready.SPAClientID).Set("to", "on"))
	w.says(p, "SMS was switched on for My single-page app.")
	if clients() != 2 {
		t.Errorf("%d applications", clients())
	}
	p = w.submit(w.browser, p.Form("client", "to").Set("client", w.Ready.SPAClientID).Set("to", "off"))
	w.says(p, "SMS was switched off for My single-page app.")
	p = w.submit(w.browser, p.Form("client", "to").Set("client", "nobody").Set("to", "on"))
	if p.Status == http.StatusOK || clients() != 1 {
		t.Errorf("an application that is not there: %d", p.Status)
	}
}

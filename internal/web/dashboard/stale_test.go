package dashboard_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// A staleForm is a form that two administrators have open at once.
type staleForm struct {
	name, page, field string
	// mine and theirs are what each types, by the names of the fields: all that
	// the page has. A box that is not there is not ticked.
	mine, theirs map[string]string
	// two are the fields of which there are two values, so that both cannot have
	// changed them otherwise.
	two []string
}

const (
	secondSID = "AC00000000000000000000000000000002"
	thirdSID  = "AC00000000000000000000000000000003"
	secondMG  = "MG00000000000000000000000000000002"
	thirdMG   = "MG00000000000000000000000000000003"
)

// staleForms are all forms that change settings. The connections, the application
// and the API have been set up before.
func staleForms(w *world) []staleForm {
	otp := func(more map[string]string, length string) map[string]string {
		out := map[string]string{"time_step": "18" + length, "length": length, "request_language": "en-" + length, "wait": "10" + length}
		maps.Copy(out, more)
		return out
	}
	boxes := func(values map[string]string, names ...string) map[string]string {
		for _, name := range names {
			values[name] = "on"
		}
		return values
	}
	app := w.newApplication("Shop", "regular_web")
	api := w.newAPI("Appointments", appointments)
	address := func(host string) map[string]string {
		at := "https://" + host + ".example.com"
		return map[string]string{
			"name": host, "description": host, "logo_uri": at + "/logo.png", "initiate_login_uri": at + "/login", "callbacks": at + "/cb",
			"allowed_logout_urls": at + "/bye", "web_origins": at, "allowed_origins": at,
		}
	}
	mineApp, theirApp := address("mine"), address("theirs")
	maps.Copy(mineApp, map[string]string{
		"app_type": "native", "token_endpoint_auth_method": "client_secret_post", "lifetime_in_seconds": "601", "alg": "ES256", "leeway": "1",
		"token_lifetime": "9001", "idle_token_lifetime": "71", "grant.http://auth0.com/oauth/grant-type/passwordless/otp": "on",
	})
	maps.Copy(theirApp, map[string]string{
		"app_type": "non_interactive", "token_endpoint_auth_method": "client_secret_basic", "lifetime_in_seconds": "602", "alg": "HS256", "leeway": "2",
		"token_lifetime": "9002", "idle_token_lifetime": "72", "grant.client_credentials": "on",
	})
	switches := []string{"cross_origin_authentication", "rotating", "expiring", "idle_expiring", "require_par", "require_proof"} // and not oidc_conformant, which was on
	return []staleForm{
		{
			name: "SMS connection", page: passwordless + "/" + string(w.connection("sms").ID) + "/settings", field: "twilio_sid",
			mine: otp(map[string]string{
				"twilio_sid": secondSID, "twilio_token": "the token that I have typed", "source": "from", "from": "+15555550102", "messaging_service_sid": "",
				"template": "Mine {{ code }}", "syntax": "liquid", "numbers": "possible",
			}, "7"),
			theirs: boxes(otp(map[string]string{
				"twilio_sid": thirdSID, "twilio_token": "the token that they typed", "source": "service", "from": "+15555550103", "messaging_service_sid": thirdMG,
				"template": "Theirs {{ code }}", "syntax": "md_with_macros", "numbers": "valid",
			}, "8"), "disable_signup", "autofill", "resend"),
			two: []string{"source", "syntax", "messaging_service_sid", "disable_signup", "autofill", "resend"},
		},
		{
			name: "e-mail connection", page: passwordless + "/" + string(w.connection("email").ID) + "/settings", field: "mail_from",
			mine: otp(map[string]string{"mail_from": "Mine <a@mail.example>", "subject": "Mine", "body": "Mine {{ code }}", "auth_params": `{"scope":"mine"}`}, "7"),
			theirs: boxes(otp(map[string]string{"mail_from": "Theirs <b@mail.example>", "subject": "Theirs", "body": "Theirs {{ code }}", "auth_params": `{"scope":"theirs"}`}, "8"),
				"disable_signup", "resend"),
			two: []string{"disable_signup", "resend"},
		},
		{
			name: "application", page: applications + "/" + string(app) + "/settings", field: "callbacks",
			mine:   boxes(mineApp, "oidc_conformant"),
			theirs: boxes(theirApp, switches...),
			two:    append(switches, "oidc_conformant"),
		},
		{
			name: "API", page: api + "/settings", field: "token_lifetime",
			mine:   map[string]string{"name": "Mine", "signing_alg": "RS256", "token_lifetime": "601"},
			theirs: boxes(map[string]string{"name": "Theirs", "signing_alg": "ES256", "token_lifetime": "602"}, "allow_offline_access", "skip_consent", "enforce_policies", "permissions"),
			two:    []string{"signing_alg", "allow_offline_access", "skip_consent", "enforce_policies", "permissions"},
		},
		{
			name: "general settings", page: general, field: "friendly_name",
			mine: map[string]string{
				"friendly_name": "Mine", "picture_url": "https://mine.example/logo.png", "support_email": "mine@mail.example", "support_url": "https://mine.example",
				"enabled_locales": "nl", "session_lifetime": "91", "idle_session_lifetime": "31", "default_audience": "https://mine.example/api",
				"default_redirection_uri": "https://mine.example/login", "error_page": "https://mine.example/error", "allowed_logout_urls": "https://mine.example/bye",
				"sms_per_hour": "11", "sms_per_day": "21", "enable_client_connections": "on",
			},
			theirs: boxes(map[string]string{
				"friendly_name": "Theirs", "picture_url": "https://theirs.example/logo.png", "support_email": "theirs@mail.example", "support_url": "https://theirs.example",
				"enabled_locales": "fr", "session_lifetime": "92", "idle_session_lifetime": "32", "default_audience": "https://theirs.example/api",
				"default_redirection_uri": "https://theirs.example/login", "error_page": "https://theirs.example/error", "allowed_logout_urls": "https://theirs.example/bye",
				"sms_per_hour": "12", "sms_per_day": "22",
			}, "standards_strict", "enable_legacy_pipeline"),
			two: []string{"enable_client_connections", "standards_strict", "enable_legacy_pipeline"},
		},
	}
}

// controls are the names of all that can be typed or chosen in a form.
func controls(p *textbrowser.Page) []string {
	var names []string
	main := p.Body[strings.Index(p.Body, `<form method="post" id="settings"`):]
	main = main[:strings.Index(main, "</form>")]
	for _, part := range strings.Split(main, ` name="`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if !slices.Contains([]string{"version", "seen", "was", "action"}, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// typed is a form with other values in all of its fields.
func typed(f *textbrowser.Form, all []string, values map[string]string) *textbrowser.Form {
	for _, name := range all {
		if value, ok := values[name]; ok {
			f.Set(name, value)
		} else {
			f.Values.Del(name)
		}
	}
	return f
}

// own are the fields of a form without what the page keeps beside them.
func own(f *textbrowser.Form) url.Values {
	out := maps.Clone(f.Values)
	for _, name := range []string{"version", "seen", "was", "action"} {
		delete(out, name)
	}
	if out.Has("auth_params") {
		out.Set("auth_params", strings.Join(strings.Fields(out.Get("auth_params")), ""))
	}
	return out
}

// D18: who saves what somebody else has changed meanwhile finds their values in
// the fields that were left alone, sees both where both changed the same, and
// overwrites nothing that was not shown. It holds for every field of every form.
func TestD18StaleForms(t *testing.T) {
	w := newWorld(t)
	w.developer()
	for _, tt := range staleForms(w) {
		t.Run(tt.name, func(t *testing.T) {
			outer := w.t
			w.t = t
			defer func() { w.t = outer }()
			all := controls(w.get(w.browser, tt.page))
			open := func() *textbrowser.Form { return w.get(w.browser, tt.page).Form(tt.field) }
			save := func(f *textbrowser.Form) {
				t.Helper()
				if p := w.submit(w.browser, f.Press("save")); !strings.Contains(p.Text(), "Saved.") {
					t.Fatalf("%d %s", p.Status, p.Text())
				}
			}
			refused := func(f *textbrowser.Form) *textbrowser.Page {
				t.Helper()
				p := w.submit(w.browser, f.Press("save"))
				if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Text(), "Somebody else has saved") {
					t.Fatalf("%d %s", p.Status, p.Text())
				}
				return p
			}
			first := own(open())

			// I change one field, they change all: mine is kept, and so are theirs.
			one := max(0, slices.Index(all, "time_step"))
			mine, untouched := open().Set(all[one], tt.mine[all[one]]), open()
			save(typed(open(), all, tt.theirs))
			theirs := own(open())
			for _, name := range all {
				if got := theirs.Get(name); name != "twilio_token" && !strings.HasPrefix(name, "grant.") && got == first.Get(name) {
					t.Errorf("they did not change %s, which is %q", name, got)
				}
			}
			p := refused(mine)
			after := own(p.Form(tt.field))
			for _, name := range all {
				want := theirs.Get(name)
				if name == all[one] {
					want = tt.mine[name]
				}
				if got := after.Get(name); got != want {
					t.Errorf("the page has %s = %q, want %q", name, got, want)
				}
			}
			_, told, _ := strings.Cut(p.Text(), "left alone: ")
			told, _, _ = strings.Cut(told, ". ")
			for _, label := range strings.Split(told, ", ") {
				if !labels(p)[label] {
					t.Errorf("the page speaks of %q, and has no field with that label among %v", label, labels(p))
				}
			}
			if n := strings.Count(p.Body, "Stored now:"); n != 1 {
				t.Errorf("%d values are shown beside mine, want that of %s alone", n, all[one])
			}
			save(p.Form(tt.field))
			theirs.Set(all[one], tt.mine[all[one]])
			if got := own(open()); got.Encode() != theirs.Encode() {
				t.Errorf("stored is\n%v, want\n%v", got, theirs)
			}
			// Who has changed nothing overwrites nothing.
			p = refused(untouched)
			if got := own(p.Form(tt.field)); got.Encode() != theirs.Encode() || strings.Contains(p.Body, "Stored now:") {
				t.Errorf("the page has\n%v, want\n%v", got, theirs)
			}

			// Both change every field.
			save(typed(open(), all, map[string]string{
				"twilio_sid": sid, "twilio_token": token, "source": "from", "from": "+15555550101", "template": "{{ code }}", "syntax": "liquid",
				"mail_from": "A <a@mail.example>", "subject": "A", "body": "{{ code }}", "time_step": "180", "length": "6",
				"name": "A", "app_type": "regular_web", "alg": "RS256", "signing_alg": "RS256", "lifetime_in_seconds": "600", "leeway": "0",
				"token_lifetime": "9000", "idle_token_lifetime": "70", "session_lifetime": "90", "idle_session_lifetime": "30", "sms_per_hour": "10", "sms_per_day": "20",
				"messaging_service_sid": "", "numbers": "", "grant.authorization_code": "on", "token_endpoint_auth_method": "none",
				"enabled_locales": "en", "auth_params": "", "request_language": "", "wait": "0", "description": "", "logo_uri": "", "initiate_login_uri": "",
				"callbacks": "", "allowed_logout_urls": "", "web_origins": "", "allowed_origins": "", "friendly_name": "", "picture_url": "", "support_email": "",
				"support_url": "", "default_audience": "", "default_redirection_uri": "", "error_page": "", "oidc_conformant": "on", "enable_client_connections": "on",
			}))
			mine = typed(open(), all, tt.mine)
			save(typed(open(), all, tt.theirs))
			theirs = own(open())
			p = refused(mine)
			after = own(p.Form(tt.field))
			for _, name := range all {
				switch {
				case name == "twilio_token":
					w.says(p, "Stored now: one that ends in yped")
					w.says(p, "The token you typed was not saved: type it again.")
				case strings.HasPrefix(name, "grant."):
					if name == "grant.client_credentials" {
						w.says(p, "Stored now: Client Credentials")
					}
				case slices.Contains(tt.two, name): // mine was what it had been, or is what theirs is
					if got := after.Get(name); got != theirs.Get(name) {
						t.Errorf("the page has %s = %q, want %q", name, got, theirs.Get(name))
					}
				case after.Get(name) != tt.mine[name]:
					t.Errorf("the page has %s = %q, want %q", name, after.Get(name), tt.mine[name])
				default:
					if !strings.Contains(p.Text(), "Stored now: "+shownAs(name, theirs.Get(name))) {
						t.Errorf("what they stored in %s is not shown: %q\n%s", name, theirs.Get(name), p.Text())
					}
				}
			}
			if got := own(open()); got.Encode() != theirs.Encode() {
				t.Errorf("something was stored:\n%v, want\n%v", got, theirs)
			}
			f := p.Form(tt.field)
			if f.Has("twilio_token") {
				f.Set("twilio_token", "the token that I have typed")
			}
			save(f)
			if got := own(open()); got.Encode() != after.Encode() {
				t.Errorf("stored is\n%v, want\n%v", got, after)
			}
		})
	}
}

// shownAs is a value in the words of the page.
func shownAs(name, value string) string {
	words := map[string]string{"client_secret_basic": "Basic", "non_interactive": "Machine to Machine", "valid": "Valid ones"}
	if word, ok := words[value]; ok {
		return word
	}
	if name == "auth_params" {
		return `{ "scope": "theirs" }`
	}
	return value
}

// A page that is shown again, because something in it is wrong or the provider was
// asked, is still made for what was seen at first.
func TestShownAgainIsStillStale(t *testing.T) {
	w := newWorld(t)
	w.developer()
	for _, press := range []string{"save", "check", "default"} {
		f := w.settings("sms").Form("version").Set("length", "3").Set("request_language", "en-"+press)
		if press != "save" {
			f.Set("length", "8")
		}
		w.says(w.submit(w.browser, w.settings("sms").Form("version").Set("time_step", "24"+w.digit()).Press("save")), "Saved.")
		step := w.connection("sms").Code.Lifetime
		p := w.submit(w.browser, f.Press(press))
		if press != "save" {
			p = w.submit(w.browser, p.Form("version").Press("save"))
		}
		w.says(p, "Somebody else has saved this connection")
		w.says(w.submit(w.browser, p.Form("version").Set("length", "8").Press("save")), "Saved.")
		if c := w.connection("sms"); c.Code.Lifetime != step || c.RequestLanguage != "en-"+press {
			t.Errorf("%s: stored is %v in %q, want %v", press, c.Code.Lifetime, c.RequestLanguage, step)
		}
	}
}

// digit is another one each time.
func (w *world) digit() string {
	return string(rune('0' + w.connection("sms").Version%10))
}

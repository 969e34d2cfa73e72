package passwordless_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// F5: the header made for it, else the connection's, else what the browser
// sends; the value as it came.
func TestLanguageOfAMessage(t *testing.T) {
	long := strings.Repeat("nl,", 100)
	tests := []struct {
		name                       string
		request, connection, agent string
		want                       string
	}{
		{"nobody says", "", "", "", ""},
		{"the browser", "", "", "fr-FR,fr;q=0.9, en;q=0.8", "fr-FR,fr;q=0.9, en;q=0.8"},
		{"the connection before the browser", "", "en-US", "fr-FR", "en-US"},
		{"the request before both", "dutch", "en-US", "fr-FR", "dutch"},
		{"the request before the browser", "nl-dutch", "", "fr-FR", "nl-dutch"},
		{"the request alone", "us-english", "", "", "us-english"},
		{"the request before the connection", "x", "en-US", "", "x"},
		{"it is cut, not refused", long, "", "", long[:200]},
		{"not within a letter", strings.Repeat("é", 150), "", "", strings.Repeat("é", 100)},
		{"not within a letter of odd place", "n" + strings.Repeat("é", 150), "", "", "n" + strings.Repeat("é", 99)},
		{"what is not text is left out", "nl\xff\xfe-NL", "", "", "nl-NL"},
		{"no path comes of it", "../../etc/passwd", "", "", "../../etc/passwd"},
		{"no template comes of it", "{{ code }}@@code@@", "", "", "{{ code }}@@code@@"},
	}
	each(t, func(w *world) {
		for i, tt := range tests {
			w.run(tt.name, func(t *testing.T) {
				w.conns["sms"].RequestLanguage = tt.connection
				r := w.ask("sms", fmt.Sprintf("+44770090%04d", i))
				r.RequestLanguage, r.AcceptLanguage = tt.request, tt.agent
				w.send(r)
				m := w.out.offered[len(w.out.offered)-1]
				if m.Language != tt.want {
					t.Errorf("the message's language is %q, want %q", m.Language, tt.want)
				}
				stored, err := w.store.Message(t.Context(), m.ID)
				if err != nil || stored.Language != tt.want {
					t.Errorf("the stored language is %q, %v, want %q", stored.Language, err, tt.want)
				}
			})
		}
	})
}

// Headers are bytes that anybody may send. Whatever they are, the request is
// answered, and what is stored is text.
func TestHeadersThatAreNoText(t *testing.T) {
	each(t, func(w *world) {
		r := w.ask("sms", number)
		r.UserAgent, r.AcceptLanguage = "Mozilla \xff\xfe\xc3", "\xe9\xe9, en\x00"
		r.AuthParams = map[string]any{"state": "a\x00b\xff", "nested": map[string]any{"k\xff": "v"}}
		code := w.send(r)
		m, err := w.store.Message(w.t.Context(), w.out.offered[0].ID)
		if err != nil {
			w.t.Fatal(err)
		}
		if m.UserAgent != "Mozilla " || m.Language != ", en" || !utf8.ValidString(m.UserAgent+m.Language) {
			w.t.Errorf("stored are %q and %q", m.UserAgent, m.Language)
		}
		f := w.bring("sms", number, code)
		f.UserAgent = "Mozilla \xff\x00"
		if got := w.try(f); got != "in" {
			w.t.Errorf("the code gave %q", got)
		}
	})
}

// behaviour.md 3.1: every refusal of a start, in the words people's tools know.
func TestStartRefuses(t *testing.T) {
	pattern := `String does not match pattern: ^\+[0-9]{1,15}$`
	tests := []struct {
		name    string
		change  func(w *world, r *passwordless.StartRequest)
		kind    fault.Kind
		code    string
		message string
	}{
		{
			"a connection that is none", func(_ *world, r *passwordless.StartRequest) { r.Connection = "none" },
			fault.Invalid, "bad.connection", "Connection does not exist",
		},
		{
			"a connection that is not enabled", func(w *world, _ *passwordless.StartRequest) { w.conns["sms"].Clients = []tenant.ClientID{"other"} },
			fault.Invalid, "bad.connection", "Connection is disabled",
		},
		{
			"a connection that nobody may use", func(w *world, _ *passwordless.StartRequest) { w.conns["sms"].Clients = nil },
			fault.Invalid, "bad.connection", "Connection is disabled",
		},
		{
			"a connection of another kind", func(w *world, _ *passwordless.StartRequest) { w.conns["sms"].Channel = "auth0" },
			fault.Invalid, "bad.connection", "Invalid connection strategy. It must either be a passwordless connection",
		},
		{
			"no number", func(_ *world, r *passwordless.StartRequest) { r.PhoneNumber = "" },
			fault.Invalid, "bad.phone_number", "Missing required property: phone_number",
		},
		{
			"an address in place of a number", func(_ *world, r *passwordless.StartRequest) { r.PhoneNumber, r.Email = "", address },
			fault.Invalid, "bad.phone_number", "Missing required property: phone_number",
		},
		{
			"a number without its plus", func(_ *world, r *passwordless.StartRequest) { r.PhoneNumber = "447700900123" },
			fault.Invalid, "bad.phone_number", pattern,
		},
		{
			"a number with spaces", func(_ *world, r *passwordless.StartRequest) { r.PhoneNumber = "+44 7700 900123" },
			fault.Invalid, "bad.phone_number", pattern,
		},
		{
			"a number that is too long", func(_ *world, r *passwordless.StartRequest) { r.PhoneNumber = "+1234567890123456" },
			fault.Invalid, "bad.phone_number", pattern,
		},
		{"a number that cannot be, where it must be possible", func(w *world, r *passwordless.StartRequest) {
			w.conns["sms"].Numbers, r.PhoneNumber = "possible", "+1555"
		}, fault.Invalid, "sms_provider_error", "The 'To' number +1555 is not a valid phone number. (Code: 21211)"},
		{"a number that nobody has, where it must be valid", func(w *world, r *passwordless.StartRequest) {
			w.conns["sms"].Numbers, r.PhoneNumber = "valid", "+15551234567"
		}, fault.Invalid, "sms_provider_error", "The 'To' number +15551234567 is not a valid phone number. (Code: 21211)"},
		{
			"a word for send that is none", func(_ *world, r *passwordless.StartRequest) { r.Send = "carrier pigeon" },
			fault.Invalid, "bad.send", "error in send - No enum match for: carrier pigeon",
		},
		{
			"nobody to send through", func(w *world, _ *passwordless.StartRequest) { w.out.ready = false },
			fault.Invalid, "sms_provider_error", "No SMS provider is configured.",
		},
		{
			"no address", func(_ *world, r *passwordless.StartRequest) { r.Connection, r.PhoneNumber = "email", "" },
			fault.Invalid, "bad.email", "Missing required property: email",
		},
		{
			"a number in place of an address", func(_ *world, r *passwordless.StartRequest) { r.Connection = "email" },
			fault.Invalid, "bad.email", "Missing required property: email",
		},
		{
			"an address that is none", func(_ *world, r *passwordless.StartRequest) { r.Connection, r.Email = "email", "jo@@example.com" },
			fault.Invalid, "bad.email", "error in email - email format validation failed: jo@@example.com",
		},
		{"no provider of mail", func(w *world, r *passwordless.StartRequest) {
			r.Connection, r.Email, w.out.ready = "email", address, false
		}, fault.Invalid, "server_error", "No email provider is configured."},
		{"a link that leads nowhere", func(_ *world, r *passwordless.StartRequest) {
			r.Connection, r.Email, r.Send = "email", address, "link"
		}, fault.Invalid, "bad.authParams", "error in authParams - Missing required parameter: redirect_uri"},
		{"a link because nothing else was asked for", func(_ *world, r *passwordless.StartRequest) {
			r.Connection, r.Email, r.Send = "email", address, ""
		}, fault.Invalid, "bad.authParams", "error in authParams - Missing required parameter: redirect_uri"},
		{
			"settings that cannot be read", func(_ *world, r *passwordless.StartRequest) { r.Connection = "broken" },
			fault.Internal, "server_error", "Something went wrong on our side.",
		},
	}
	each(t, func(outer *world) {
		for _, tt := range tests {
			outer.t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, outer.store, outer.db)
				r := w.ask("sms", number)
				tt.change(w, &r)
				_, err := w.Start(t.Context(), r)
				if f := fault.Of(err); err == nil || f.Kind != tt.kind || f.Code != tt.code || f.Message != tt.message {
					t.Errorf("Start = %v, want %v %q %q", err, tt.kind, tt.code, tt.message)
				}
				if w.out.sent() != 0 || w.count(`codes`) != "0" || w.count(`messages`) != "0" {
					t.Error("something was stored or sent")
				}
			})
		}
	})
}

// R11, R12: what a start takes as it comes.
func TestStartAccepts(t *testing.T) {
	tests := []struct {
		name   string
		change func(w *world, r *passwordless.StartRequest)
		to     string
		send   string
	}{
		{"a number that nobody has", func(_ *world, r *passwordless.StartRequest) { r.PhoneNumber = "+15551234567" }, "+15551234567", "code"},
		{"a number that is only possible", func(w *world, r *passwordless.StartRequest) {
			w.conns["sms"].Numbers, r.PhoneNumber = "possible", "+15551234567"
		}, "+15551234567", "code"},
		{"a text message has a code whatever is asked for", func(_ *world, r *passwordless.StartRequest) { r.Send = "link" }, number, "code"},
		{"and when nothing is", func(_ *world, r *passwordless.StartRequest) { r.Send = "" }, number, "code"},
		{"an address in any case", func(_ *world, r *passwordless.StartRequest) { r.Connection, r.Email = "email", " JO@Example.com " }, address, "code"},
	}
	each(t, func(outer *world) {
		for _, tt := range tests {
			outer.t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, outer.store, outer.db)
				r := w.ask("sms", number)
				tt.change(w, &r)
				started := w.mustStart(r)
				m := w.out.offered[0]
				if started.Identifier != tt.to || m.To != tt.to || m.Send != tt.send || started.Channel != m.Channel {
					t.Errorf("Start = %+v and %+v, want to %q and %q", started, m, tt.to, tt.send)
				}
			})
		}
	})
}

// What is offered is what is stored, and is all that is needed to send it.
func TestOfferedMessage(t *testing.T) {
	each(t, func(w *world) {
		r := w.ask("sms", number)
		r.RequestLanguage = "nl"
		w.conns["sms"].Version = 3
		w.send(r)
		m := w.out.offered[0]
		stored, err := w.store.Message(w.t.Context(), m.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		if !reflect.DeepEqual(stored, m) {
			w.t.Errorf("stored is\n%+v, offered\n%+v", stored, m)
		}
		if m.State != tenant.MessageQueued || m.TemplateVersion != 3 || m.RequestIP != "192.0.2.1" ||
			!m.CodeExpires.Equal(w.now.Add(180*time.Second)) || !m.LeaseUntil.After(w.now) || !m.CreatedAt.Equal(w.now) {
			w.t.Errorf("the message is %+v", m)
		}
		if got := w.count(`logs WHERE type = 'cs' AND client_id = 'app' AND connection_id = 'con_sms'`); got != "1" {
			w.t.Errorf("%s log events say that a code was sent", got)
		}
		r = w.ask("email", address)
		w.send(r)
		if got := w.count(`logs WHERE type = 'cls'`); got != "1" {
			w.t.Errorf("%s log events say that mail was sent", got)
		}
		// OTP-08: no code is in the log or beside the message.
		for _, m := range w.out.offered {
			code := w.codeOf(m)
			if n := w.count(`logs WHERE doc LIKE $1`, "%"+code+"%"); n != "0" {
				w.t.Errorf("the log has the code")
			}
		}
	})
}

// R7: the id in the answer is the id that the user has from their first right
// code on; after a deletion it is another one.
func TestIDOfTheAnswer(t *testing.T) {
	for _, who := range []struct{ connection, person string }{{"sms", number}, {"email", address}} {
		t.Run(who.connection, func(t *testing.T) {
			each(t, func(w *world) {
				seen := map[string]bool{}
				for n := range 3 {
					before := w.mustStart(w.ask(who.connection, who.person))
					if !hex24.MatchString(before.ID) || seen[before.ID] {
						w.t.Fatalf("user %d: the id is %q", n, before.ID)
					}
					seen[before.ID] = true
					if again := w.mustStart(w.ask(who.connection, who.person)); again.ID != before.ID || again.Message == before.Message {
						w.t.Errorf("user %d: asked again Start = %+v, before %+v", n, again, before)
					}
					code := w.codeOf(w.out.offered[len(w.out.offered)-1])
					done, err := w.Finish(w.t.Context(), w.bring(who.connection, who.person, code))
					if err != nil {
						w.t.Fatal(err)
					}
					if want := tenant.UserID(who.connection + "|" + before.ID); done.User.ID != want {
						w.t.Errorf("user %d is %q, want %q", n, done.User.ID, want)
					}
					if after := w.mustStart(w.ask(who.connection, who.person)); after.ID != before.ID {
						w.t.Errorf("user %d: once known Start = %+v, before %+v", n, after, before)
					}
					w.remove(done.User.ID, who.connection, who.person)
					w.pass(time.Hour)
				}
			})
		})
	}
	t.Run("an imported user keeps theirs", func(t *testing.T) {
		each(t, func(w *world) {
			w.know("sms", number, "imported-7")
			if got := w.mustStart(w.ask("sms", number)); got.ID != "imported-7" {
				w.t.Errorf("the id is %q", got.ID)
			}
			done, err := w.Finish(w.t.Context(), w.bring("sms", number, w.codeOf(w.out.offered[0])))
			if err != nil || done.User.ID != "sms|imported-7" {
				w.t.Errorf("the user is %q, %v", done.User.ID, err)
			}
		})
	})
}

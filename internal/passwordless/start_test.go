package passwordless_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/attack"
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
		{"a link, which this version does not send", func(_ *world, r *passwordless.StartRequest) {
			r.Connection, r.Email, r.Send = "email", address, "link"
		}, fault.Invalid, "bad.send", passwordless.ErrNoLinks.Message},
		{"a link because nothing else was asked for", func(_ *world, r *passwordless.StartRequest) {
			r.Connection, r.Email, r.Send = "email", address, ""
		}, fault.Invalid, "bad.send", passwordless.ErrNoLinks.Message},
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

// A person is one of the kinds that a start must not tell apart.
type person struct {
	name    string
	prepare func(w *world, identifier, external string)
	sent    map[bool]bool // by whether sign-ups are closed
	detail  string
}

func people() []person {
	return []person{
		{"known", func(w *world, id, ext string) { w.know("sms", id, ext) }, map[bool]bool{false: true, true: true}, ""},
		{"unknown", func(*world, string, string) {}, map[bool]bool{false: true, true: false}, "Sign-ups are disabled and nobody is known by this address."},
		{"blocked", func(w *world, id, ext string) { w.block(w.know("sms", id, ext)) }, map[bool]bool{}, "The user is blocked."},
		{"deleted", func(w *world, id, ext string) { w.remove(w.know("sms", id, ext), "sms", id) }, map[bool]bool{false: true, true: false}, "Sign-ups are disabled and nobody is known by this address."},
	}
}

// ENU-01, ENU-02, OTP-10: the answer of a start and the rows it leaves are the
// same for everybody; only whether anything is handed over differs.
func TestStartTellsNobodyApart(t *testing.T) {
	tables := []string{"codes", "messages", "logs", "sends", "rates", "tries", "users", "identities"}
	each(t, func(w *world) {
		next := 0
		for _, limits := range []attack.Mode{attack.Off, attack.Auth0, attack.Strict} {
			for _, closed := range []bool{false, true} {
				w.run(fmt.Sprintf("limits %s, sign-ups closed %v", limits, closed), func(t *testing.T) {
					w.Limits, w.conns["sms"].NoSignUp = limits, closed
					var first *passwordless.Started
					for range 3 {
						for _, p := range people() {
							next++
							id := fmt.Sprintf("+4477009%05d", next)
							p.prepare(w, id, fmt.Sprintf("%024x", next))
							before := map[string]int{}
							for _, table := range tables {
								before[table] = w.number(table)
							}
							offered := w.out.sent()
							r := w.ask("sms", id)
							r.IPKey = id // a bucket for each, so that what is left is the same
							got, err := w.Start(t.Context(), r)
							if err != nil {
								t.Fatalf("%s: %v", p.name, err)
							}
							if !hex24.MatchString(got.ID) || got.Identifier != id {
								t.Errorf("%s: Start = %+v", p.name, got)
							}
							got.ID, got.Identifier, got.Event = "", "", "" // the event is for our log
							if first == nil {
								first = &got
							}
							if got != *first {
								t.Errorf("%s: Start = %+v, for others %+v", p.name, got, *first)
							}
							for _, table := range tables {
								want := 1
								if table == "users" || table == "identities" || table == "tries" ||
									table == "sends" && limits != attack.Strict || table == "rates" && limits == attack.Off {
									want = 0
								}
								if n := w.number(table) - before[table]; n != want {
									t.Errorf("%s: %d rows more in %s, want %d", p.name, n, table, want)
								}
							}
							sent := w.out.sent() > offered
							if sent != p.sent[closed] {
								t.Errorf("%s: handed over %v, want %v", p.name, sent, p.sent[closed])
							}
							want := "queued "
							if !p.sent[closed] {
								want = "suppressed " + p.detail
							}
							if got := w.newest(id); got != want {
								t.Errorf("%s: the message is %q, want %q", p.name, got, want)
							}
						}
					}
				})
			}
		}
	})
}

// ENU-01, ENU-03: the answers to wrong codes are the same for everybody too,
// and what nobody was sent is no way in.
func TestFinishTellsNobodyApart(t *testing.T) {
	want := strings.Join([]string{wrongSMS, wrongSMS, tooMany, tooMany}, "\n")
	each(t, func(w *world) {
		next := 0
		for _, closed := range []bool{false, true} {
			w.conns["sms"].NoSignUp = closed
			for _, p := range people() {
				next++
				id := fmt.Sprintf("+4477009%05d", next)
				p.prepare(w, id, fmt.Sprintf("%024x", next))
				w.mustStart(w.ask("sms", id))
				right := w.stored(tenant.CodeKey{Connection: "con_sms", Identifier: id, Client: "app"})
				var got []string
				for n := 1; n <= 4; n++ {
					got = append(got, w.try(w.bring("sms", id, another(right, n))))
				}
				if story := strings.Join(got, "\n"); story != want {
					w.t.Errorf("%s, sign-ups closed %v: wrong codes gave\n%s, want\n%s", p.name, closed, story, want)
				}
			}
		}
	})
}

// Where the tenant asks for it, closed sign-ups are said, as Auth0 does; of
// blocked people nothing is.
func TestStartReveals(t *testing.T) {
	each(t, func(w *world) {
		w.settings.Flags.RevealSignUpDisabled = true
		w.conns["sms"].NoSignUp = true
		_, err := w.Start(w.t.Context(), w.ask("sms", number))
		if got := outcome(err); got != "bad.connection: Public signup is disabled" {
			w.t.Errorf("an unknown person's start gave %q", got)
		}
		w.block(w.know("sms", "+447700900124", "58fa3bd1c7eae3e1b2a6b1c1"))
		if _, err := w.Start(w.t.Context(), w.ask("sms", "+447700900124")); err != nil {
			w.t.Errorf("a blocked person's start gave %v", err)
		}
		if w.out.sent() != 0 {
			w.t.Error("something was sent")
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
					if again := w.mustStart(w.ask(who.connection, who.person)); again != before {
						w.t.Errorf("user %d: asked again Start = %+v, want %+v", n, again, before)
					}
					code := w.codeOf(w.out.offered[len(w.out.offered)-1])
					done, err := w.Finish(w.t.Context(), w.bring(who.connection, who.person, code))
					if err != nil {
						w.t.Fatal(err)
					}
					if want := tenant.UserID(who.connection + "|" + before.ID); done.User.ID != want {
						w.t.Errorf("user %d is %q, want %q", n, done.User.ID, want)
					}
					if after := w.mustStart(w.ask(who.connection, who.person)); after != before {
						w.t.Errorf("user %d: once known Start = %+v, want %+v", n, after, before)
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

// BRU-10: asked again too soon, the answer is the same and nothing is sent.
func TestCooldown(t *testing.T) {
	each(t, func(w *world) {
		w.Limits = attack.Strict
		answer := w.mustStart(w.ask("sms", number))
		answer.Event = "" // it is for our log
		steps := []struct {
			after time.Duration
			sent  int
		}{
			{0, 1},
			{29 * time.Second, 1},
			{time.Second, 2},
			{59 * time.Second, 2},
			{time.Second, 3},
			{119 * time.Second, 3},
			{time.Second, 4},
			{299 * time.Second, 4},
			{time.Second, 5},
		}
		for _, st := range steps {
			w.pass(st.after)
			r := w.ask("sms", number)
			r.IPKey = fmt.Sprint(w.now) // not what is looked at here
			got := w.mustStart(r)
			if got.Event = ""; got != answer {
				w.t.Errorf("after %v Start = %+v, want %+v", st.after, got, answer)
			}
			if w.out.sent() != st.sent {
				w.t.Errorf("after %v %d messages were sent, want %d", st.after, w.out.sent(), st.sent)
			}
		}
		w.pass(time.Minute)
		_, err := w.Start(w.t.Context(), w.ask("sms", number))
		f := fault.Of(err)
		if f == nil || f.Kind != fault.TooMany || f.Code != "too_many_requests" || f.RetryAfter <= 0 || !passwordless.IsRefusal(err) {
			w.t.Errorf("the sixth in an hour gave %+v", f)
		}
		elsewhere := w.ask("sms", number)
		elsewhere.Client = w.other
		if got := w.mustStart(elsewhere); w.out.sent() != 6 || got.ID != answer.ID {
			w.t.Errorf("another application was silenced: %+v, %d sent", got, w.out.sent())
		}
	})
}

// A sign-in ends the cooldown: whoever signs out at once can sign in again.
func TestSignInEndsCooldown(t *testing.T) {
	each(t, func(w *world) {
		w.Limits = attack.Strict
		for n := 1; n <= 3; n++ {
			code := w.send(w.ask("sms", number))
			w.pass(time.Second)
			if got := w.try(w.bring("sms", number, code)); got != "in" {
				w.t.Fatalf("sign-in %d gave %q", n, got)
			}
			w.pass(time.Second)
		}
	})
}

// BRU-02: fifty starts of an address, except of applications that have proved
// themselves; in the mode off, none are counted.
func TestStartsOfAnAddress(t *testing.T) {
	each(t, func(w *world) {
		start := func(i int, change func(r *passwordless.StartRequest)) (passwordless.Started, error) {
			r := w.ask("sms", fmt.Sprintf("+4477%06d", i))
			if change != nil {
				change(&r)
			}
			return w.Start(w.t.Context(), r)
		}
		w.Limits = attack.Auth0
		for i := range 50 {
			if got, err := start(i, nil); err != nil || got.RateLeft != 49-i {
				w.t.Fatalf("start %d = %+v, %v, want %d left", i+1, got, err, 49-i)
			}
		}
		_, err := start(50, nil)
		if f := fault.Of(err); f == nil || f.Kind != fault.TooMany || f.Code != "too_many_requests" || f.RetryAfter != 72*time.Second {
			w.t.Errorf("the fifty-first gave %+v, want to wait for 72 s", f)
		}
		for name, change := range map[string]func(r *passwordless.StartRequest){
			"another address":                   func(r *passwordless.StartRequest) { r.IPKey = "192.0.2.2" },
			"an application that proved itself": func(r *passwordless.StartRequest) { r.Authenticated = true },
		} {
			if _, err := start(51, change); err != nil {
				w.t.Errorf("%s: %v", name, err)
			}
		}
		if got, err := start(52, func(r *passwordless.StartRequest) { r.Authenticated = true }); err != nil || got.RateLeft != -1 {
			w.t.Errorf("where nothing is limited Start = %+v, %v, want -1 left", got, err)
		}
		w.Limits = attack.Off
		if got, err := start(53, nil); err != nil || got.RateLeft != -1 {
			w.t.Errorf("without limits Start = %+v, %v", got, err)
		}
	})
}

// R16: where a connection waits for the provider, its refusal is the answer;
// who gets nothing waits as long, and where sign-ups are closed nobody waits.
func TestStartWaitsForProvider(t *testing.T) {
	tests := []struct {
		name       string
		connection string
		prepare    func(w *world)
		want       string
		waited     int // times; for a message if anything was sent
		forMessage bool
	}{
		{"it does not wait", "sms", func(w *world) { w.conns["sms"].WaitForProvider = 0 }, "in", 0, false},
		{"the provider refuses", "sms", func(*world) {}, "sms_provider_error: no such number (Code: 21211)", 1, true},
		{"the provider of mail refuses", "email", func(*world) {}, "server_error: no such number (Code: 21211)", 1, true},
		{"the provider takes it", "sms", func(w *world) { w.out.refusal = "" }, "in", 1, true},
		{"a blocked person", "sms", func(w *world) { w.block(w.know("sms", number, "58fa3bd1c7eae3e1b2a6b1c1")) }, "in", 1, false},
		{"sign-ups are closed", "sms", func(w *world) { w.conns["sms"].NoSignUp = true }, "in", 0, false},
	}
	each(t, func(outer *world) {
		for _, tt := range tests {
			outer.t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, outer.store, outer.db)
				w.out.refusal = "no such number (Code: 21211)"
				w.conns["sms"].WaitForProvider, w.conns["email"].WaitForProvider = time.Second, time.Second
				tt.prepare(w)
				who := number
				if tt.connection == "email" {
					who = address
				}
				_, err := w.Start(t.Context(), w.ask(tt.connection, who))
				if got := outcome(err); got != tt.want {
					t.Errorf("Start gave %q, want %q", got, tt.want)
				}
				if len(w.out.waited) != tt.waited || tt.waited == 1 && (w.out.waited[0] != "") != tt.forMessage {
					t.Errorf("it waited for %q, want %d times, for a message %v", w.out.waited, tt.waited, tt.forMessage)
				}
			})
		}
	})
}

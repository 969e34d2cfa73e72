package passwordless_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// clients finds one application.
type clients struct{ known *tenant.Client }

// Client returns the application or the fault that there is none.
func (c clients) Client(_ context.Context, id tenant.ClientID) (*tenant.Client, error) {
	switch {
	case id == "broken":
		return nil, errors.New("the disk is full")
	case c.known == nil || c.known.ID != id:
		return nil, fault.New(fault.NotFound, "not_found", "There is no such thing.")
	}
	return c.known, nil
}

var renderNow = time.Date(2026, 3, 29, 1, 59, 0, 0, time.UTC)

func renderer(t *testing.T, key byte) *passwordless.Renderer {
	t.Helper()
	ring, err := secret.NewRing(bytes.Repeat([]byte{key}, secret.RootSize))
	if err != nil {
		t.Fatal(err)
	}
	return &passwordless.Renderer{
		Codes: otp.Maker{Keys: ring}, Clients: clients{&tenant.Client{ID: "app", Name: "{{ code }} & Co"}},
		Settings: func(context.Context) (*tenant.Settings, error) {
			return &tenant.Settings{FriendlyName: "Tenant", SupportEmail: "help@example.com"}, nil
		},
		Host: "login.example.com", Now: func() time.Time { return renderNow },
	}
}

// waiting is a message as the database keeps it.
func waiting(r *passwordless.Renderer, c *tenant.Connection, to string) *tenant.Message {
	return &tenant.Message{
		ID: "msg_x", Channel: c.Channel, To: to, Connection: c.ID, Client: "app", Send: "code", Language: "nl",
		Code: tenant.CodeKey{Connection: c.ID, Identifier: to, Client: "app"}, Salt: r.Codes.New(), Digits: 6,
		CreatedAt: renderNow, CodeExpires: renderNow.Add(3 * time.Minute),
	}
}

// R6: the text is made when it is sent, from the salt and the connection's
// template as it is then.
func TestRender(t *testing.T) {
	r := renderer(t, 7)
	sms := &tenant.Connection{ID: "con_sms", Channel: tenant.SMS, Version: 1}
	m := waiting(r, sms, number)
	code, err := r.Codes.Digits(m.Salt, m.Code, 6)
	if err != nil {
		t.Fatal(err)
	}
	render := func() delivery.Outgoing {
		t.Helper()
		out, err := r.Render(t.Context(), m, sms)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := render()
	if !strings.Contains(out.Text, code) || out.Code != code || out.To != number || out.MessageID != "msg_x" || out.Segments != 1 ||
		!strings.Contains(out.Text, "{{ code }} & Co") || out.TemplateVersion != 1 || out.ClientID != "app" {
		t.Errorf("the built-in text gives %+v", out)
	}
	sms.Text = tenant.MessageText{Template: "@@code@@ {{ request_language }} @@phone_number@@", Syntax: "liquid"}
	if again := render(); again.Text != out.Text {
		t.Errorf("without a new version the text is %q", again.Text)
	}
	sms.Version = 2
	if got, want := render().Text, code+" nl "+number; got != want {
		t.Errorf("the new version gives %q, want %q", got, want)
	}
	sms.Autofill = true
	if got, want := render().Text, "@login.example.com #"+code; !strings.HasSuffix(got, "\n"+want) {
		t.Errorf("with autofill the text is %q, want it to end in %q", got, want)
	}

	mail := &tenant.Connection{ID: "con_email", Channel: tenant.Email, Version: 1}
	m = waiting(r, mail, address)
	if code, err = r.Codes.Digits(m.Salt, m.Code, 6); err != nil {
		t.Fatal(err)
	}
	out, err = r.Render(t.Context(), m, mail)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.HTML, code) || !strings.Contains(out.Text, code) || !strings.Contains(out.Subject, code) ||
		!strings.Contains(out.HTML, "3 minutes") || strings.Contains(out.HTML, "{{ code }} & Co") || !strings.Contains(out.From, "help@example.com") {
		t.Errorf("the built-in mail is %+v", out)
	}
}

// What cannot be rendered says whether trying again may help, and what to do.
func TestRenderFails(t *testing.T) {
	tests := []struct {
		name   string
		change func(r *passwordless.Renderer, m *tenant.Message, c *tenant.Connection)
		code   string
		class  delivery.Class
		words  string
	}{
		{"the root key is another", func(r *passwordless.Renderer, _ *tenant.Message, _ *tenant.Connection) {
			r.Codes = renderer(t, 8).Codes
		}, "code_key", delivery.Configuration, "DOORCODE_KEY"},
		{"a template that is none", func(_ *passwordless.Renderer, _ *tenant.Message, c *tenant.Connection) {
			c.Text = tenant.MessageText{Template: "{% if %}", Syntax: "liquid"}
		}, "template", delivery.Configuration, "template"},
		{"the application was deleted", func(_ *passwordless.Renderer, m *tenant.Message, _ *tenant.Connection) {
			m.Client, m.Code.Client = "gone", "gone"
		}, "application_gone", delivery.Permanent, "deleted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, c := renderer(t, 7), &tenant.Connection{ID: "con_sms", Channel: tenant.SMS, Version: 1}
			m := waiting(r, c, number)
			tt.change(r, m, c)
			_, err := r.Render(t.Context(), m, c)
			var failure *delivery.Error
			if !errors.As(err, &failure) || failure.Code != tt.code || failure.Class != tt.class || !strings.Contains(failure.Text+failure.Fix, tt.words) {
				t.Errorf("Render = %+v, %v, want %s, %v and %q", failure, err, tt.code, tt.class, tt.words)
			}
		})
	}
	t.Run("the database does not answer", func(t *testing.T) {
		r, c := renderer(t, 7), &tenant.Connection{ID: "con_sms", Channel: tenant.SMS}
		m := waiting(r, c, number)
		m.Client, m.Code.Client = "broken", "broken"
		var failure *delivery.Error
		if _, err := r.Render(t.Context(), m, c); err == nil || errors.As(err, &failure) {
			t.Errorf("Render = %v, want an error that is worth another try", err)
		}
	})
}

// F3: the log says that a message failed, or that it had no code in it.
func TestNote(t *testing.T) {
	tests := []struct {
		name     string
		template string
		outcome  delivery.Outcome
		want     string
	}{
		{"sent", "{{ code }}", delivery.Outcome{State: tenant.MessageAccepted}, ""},
		{"sent with the built-in text", "", delivery.Outcome{State: tenant.MessageAccepted}, ""},
		{"sent without a code", "hello", delivery.Outcome{State: tenant.MessageAccepted}, "wn"},
		{"refused", "{{ code }}", delivery.Outcome{State: tenant.MessageFailed, ErrorText: "no"}, "fn"},
		{"too late", "{{ code }}", delivery.Outcome{State: tenant.MessageExpired}, "fn"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, c := renderer(t, 7), &tenant.Connection{ID: "con_sms", Name: "sms", Channel: tenant.SMS, Text: tenant.MessageText{Template: tt.template, Syntax: "liquid"}}
			o := tt.outcome
			r.Note(waiting(r, c, number), c, &o)
			switch {
			case o.Event == nil && tt.want != "" || o.Event != nil && o.Event.Type != tt.want:
				t.Errorf("the event is %+v, want %q", o.Event, tt.want)
			case o.Event != nil && (o.Event.Client != "app" || o.Event.ConnectionID != "con_sms" || o.Event.Details["message_id"] != "msg_x"):
				t.Errorf("the event is %+v", o.Event)
			}
		})
	}
	t.Run("of a connection that is gone", func(t *testing.T) {
		r, c := renderer(t, 7), &tenant.Connection{ID: "con_sms", Channel: tenant.SMS}
		o := delivery.Outcome{State: tenant.MessageFailed}
		r.Note(waiting(r, c, number), nil, &o)
		if o.Event == nil || o.Event.Type != "fn" {
			t.Errorf("the event is %+v", o.Event)
		}
	})
}

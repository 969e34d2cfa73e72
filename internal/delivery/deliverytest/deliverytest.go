// Package deliverytest holds what every sender of messages must do, whatever
// the provider behind it.
//
// A sender's test calls Run with a function that starts a stand-in for the
// provider. What the worker decides by (was anything written, is it worth
// trying again) and what must never get out (credentials, codes) is checked
// here once for all.
package deliverytest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
)

// A Trouble is what the stand-in does to the next request.
type Trouble int

// The troubles.
const (
	Refuses   Trouble = iota // says that this message will never be taken
	Rejects                  // says that the credentials are wrong
	Busy                     // asks to come back in seven seconds
	Down                     // says that it has an outage
	Silent                   // reads the request and never answers
	Breaks                   // reads the request and closes the connection
	BreaksOff                // takes the message and closes the connection
	Babbles                  // answers with success, but not in its own form
	Redirects                // points to somebody else
	Echoes                   // refuses, and quotes credentials and message
	Endless                  // refuses with a very long text in several lines
)

// Taken is a message that the provider has.
type Taken struct{ To, Text string }

// A Fixture is a sender with a stand-in behind it.
type Fixture struct {
	Sender  delivery.Sender
	Message delivery.Outgoing // one that is taken
	Secrets []string          // what must not be in any error

	// Taken returns what the provider has, oldest first.
	Taken func() []Taken
	// Cause has the next request meet the trouble. It is nil for a sender that
	// no provider is behind.
	Cause func(Trouble)
	// NoIDs says that the provider has no names for messages.
	NoIDs bool
	// Unreachable is a sender whose provider accepts no connections.
	Unreachable delivery.Sender
}

// Run checks a sender. open is called for each check.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	t.Run("a message that is taken has a receipt", func(t *testing.T) {
		f := open(t)
		r, err := f.Sender.Send(t.Context(), f.Message)
		if err != nil {
			t.Fatal(err)
		}
		if (r.ProviderID == "") != f.NoIDs || f.Sender.Provider() == "" {
			t.Errorf("receipt is %+v of %q", r, f.Sender.Provider())
		}
		got := f.Taken()
		if len(got) != 1 || got[0].To != f.Message.To || got[0].Text != f.Message.Text {
			t.Errorf("the provider has %+v, want the message to %s: %q", got, f.Message.To, f.Message.Text)
		}
	})
	t.Run("the text arrives as it is", func(t *testing.T) { text(t, open) })
	t.Run("an address with a line break in it is refused", func(t *testing.T) { injection(t, open) })
	if open(t).Cause != nil {
		t.Run("its account has a name", func(t *testing.T) { account(t, open(t)) })
		t.Run("what the provider refuses", func(t *testing.T) { answers(t, open) })
		t.Run("what the provider does not answer", func(t *testing.T) { silences(t, open) })
		t.Run("what was said is noted without secrets", func(t *testing.T) { exchange(t, open) })
		t.Run("a provider that is away has been told nothing", func(t *testing.T) { unreachable(t, open) })
	}
}

func text(t *testing.T, open func(t *testing.T) Fixture) {
	for _, s := range []string{
		"123456 is your code.\n\n@example.com #123456", "a+b&c=d%20;e", "日本語 👋 ß", `"quotes" <b>&amp;</b>`,
	} {
		f := open(t)
		f.Message.Text = s
		if _, err := f.Sender.Send(t.Context(), f.Message); err != nil {
			t.Errorf("%q: %v", s, err)
			continue
		}
		if got := f.Taken(); len(got) != 1 || got[0].Text != s {
			t.Errorf("%q arrived as %q", s, got)
		}
	}
}

// injection tries what would become a further recipient or header (INJ-01).
func injection(t *testing.T, open func(t *testing.T) Fixture) {
	for _, mark := range []string{"\r\n", "\n", "\r", "\x00", "\u2028", "\u2029", "\u0085", "\x0b"} {
		f := open(t)
		tail := mark + "Bcc: eve@example.com"
		to, from, subject := f.Message, f.Message, f.Message
		to.To += tail
		from.From += "Acme" + tail
		subject.Subject += tail
		for where, m := range map[string]delivery.Outgoing{"To": to, "From": from} {
			_, err := f.Sender.Send(t.Context(), m)
			if e := failure(t, err); e.Class == delivery.Temporary || e.Unanswered {
				t.Errorf("%q in %s: %+v, which would be tried again", mark, where, e)
			}
		}
		if n := len(f.Taken()); n != 0 {
			t.Errorf("%q: the provider has %d messages", mark, n)
		}
		// A subject may be refused, or ignored where there is none.
		if _, err := f.Sender.Send(t.Context(), subject); err == nil {
			for _, m := range f.Taken() {
				if strings.Contains(m.To, "eve") || m.Text != f.Message.Text {
					t.Errorf("%q in Subject: the provider has %+v", mark, m)
				}
			}
		}
	}
}

// account checks that senders of one account are known as such.
func account(t *testing.T, f Fixture) {
	a, ok := f.Sender.(delivery.Accounted)
	other, ok2 := f.Unreachable.(delivery.Accounted)
	if !ok || !ok2 {
		t.Fatal("the sender is not delivery.Accounted: failures are not shared among connections of one account")
	}
	if a.Account() == "" || a.Account() == other.Account() {
		t.Errorf("accounts are %q and %q", a.Account(), other.Account())
	}
	for _, secret := range f.Secrets {
		if strings.Contains(a.Account(), secret) {
			t.Errorf("the account's name has %q in it", secret)
		}
	}
}

// promises are words about what becomes of a message, which a sender does not
// know: its error stays with the message after the last try, too.
var promises = regexp.MustCompile(`(?i)nothing is lost|tr(y|ies|ied|ying) (it )?again|is (re)?sent again|retr(y|ied)|(it|message) waits`)

// Promise is what a text of ours about a failure says of the message's future,
// or "". Texts of providers say what they like.
func Promise(text string) string { return promises.FindString(text) }

func answers(t *testing.T, open func(t *testing.T) Fixture) {
	tests := []struct {
		name    string
		trouble Trouble
		class   delivery.Class
		retry   time.Duration
	}{
		{"for good is permanent", Refuses, delivery.Permanent, 0},
		{"for its credentials is a matter of configuration", Rejects, delivery.Configuration, 0},
		{"for now is temporary, for as long as it asks", Busy, delivery.Temporary, 7 * time.Second},
		{"for an outage is temporary", Down, delivery.Temporary, 0},
		{"by pointing elsewhere is a matter of configuration", Redirects, delivery.Configuration, 0},
		{"with our secrets in it is told without them", Echoes, delivery.Permanent, 0},
		{"at length is told in short", Endless, delivery.Permanent, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := open(t)
			f.Cause(tt.trouble)
			_, err := f.Sender.Send(t.Context(), f.Message)
			e := failure(t, err)
			if e.Class != tt.class || e.RetryAfter != tt.retry || e.Unanswered {
				t.Errorf("class %v, retry after %v, unanswered %v; want %v, %v, false", e.Class, e.RetryAfter, e.Unanswered, tt.class, tt.retry)
			}
			if tt.trouble == Rejects && e.Scope != delivery.OfAccount || tt.trouble == Refuses && e.Scope == delivery.OfAccount {
				t.Errorf("scope is %v: wrong credentials are the account's, refusals the message's", e.Scope)
			}
			if tt.class == delivery.Configuration && e.Fix == "" {
				t.Errorf("%q is the operator's to mend, and nothing says how", e.Text)
			}
			if p := Promise(e.Fix); p != "" {
				t.Errorf("%q says %q, which is not so when this was the last try", e.Fix, p)
			}
			if e.Code == "" || e.Text == "" || len(e.Text) > 600 || strings.ContainsAny(e.Text, "\r\n\x00") {
				t.Errorf("code %q, text %q", e.Code, e.Text)
			}
			keepsSecrets(t, f, err)
		})
	}
}

func silences(t *testing.T, open func(t *testing.T) Fixture) {
	for name, trouble := range map[string]Trouble{
		"in time": Silent, "before it hangs up": Breaks, "after it took the message": BreaksOff, "in its own form": Babbles,
	} {
		t.Run(name+" may have arrived", func(t *testing.T) {
			f := open(t)
			f.Cause(trouble)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if trouble != Silent {
				ctx = t.Context()
			}
			began := time.Now()
			_, err := f.Sender.Send(ctx, f.Message)
			e := failure(t, err)
			if e.Class != delivery.Temporary || !e.Unanswered {
				t.Errorf("class %v, unanswered %v; want temporary, true", e.Class, e.Unanswered)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			keepsSecrets(t, f, err)
			if n := len(f.Taken()); n > 1 {
				t.Errorf("the provider has %d messages: a sender makes one attempt", n)
			}
		})
	}
}

func unreachable(t *testing.T, open func(t *testing.T) Fixture) {
	f := open(t)
	_, err := f.Unreachable.Send(t.Context(), f.Message)
	if e := failure(t, err); e.Class != delivery.Temporary || e.Unanswered {
		t.Errorf("class %v, unanswered %v; want temporary, false", e.Class, e.Unanswered)
	}
	keepsSecrets(t, f, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Sender.Send(ctx, f.Message)
	if e := failure(t, err); e.Unanswered || len(f.Taken()) != 0 {
		t.Errorf("a context that had ended before: %+v", e)
	}
}

// failure returns err as what the worker expects.
func failure(t *testing.T, err error) *delivery.Error {
	t.Helper()
	var e *delivery.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v (%T), want a *delivery.Error", err, err)
	}
	return e
}

// keepsSecrets looks for secrets in every form in which errors are shown.
func keepsSecrets(t *testing.T, f Fixture, err error) {
	t.Helper()
	all := ""
	for e := err; e != nil; e = errors.Unwrap(e) {
		all += fmt.Sprintf("%v\n%+v\n%#v\n", e, e, e)
	}
	for _, s := range f.Secrets {
		for _, form := range []string{s, hex.EncodeToString([]byte(s)), strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(s)), "=")} {
			if strings.Contains(all, form) {
				t.Errorf("the error tells a secret: %s", all)
			}
		}
	}
}

// Package outbox is the sender that sends nothing: it keeps messages in memory,
// where the developer and their tests read the codes.
//
// Only dev uses it. It holds codes in plain text, which is what it is for.
package outbox

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Provider is the name that messages in the outbox carry.
const Provider = "outbox"

// Size is how many messages are kept. Older ones are forgotten.
const Size = 1000

// A Message is one that would have been sent.
type Message struct {
	ID         string
	Channel    tenant.Channel
	To         string
	From       string
	Subject    string
	Text       string
	HTML       string
	Code       string
	Link       string
	Connection string // by name
	ClientID   tenant.ClientID
	ClientName string
	Language   string
	Spoken     string // the language of a call; empty for what is not one
	Encoding   string
	Segments   int
	CreatedAt  time.Time
}

// Outbox keeps the newest messages. Its zero value keeps them and tells nobody;
// it is safe for use by many goroutines.
type Outbox struct {
	Now func() time.Time
	// Terminal gets one line per message, when not nil.
	Terminal io.Writer

	mu       sync.Mutex
	messages []Message // oldest first
	next     Fault
	watchers map[*watcher]struct{}
	printing sync.Mutex
}

// watcher is told that something changed, once for however many changes since
// it looked last.
type watcher struct{ changed chan struct{} }

// Provider is the name of the provider.
func (o *Outbox) Provider() string { return Provider }

// Send keeps the message.
func (o *Outbox) Send(ctx context.Context, m delivery.Outgoing) (delivery.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return delivery.Receipt{}, (&delivery.Error{
			Code: delivery.CodeUnreachable, Class: delivery.Temporary, Text: "There was no time left.",
		}).Because(err)
	}
	from := m.From
	if from == "" && m.Connection != nil {
		from = m.Connection.Sender.From
		if m.Connection.Sender.MessagingServiceSID != "" {
			from = m.Connection.Sender.MessagingServiceSID
		}
	}
	// What a provider would refuse is refused here too, so that it is found
	// while developing.
	for _, f := range []struct{ what, value string }{{"recipient", m.To}, {"sender", from}, {"subject", m.Subject}} {
		if err := delivery.CheckLine(f.what, f.value); err != nil {
			return delivery.Receipt{}, err
		}
	}
	fault := o.meet()
	if err := fault.suffer(ctx); err != nil {
		return delivery.Receipt{}, err
	}
	got := Message{
		ID: m.MessageID, Channel: m.Channel, To: m.To, From: from, Subject: m.Subject, Text: m.Text, HTML: m.HTML,
		Code: m.Code, Link: m.Link, ClientID: m.ClientID, ClientName: m.ClientName, Language: m.Language,
		Spoken: m.Spoken, Encoding: m.Encoding, Segments: m.Segments, CreatedAt: o.now(),
	}
	if m.Connection != nil {
		got.Connection = m.Connection.Name
	}
	o.keep(got)
	o.print(got)
	if fault == Twice {
		again := got
		again.ID += "-again"
		o.keep(again)
		o.print(again)
	}
	return delivery.Receipt{ProviderID: m.MessageID}, nil
}

func (o *Outbox) now() time.Time {
	if o.Now != nil {
		return o.Now().UTC()
	}
	return time.Now().UTC()
}

func (o *Outbox) keep(m Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// The oldest go when there are twice as many as are shown, so that not
	// every message moves all the others.
	if len(o.messages) >= 2*Size {
		o.messages = slices.Delete(o.messages, 0, len(o.messages)-Size+1)
	}
	o.messages = append(o.messages, m)
	o.tell()
}

// tell wakes the watchers. The lock is held.
func (o *Outbox) tell() {
	for w := range o.watchers {
		select {
		case w.changed <- struct{}{}:
		default: // it has not looked yet
		}
	}
}

// print writes a line such as "→ sms  +447700900123  482913  My app". Text of
// others does not get to steer the terminal.
func (o *Outbox) print(m Message) {
	if o.Terminal == nil {
		return
	}
	what := m.Code
	if m.Link != "" {
		what = strings.TrimSpace(what + "  " + m.Link)
	}
	app := m.ClientName
	if app == "" {
		app = string(m.ClientID)
	}
	channel := string(m.Channel)
	if m.Spoken != "" {
		channel = "call"
	}
	line := strings.TrimRight(fmt.Sprintf("→ %-5s %s  %s  %s", channel, m.To, what, app), " ")
	line = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, line)
	o.printing.Lock()
	defer o.printing.Unlock()
	_, _ = fmt.Fprintln(o.Terminal, line)
}

// A Filter chooses messages. An empty field matches every message.
type Filter struct {
	To      string
	Channel tenant.Channel
	// Since is the id of a message: only later ones match. An id that is not
	// (or no longer) known excludes nothing.
	Since string
}

// Messages returns the messages that match, newest first.
func (o *Outbox) Messages(f Filter) []Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.match(f)
}

// match does the work of Messages. The lock is held.
func (o *Outbox) match(f Filter) []Message {
	out := []Message{}
	for _, m := range slices.Backward(o.messages[max(0, len(o.messages)-Size):]) {
		if f.Since != "" && m.ID == f.Since {
			break
		}
		if (f.To == "" || f.To == m.To) && (f.Channel == "" || f.Channel == m.Channel) {
			out = append(out, m)
		}
	}
	return out
}

// Wait returns the messages that match, newest first, as soon as there are any:
// at once if there are some already, and none when ctx ends.
func (o *Outbox) Wait(ctx context.Context, f Filter) []Message {
	changed, stop := o.Subscribe()
	defer stop()
	for {
		if got := o.Messages(f); len(got) > 0 {
			return got
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return o.Messages(f)
		}
	}
}

// Subscribe returns a channel on which something arrives after messages came or
// were deleted. Whoever listens asks Messages for what is new; no message is
// lost on a listener that is slow. stop ends it.
func (o *Outbox) Subscribe() (changed <-chan struct{}, stop func()) {
	w := &watcher{changed: make(chan struct{}, 1)}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.watchers == nil {
		o.watchers = map[*watcher]struct{}{}
	}
	o.watchers[w] = struct{}{}
	return w.changed, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.watchers, w)
	}
}

// Clear forgets all messages.
func (o *Outbox) Clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages = nil
	o.tell()
}

// CanCall implements delivery.Caller: calls are kept like messages.
func (o *Outbox) CanCall() bool { return true }

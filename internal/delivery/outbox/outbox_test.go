package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/deliverytest"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/tenant"
)

func message(id string) delivery.Outgoing {
	return delivery.Outgoing{
		MessageID: id, Channel: tenant.SMS, To: "+447700900123", Text: "482913 is your code.", Code: "482913",
		ClientID: "app", ClientName: "My app", Language: "en", Encoding: "GSM-7", Segments: 1,
		Connection: &tenant.Connection{Name: "sms", Sender: tenant.SenderAccount{From: "+15005550006"}},
	}
}

func send(t *testing.T, o *outbox.Outbox, m delivery.Outgoing) {
	t.Helper()
	if _, err := o.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func TestSender(t *testing.T) {
	deliverytest.Run(t, func(*testing.T) deliverytest.Fixture {
		o := &outbox.Outbox{}
		return deliverytest.Fixture{Sender: o, Message: message("msg_1"), Taken: func() (out []deliverytest.Taken) {
			for _, m := range o.Messages(outbox.Filter{}) {
				out = append(out, deliverytest.Taken{To: m.To, Text: m.Text})
			}
			return out
		}}
	})
}

func TestMessages(t *testing.T) {
	o := &outbox.Outbox{}
	send(t, o, message("msg_1"))
	mail := message("msg_2")
	mail.Channel, mail.To, mail.Subject = tenant.Email, "jane@example.com", "Your code"
	send(t, o, mail)
	send(t, o, message("msg_3"))
	tests := []struct {
		name string
		f    outbox.Filter
		want string
	}{
		{"all, newest first", outbox.Filter{}, "msg_3 msg_2 msg_1"},
		{"by recipient", outbox.Filter{To: "+447700900123"}, "msg_3 msg_1"},
		{"by channel", outbox.Filter{Channel: tenant.Email}, "msg_2"},
		{"later than one", outbox.Filter{Since: "msg_1"}, "msg_3 msg_2"},
		{"later than one that does not match itself", outbox.Filter{Since: "msg_2", To: "+447700900123"}, "msg_3"},
		{"later than the last", outbox.Filter{Since: "msg_3"}, ""},
		{"later than one that is gone", outbox.Filter{Since: "msg_0"}, "msg_3 msg_2 msg_1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ids(o.Messages(tt.f)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	m := o.Messages(outbox.Filter{})[0]
	if m.From != "+15005550006" || m.Connection != "sms" || m.Code != "482913" || m.CreatedAt.IsZero() {
		t.Errorf("message is %+v", m)
	}
	o.Clear()
	if got := o.Messages(outbox.Filter{}); len(got) != 0 {
		t.Errorf("after Clear there is %+v", got)
	}
}

func ids(list []outbox.Message) string {
	var out []string
	for _, m := range list {
		out = append(out, m.ID)
	}
	return strings.Join(out, " ")
}

func TestMemoryIsBounded(t *testing.T) {
	o := &outbox.Outbox{}
	for i := range outbox.Size + 50 {
		send(t, o, message(fmt.Sprint(i)))
	}
	got := o.Messages(outbox.Filter{})
	if len(got) != outbox.Size || got[0].ID != "1049" || got[outbox.Size-1].ID != "50" {
		t.Errorf("%d messages, from %s to %s", len(got), got[len(got)-1].ID, got[0].ID)
	}
}

func TestWait(t *testing.T) {
	t.Run("what is there already is the answer", func(t *testing.T) {
		o := &outbox.Outbox{}
		send(t, o, message("msg_1"))
		if got := ids(o.Wait(t.Context(), outbox.Filter{To: "+447700900123"})); got != "msg_1" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("what comes meanwhile is the answer, what does not match is not", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := &outbox.Outbox{}
			send(t, o, message("msg_1"))
			go func() {
				time.Sleep(time.Second)
				other := message("msg_2")
				other.To = "+447700900999"
				_, _ = o.Send(context.Background(), other)
				time.Sleep(time.Second)
				_, _ = o.Send(context.Background(), message("msg_3"))
			}()
			began := time.Now()
			got := ids(o.Wait(t.Context(), outbox.Filter{To: "+447700900123", Since: "msg_1"}))
			if got != "msg_3" || time.Since(began) != 2*time.Second {
				t.Errorf("got %q after %v", got, time.Since(began))
			}
		})
	})
	t.Run("nothing is the answer when time is up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			o := &outbox.Outbox{}
			if got := o.Wait(ctx, outbox.Filter{}); len(got) != 0 || got == nil {
				t.Errorf("got %#v", got)
			}
		})
	})
}

func TestTerminal(t *testing.T) {
	var b strings.Builder
	o := &outbox.Outbox{Terminal: &b}
	m := message("msg_1")
	send(t, o, m)
	m.ClientName, m.Link, m.Channel, m.To = "Evil\x1b[2J\nname\u202e", "http://localhost:8787/l/x", tenant.Email, "jane@example.com"
	send(t, o, m)
	want := "→ sms   +447700900123  482913  My app\n→ email jane@example.com  482913  http://localhost:8787/l/x  Evil[2Jname\n"
	if b.String() != want {
		t.Errorf("terminal shows\n%q, want\n%q", b.String(), want)
	}
}

// Everybody can send, read and wait at the same time, and nobody misses the
// last message.
func TestAtOnce(t *testing.T) {
	o := &outbox.Outbox{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got := o.Wait(t.Context(), outbox.Filter{To: "last"}); len(got) != 1 {
				t.Errorf("got %d messages", len(got))
			}
		})
	}
	for i := range 200 {
		wg.Go(func() { _, _ = o.Send(t.Context(), message(fmt.Sprint(i))) })
	}
	m := message("last")
	m.To = "last"
	send(t, o, m)
	wg.Wait()
}

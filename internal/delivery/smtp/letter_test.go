package smtp_test

import (
	"mime"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery/deliverytest"
	"github.com/doorcode/doorcode/internal/delivery/smtp"
	"github.com/doorcode/doorcode/internal/testkit/smtptest"
)

func TestINJ01NothingIsAddedToALetter(t *testing.T) {
	deliverytest.RunLetters(t, func(t *testing.T) (deliverytest.Fixture, func() []deliverytest.Letter) {
		srv := smtptest.Start(t, plain)
		f := deliverytest.Fixture{Sender: open(t, provider(srv), smtp.Options{}), Message: message()}
		return f, func() (out []deliverytest.Letter) {
			for _, m := range srv.Taken() {
				out = append(out, letterOf(t, m))
			}
			return out
		}
	})
}

func letterOf(t *testing.T, m smtptest.Message) deliverytest.Letter {
	t.Helper()
	l := deliverytest.Letter{
		To: m.To, From: m.Header.Get("From"), Text: m.Text, HTML: m.HTML, ID: m.Header.Get("Message-Id"), Headers: map[string]string{},
	}
	var err error
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Errorf("subject %q: %v", m.Header.Get("Subject"), err)
	}
	for name, values := range m.Header {
		if len(values) != 1 {
			t.Errorf("the letter has %d headers %s", len(values), name)
		}
		l.Headers[name] = strings.Join(values, ", ")
	}
	if to := m.Header.Get("To"); to != "<"+m.To+">" && to != m.To {
		t.Errorf("the letter is to %q in its envelope and %q inside", m.To, to)
	}
	return l
}

package twilio_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery"
	texts "github.com/doorcode/doorcode/internal/message"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

// INJ-01: a call says the code twice, digit by digit, and nothing that a name
// has in it becomes an instruction.
func TestINJ01Call(t *testing.T) {
	for name, heard := range map[string]string{
		"Acme":                                "Acme",
		"</Say><Dial>+15005550009</Dial>":     "Say Dial 15005550009 Dial",
		`A" & <![CDATA[x]]> &lt;Redirect/>`:   "A CDATA x lt Redirect",
		"Bücher – Größe\x00\n\u202e&#60;Say>": "Bücher Größe 60 Say",
	} {
		srv := twiliotest.Start(t)
		said := texts.Speak("482913", name, "de-CH,de;q=0.9,en;q=0.8")
		m := spoken(said)
		receipt, err := open(t, srv.URL, connection()).Send(t.Context(), m)
		if err != nil || !strings.HasPrefix(receipt.ProviderID, "CA") {
			t.Fatalf("%q: %v, %v", name, receipt, err)
		}
		r := srv.Requests()[0]
		got, err := twiliotest.Said(r.Form.Get("Twiml"))
		want := "Ihr Anmeldecode für " + heard + " lautet: 4, 8, 2, 9, 1, 3."
		if err != nil || !slices.Equal(got, []string{want, want}) {
			t.Errorf("%q: says %q, %v\n%s", name, got, err, r.Form.Get("Twiml"))
		}
		if r.Form.Get("To") != m.To || r.Form.Get("From") != twiliotest.From || !strings.Contains(r.Form.Get("Twiml"), `language="de-DE"`) {
			t.Errorf("%q: %v", name, r.Form)
		}
	}
	// The text is escaped where it is written, whoever made it.
	srv := twiliotest.Start(t)
	m := spoken(texts.Spoken{Language: `en"><Dial>`, Text: "</Say><Dial>+15005550009</Dial>"})
	if _, err := open(t, srv.URL, connection()).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got, err := twiliotest.Said(srv.Requests()[0].Form.Get("Twiml")); err != nil || len(got) != 2 || got[0] != m.Text {
		t.Errorf("says %q, %v", got, err)
	}
	c := connection()
	c.Sender.From = "ACME"
	if _, err := open(t, srv.URL, c).Send(t.Context(), m); err == nil || len(srv.Requests()) != 1 {
		t.Errorf("a name calls: %v", err)
	}
}

func spoken(s texts.Spoken) delivery.Outgoing {
	m := message()
	m.Text, m.Spoken = s.Text, s.Language
	return m
}

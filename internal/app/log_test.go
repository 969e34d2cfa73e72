package app_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/testkit"
)

// keys returns the members of a JSON object in their order.
func keys(t *testing.T, line string) []string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(line))
	var names []string
	for i := 0; dec.More(); i++ {
		tok, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := tok.(string); ok && i%2 == 1 { // the first token is the brace
			names = append(names, name)
		}
	}
	return names
}

// One line for each request, with the same fields each time and what there is
// to say in them (product contract: metrics and logs); and one for each message.
func TestRequestLines(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) { c.LogFormat = "json" })
	app := `"client_id":"` + s.Ready.ClientID + `","client_secret":"` + s.Ready.ClientSecret + `"`
	const number = "+447700900123"
	otp := func(code string) string {
		return `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp",` + app +
			`,"realm":"sms","username":"` + number + `","otp":"` + code + `","scope":"openid"}`
	}
	s.Post(t, "/passwordless/start", `{`+app+`,"connection":"sms","phone_number":"`+number+`"}`)
	sent := s.Outbox.Wait(t.Context(), outbox.Filter{To: number})
	if len(sent) != 1 {
		t.Fatalf("%d messages", len(sent))
	}
	m := sent[0]
	wrong := "000000"
	if m.Code == wrong {
		wrong = "000001"
	}
	s.Post(t, "/oauth/token", otp(wrong))
	s.Post(t, "/oauth/token", otp(m.Code))
	s.Post(t, "/passwordless/start", `{"client_id":"`+number+`","connection":"nobody@example.com","phone_number":"`+number+`"}`)
	s.Do(t, "GET", "/nowhere/"+number, "")
	s.Do(t, "GET", "/health", "")

	type line struct {
		Msg, Route, Event, Connection string
		Time                          string
		Status                        int
		RequestID                     string `json:"request_id"`
		ClientID                      string `json:"client_id"`
		Dur                           int    `json:"dur_us"`
	}
	var got []line
	messages := 0
	for text := range strings.Lines(s.Log.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		switch l.Msg {
		case "request":
			fields := []string{"time", "level", "msg", "request_id", "route", "status", "dur_us", "client_id", "connection", "event"}
			if names := keys(t, text); !slices.Equal(names, fields) {
				t.Errorf("the fields are %v, want %v", names, fields)
			}
			if l.RequestID == "" || l.Dur <= 0 || !regexp.MustCompile(`^\d{4}-\d\d-\d\dT[\d:.]+Z$`).MatchString(l.Time) {
				t.Errorf("the line is %s", text)
			}
			l.Time, l.RequestID, l.Dur = "", "", 0
			got = append(got, l)
		case "message handed over":
			messages++
		}
	}
	id := s.Ready.ClientID
	want := []line{
		{Msg: "request", Route: "POST /passwordless/start", Status: 200, ClientID: id, Connection: "sms", Event: "cs"},
		{Msg: "request", Route: "POST /oauth/token", Status: 403, ClientID: id, Connection: "sms", Event: "fepotpft"},
		{Msg: "request", Route: "POST /oauth/token", Status: 200, ClientID: id, Connection: "sms", Event: "sepft"},
		{Msg: "request", Route: "POST /passwordless/start", Status: 401},
		{Msg: "request", Route: "unmatched", Status: 404},
		{Msg: "request", Route: "GET /health", Status: 200},
	}
	if !slices.Equal(got, want) {
		t.Errorf("the lines are\n%+v\nwant\n%+v", got, want)
	}
	if messages != 1 {
		t.Errorf("%d lines about the message", messages)
	}
	for _, personal := range []string{"447700900123", m.Code, "nobody@", s.Ready.ClientSecret} {
		if strings.Contains(s.Log.String(), personal) {
			t.Errorf("the log has %q in it", personal)
		}
	}
}

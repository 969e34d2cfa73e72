package manage

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseQuery(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	for q, want := range map[string][]term{
		``:                                  nil,
		`type:s`:                            {{field: "type", value: "s"}},
		`  type:s   AND  client_id:"a b"  `: {{field: "type", value: "s"}, {field: "client_id", value: "a b"}},
		`user_id:sms|58fa`:                  {{field: "user_id", value: "sms|58fa"}},
		`a:"say \"hi\" \\"`:                 {{field: "a", value: `say "hi" \`}},
		`a:"x AND b:y"`:                     {{field: "a", value: "x AND b:y"}},
		`date:[2026-01-02 TO *]`:            {{field: "date", ranged: true, from: day(2)}},
		`date:{2026-01-02 TO 2026-01-04}`:   {{field: "date", ranged: true, from: day(3), to: day(4)}},
		`date:[2026-01-02 TO 2026-01-04]`:   {{field: "date", ranged: true, from: day(2), to: day(5)}},
	} {
		got, err := parseQuery(q)
		if err != nil {
			t.Errorf("parseQuery(%s): %v", q, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(term{})); diff != "" {
			t.Errorf("parseQuery(%s) (-want +got):\n%s", q, diff)
		}
	}
}

// INJ-06: whatever is asked, the answer is conditions or a refusal, at once.
func FuzzParseQuery(f *testing.F) {
	for _, q := range []string{`type:"s" AND date:[2026-01-01 TO *]`, `a:"\`, `a:[`, `a:{x TO y]`, strings.Repeat(`a:b AND `, 100)} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		terms, err := parseQuery(q)
		if err == nil && len(terms) > maxTerms {
			t.Errorf("%d terms", len(terms))
		}
		for _, term := range terms {
			if len(term.value) > maxQuery || strings.ContainsRune(term.value, 0) {
				t.Errorf("value %q", term.value)
			}
		}
	})
}

func TestNothingPrivateIsLogged(t *testing.T) {
	body := `{"options":{"twilio_token":"canary","gateway_authentication":{"secret":"canary","secret_base64_encoded":false},"template":"T","totp":{"length":6}},"client_secret":"canary","token_endpoint_auth_method":"none","list":[{"password":"canary","phone_number":"canary"}],"refresh_token":{"leeway":1}}`
	e := (&Service{Now: time.Now}).record(Actor{Body: []byte(body), Method: "POST"}, outcome{what: "x", status: 200, body: map[string]string{"client_secret": "canary"}})
	text := string(answer(e.Details))
	if strings.Contains(text, "canary") {
		t.Errorf("private values are logged: %s", text)
	}
	for _, kept := range []string{`"template":"T"`, `"length":6`, `"token_endpoint_auth_method":"none"`, `"leeway":1`, `"method":"post"`} {
		if !strings.Contains(text, kept) {
			t.Errorf("%s is not logged: %s", kept, text)
		}
	}
}

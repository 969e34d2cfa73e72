package signing

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

func jsonString(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func mustDecode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := decode(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TOK-04: a token is good between its times, with 60 seconds for other clocks.
func TestTOK04Times(t *testing.T) {
	r, _ := newRing(t)
	tests := []struct {
		name   string
		claims string // times are seconds from now
		ok     bool
	}{
		{"a second is left", `"iat":-10,"exp":1`, true},
		{"no second is left", `"iat":-10,"exp":0`, false},
		{"the time is over", `"iat":-10,"exp":-1`, false},
		{"long over", `"iat":-90000,"exp":-86400`, false},
		{"issued now", `"iat":0,"exp":60`, true},
		{"issued by a clock 60 s ahead", `"iat":60,"exp":100`, true},
		{"issued by a clock 61 s ahead", `"iat":61,"exp":100`, false},
		{"issued tomorrow", `"iat":86400,"exp":90000`, false},
		{"valid from now", `"iat":0,"nbf":0,"exp":60`, true},
		{"valid from 60 s ahead", `"iat":0,"nbf":60,"exp":100`, true},
		{"valid from 61 s ahead", `"iat":0,"nbf":61,"exp":100`, false},
		{"valid from tomorrow", `"iat":0,"nbf":86400,"exp":90000`, false},
		{"nbf in the past", `"iat":0,"nbf":-100,"exp":100`, true},
		{"no exp", `"iat":0`, false},
		{"no iat", `"exp":10`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var at map[string]int64
			if err := json.Unmarshal([]byte("{"+tt.claims+"}"), &at); err != nil {
				t.Fatal(err)
			}
			body := fmt.Sprintf(`{"iss":%q,"aud":["other","api"]`, testIssuer)
			for name, n := range at {
				body += fmt.Sprintf(`,%q:%d`, name, testNow.Unix()+n)
			}
			_, err := r.Verify(t.Context(), forge(t, r, forgery{with: ES256, body: body + "}"}), testWant())
			if (err == nil) != tt.ok {
				t.Errorf("Verify = %v, want accepted: %v", err, tt.ok)
			}
		})
	}
}

// TOK-04: a token is of our issuer and for one of the wanted audiences, written
// exactly so.
func TestTOK04IssuerAndAudience(t *testing.T) {
	r, _ := newRing(t)
	iss, aud := fmt.Sprintf(`"iss":%q`, testIssuer), `"aud":"api"`
	for _, tt := range []struct {
		name, claims string
		want         error // nil: accepted
	}{
		{"ours, for us", iss + "," + aud, nil},
		{"for us among others", iss + `,"aud":["other","api"]`, nil},
		{"no issuer", aud, ErrIssuer},
		{"another issuer", `"iss":"https://evil.example/",` + aud, ErrIssuer},
		{"the issuer without its slash", `"iss":"` + strings.TrimSuffix(testIssuer, "/") + `",` + aud, ErrIssuer},
		{"the issuer in capitals", `"iss":"` + strings.ToUpper(testIssuer) + `",` + aud, ErrIssuer},
		{"the issuer and more", `"iss":"` + testIssuer + `evil",` + aud, ErrIssuer},
		{"a list of issuers", `"iss":["` + testIssuer + `"],` + aud, ErrIssuer},
		{"two issuers", iss + `,"iss":"https://evil.example/",` + aud, ErrMalformed},
		{"no audience", iss, ErrAudience},
		{"another audience", iss + `,"aud":"other"`, ErrAudience},
		{"no audience in the list", iss + `,"aud":[]`, ErrAudience},
		{"an empty audience", iss + `,"aud":""`, ErrAudience},
		{"an audience that begins so", iss + `,"aud":"api2"`, ErrAudience},
		{"the audience in capitals", iss + `,"aud":"API"`, ErrAudience},
		{"an audience that is no text", iss + `,"aud":{"api":true}`, ErrAudience},
		{"two audiences of that name", iss + "," + aud + `,"aud":"other"`, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := fmt.Sprintf(`{%s,"iat":%d,"exp":%d}`, tt.claims, testNow.Unix(), testNow.Unix()+60)
			_, err := r.Verify(t.Context(), forge(t, r, forgery{with: ES256, body: body}), testWant())
			if !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	r, _ := newRing(t)
	token := mustSign(t, r, RS256)
	t.Run("claims can be read", func(t *testing.T) {
		c, err := r.Verify(t.Context(), token, testWant())
		if err != nil {
			t.Fatal(err)
		}
		exp, ok := c.Time("exp")
		if c.Text("sub") != "sms|1" || len(c.Texts("aud")) != 1 || !ok || !exp.Equal(testNow.Add(time.Hour)) {
			t.Errorf("claims are %s", c.Payload)
		}
		if c.Has("Sub") || c.Text("exp") != "" || c.Texts("exp") != nil {
			t.Error("claims are read as something they are not")
		}
	})
	t.Run("what is not wanted is not accepted", func(t *testing.T) {
		for name, change := range map[string]func(*VerifyOptions){
			"no options":         func(w *VerifyOptions) { *w = VerifyOptions{} },
			"no issuer":          func(w *VerifyOptions) { w.Issuer = "" },
			"no audience":        func(w *VerifyOptions) { w.Audience = nil },
			"an empty audience":  func(w *VerifyOptions) { w.Audience = []string{""} },
			"no type":            func(w *VerifyOptions) { w.Typ = nil },
			"a secret":           func(w *VerifyOptions) { w.Secret = []byte("x") },
			"a secret of length": func(w *VerifyOptions) { w.Secret = []byte{} },
		} {
			want := testWant()
			change(&want)
			if _, err := r.Verify(t.Context(), token, want); !errors.Is(err, ErrToken) {
				t.Errorf("%s: Verify = %v, want ErrToken", name, err)
			}
		}
	})
	t.Run("an expired token is told apart and can be asked for", func(t *testing.T) {
		r, _ := newRing(t)
		r.Now = func() time.Time { return testNow.Add(2 * time.Hour) }
		want := testWant()
		if _, err := r.Verify(t.Context(), token, want); !errors.Is(err, ErrExpired) {
			t.Errorf("Verify = %v, want ErrExpired", err)
		}
		want.Expired = true
		if _, err := r.Verify(t.Context(), token, want); err != nil {
			t.Errorf("Verify of an expired hint: %v", err)
		}
	})
}

// TOK-02: what is too long is refused before anything is done with it, and nothing
// that is encrypted or packed is opened. Tokens may have 16 KB: one for the
// Management API with every scope has more than eight.
func TestTOK02LongTokensCostNothing(t *testing.T) {
	r, _ := newRing(t)
	for name, token := range map[string]string{
		"a megabyte of dots":       strings.Repeat(".", 1<<20),
		"ten megabytes":            strings.Repeat("A", 10<<20),
		"as long as it may":        strings.Repeat(".", MaxToken),
		"encrypted, in five parts": b64(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`) + "..AA." + strings.Repeat("A", MaxToken/2) + ".AA",
		"a header of members":      b64("{"+strings.Repeat(`"":0,`, 2000)+`"a":0}`) + ".AA.AA",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			allocs := testing.AllocsPerRun(100, func() {
				if _, err := r.Verify(t.Context(), token, testWant()); !errors.Is(err, ErrMalformed) {
					t.Errorf("Verify = %v, want ErrMalformed", err)
				}
			})
			each := time.Since(began) / 101
			runtime.ReadMemStats(&after)
			if size := (after.TotalAlloc - before.TotalAlloc) / 101; allocs > 50 || each > 5*time.Millisecond || size > 1<<20 {
				t.Errorf("costs %v, %v allocations and %d bytes", each, allocs, size)
			}
		})
	}
}

func TestManagementTokenFits(t *testing.T) {
	r, _ := newRing(t)
	scope := strings.Repeat("update:some_resources ", 260) // 251 scopes have 5,700 bytes in all
	claims := strings.Replace(string(testClaims()), "{", `{"scope":"`+scope+`",`, 1)
	token, err := r.Sign(t.Context(), Draft{Alg: RS256, Typ: TypJWT, Claims: []byte(claims)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Verify(t.Context(), token, testWant()); err != nil {
		t.Errorf("a token of %d bytes: %v", len(token), err)
	}
}

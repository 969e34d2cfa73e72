package authapi_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// A way is one on which a code can be asked for and brought.
type way struct {
	name  string
	ask   func() reply
	bring func(code string) reply
	// page says that it is a login page, which goes on with longer codes.
	page bool
}

// The words in which a code is refused whose tries are spent, and one of
// somebody whose tries are.
const (
	spentCode  = "maximum number of attempts"
	spentTries = "has been blocked after multiple consecutive login attempts"
)

// everyGrant lets the ready-made application bring codes everywhere.
func (w *world) everyGrant() {
	w.patchClient(w.Ready.ClientID, `{"cross_origin_authentication":true,"oidc_conformant":false,
		"grant_types":["authorization_code","`+otp+`","http://auth0.com/oauth/legacy/grant-type/ro"]}`)
}

// endpoints are the ways by which one and the same code can be brought.
func (w *world) endpoints(number string) []way {
	start := func() reply {
		return w.form("/passwordless/start", and(w.app(), map[string]string{"connection": "sms", "phone_number": number}))
	}
	password := func(path string) func(string) reply {
		return func(code string) reply {
			return w.form(path, and(w.app(), map[string]string{"connection": "sms", "grant_type": "password", "username": number, "password": code}))
		}
	}
	return []way{
		{name: "/oauth/token", ask: start, bring: func(code string) reply {
			return w.token(and(w.app(), map[string]string{"grant_type": otp, "realm": "sms", "username": number, "otp": code}))
		}},
		{name: "/co/authenticate", ask: start, bring: func(code string) reply {
			status, h, answer := w.co(number, code)
			return reply{status, h, answer["error_description"]}
		}},
		{name: "/oauth/ro", ask: start, bring: password("/oauth/ro")},
		{name: "/passwordless/verify", ask: start, bring: password("/passwordless/verify")},
		{name: "/passwordless/verify of a page", ask: start, bring: func(code string) reply {
			return w.form("/passwordless/verify", and(w.app(), map[string]string{"connection": "sms", "phone_number": number, "verification_code": code}))
		}},
		{name: "/passwordless/verify_redirect", ask: start, bring: func(code string) reply { return w.verifyRedirect(number, code) }},
	}
}

// session is the way of an auth_session.
func (w *world) session(number string) way {
	session := ""
	return way{name: "an auth_session", ask: func() reply {
		got := w.form("/otp/challenge", and(w.app(), map[string]string{"connection": "sms", "phone_number": number, "allow_signup": "true"}))
		if got.status == http.StatusOK {
			session = got.want(w.t, http.StatusOK)["auth_session"].(string)
		}
		return got
	}, bring: func(code string) reply {
		return w.token(and(w.app(), map[string]string{"grant_type": otp, "auth_session": session, "otp": code}))
	}}
}

// hosted is the way of the login pages, where the code may be asked for again
// before it is brought. What they show is the body of a reply; its status is 200
// if it signs in.
func (w *world) hosted(name, number string, again bool) way {
	var b *textbrowser.Browser
	var p *textbrowser.Page
	submit := func(f *textbrowser.Form) reply {
		var err error
		if p, err = b.Submit(w.t.Context(), f); err != nil {
			w.t.Fatalf("%s: %v", name, err)
		}
		return reply{p.Status, p.Header, p.Text()}
	}
	return way{name: name, page: true, ask: func() reply {
		b = textbrowser.New(nil, func(u *url.URL) bool { return u.Scheme+"://"+u.Host != w.URL })
		q := url.Values{
			"client_id": {w.Ready.ClientID}, "redirect_uri": {appOrigin + "/callback"}, "response_type": {"code"}, "scope": {"openid"}, "connection": {"sms"},
		}
		var err error
		if p, err = b.Get(w.t.Context(), w.URL+"/authorize?"+q.Encode()); err != nil {
			w.t.Fatal(err)
		}
		got := submit(p.Form("username").Set("username", number))
		if again {
			forms := p.Forms()
			for _, f := range forms {
				if f.Press("resend") != nil {
					return submit(f)
				}
			}
			w.t.Fatalf("%s: no button for another code:\n%s", name, got.body)
		}
		return got
	}, bring: func(code string) reply {
		got := submit(p.Form("code").Set("code", code).Press("default"))
		if p.Left != nil && p.Left.URL.Query().Has("code") {
			got.status = http.StatusOK
		}
		return got
	}}
}

// OTP-04: the three tries of a code are the same whichever endpoint it is
// brought to.
func TestOTP04EveryEndpointSharesTheThree(t *testing.T) {
	w := newWorld(t)
	w.everyGrant()
	const number = "+447700900432"
	ways := w.endpoints(number)
	code := w.code(w.app(), number)
	dead := 0
	for range 5 {
		for _, y := range ways {
			got := y.bring(not(code))
			if got.status == http.StatusOK {
				t.Errorf("%s took a wrong code", y.name)
			}
			if strings.Contains(got.body, spentCode) {
				dead++
			}
		}
	}
	if judged := 5*len(ways) - dead; judged != 2 {
		t.Errorf("%d wrong tries before the one that ended the code, want 2", judged)
	}
	for _, y := range ways {
		if got := y.bring(code); got.status == http.StatusOK {
			t.Errorf("%s took a code that was dead", y.name)
		}
	}
}

// BRU-07: whatever way a guess comes, it is one of the same ten: by every
// endpoint that takes a code, on the login pages, there after asking again, with
// an auth_session, and through another application. After ten no way takes any,
// not even the right code that it sent before.
func TestBRU07EveryWaySharesTheTen(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		w := newWorld(t, func(c *config.Config) { c.Database, c.KeyFile = address, filepath.Join(t.TempDir(), "key") })
		w.everyGrant()
		db := storetest.SQL(t, address)
		const number = "+447700900433"
		stranger := w.person(map[string]any{})
		last := way{name: "another application", ask: func() reply {
			return w.form("/passwordless/start", and(stranger, map[string]string{"connection": "sms", "phone_number": number}))
		}, bring: func(code string) reply {
			return w.token(and(stranger, map[string]string{"grant_type": otp, "realm": "sms", "username": number, "otp": code}))
		}}
		ways := append(w.endpoints(number), w.session(number), w.hosted("the login page", number, false), w.hosted("the login page, asked again", number, true))
		total := 0
		// bring brings a code, of which so many tries are to be judged.
		bring := func(y way, code string, judged int) reply {
			t.Helper()
			got := y.bring(code)
			n, err := strconv.Atoi(storetest.Value(t, db, `SELECT COALESCE(SUM(streak), 0) FROM tries`))
			if err != nil {
				t.Fatal(err)
			}
			if got.status == http.StatusOK || n-total != judged {
				t.Errorf("%s: %d tries judged, want %d: %d %s", y.name, n-total, judged, got.status, got.body)
			}
			total = n
			return got
		}
		for _, y := range ways {
			y.ask()
			bring(y, not(w.received(number)), 1)
		}
		right := make([]string, len(ways))
		for i, y := range ways {
			y.ask().want(t, http.StatusOK)
			right[i] = w.received(number)
		}
		last.ask()
		bring(last, not(w.received(number)), 1)
		for i, y := range ways {
			got := bring(y, right[i], 0)
			if !strings.Contains(got.body, spentTries) && !strings.Contains(got.body, "Too many wrong codes.") ||
				got.status != http.StatusTooManyRequests && y.name != "/passwordless/verify_redirect" {
				t.Errorf("%s with the right code: %d %s", y.name, got.status, got.body)
			}
		}
		for range 4 {
			for _, y := range append(ways, last) {
				asked := y.ask()
				if y.page && !strings.Contains(asked.body, "10-digit code") ||
					!y.page && (asked.status != http.StatusTooManyRequests || asked.code() != "too_many_attempts") {
					t.Errorf("%s, asked for a code: %d %s", y.name, asked.status, asked.body)
				}
				bring(y, "000000", 0)
			}
		}
		if total != 10 {
			t.Errorf("%d tries were judged, want 10", total)
		}
	})
}

// verifyRedirect agrees to go on with a code, as the page there asks. The answer
// is 200 if it signs in, and else what the application is told.
func (w *world) verifyRedirect(number, code string) reply {
	w.t.Helper()
	form := url.Values{
		"client_id": {w.Ready.ClientID}, "redirect_uri": {appOrigin + "/callback"}, "response_type": {"code"}, "scope": {"openid"},
		"connection": {"sms"}, "phone_number": {number}, "verification_code": {code},
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.URL+"/passwordless/verify_redirect", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", w.URL)
	res, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	to, err := res.Location()
	if err != nil || !strings.HasPrefix(to.String(), appOrigin) {
		w.t.Fatalf("%d %v %v", res.StatusCode, to, err)
	}
	if to.Query().Has("code") {
		return reply{http.StatusOK, res.Header, ""}
	}
	return reply{http.StatusUnauthorized, res.Header, to.Query().Get("error_description")}
}

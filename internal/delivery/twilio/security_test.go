package twilio_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/twilio"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

// wire keeps what came over it, byte for byte, and answers as Twilio does.
func wire(t *testing.T) (base string, seen func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var all strings.Builder
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
				buf := make([]byte, 64<<10)
				n, _ := conn.Read(buf)
				mu.Lock()
				all.Write(buf[:n])
				mu.Unlock()
				body := `{"sid":"SM1","status":"queued"}`
				fmt.Fprintf(conn, "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
			}()
		}
	}()
	return "http://" + l.Addr().String(), func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

// INJ-01: whatever ends a line somewhere ends none here. Each place that takes
// text from settings, from people or from ids either refuses it before anything
// is sent, or sends one request with the headers and parameters that it has
// without it.
func TestINJ01NothingIsAddedToTheRequest(t *testing.T) {
	payloads := []string{
		"\r\nX-Evil: 1", "\nX-Evil: 1", "\rX-Evil: 1", "\r\n\r\nGET /evil HTTP/1.1", "\x00X-Evil", "\u2028X-Evil: 1", "\u2029X-Evil: 1", "\u0085X-Evil: 1",
		"\x0bX-Evil", "\x0cX-Evil", "\x1bX-Evil", "\x7fX-Evil", "%0d%0aX-Evil: 1", "%0aX-Evil:1", "&To=%2B15550001111", "&MediaUrl=https://evil.example",
		"?Body=evil", "#X-Evil", "/../../Accounts/evil", "嘊嘍X-Evil: 1", // becomes a line break where bytes are cut off
	}
	sinks := map[string]func(c *tenant.Connection, m *delivery.Outgoing, p string){
		"To":             func(_ *tenant.Connection, m *delivery.Outgoing, p string) { m.To += p },
		"From":           func(c *tenant.Connection, _ *delivery.Outgoing, p string) { c.Sender.From += p },
		"message's From": func(_ *tenant.Connection, m *delivery.Outgoing, p string) { m.From = "Acme" + p },
		"Account SID":    func(c *tenant.Connection, _ *delivery.Outgoing, p string) { c.Sender.TwilioSID += p },
		"Auth Token":     func(c *tenant.Connection, _ *delivery.Outgoing, p string) { c.Secrets[twilio.TokenOption] += p },
		"API key": func(c *tenant.Connection, _ *delivery.Outgoing, p string) {
			c.Sender.TwilioAPIKey, c.Secrets[twilio.KeySecretOption] = "SK1"+p, "secret"
		},
		"API key's secret": func(c *tenant.Connection, _ *delivery.Outgoing, p string) {
			c.Sender.TwilioAPIKey, c.Secrets[twilio.KeySecretOption] = "SK1", "secret"+p
		},
		"Messaging Service": func(c *tenant.Connection, _ *delivery.Outgoing, p string) {
			c.Sender.MessagingServiceSID = twiliotest.Service + p
		},
		"message id":    func(_ *tenant.Connection, m *delivery.Outgoing, p string) { m.MessageID += p },
		"connection id": func(c *tenant.Connection, _ *delivery.Outgoing, p string) { c.ID += tenant.ConnectionID(p) },
		"text":          func(_ *tenant.Connection, m *delivery.Outgoing, p string) { m.Text += p },
		"subject":       func(_ *tenant.Connection, m *delivery.Outgoing, p string) { m.Subject += p },
	}
	for sink, put := range sinks {
		t.Run(sink, func(t *testing.T) {
			for _, p := range payloads {
				base, seen := wire(t)
				c, m := connection(), message()
				put(c, &m, p)
				client, err := twilio.New(twilio.Options{BaseURL: base, PublicURL: "https://login.example.com"})
				if err != nil {
					t.Fatal(err)
				}
				s, err := client.Sender(c)
				if err == nil {
					_, err = s.Send(t.Context(), m)
				}
				client.Close()
				raw := seen()
				if raw == "" {
					if err == nil {
						t.Errorf("%q: nothing was sent, and nothing said", p)
					}
					continue
				}
				head, body, _ := strings.Cut(raw, "\r\n\r\n")
				if n := strings.Count(head, "\r\n"); n != 7 || strings.Count(head, "\n") != n || strings.Contains(head, "\r\nX-Evil") {
					t.Errorf("%q: the head has %d lines:\n%q", p, n+1, head)
				}
				if strings.ContainsAny(body, "\r\n\x00") {
					t.Errorf("%q: the body is %q", p, body)
				}
				form, err := url.ParseQuery(body)
				if err != nil || len(form) != 4 && len(form) != 5 || len(form["To"]) != 1 || form.Has("MediaUrl") || form.Has("X-Evil") {
					t.Errorf("%q: the form is %v, %v", p, form, err)
				}
				if sink != "To" && form.Get("To") != message().To {
					t.Errorf("%q: sent to %q", p, form.Get("To"))
				}
			}
		})
	}
}

// SSR-03: a redirect is not followed, by no status and to nobody, also when the
// account is only looked at.
func TestSSR03RedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{elsewhere.URL, "http://169.254.169.254/latest/meta-data/", "//evil.example"} {
			srv := twiliotest.Start(t)
			srv.Always(&twiliotest.Fault{Status: status, Body: " ", Location: to})
			s := open(t, srv.URL, connection())
			_, err := s.Send(t.Context(), message())
			var e *delivery.Error
			if !errors.As(err, &e) || e.Class != delivery.Configuration {
				t.Errorf("%d to %s: %v", status, to, err)
			}
			if found := delivery.Check(t.Context(), s); outline(found) != "credentials fail" {
				t.Errorf("%d to %s: found %s", status, to, outline(found))
			}
			if n := len(srv.Requests()); n != 2 {
				t.Errorf("%d to %s: %d requests", status, to, n)
			}
		}
	}
	if followed.Load() {
		t.Error("a redirect was followed")
	}
}

// SSR-04: the environment does not get to see credentials.
func TestSSR04ProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	var seen atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		seen.Store(true)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	// Proxies are not used for loopback anyway, so the host is a name. It does
	// not resolve, which is as far as this may come.
	s := open(t, "https://api.twilio.invalid", connection())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := s.Send(ctx, message())
	var e *delivery.Error
	if !errors.As(err, &e) || e.Unanswered || seen.Load() {
		t.Errorf("error %v, the proxy was asked: %v", err, seen.Load())
	}
}

// SSR-05: what answers slowly or without end takes neither time nor memory
// beyond the bounds.
func TestSSR05AnswersAreBounded(t *testing.T) {
	var sent atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
		for range 1 << 12 { // 64 MiB, unless somebody hangs up
			n, err := w.Write(make([]byte, 16<<10))
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	defer srv.Close()
	s := open(t, srv.URL, connection())
	if _, err := s.Send(t.Context(), message()); err == nil {
		t.Error("an endless answer was taken")
	}
	_ = delivery.Check(t.Context(), s)
	srv.Close()
	if sent.Load() > 16<<20 {
		t.Errorf("%d bytes were taken", sent.Load())
	}
	head := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 200_000))
		w.WriteHeader(http.StatusCreated)
	}))
	defer head.Close()
	if _, err := open(t, head.URL, connection()).Send(t.Context(), message()); err == nil {
		t.Error("an endless head was taken")
	}
}

// SEC-01: none of an account's secrets is in an error or a finding, whatever
// Twilio or what stands between echoes.
func TestSEC01CredentialsAreNotEchoed(t *testing.T) {
	const keySecret = "canary-secret-of-the-key"
	c := connection()
	c.Sender.TwilioAPIKey, c.Secrets[twilio.KeySecretOption] = "SK1", keySecret
	basic := base64.StdEncoding.EncodeToString([]byte("SK1:" + keySecret))
	secrets := []string{twiliotest.Token, keySecret, basic, "482913"}
	for _, status := range []int{200, 400, 401, 403, 404, 429, 500} {
		for _, form := range []string{`{"code":20003,"message":%q}`, `%s`, `{"sid":"SM1","status":"failed","error_code":30008,"error_message":%q}`} {
			srv := twiliotest.Start(t)
			srv.Always(&twiliotest.Fault{Status: status, Body: fmt.Sprintf(form, "echo "+strings.Join(secrets, " "))})
			s := open(t, srv.URL, c)
			_, err := s.Send(t.Context(), message())
			told := fmt.Sprintf("%v %+v", err, delivery.Check(t.Context(), s))
			for e := err; e != nil; e = errors.Unwrap(e) {
				told += fmt.Sprintf(" %+v %#v", e, e)
			}
			for _, secret := range secrets[:3] {
				if strings.Contains(told, secret) {
					t.Errorf("%d with %s: %s", status, form, told)
				}
			}
			if strings.Contains(fmt.Sprint(err), secrets[3]) {
				t.Errorf("%d with %s tells the code: %v", status, form, err)
			}
		}
	}
}

// An API key signs in, and the Account SID stays in the path; the Auth Token
// is then not sent.
func TestAPIKeySignsIn(t *testing.T) {
	srv := twiliotest.Start(t)
	srv.SetAccount(twiliotest.Account{
		SID: twiliotest.SID, Token: twiliotest.Token, Numbers: []string{twiliotest.From}, Keys: map[string]string{"SK1": "secret-of-the-key"},
	})
	c := connection()
	c.Sender.TwilioAPIKey, c.Secrets[twilio.KeySecretOption] = "SK1", "secret-of-the-key"
	if _, err := open(t, srv.URL, c).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	r := srv.Requests()[0]
	if r.User != "SK1" || r.Password != "secret-of-the-key" || !strings.Contains(r.Path, "/Accounts/"+twiliotest.SID+"/") {
		t.Errorf("%s as %s", r.Path, r.User)
	}
	delete(c.Secrets, twilio.KeySecretOption)
	var e *delivery.Error
	if err := twilio.Check(c); !errors.As(err, &e) || !strings.Contains(e.Text, "the secret of the Twilio API key") {
		t.Errorf("without its secret: %v", err)
	}
}

// A sender's name is sent as it is; what Twilio would refuse is told before.
func TestSenderNames(t *testing.T) {
	for from, takes := range map[string]bool{
		"Acme": true, "ACME 24-7": true, "A&B_C+D": true, "Elevenchars": true, "a1": true, "whatsapp:+15005550006": true, "12345": true,
		"Twelve chars": false, "Acmé": false, "Acme!": false, "Acme.com": false, "アクメ a": false,
	} {
		srv := twiliotest.Start(t)
		srv.SetAccount(twiliotest.Account{SID: twiliotest.SID, Token: twiliotest.Token, Numbers: []string{from}})
		c := connection()
		c.Sender.From = " " + from + " "
		_, err := open(t, srv.URL, c).Send(t.Context(), message())
		var e *delivery.Error
		if takes != (err == nil) || err != nil && (!errors.As(err, &e) || e.Code != "21212" || e.Class != delivery.Configuration) {
			t.Errorf("from %q: %v", from, err)
		}
		if got := srv.Sent(); takes && (len(got) != 1 || got[0].Form.Get("From") != from) || !takes && len(srv.Requests()) != 0 {
			t.Errorf("from %q: Twilio got %+v", from, got)
		}
	}
}

// A message is of use for as long as its code, within what Twilio takes.
func TestValidityPeriod(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for left, want := range map[time.Duration]string{
		180 * time.Second: "180", 164500 * time.Millisecond: "164", 15 * time.Second: "15", time.Second: "5", -time.Minute: "5", 24 * time.Hour: "36000",
	} {
		srv := twiliotest.Start(t)
		client, err := twilio.New(twilio.Options{BaseURL: srv.URL, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		s, err := client.Sender(connection())
		if err != nil {
			t.Fatal(err)
		}
		m := message()
		m.Expires = now.Add(left)
		if _, err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		client.Close()
		if got := srv.Requests()[0].Form.Get("ValidityPeriod"); got != want {
			t.Errorf("with %v left: %q, want %s", left, got, want)
		}
	}
}

// Reports are asked for only where they can be believed and can arrive.
func TestStatusCallback(t *testing.T) {
	for n, tt := range []struct {
		public string
		change func(c *tenant.Connection)
		want   string
	}{
		{"https://login.example.com", nil, "https://login.example.com/hooks/twilio/con_sms/msg_1"},
		{"https://login.example.com/", nil, "https://login.example.com/hooks/twilio/con_sms/msg_1"},
		{"https://localhost:8787", nil, ""},
		{"", nil, ""},
		{"https://login.example.com", func(c *tenant.Connection) {
			c.Sender.TwilioAPIKey = "SK1"
			c.Secrets = map[string]string{twilio.KeySecretOption: "secret-of-the-key"} // and no Auth Token, which signs
		}, ""},
	} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			srv := twiliotest.Start(t)
			srv.SetAccount(twiliotest.Account{
				SID: twiliotest.SID, Token: twiliotest.Token, Numbers: []string{twiliotest.From}, Keys: map[string]string{"SK1": "secret-of-the-key"},
			})
			client, err := twilio.New(twilio.Options{BaseURL: srv.URL, PublicURL: tt.public})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			c := connection()
			if tt.change != nil {
				tt.change(c)
			}
			s, err := client.Sender(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Send(t.Context(), message()); err != nil {
				t.Fatal(err)
			}
			if got := srv.Requests()[0].Form.Get("StatusCallback"); got != tt.want {
				t.Errorf("StatusCallback is %q, want %q", got, tt.want)
			}
		})
	}
}

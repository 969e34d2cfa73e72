package dashboard_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

// A shop is a server in production that sends through Twilio, whose owner came in
// by the first link.
type shop struct {
	*world
	cookie     string
	client     string // its application
	connection string // the address of its SMS connection
}

// newShop starts one that has an application and an SMS connection, whose account
// is the stand-in's.
func newShop(t *testing.T, stand *twiliotest.Server) *shop {
	t.Helper()
	w := newWorld(t, serve(t), func(c *config.Config) { c.TwilioURL, c.Limits = stand.URL, "off" })
	w.Server.URL = "http://" + w.Addr()
	s := &shop{world: w, cookie: w.owner()}
	s.change("/dashboard/applications/new", url.Values{"name": {"Acme"}, "app_type": {"regular_web"}})
	clients, err := w.Store.ListClients(t.Context(), manage.Window{Limit: 9}, func(c *tenant.Client) bool { return c.Name == "Acme" })
	if err != nil || len(clients.Items) != 1 {
		t.Fatal(clients, err)
	}
	s.client = string(clients.Items[0].ID)
	s.change(passwordless+"/on", url.Values{"strategy": {"sms"}, "client." + s.client: {"on"}})
	s.connection = passwordless + "/" + string(w.connection("sms").ID)
	s.change(s.connection+"/settings", s.form())
	return s
}

// form is the settings of the connection as the page would send them.
func (s *shop) form() url.Values {
	return url.Values{
		"action": {"save"}, "version": {fmt.Sprint(s.world.connection("sms").Version)}, "twilio_sid": {twiliotest.SID},
		"twilio_token": {twiliotest.Token}, "source": {"from"}, "from": {twiliotest.From}, "template": {"Your code is @@password@@"},
		"syntax": {"liquid"}, "time_step": {"180"}, "length": {"6"}, "wait": {"0"},
	}
}

// change sends a form that changes something, and returns where it leads.
func (s *shop) change(path string, form url.Values) string {
	s.t.Helper()
	status, header, body := s.once(http.MethodPost, path, form, "Cookie", s.cookie)
	if status != http.StatusSeeOther {
		s.t.Fatalf("%s: %d %s", path, status, body)
	}
	to, err := url.Parse(header.Get("Location"))
	if err != nil {
		s.t.Fatal(err)
	}
	return to.RequestURI()
}

// shows is a page as the owner sees it.
func (s *shop) shows(path string) string {
	s.t.Helper()
	_, _, page := s.once(http.MethodGet, path, nil, "Cookie", s.cookie)
	return page
}

// D8: of a token that is stored its last four characters and the day are shown,
// and no more, also where what was typed is shown again; empty keeps it.
func TestD8TokenIsNotShown(t *testing.T) {
	s := newShop(t, twiliotest.Start(t))
	if page := s.shows(s.connection + "/settings"); !strings.Contains(page, "Saved "+s.Clock.Now().UTC().Format("2 Jan 2006")+", ends in cdef") ||
		strings.Contains(page, twiliotest.Token) {
		t.Error("the page does not say since when the token is stored, or shows it")
	}
	wrong := s.form()
	wrong.Set("length", "none")
	if status, _, page := s.once(http.MethodPost, s.connection+"/settings", wrong, "Cookie", s.cookie); status != http.StatusUnprocessableEntity ||
		strings.Contains(page, twiliotest.Token) {
		t.Errorf("%d: the page shows the token that was typed", status)
	}
	kept := s.form()
	kept.Set("twilio_token", "")
	s.change(s.connection+"/settings", kept)
	if got := s.world.connection("sms").Secrets; got["twilio_token"] != twiliotest.Token {
		t.Error("an empty field has removed the token")
	}
	for _, tab := range []string{"code", "try", "deliveries", "applications"} {
		if strings.Contains(s.shows(s.connection+"/"+tab), twiliotest.Token) {
			t.Errorf("%s shows the token", tab)
		}
	}
}

// D8: a token that was typed is in no answer; wherever the form is shown again
// without having been saved, its field says that it has to be typed again. Else
// the next press of Save would say "Saved." and keep the old one.
func TestD8TypedTokenIsNotLostSilently(t *testing.T) {
	s := newShop(t, twiliotest.Start(t))
	const lost = "The token you typed was not saved: type it again."
	send := func(path string, change ...string) (int, string) {
		t.Helper()
		f := s.form()
		for i := 0; i < len(change); i += 2 {
			f.Set(change[i], change[i+1])
		}
		status, _, page := s.once(http.MethodPost, path, f, "Cookie", s.cookie)
		return status, page
	}
	const fresh = "another token, with 32 characters"
	for name, tt := range map[string]struct {
		path   string
		change []string
		want   int
	}{
		"refused":                           {"/settings", []string{"length", "3"}, http.StatusUnprocessableEntity},
		"refused where settings are stored": {"/settings", []string{"request_language", strings.Repeat("x", 256)}, http.StatusUnprocessableEntity},
		"stale":                             {"/settings", []string{"version", "1", "length", "8"}, http.StatusUnprocessableEntity},
		"checked":                           {"/settings", []string{"action", "check"}, http.StatusOK},
		"built-in text":                     {"/settings", []string{"action", "default"}, http.StatusOK},
		"as code, and wrong":                {"/code", []string{"length", "3"}, http.StatusUnprocessableEntity},
	} {
		status, page := send(s.connection+tt.path, append(tt.change, "twilio_token", fresh)...)
		if status != tt.want || !strings.Contains(page, `<p class="err" id="twilio_token-error">`+lost) || strings.Contains(page, fresh) {
			t.Errorf("%s: %d, and the page does not say that the token is not saved, or has it:\n%s", name, status, page)
		}
		for _, same := range []string{"", twiliotest.Token} {
			if _, page := send(s.connection+tt.path, append(tt.change, "twilio_token", same)...); strings.Contains(page, lost) {
				t.Errorf("%s: nothing is lost with %q, and the page says so", name, same)
			}
		}
	}
	if status, page := send(s.connection+"/code", "twilio_token", fresh); status != http.StatusOK || !strings.Contains(page, "Browsers may forget the token") || strings.Contains(page, fresh) {
		t.Errorf("as code: %d, and the page does not say that the browser may forget the token, or has it", status)
	}
	if got := s.world.connection("sms").Secrets["twilio_token"]; got != twiliotest.Token {
		t.Error("the token was changed")
	}
	f := s.form()
	f.Set("twilio_token", fresh)
	s.change(s.connection+"/settings", f)
	if got := s.world.connection("sms").Secrets["twilio_token"]; got != fresh {
		t.Error("a token that was typed again is not stored")
	}
}

// D9: a check of the credentials says what is in the way and how to mend it, and
// sends nothing.
func TestD9CheckCredentials(t *testing.T) {
	stand := twiliotest.Start(t)
	s := newShop(t, stand)
	good := twiliotest.Account{SID: twiliotest.SID, Token: twiliotest.Token, Numbers: []string{twiliotest.From}, Balance: "12.34"}
	for _, tt := range []struct {
		name   string
		change func(a *twiliotest.Account)
		words  []string
	}{
		{"good", func(*twiliotest.Account) {}, []string{"12.34", ">ok<"}},
		{"trial", func(a *twiliotest.Account) { a.Trial = true }, []string{"trial account", "verified numbers"}},
		{"token", func(a *twiliotest.Account) { a.Token = "another" }, []string{"Twilio does not accept the credentials."}},
		{"sender", func(a *twiliotest.Account) { a.Numbers = []string{"+15005550007"} }, []string{"is not one of the account", "Enter a number of the account", ">fail<"}},
		{"suspended", func(a *twiliotest.Account) { a.Status = "suspended" }, []string{"suspended"}},
	} {
		a := good
		tt.change(&a)
		stand.SetAccount(a)
		f := s.form()
		f.Set("action", "check")
		status, _, page := s.once(http.MethodPost, s.connection+"/settings", f, "Cookie", s.cookie)
		for _, want := range append(tt.words, "What the provider says") {
			if status != http.StatusOK || !strings.Contains(page, want) {
				_, said, _ := strings.Cut(page, "What the provider says")
				t.Errorf("%s: %d, the page does not say %q:\n%.900s", tt.name, status, want, said)
			}
		}
		if strings.Contains(page, `data-guard="unsaved"`) {
			t.Errorf("%s: nothing was changed, and the page says that it is not saved", tt.name)
		}
	}
	if n := len(stand.Sent()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

// D10, F13: what a provider refuses is said in plain words with its code, beside
// what was said to it, without the token, the code or the number.
func TestD10ProviderErrors(t *testing.T) {
	stand := twiliotest.Start(t)
	s := newShop(t, stand)
	for _, tt := range []struct {
		status, code int
		words        string
	}{
		{401, 20003, "Twilio does not accept the credentials."},
		{400, 21211, "number"},
		{400, 21212, "The From number is not one that Twilio can send from."},
		{400, 21408, "Geo"},
		{400, 21606, "The From number cannot send text messages to this destination."},
		{400, 21608, "A Twilio trial account only sends to verified numbers."},
		{400, 21610, "START"},
		{400, 21614, "mobile"},
	} {
		stand.Always(&twiliotest.Fault{Status: tt.status, Code: tt.code, Text: "refused to +447700900123"})
		to := s.change(s.connection+"/try", url.Values{"to": {"+447700900123"}, "client": {s.client}})
		s.settled(tenant.MessageFailed)
		page := s.shows(to)
		for _, want := range []string{tt.words, "https://www.twilio.com/docs/api/errors/", "POST " + stand.URL, "Body: Your code is [redacted]"} {
			if !strings.Contains(page, want) {
				t.Errorf("%d: the page does not say %q", tt.code, want)
			}
		}
		if strings.Contains(page, twiliotest.Token) || strings.Contains(page, "refused to +447700900123") {
			t.Errorf("%d: the page shows the token or the number", tt.code)
		}
		s.Clock.Advance(11 * time.Minute)
	}
}

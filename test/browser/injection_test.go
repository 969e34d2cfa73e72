package browser

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// payloads are what would run where a page forgot to escape: as text, in an
// attribute with and without quotes, in an address, in a script, in a style, in
// a comment, in SVG, in templates, and where two parsers read differently.
func payloads() []string {
	return []string{
		`<script>alert(1)</script>`, `"><script>alert(2)</script>`, `'><script>alert(3)</script>`, `</title><script>alert(4)</script>`,
		`</textarea><script>alert(5)</script>`, `</script><script>alert(6)</script>`, `--><script>alert(7)</script>`, `<scr<script>ipt>alert(8)</script>`,
		`<img src=x onerror=alert(9)>`, `"><img src=x onerror=alert(10)>`, `'><img src=x onerror=alert(11)>`, `<img src="x" onerror="alert(12)"`,
		`<svg onload=alert(13)>`, `<svg><script>alert(14)</script></svg>`, `<svg><animate onbegin=alert(15) attributeName=x dur=1s>`, `<math><mi xlink:href="javascript:alert(16)">x</mi></math>`,
		`" autofocus onfocus=alert(17) x="`, `' autofocus onfocus=alert(18) x='`, ` autofocus onfocus=alert(19) `, "` onfocus=alert(20) autofocus `",
		`javascript:alert(21)`, ` javascript:alert(22)`, "java\tscript:alert(23)", `data:text/html,<script>alert(24)</script>`,
		`<a href="javascript:alert(25)">x</a>`, `<iframe srcdoc="<script>parent.alert(26)</script>"></iframe>`, `<iframe src=javascript:alert(27)>`, `<object data="javascript:alert(28)">`,
		`<details open ontoggle=alert(29)>`, `<body onload=alert(30)>`, `<input autofocus onfocus=alert(31)>`, `<video><source onerror=alert(32)>`,
		`<style>@import "javascript:alert(33)";</style>`, `<link rel=stylesheet href=javascript:alert(34)>`, `<meta http-equiv=refresh content="0;url=javascript:alert(35)">`, `<base href="javascript:alert(36)//">`,
		`{{ "<script>alert(37)</script>" }}`, `<noscript><p title="</noscript><img src=x onerror=alert(38)>">`, `&lt;script&gt;alert(39)&lt;/script&gt;`, `\u003cscript\u003ealert(40)\u003c/script\u003e`,
	}
}

// ADM-06: what others have typed is shown, and never run: 40 payloads in what
// plant names, on the pages that show it.
func TestADM06Injection(t *testing.T) {
	s := newSite(t, true, func(c *config.Config) { c.Limits = "off" })
	pages := s.pages()
	// The hook stands in every page before anything of the page does.
	s.run(chromedp.ActionFunc(hook))
	f := field{user: url.PathEscape(s.signIn("sms", "+447700900125"))}
	f.mail = url.PathEscape(fmt.Sprint(s.manage(http.MethodPost, "/api/v2/users", map[string]any{
		"connection": "email", "email": "payload@mail.example", "email_verified": true,
	})["user_id"]))
	f.api = fmt.Sprint(s.manage(http.MethodPost, "/api/v2/resource-servers", map[string]any{"name": "Payload", "identifier": "https://payload.example.com"})["id"])
	about := []string{
		s.URL + "/dashboard/users/" + f.user, s.URL + "/dashboard/users/" + f.mail, s.below("apis", f.api, "settings"), s.below("apis", f.api, "permissions"),
	}
	pages = append(pages, about...)
	for i, p := range payloads() {
		message, event := s.plant(p, f)
		// The pages that show what was planted are looked at with every payload,
		// the others with every sixteenth.
		shown := append([]string{
			s.below("applications"), s.below("applications", s.Ready.ClientID, "settings"), s.below("users"), s.below("messages") + "?open=" + message,
			s.URL + "/dashboard/users/" + f.user + "/history", s.URL + "/dashboard/users/" + f.user + "/sessions",
			s.below("users") + "?q=" + url.QueryEscape(p), s.below("logs") + "?q=" + url.QueryEscape(p), s.authorize("connection", "sms"),
		}, about...)
		for n := i; n < len(pages); n += 16 {
			shown = append(shown, pages[n])
		}
		for _, at := range shown {
			s.run(chromium.Open(at), chromedp.WaitReady("main", chromedp.ByQuery))
			s.unharmed(at, p)
		}
		// They are planted indeed, not left out or changed on the way.
		for at, text := range map[string]string{
			s.below("messages", message): p, s.below("logs", event): p, s.below("settings"): strings.ReplaceAll(p, "\t", ""),
			s.below("connections", "passwordless", s.connection("sms"), "settings"): p,
		} {
			s.run(chromium.Open(at), chromium.Becomes(shows(text)))
			s.unharmed(at, p)
		}
		// A letter is HTML that administrators write, and its preview a frame
		// that may run nothing: the browser says of what is in it that it was not
		// run, and that is no fault of the page.
		letter := s.below("connections", "passwordless", s.connection("email"), "settings")
		s.run(chromium.Open(letter), chromedp.WaitReady("main", chromedp.ByQuery), chromium.Becomes(`document.querySelector("iframe[name=preview]") !== null && `+shows(p)))
		s.contained()
		s.unharmed(letter, p)
	}
}

// shows is whether a page has a text, in a field or outside. Space around it may
// be gone.
func shows(text string) string {
	return fmt.Sprintf(`(document.body.textContent + [...document.querySelectorAll("input, textarea")].map((e) => e.value).join()).includes(%s)`, strconv.QuoteToASCII(strings.TrimSpace(text)))
}

// hook counts what is run.
func hook(ctx context.Context) error {
	_, err := page.AddScriptToEvaluateOnNewDocument(`window.ran = []; window.alert = (x) => { window.ran.push(x); };
		addEventListener("securitypolicyviolation", (e) => { window.ran.push("blocked " + e.violatedDirective); });`).Do(ctx)
	return err
}

// A field is where payloads are planted: ids of two users, as they stand in
// addresses, and of an API.
type field struct{ user, mail, api string }

// plant puts a payload where it will be shown: into the texts and the logo of an
// application, an API and its permissions, two users and what is kept with them,
// the tenant's name and addresses, the messages of both connections, and the
// browser, the language and the provider's words of a sign-in. It returns the ids
// of the message and of an event of that.
func (s *site) plant(p string, f field) (message, event string) {
	s.t.Helper()
	// Names of applications and APIs may have no angle brackets (Auth0 refuses
	// them too), and names and addresses no control characters: there the rest is
	// planted. Nobody listens where the logo is.
	name := strings.ReplaceAll(p, "\t", "")
	bare := strings.NewReplacer("<", "", ">", "").Replace(name)
	client := "/api/v2/clients/" + s.Ready.ClientID
	s.manage(http.MethodPatch, client, map[string]any{
		"name": bare, "description": name, "client_metadata": map[string]string{"note": name},
		"logo_uri": "https://127.0.0.1:1/?" + name, "initiate_login_uri": "https://login.invalid/?" + url.QueryEscape(name),
	})
	s.manage(http.MethodPatch, "/api/v2/resource-servers/"+f.api, map[string]any{"name": bare, "scopes": []map[string]string{{"value": "read:all", "description": name}}})
	s.manage(http.MethodPatch, "/api/v2/users/"+f.user, map[string]any{"user_metadata": map[string]any{p: p}, "app_metadata": map[string]any{"note": p}})
	s.manage(http.MethodPatch, "/api/v2/users/"+f.mail, map[string]any{"name": name, "nickname": name, "given_name": name, "family_name": name})
	s.manage(http.MethodPatch, "/api/v2/tenants/settings", map[string]any{
		"friendly_name": name, "picture_url": "https://picture.invalid/?" + name, "support_email": name, "support_url": "https://support.invalid/?" + name,
	})
	s.options("sms", map[string]any{"template": p + " {{ code }} {{ tenant }}", "from": "+15005550006"})
	s.options("email", map[string]any{"email": map[string]any{"syntax": "liquid", "from": "a@mail.example", "subject": name + " {{ code }}", "body": "<p>" + p + " {{ code }} {{ application.name }}</p>"}})
	return s.plantSignIn(p)
}

// options sets options of a connection beside those that it has.
func (s *site) options(connection string, change map[string]any) {
	s.t.Helper()
	path := "/api/v2/connections/" + s.connection(connection)
	options, ok := s.manage(http.MethodGet, path, nil)["options"].(map[string]any)
	if !ok {
		s.t.Fatal("the connection has no options")
	}
	maps.Copy(options, change)
	s.manage(http.MethodPatch, path, map[string]any{"options": options})
}

// plantSignIn has somebody sign in whose browser and language are the payload,
// and the provider say it of the message.
func (s *site) plantSignIn(p string) (message, event string) {
	s.t.Helper()
	const to = "+447700900125"
	own := []string{"User-Agent", p, "X-Request-Language", p, "Accept-Language", p}
	for i := range own {
		own[i] = strings.TrimSpace(own[i]) // or it is no header
	}
	s.call(http.MethodPost, "/passwordless/start", map[string]string{
		"client_id": s.Ready.ClientID, "client_secret": s.Ready.ClientSecret, "connection": "sms", "phone_number": to,
	}, own...)
	found, err := s.Store.Messages(s.t.Context(), manage.MessageQuery{Limit: 1})
	if err != nil || len(found.Items) == 0 || found.Items[0].To != to || found.Items[0].Language != own[3] {
		s.t.Fatalf("the message is not there, or in another language: %+v, %v", found.Items, err)
	}
	m := found.Items[0]
	if err := s.Store.Report(s.t.Context(), delivery.Reported{
		Message: m.ID, Connection: m.Connection, Provider: "outbox", At: s.Clock.Now(),
		Report: delivery.Report{ProviderID: p, Status: p, State: tenant.MessageUndelivered, ErrorCode: p, Text: p, Fix: p},
	}); err != nil {
		s.t.Fatal(err)
	}
	s.call(http.MethodPost, "/oauth/token", map[string]string{
		"grant_type": "http://auth0.com/oauth/grant-type/passwordless/otp", "client_id": s.Ready.ClientID, "client_secret": s.Ready.ClientSecret,
		"realm": "sms", "username": to, "otp": s.codeOf(m), "scope": "openid offline_access",
	}, own...)
	events, err := s.Store.ListLogs(s.t.Context(), manage.LogQuery{Descending: true}, manage.Window{Limit: 1})
	if err != nil || len(events.Items) == 0 || events.Items[0].UserAgent != own[1] {
		s.t.Fatalf("the event is %+v, %v", events.Items, err)
	}
	return m.ID, events.Items[0].ID
}

// codeOf is the code of a message, once that was handed over.
func (s *site) codeOf(m tenant.Message) string {
	s.t.Helper()
	for range 500 {
		for _, sent := range s.Outbox.Messages(outbox.Filter{To: m.To}) {
			if sent.ID == m.ID {
				return sent.Code
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("%s was not handed over", m.ID)
	return ""
}

// contained forgets what a browser says of scripts that a frame may not run.
func (s *site) contained() {
	for _, f := range s.faults() {
		if !strings.HasPrefix(f, "logged: ") {
			s.note(f)
		}
	}
}

// unharmed fails if the page ran something, tried to, or shows no page.
func (s *site) unharmed(at, payload string) {
	s.t.Helper()
	var ran []any
	s.run(chromedp.Evaluate(`window.ran`, &ran))
	if ran == nil || len(ran) > 0 {
		s.t.Errorf("%s with %q: %v", at, payload, ran)
	}
	for _, f := range s.faults() {
		s.t.Errorf("%s with %q: %s", at, payload, f)
	}
}

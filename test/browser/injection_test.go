package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

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

// ADM-06: what others have typed is shown, and never run: 40 payloads in every
// field of text that a page shows.
func TestADM06Injection(t *testing.T) {
	s := newSite(t, true)
	pages := s.pages()
	// The hook stands in every page before anything of the page does.
	s.run(chromedp.ActionFunc(hook))
	user := url.PathEscape(s.signIn("sms", "+447700900125"))
	mail := url.PathEscape(fmt.Sprint(s.manage(http.MethodPost, "/api/v2/users", map[string]any{
		"connection": "email", "email": "payload@mail.example", "email_verified": true,
	})["user_id"]))
	api := fmt.Sprint(s.manage(http.MethodPost, "/api/v2/resource-servers", map[string]any{"name": "Payload", "identifier": "https://payload.example.com"})["id"])
	pages = append(pages, s.URL+"/dashboard/users/"+user, s.URL+"/dashboard/users/"+mail, s.below("apis", api, "settings"), s.below("apis", api, "permissions"))
	for i, p := range payloads() {
		s.plant(p, user, mail, api)
		// The pages that show what was planted are looked at with every payload,
		// the others with every sixteenth.
		shown := []string{
			s.below("applications"), s.below("applications", s.Ready.ClientID, "settings"), s.below("users"), s.URL + "/dashboard/users/" + user,
			s.URL + "/dashboard/users/" + mail, s.below("apis", api, "settings"), s.below("apis", api, "permissions"),
		}
		for n := i; n < len(pages); n += 16 {
			shown = append(shown, pages[n])
		}
		for _, at := range append(shown, s.below("users")+"?q="+url.QueryEscape(p), s.below("logs")+"?q="+url.QueryEscape(p), s.authorize("connection", "sms")) {
			s.run(chromium.Open(at), chromedp.WaitReady("main", chromedp.ByQuery))
			s.unharmed(at, p)
		}
	}
}

// hook counts what is run.
func hook(ctx context.Context) error {
	_, err := page.AddScriptToEvaluateOnNewDocument(`window.ran = []; window.alert = (x) => { window.ran.push(x); };
		addEventListener("securitypolicyviolation", (e) => { window.ran.push("blocked " + e.violatedDirective); });`).Do(ctx)
	return err
}

// plant puts a payload where it will be shown.
func (s *site) plant(p, user, mail, api string) {
	s.t.Helper()
	// Names of applications and APIs may have no angle brackets (Auth0 refuses
	// them too), and names no control characters: there the rest is planted.
	name := strings.ReplaceAll(p, "\t", "")
	bare := strings.NewReplacer("<", "", ">", "").Replace(name)
	s.manage(http.MethodPatch, "/api/v2/clients/"+s.Ready.ClientID, map[string]any{"name": bare, "description": name, "client_metadata": map[string]string{"note": name}})
	s.manage(http.MethodPatch, "/api/v2/resource-servers/"+api, map[string]any{"name": bare, "scopes": []map[string]string{{"value": "read:all", "description": name}}})
	s.manage(http.MethodPatch, "/api/v2/users/"+user, map[string]any{"user_metadata": map[string]any{p: p}, "app_metadata": map[string]any{"note": p}})
	s.manage(http.MethodPatch, "/api/v2/users/"+mail, map[string]any{"name": name, "nickname": name, "given_name": name, "family_name": name})
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

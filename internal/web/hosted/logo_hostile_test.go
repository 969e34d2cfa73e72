package hosted

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/tenant"
)

// INJ-14: a logo is an address in an img and in the policy, whatever has been
// stored: it runs nothing and lets nothing else be loaded.
func TestINJ14Logos(t *testing.T) {
	p := &Pages{URL: "https://login.example.com"}
	if _, err := p.Handler(); err != nil {
		t.Fatal(err)
	}
	policy := regexp.MustCompile(`^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'(?: https://[A-Za-z0-9.-]+(?::[0-9]+)?)? data:; base-uri 'none'; frame-ancestors 'none'$`)
	shown := 0
	for _, hostile := range []string{
		`javascript:alert(1)`, `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, `//x.example/l.png`, `http://x.example/l.png`,
		`https://x.example/l.svg"><script>alert(1)</script>`, `https://x.example/l.png" onerror="alert(1)`, `https://x.example;script-src *`,
		`https://x.example' 'unsafe-inline'/l.png`, `https://user:password@x.example/l.png`, `https://[::1]/l.png`, `https:x.example/l.png`,
		"https://x.example/\nSet-Cookie: a=b", `https://x.example%20https:/l.png`, `https://*/l.png`, "https://x.example\t*/l.png", `HTTPS://X.example/l.png`,
	} {
		v := &authorize.View{
			Client: &tenant.Client{Name: "Shop", LogoURI: hostile}, Settings: &tenant.Settings{},
			Connection: &tenant.Connection{Name: "sms", Channel: tenant.SMS},
		}
		rec := httptest.NewRecorder()
		if err := p.render(rec, v, problem{}, entry{}); err != nil {
			t.Fatal(err)
		}
		body, csp := rec.Body.String(), rec.Header().Get("Content-Security-Policy")
		if rec.Code != http.StatusOK || !policy.MatchString(csp) {
			t.Errorf("%q: %d, policy %q", hostile, rec.Code, csp)
		}
		if strings.Contains(body, "<script>") || strings.Contains(body, "<svg") || strings.Contains(body, `" onerror`) ||
			regexp.MustCompile(`src="(?:javascript|data|http):`).MatchString(body) {
			t.Errorf("%q:\n%s", hostile, body)
		}
		if strings.Contains(body, `<img class="logo"`) {
			shown++
		}
	}
	if shown == 0 {
		t.Error("none is shown, not even those of a plain host")
	}
}

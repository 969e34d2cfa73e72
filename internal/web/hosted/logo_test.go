package hosted_test

import (
	"net/http"
	"strings"
	"testing"
)

// The pages of a sign-in have the application's logo, else the tenant's picture,
// else our mark; what they may load grows by that one origin.
func TestLogo(t *testing.T) {
	w := newWorld(t)
	look := func(want, from string) {
		t.Helper()
		p := w.get(w.newBrowser(), "/authorize?"+w.query())
		csp := p.Header.Get("Content-Security-Policy")
		if (want == "") != strings.Contains(p.Body, `class="mark"`) || want != "" && !strings.Contains(p.Body, `<img class="logo" src="`+want+`" alt="" referrerpolicy="no-referrer">`) {
			t.Errorf("want the logo %q:\n%.900s", want, p.Body)
		}
		if !strings.Contains(csp, "; img-src 'self'"+from+" data:; ") || strings.Count(csp, "https://") != strings.Count(from, "https://") {
			t.Errorf("with %q the policy is %q", want, csp)
		}
	}
	look("", "")
	w.admin(http.MethodPatch, "/tenants/settings", map[string]string{"picture_url": "https://www.example.com/tenant.png"})
	look("https://www.example.com/tenant.png", " https://www.example.com")
	w.admin(http.MethodPatch, "/clients/"+w.Ready.ClientID, map[string]string{"logo_uri": "https://cdn.example.com:8443/a.svg?x=1"})
	look("https://cdn.example.com:8443/a.svg?x=1", " https://cdn.example.com:8443")
	if p := w.get(w.newBrowser(), "/u/login/identifier?state=none"); strings.Contains(p.Header.Get("Content-Security-Policy"), "https://") {
		t.Error("a page of no application may load from elsewhere")
	}
}

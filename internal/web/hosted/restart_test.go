package hosted_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// Somebody whose sign-in has timed out is led to where the application has them
// begin (Auth0: initiate_login_uri), else to where the tenant has
// (default_redirection_uri), else told to go back.
func TestWhereASignInBeginsAnew(t *testing.T) {
	w := newWorld(t)
	_, p := w.atCode(person, w.query())
	state := p.URL.Query().Get("state")
	w.Clock.Advance(24 * time.Hour)
	timedOut := func(state string) *textbrowser.Page {
		t.Helper()
		p := w.get(w.browser, "/u/login/identifier?state="+state)
		if p.Status != http.StatusBadRequest || !strings.Contains(p.Text(), "timed out") {
			t.Errorf("%d\n%s", p.Status, p.Text())
		}
		return p
	}
	leads := func(state, address string) {
		t.Helper()
		if p := timedOut(state); !slices.Contains(p.Links(), address) || strings.Contains(p.Text(), "Go back to the application") {
			t.Errorf("%s leads to %v, want %s:\n%s", state, p.Links(), address, p.Text())
		}
	}
	for _, id := range []string{state, "none"} {
		if p := timedOut(id); !strings.Contains(p.Text(), "Go back to the application") || strings.Contains(p.Text(), "Sign in again") {
			t.Errorf("where nobody has said:\n%s", p.Text())
		}
	}
	w.admin(http.MethodPatch, "/tenants/settings", map[string]string{"default_redirection_uri": "https://www.example.com/start"})
	leads(state, "https://www.example.com/start")
	leads("none", "https://www.example.com/start")
	w.admin(http.MethodPatch, "/clients/"+w.Ready.ClientID, map[string]string{"initiate_login_uri": "https://app.example.com/login"})
	leads(state, "https://app.example.com/login")
	leads("none", "https://www.example.com/start")
	// A placeholder stands for what is not known here.
	w.admin(http.MethodPatch, "/clients/"+w.Ready.ClientID, map[string]string{"initiate_login_uri": "https://app.example.com/{organization_name}"})
	leads(state, "https://www.example.com/start")
}

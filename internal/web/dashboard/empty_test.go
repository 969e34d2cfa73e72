package dashboard_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

var emptyPart = regexp.MustCompile(`(?s)<div class="empty">.*?</div>`)

// D16: a list with nothing in it says what would be there and leads to what to do
// next, which is there; so does a search that found nothing.
func TestD16EmptyLists(t *testing.T) {
	w := newWorld(t, serve(t))
	w.Server.URL = "http://" + w.Addr()
	s := &shop{world: w, cookie: w.owner()}
	for _, path := range []string{applications, users, messages} {
		s.leadsOn(path)
	}
	s.leadsOn(users + "/new") // before there is a way to sign in
	s.leadsOn(users + "?q=nobody")
	s.leadsOn(messages + "?q=nobody")
	s.leadsOn(logs + "?q=nothing+of+that+kind")
	s = newShop(t, twiliotest.Start(t))
	s.leadsOn(s.connection + "/deliveries")
	// Of an API the page that is empty has what to do next beside it.
	api := s.change("/dashboard/apis/new", url.Values{"name": {"Shop"}, "identifier": {"https://api.example.com"}, "alg": {"RS256"}})
	page := s.shows(strings.Replace(api, "/settings", "/permissions", 1))
	if !emptyPart.MatchString(page) || !strings.Contains(page, `name="value"`) {
		t.Error("an API without permissions does not say so, or has no way to add one")
	}
}

// leadsOn fails unless a page has an empty state whose link leads to a page.
func (s *shop) leadsOn(path string) {
	s.t.Helper()
	part := emptyPart.FindString(s.shows(path))
	link := regexp.MustCompile(`<a class="btn[^"]*" href="([^"]*)"`).FindStringSubmatch(part)
	if !strings.Contains(part, "<h2>") || !strings.Contains(part, `class="hint"`) || link == nil {
		s.t.Errorf("%s: the empty state is %q", path, part)
		return
	}
	if status, header, _ := s.once(http.MethodGet, link[1], nil, "Cookie", s.cookie); status != http.StatusOK && status != http.StatusSeeOther {
		s.t.Errorf("%s leads to %s: %d %s", path, link[1], status, header.Get("Location"))
	}
}

package dashboard_test

import (
	"html"
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
	s.choosesWithout()
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

// choosesWithout switches a method on where there is no application that it could
// be on for: there is nothing to go on with but making one, which leads back to
// the choice, with that application ticked; and so it does for a connection that
// there is.
func (s *shop) choosesWithout() {
	s.t.Helper()
	choice := passwordless + "/on?strategy=sms"
	for range 2 {
		s.leadsOn(choice)
		page := s.shows(choice)
		link := regexp.MustCompile(`<a class="btn btn-p" href="([^"]*)"`).FindStringSubmatch(page)
		if strings.Contains(page, "Continue") || link == nil {
			s.t.Fatalf("without applications the page is %s", page)
		}
		fresh := s.shows(html.UnescapeString(link[1]))
		next := regexp.MustCompile(`name="next" value="([^"]*)"`).FindStringSubmatch(fresh)
		if next == nil || html.UnescapeString(next[1]) != choice {
			s.t.Fatalf("the page that makes an application leads to %q, want %q", next, choice)
		}
		back := s.change(applications+"/new", url.Values{"name": {"First"}, "app_type": {"spa"}, "next": {choice}})
		page = s.shows(back)
		box := regexp.MustCompile(`name="client\.([^"]*)" value="on" checked`).FindStringSubmatch(page)
		if box == nil || !strings.Contains(page, "Continue") || !strings.Contains(page, "Added.") {
			s.t.Fatalf("back at %s: %s", back, page)
		}
		if strings.Contains(choice, "strategy") {
			s.change(passwordless+"/on", url.Values{"strategy": {"sms"}, "client." + box[1]: {"on"}})
			choice = passwordless + "/on?connection=" + string(s.world.connection("sms").ID)
		}
		s.change(applications+"/"+box[1]+"/delete", url.Values{"name": {"First"}})
	}
	s.leadsOn(passwordless + "/" + string(s.world.connection("sms").ID) + "/applications")
	// Another site is no place to lead back to.
	if to := s.change(applications+"/new", url.Values{"name": {"Last"}, "app_type": {"spa"}, "next": {"https://evil.example/dashboard"}}); !strings.HasPrefix(to, home+"?") {
		s.t.Errorf("leads to %s", to)
	}
}

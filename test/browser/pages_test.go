package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// A look is a way in which somebody sees a page.
type look struct {
	width int64
	dark  bool
}

// looks are those that a page is checked in: all with test/long, else so many
// that each width meets each page, and each scheme meets each page and width.
func looks(page int) []look {
	var list []look
	for i, width := range []int64{320, 768, 1280} {
		if os.Getenv("DOORCODE_TEST_LONG") == "browser" {
			list = append(list, look{width, true}, look{width, false})
			continue
		}
		list = append(list, look{width, (page+i)%2 == 0})
	}
	return list
}

func (l look) String() string {
	if l.dark {
		return fmt.Sprintf("%d px, dark", l.width)
	}
	return fmt.Sprintf("%d px, light", l.width)
}

// apply shows pages that way from then on.
func (l look) apply() chromedp.Tasks {
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	return chromedp.Tasks{
		emulation.SetDeviceMetricsOverride(l.width, 800, 1, l.width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
	}
}

// checks looks at the page that is shown: what axe finds, how far it is wider
// than the window, and what is too small to be hit (WCAG 2.2, 2.5.8).
const checks = `(async () => {
	const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
	const result = await axe.run(document, {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]});
	const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
	const small = [...document.querySelectorAll("a, button, input, select, summary")].filter((e) => {
		if (e.ariaHidden === "true" && e.tabIndex < 0) return false; // for the Enter key alone
		const box = e.getBoundingClientRect();
		const text = e.matches("p a, li a, td a, dd a") && getComputedStyle(e).display === "inline" && e.parentElement.textContent.trim() !== e.textContent.trim();
		return box.width > 1 && box.height > 1 && (box.width < 24 || box.height < 24) && !text && !["radio", "checkbox", "hidden"].includes(e.type);
	}).map((e) => e.tagName + " " + (e.textContent || e.name).trim().slice(0, 30));
	return JSON.stringify({
		axe: result.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).join("; ")),
		wide, small: [...new Set(small)],
	});
})()`

// inspect checks the page that is shown.
func (s *site) inspect(name, checker string) {
	s.t.Helper()
	var found string
	s.run(chromedp.Evaluate(checker, nil), chromedp.Evaluate(checks, &found, chromium.Awaited))
	var r struct {
		Axe   []string `json:"axe"`
		Wide  int      `json:"wide"`
		Small []string `json:"small"`
	}
	if err := json.Unmarshal([]byte(found), &r); err != nil {
		s.t.Fatal(err)
	}
	for _, v := range r.Axe {
		s.t.Errorf("%s: %s", name, v)
	}
	if r.Wide > 0 {
		s.t.Errorf("%s: %d px wider than the window", name, r.Wide)
	}
	if len(r.Small) > 0 {
		s.t.Errorf("%s: smaller than 24 px: %s", name, strings.Join(r.Small, ", "))
	}
	for _, f := range s.faults() {
		s.t.Errorf("%s: %s", name, f)
	}
}

// D20, L31, L32: no page of the Dashboard or of a sign-in has a fault that axe
// finds, is wider than the window or has targets that are hard to hit, in light
// and dark, on a phone, a tablet and a desk; and none throws or breaks its
// policy.
func TestD20Pages(t *testing.T) {
	checker := axe(t)
	s := newSite(t, true)
	for i, p := range s.pages() {
		for _, l := range looks(i) {
			s.run(l.apply(), chromium.Open(p), chromedp.WaitReady("main", chromedp.ByQuery))
			s.inspect(strings.TrimPrefix(p, s.URL)+" at "+l.String(), checker)
		}
	}
}

// pages are those of the Dashboard, with something on each, and the outbox.
func (s *site) pages() []string {
	s.t.Helper()
	user := s.signIn("sms", person)
	s.signIn("email", reader)
	s.call(http.MethodPost, "/passwordless/start", map[string]string{
		"client_id": s.Ready.ClientID, "client_secret": s.Ready.ClientSecret, "connection": "sms", "phone_number": "+447700900124",
	})
	api := fmt.Sprint(s.manage(http.MethodPost, "/api/v2/resource-servers", map[string]any{
		"name": "Appointments", "identifier": "https://appointments.example.com", "scopes": []map[string]string{{"value": "read:appointments", "description": "Read"}},
	})["id"])
	s.manage(http.MethodPost, "/api/v2/client-grants", map[string]any{
		"client_id": s.Ready.ManagementClientID, "audience": "https://appointments.example.com", "scope": []string{"read:appointments"},
	})
	sms, email, app := s.connection("sms"), s.connection("email"), s.Ready.ClientID
	found, err := s.Store.Messages(s.t.Context(), manage.MessageQuery{Limit: 1})
	if err != nil || len(found.Items) == 0 {
		s.t.Fatalf("%d messages, %v", len(found.Items), err)
	}
	message := found.Items[0].ID
	admins, err := s.Store.Administrators(s.t.Context())
	if err != nil || len(admins) == 0 {
		s.t.Fatalf("%d administrators, %v", len(admins), err)
	}
	list := []string{s.URL + "/dashboard", s.URL + "/outbox", s.URL + "/outbox?to=nobody"}
	for _, parts := range [][]string{
		{"connections", "passwordless"},
		{"connections", "passwordless", sms, "settings"},
		{"connections", "passwordless", sms, "applications"},
		{"connections", "passwordless", sms, "try"},
		{"connections", "passwordless", email, "settings"},
		{"applications"},
		{"applications", "new"},
		{"applications", app, "settings"},
		{"applications", app, "quickstart"},
		{"applications", app, "connections"},
		{"applications", app, "code"},
		{"applications", app, "secret"},
		{"applications", app, "delete"},
		{"apis"},
		{"apis", "new"},
		{"apis", api, "settings"},
		{"apis", api, "permissions"},
		{"apis", api, "applications"},
		{"apis", api, "test"},
		{"apis", api, "delete"},
		{"apis", "management", "applications"},
		{"users"},
		{"users", "new"},
		{"users", user},
		{"logs"},
		{"administrators"},
		{"administrators", string(admins[0].ID), "remove"},
		{"setup"},
		{"login", "link"},
		{"connections", "passwordless", sms, "deliveries"},
		{"connections", "passwordless", sms, "code"},
		{"messages"},
		{"messages", message},
		{"settings"},
		{"settings", "code"},
		{"nothing-here"},
	} {
		list = append(list, s.below(parts...))
	}
	return append(list, s.below("messages")+"?open="+message, s.below("connections", "passwordless", "on")+"?connection="+sms,
		s.below("connections", "passwordless")+"?switched="+sms+"&to=on",
		s.below("connections", "passwordless", sms, "applications")+"?switched="+app+"&to=on")
}

// D20, L31: the same of the pages for people who sign in, step by step.
func TestL31LoginPages(t *testing.T) {
	checker := axe(t)
	s := newSite(t, false)
	for i, connection := range []string{"sms", "email"} {
		to, wrong := person, "07"
		if connection == "email" {
			to, wrong = reader, "ada"
		}
		for _, l := range looks(i) {
			name := connection + " at " + l.String()
			s.run(l.apply(), chromium.Open(s.authorize("connection", connection)), chromedp.WaitVisible("#username", chromedp.ByQuery))
			s.inspect("identifier, "+name, checker)
			s.run(chromedp.SetValue("#username", wrong, chromedp.ByQuery), chromedp.Click("#continue", chromedp.ByQuery), chromedp.WaitVisible("#error", chromedp.ByQuery))
			s.inspect("bad identifier, "+name, checker)
			s.run(chromedp.SetValue("#username", to, chromedp.ByQuery), chromedp.Click("#continue", chromedp.ByQuery), chromedp.WaitVisible("#code", chromedp.ByQuery))
			s.inspect("code, "+name, checker)
			s.run(chromedp.SendKeys("#code", "000000\r", chromedp.ByQuery), chromedp.WaitVisible(`[role="alert"]`, chromedp.ByQuery))
			s.inspect("wrong code, "+name, checker)
		}
	}
	s.run(chromium.Open(s.URL+"/dashboard/login"), chromedp.WaitVisible("#developer", chromedp.ByQuery))
	s.inspect("the Dashboard's sign-in", checker)
}

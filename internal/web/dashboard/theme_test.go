package dashboard_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// The theme is picked in the header and kept, without scripts too. A cookie that
// says anything else counts for nothing.
func TestTheme(t *testing.T) {
	w := newWorld(t)
	w.developer()
	path := users + "?q=nobody"
	pick := func(theme string) string {
		t.Helper()
		p := w.submit(w.browser, w.get(w.browser, path).FormTo(w.URL+"/dashboard/theme").Press(theme))
		if p.URL.RequestURI() != path {
			t.Errorf("%s leads to %s", theme, p.URL)
		}
		_, tag, _ := strings.Cut(p.Body, "<html")
		tag, _, _ = strings.Cut(tag, ">")
		return tag
	}
	for _, theme := range []string{"dark", "light"} {
		if tag := pick(theme); !strings.Contains(tag, `data-theme="`+theme+`"`) {
			t.Errorf("%s: %s", theme, tag)
		}
	}
	if tag := pick(""); strings.Contains(tag, "data-theme") {
		t.Errorf("as the system: %s", tag)
	}
	_, header, _ := w.once("POST", "/dashboard/login/dev", nil)
	session, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	if status, _, body := w.once("GET", home, nil, "Cookie", session+"; dc_theme=evil"); status != 200 || strings.Contains(body, "evil") || strings.Contains(body, "data-theme=") {
		t.Errorf("%d: another theme is in the page", status)
	}
}

// With scripts the page changes where it is, whatever the system has, and loses
// nothing that was typed.
func TestThemeInABrowser(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	const background = `getComputedStyle(document.documentElement).backgroundColor`
	const light, dark = `"rgb(246, 247, 249)"`, `"rgb(13, 16, 21)"`
	for _, tt := range []struct{ system, pick, want, plain string }{{"light", "dark", dark, light}, {"dark", "light", light, dark}} {
		if err := chromedp.Run(ctx, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: tt.system}}),
			chromium.Open(w.URL+users), chromium.Becomes(background+` === `+tt.plain), chromedp.SendKeys("#q", "typed", chromedp.ByQuery),
			chromedp.Click(".themes summary", chromedp.ByQuery), chromedp.Click(`.themes button[value="`+tt.pick+`"]`, chromedp.ByQuery),
			chromium.Becomes(background+` === `+tt.want+` && document.getElementById("q").value === "typed" && document.querySelector('.themes [aria-pressed=true]').value === "`+tt.pick+`"`),
			chromium.Becomes(`fetch("/dashboard").then((a) => a.text()).then((t) => t.includes('data-theme="`+tt.pick+`"'))`),
			chromium.Open(w.URL+home), chromium.Becomes(background+` === `+tt.want),
			chromedp.Click(".themes summary", chromedp.ByQuery), chromedp.Click(`.themes button[value=""]`, chromedp.ByQuery), chromium.Becomes(background+` === `+tt.plain),
			chromium.Becomes(`fetch("/dashboard").then((a) => a.text()).then((t) => !t.includes("data-theme="))`)); err != nil {
			t.Fatal(err)
		}
	}
}

// The dark colours stand in the style twice, for those whose system asks for them
// and for those who picked them, and are the same.
func TestDarkColoursAreTheSame(t *testing.T) {
	style, err := os.ReadFile("assets/dashboard.css")
	if err != nil {
		t.Fatal(err)
	}
	tokens := func(selector string) string {
		_, rest, ok := strings.Cut(string(style), selector+" {")
		block, _, _ := strings.Cut(rest, "}")
		if !ok {
			t.Fatalf("no %s", selector)
		}
		return strings.Join(regexp.MustCompile(`--[a-z0-9-]+: [^;]+;`).FindAllString(block, -1), "\n")
	}
	system, picked := tokens(":root:not([data-theme=light])"), tokens(":root[data-theme=dark]")
	if system != picked || strings.Count(system, "\n") < 15 {
		t.Errorf("the system's:\n%s\npicked:\n%s", system, picked)
	}
}

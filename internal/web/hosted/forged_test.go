package hosted_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
	"github.com/doorcode/doorcode/internal/web/hosted"
)

// A posting is a form that a route takes, from somebody who is where it is due.
type posting struct {
	name, route string
	// foreign says that applications of other sites send it.
	foreign bool
	// stays says that the answer is a page and leads nowhere.
	stays bool
	form  func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form
}

func (w *world) atChallenge(b *textbrowser.Browser, who string, pairs ...string) *textbrowser.Page {
	w.t.Helper()
	p := w.get(b, "/authorize?"+w.query(pairs...))
	return w.submit(b, p.Form("username").Set("username", who))
}

// sending is a form of another site.
func (w *world) sending(path string, values url.Values) *textbrowser.Form {
	w.t.Helper()
	u, err := url.Parse(w.URL + path)
	if err != nil {
		w.t.Fatal(err)
	}
	return &textbrowser.Form{Action: u, Method: http.MethodPost, Values: values}
}

// postings are forms for every route that takes one.
func postings() []posting {
	const sms, email = "/u/login/passwordless-sms-challenge", "/u/login/passwordless-email-challenge"
	code := func(w *world, b *textbrowser.Browser, who string, pairs ...string) *textbrowser.Form {
		return w.atChallenge(b, who, pairs...).Form("code").Set("code", w.code(who)).Press("default")
	}
	values := func(query string) url.Values {
		v, _ := url.ParseQuery(query)
		return v
	}
	return []posting{
		{"a request", "/authorize", true, false, func(w *world, _ *textbrowser.Browser, _ string) *textbrowser.Form {
			return w.sending("/authorize", values(w.query()))
		}},
		{"a number", "/u/login/identifier", false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			return w.get(b, "/authorize?"+w.query()).Form("username").Set("username", who)
		}},
		{"a code", sms, false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form { return code(w, b, who) }},
		{"the wish for another code", sms, false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			p := w.atChallenge(b, who)
			return p.Forms()[2].Press("resend")
		}},
		{"the wish for another number", sms, false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			return w.atChallenge(b, who).Form("action").Press("edit")
		}},
		{"a code by e-mail", email, false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			return code(w, b, strings.TrimPrefix(who, "+")+"@mail.example", "connection", "email")
		}},
		{"consent", "/u/consent", false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			return w.submit(b, code(w, b, who, "prompt", "consent")).Form("action").Press("accept")
		}},
		{"no consent", "/u/consent", false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			return w.submit(b, code(w, b, who, "prompt", "consent")).Form("action").Press("decline")
		}},
		{"the code of a device", "/activate", false, false, func(w *world, b *textbrowser.Browser, _ string) *textbrowser.Form {
			return w.get(b, "/activate").Form("user_code").Set("user_code", w.television().userCode)
		}},
		{"consent for a device", "/u/device", false, true, func(w *world, b *textbrowser.Browser, _ string) *textbrowser.Form {
			return w.activate(b, w.television().userCode).Form("action").Press("confirm")
		}},
		{"a link", "/u/link", false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			return w.get(b, w.link(strings.TrimPrefix(who, "+")+"@link.example", map[string]any{"response_type": "code", "redirect_uri": callback})).Form("token")
		}},
		{"a code of the application's page", "/passwordless/verify_redirect", false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			return w.get(b, w.redirected(who, w.start(who))).Form("verification_code")
		}},
		{"the same as it is documented", "/passwordless/verify-redirect", false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			f := w.get(b, w.redirected(who, w.start(who))).Form("verification_code")
			f.Action.Path = "/passwordless/verify-redirect"
			return f
		}},
		{"a logout", "/oidc/logout", true, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			return w.sending("/oidc/logout", url.Values{"id_token_hint": {w.idToken(b, who)}, "post_logout_redirect_uri": {bye}})
		}},
		{"the answer to whether to log out", "/u/logout", false, false, func(w *world, b *textbrowser.Browser, who string) *textbrowser.Form {
			other := w.idToken(w.newBrowser(), "+447700900799")
			w.idToken(b, who)
			return w.get(b, oidc("id_token_hint", other, "post_logout_redirect_uri", bye)).Form("logout").Press("confirm")
		}},
	}
}

// everyPost fails unless the postings go to all routes that take a form.
func everyPost(t *testing.T) {
	t.Helper()
	patterns, err := hosted.Patterns()
	if err != nil {
		t.Fatal(err)
	}
	there, done := map[string]bool{}, map[string]bool{}
	for _, p := range patterns {
		switch method, path, _ := strings.Cut(p, " "); method {
		case http.MethodPost:
			there[path] = true
		case http.MethodGet, http.MethodHead:
		default:
			t.Errorf("the route %q takes more than this test knows", p)
		}
	}
	for _, c := range postings() {
		done[c.route] = true
	}
	if !maps.Equal(there, done) || len(there) < 11 {
		t.Errorf("the routes that take a form are %v, the test has %v", slices.Sorted(maps.Keys(there)), slices.Sorted(maps.Keys(done)))
	}
}

// postWorld is a world in which all of them can be sent, and the address of its
// database.
func postWorld(t *testing.T) (*world, string) {
	t.Helper()
	address := storetest.SQLite(t)
	w := &world{t: t, Server: testkit.Start(t, func(c *config.Config) { c.Database, c.KeyFile = address, t.TempDir()+"/key" })}
	w.admin("PATCH", "/clients/"+w.Ready.ClientID, map[string]any{"allowed_logout_urls": []string{bye}})
	return w, address
}

// once sends a form with what a browser holds, and does not follow the answer.
func (w *world) once(b *textbrowser.Browser, method string, f *textbrowser.Form, header ...string) *http.Response {
	w.t.Helper()
	address, body := f.Action.String(), f.Values.Encode()
	if method == http.MethodGet {
		q := f.Action.Query()
		for name, v := range f.Values {
			q[name] = v
		}
		address, body = f.Action.Scheme+"://"+f.Action.Host+f.Action.Path+"?"+q.Encode(), ""
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	for _, c := range b.Cookies(f.Action) {
		req.AddCookie(c)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res
}

// OAU-25: no form is sent on to somebody else: whatever is posted, and wherever
// to, the browser goes on with a GET.
func TestOAU25FormsAreNotSentOn(t *testing.T) {
	everyPost(t)
	w, _ := postWorld(t)
	redirects := 0
	for i, c := range postings() {
		b := w.newBrowser()
		f := c.form(w, b, fmt.Sprintf("+4477009007%02d", i))
		if f == nil || f.Action.Path != c.route || f.Method != http.MethodPost {
			t.Fatalf("%s is no form to %s: %+v", c.name, c.route, f)
		}
		odd := []url.Values{{}, {"action": {"nonsense"}}, {"action": {"default"}, "code": {"000000"}}, {"state": {"x", "y"}}}
		for n, values := range append(odd, f.Values) {
			sent := *f
			sent.Values = values
			res := w.once(b, http.MethodPost, &sent, "Origin", w.URL, "Sec-Fetch-Site", "same-origin")
			switch {
			case res.StatusCode/100 == 3 && res.StatusCode != http.StatusSeeOther:
				t.Errorf("%s with %v: %d to %s", c.name, values, res.StatusCode, res.Header.Get("Location"))
			case n == len(odd) && (res.StatusCode == http.StatusSeeOther) == c.stays:
				t.Errorf("%s as it is due: %d to %q", c.name, res.StatusCode, res.Header.Get("Location"))
			case res.StatusCode >= 500:
				t.Errorf("%s with %v: %d", c.name, values, res.StatusCode)
			}
			if res.StatusCode == http.StatusSeeOther {
				redirects++
			}
		}
	}
	if redirects < len(postings())-1 {
		t.Errorf("%d redirects", redirects)
	}
}

// OAU-25: nor is a form sent on within the server, to the path that was meant.
func TestOAU25UncleanPaths(t *testing.T) {
	everyPost(t)
	w, _ := postWorld(t)
	routes := []string{
		"/oauth/token", "/oauth/ro", "/oauth/revoke", "/oauth/par", "/oauth/device/code", "/co/authenticate", "/passwordless/start", "/passwordless/verify",
		"/otp/challenge", "/dashboard/sign-in", "/api/v2/users",
	}
	for _, c := range postings() {
		routes = append(routes, c.route)
	}
	secrets := url.Values{"client_secret": {w.Ready.ClientSecret}, "code": {"123456"}}
	for _, route := range routes {
		last := strings.LastIndexByte(route, '/')
		parent, name := route[:last], route[last+1:]
		for _, path := range []string{
			"/" + route, "//" + route, parent + "//" + name, "/." + route, "/.." + route, "/x/.." + route, parent + "/./" + name,
			parent + "/x/../" + name, route + "//", route + "/.", route + "/x/..", "/x//.." + route, "//evil.example/.." + route,
		} {
			f := w.sending(path+"?state=x", secrets)
			res := w.once(w.newBrowser(), http.MethodPost, f, "Origin", w.URL, "Sec-Fetch-Site", "same-origin")
			if res.StatusCode != http.StatusNotFound || res.Header.Get("Location") != "" {
				t.Errorf("POST %s: %d to %q", path, res.StatusCode, res.Header.Get("Location"))
			}
		}
		res := w.once(w.newBrowser(), http.MethodPost, w.sending(route+"/?state=x", secrets), "Origin", w.URL, "Sec-Fetch-Site", "same-origin")
		if res.StatusCode/100 == 3 {
			t.Errorf("POST %s/: %d to %q", route, res.StatusCode, res.Header.Get("Location"))
		}
	}
	for _, root := range []string{"/u", "/u/login", "/api", "/api/v2", "/api/doorcode/v1", "/hooks", "/hooks/twilio", "/dashboard", "/dashboard/assets", "/outbox", "/outbox/api", "/oauth", "/.well-known"} {
		res := w.once(w.newBrowser(), http.MethodPost, w.sending(root, secrets), "Origin", w.URL, "Sec-Fetch-Site", "same-origin")
		if res.StatusCode/100 == 3 {
			t.Errorf("POST %s: %d to %q", root, res.StatusCode, res.Header.Get("Location"))
		}
	}
}

// dump is what the database has in it.
func dump(t *testing.T, address string) string {
	t.Helper()
	db := storetest.SQL(t, address)
	var b strings.Builder
	for table := range strings.SplitSeq(storetest.Value(t, db, `SELECT group_concat(name) FROM sqlite_master WHERE type = 'table'`), ",") {
		rows, err := db.QueryContext(t.Context(), `SELECT * FROM "`+table+`"`)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, to := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				to[i] = &values[i]
			}
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s %s\n", table, values)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		_ = rows.Close()
	}
	_ = db.Close()
	return b.String()
}

// quiet waits until nothing changes in the database by itself any more.
func quiet(t *testing.T, address string) string {
	t.Helper()
	last, same := dump(t, address), 0
	for range 200 {
		time.Sleep(30 * time.Millisecond)
		now := dump(t, address)
		if now != last {
			last, same = now, 0
		} else if same++; same == 5 { // what is noted by the way takes a while on a busy machine
			return now
		}
	}
	t.Fatal("the database does not come to rest")
	return ""
}

// SES-06: a form that comes from a page of another site takes no step, begins
// none for somebody, and signs nobody in or out, whatever it says of where it
// comes from; nor does a link with the same in it. Every route is tried with what
// it would take from our own page, but for those that other sites are meant to
// send people to.
func TestSES06ForgedForms(t *testing.T) {
	everyPost(t)
	w, address := postWorld(t)
	_, host, _ := strings.Cut(w.URL, "://")
	forged := [][]string{
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Origin", w.URL + ".evil.example"},
		{"Origin", "http://localhost:1"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site", "Origin", "http://sub." + host},
		{"Sec-Fetch-Site", "cross-site", "Origin", "null", "Content-Type", "text/plain"},
	}
	for i, c := range postings() {
		if c.foreign {
			continue
		}
		b := w.newBrowser()
		f := c.form(w, b, fmt.Sprintf("+4477009008%02d", i))
		before := quiet(t, address)
		for _, header := range forged {
			if res := w.once(b, http.MethodPost, f, header...); res.StatusCode != http.StatusForbidden || res.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s with %v: %d", c.name, header, res.StatusCode)
			}
		}
		w.once(b, http.MethodGet, f, "Sec-Fetch-Site", "cross-site")
		if dump(t, address) != before {
			t.Errorf("%s of another site has changed something", c.name)
		}
		// The same from our own page is taken.
		if p := w.submit(b, f); p.Left == nil && p.Status != http.StatusOK || dump(t, address) == before {
			t.Errorf("%s of our own page: %d\n%s", c.name, p.Status, p.Text())
		}
	}
}

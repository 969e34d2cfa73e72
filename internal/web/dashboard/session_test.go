package dashboard_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The cookies of a Dashboard on https.
const (
	sessionName = "__Host-dc_admin"
	pendingName = "__Host-dc_admin_tx"
)

// A jar is a browser's cookies, and all that it was ever told to keep.
type jar struct {
	w       *world
	cookies map[string]string
	told    []*http.Cookie
}

// httpsWorld is a development server behind a proxy that speaks https.
func httpsWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, func(c *config.Config) { c.PublicURL = "https://login.example.com" })
	w.Server.URL = "http://" + w.Addr()
	return w
}

func (w *world) newJar() *jar { return &jar{w: w, cookies: map[string]string{}} }

// send sends a form, or gets a page if there is none, and keeps cookies as a
// browser does.
func (j *jar) send(path string, form url.Values) (int, http.Header, string) {
	j.w.t.Helper()
	var pairs []string
	for name, value := range j.cookies {
		pairs = append(pairs, name+"="+value)
	}
	header := []string{"Cookie", strings.Join(pairs, "; "), "Origin", "https://login.example.com", "Sec-Fetch-Site", "same-origin"}
	method := http.MethodPost
	if form == nil {
		method, header = http.MethodGet, header[:2]
	}
	status, answer, body := j.w.once(method, path, form, header...)
	for _, c := range (&http.Response{Header: answer}).Cookies() {
		j.told = append(j.told, c)
		if j.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(j.cookies, c.Name)
		}
	}
	return status, answer, body
}

// in reports whether the cookies let the browser in.
func (j *jar) in() bool {
	j.w.t.Helper()
	status, _, _ := j.send(home, nil)
	return status == http.StatusOK
}

// with is a browser that was given copies of cookies.
func (j *jar) with(names ...string) *jar {
	other := j.w.newJar()
	for _, name := range names {
		other.cookies[name] = j.cookies[name]
	}
	return other
}

// develop signs the developer in.
func (j *jar) develop() {
	j.w.t.Helper()
	if status, _, body := j.send("/dashboard/login/dev", url.Values{}); status != http.StatusSeeOther || j.cookies[sessionName] == "" {
		j.w.t.Fatalf("the developer was not let in: %d\n%s", status, body)
	}
}

// add has the developer's browser add an administrator.
func (j *jar) add(email, role string) {
	j.w.t.Helper()
	status, _, body := j.send(administrators, url.Values{"action": {"add"}, "email": {email}, "role": {role}})
	if status != http.StatusSeeOther {
		j.w.t.Fatalf("%s was not added: %d\n%s", email, status, body)
	}
}

// ask asks for a code and returns the message.
func (j *jar) ask(email, next string) outbox.Message {
	j.w.t.Helper()
	before := len(j.w.Outbox.Messages(outbox.Filter{To: email}))
	if status, _, body := j.send("/dashboard/login", url.Values{"email": {email}, "next": {next}}); status != http.StatusSeeOther {
		j.w.t.Fatalf("asking for a code gives %d\n%s", status, body)
	}
	return j.w.arrived(email, before+1)
}

// signIn signs an administrator in by a code.
func (j *jar) signIn(email string) {
	j.w.t.Helper()
	m := j.ask(email, home)
	if status, _, body := j.send("/dashboard/login/code", url.Values{"code": {m.Code}}); status != http.StatusSeeOther {
		j.w.t.Fatalf("the code gives %d\n%s", status, body)
	}
}

// SES-01: nobody chooses the cookie that somebody is signed in with: it is new
// with every proof, the one before ends, and the cookie of a sign-in under way
// is not one of a session, nor the other way round.
func TestSES01SessionFixation(t *testing.T) {
	w := httpsWorld(t)
	const email = "editor@mail.example"
	dev := w.newJar()
	dev.develop()
	dev.add(email, "editor")

	planted := secret.Token(32)
	b := w.newJar()
	b.cookies[sessionName], b.cookies[pendingName] = planted, secret.Token(32)+".eA.eA"
	if b.in() {
		t.Error("a cookie that nobody was given lets in")
	}
	b.signIn(email)
	first := b.with(sessionName)
	if b.cookies[sessionName] == planted || !b.in() {
		t.Error("the session has the cookie that was there before")
	}
	planting := w.newJar()
	planting.cookies[sessionName] = planted
	if planting.in() {
		t.Error("the cookie that was there before lets in")
	}

	m := b.ask(email, home)
	pending := b.with(pendingName)
	asSession := w.newJar()
	asSession.cookies[sessionName], _, _ = strings.Cut(pending.cookies[pendingName], ".")
	if asSession.in() {
		t.Error("the cookie of a sign-in under way lets in")
	}
	asPending := w.newJar()
	_, rest, _ := strings.Cut(pending.cookies[pendingName], ".")
	asPending.cookies[pendingName] = first.cookies[sessionName] + "." + rest
	if status, _, _ := asPending.send("/dashboard/login/code", url.Values{"code": {m.Code}}); status != http.StatusUnprocessableEntity {
		t.Errorf("the code in the session's place gives %d", status)
	}
	if status, _, _ := b.send("/dashboard/login/code", url.Values{"code": {m.Code}}); status != http.StatusSeeOther {
		t.Fatalf("the fresh proof gives %d", status)
	}
	if b.cookies[sessionName] == first.cookies[sessionName] || !b.in() {
		t.Error("a fresh proof leaves the cookie as it was")
	}
	if first.in() {
		t.Error("the session before the fresh proof goes on")
	}
	if _, kept := b.cookies[pendingName]; kept {
		t.Error("the cookie of the sign-in is kept")
	}
	if status, _, _ := pending.send("/dashboard/login/code", url.Values{"code": {m.Code}}); status != http.StatusUnprocessableEntity || pending.in() {
		t.Errorf("the sign-in that has ended gives %d", status)
	}
	// Two of one name: the server does not pick.
	status, _, _ := w.once(http.MethodGet, home, nil, "Cookie", sessionName+"="+planted+"; "+sessionName+"="+b.cookies[sessionName])
	if status == http.StatusOK {
		t.Error("two cookies of one name let in")
	}
}

// SES-02: every cookie that is ever set is the host's own, for https and requests
// alone, sent with our own pages only, and small.
func TestSES02Cookies(t *testing.T) {
	w := httpsWorld(t)
	long := strings.Repeat("a", 64) + "@" + strings.Repeat("a.", 80) + "example"
	b := w.newJar()
	b.develop()
	b.add(long, "viewer")
	b.send("/dashboard/logout", url.Values{})
	for _, next := range []string{home, "/dashboard/users?q=" + strings.Repeat("x", 1500), "/dashboard/users?q=" + strings.Repeat("x", 7000)} {
		m := b.ask(long, next)
		_, secret, _ := strings.Cut(m.Link, "#")
		if status, header, _ := b.send("/dashboard/login/link", url.Values{"secret": {secret}}); status != http.StatusSeeOther ||
			header.Get("Location") != next && len(next) < 2000 {
			t.Errorf("the link gives %d to %.60s", status, header.Get("Location"))
		}
	}
	b.send("/dashboard/logout", url.Values{})
	seen := map[string]int{}
	for _, c := range b.told {
		seen[c.Name]++
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || len(c.Raw) > 4096 {
			t.Errorf("the cookie is %.200s (%d bytes)", c.Raw, len(c.Raw))
		}
	}
	if len(seen) != 2 || seen[sessionName] < 4 || seen[pendingName] < 6 {
		t.Errorf("the cookies are %v", seen)
	}
}

// SES-03: a session ends after twelve hours on the server, whether it is used or
// not and whatever the browser keeps; so does a sign-in after ten minutes. A
// fresh proof begins anew.
func TestSES03SessionEnds(t *testing.T) {
	w := httpsWorld(t)
	const email = "editor@mail.example"
	used, idle, proved := w.newJar(), w.newJar(), w.newJar()
	for _, b := range []*jar{used, idle, proved} {
		b.develop()
	}
	proved.add(email, "editor")
	half := tenant.AdministratorSessionLife / 24
	for range 23 {
		w.Clock.Advance(half)
		if !used.in() {
			t.Fatal("a session that is used has ended early")
		}
	}
	proved.develop()
	w.Clock.Advance(half - time.Minute)
	if !used.in() {
		t.Error("a session has ended a minute early")
	}
	w.Clock.Advance(time.Minute)
	for what, b := range map[string]*jar{"used": used, "idle": idle} {
		if b.in() {
			t.Errorf("a session that was %s goes on after twelve hours", what)
		}
		if status, header, _ := b.send(passwordless, url.Values{}); status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), "/dashboard/login") {
			t.Errorf("a form of a session that was %s gives %d", what, status)
		}
	}
	if !proved.in() {
		t.Error("a session with a fresh proof has ended")
	}
	late := w.newJar()
	m := late.ask(email, home)
	w.Clock.Advance(tenant.AdministratorCodeLife)
	if status, _, _ := late.send("/dashboard/login/code", url.Values{"code": {m.Code}}); status != http.StatusUnprocessableEntity || late.in() {
		t.Errorf("a code gives %d after its life", status)
	}
}

// SES-04: signing out ends the session on the server and clears what the browser
// keeps of it; a copy of the cookie is no use, and pages are kept in no cache that
// the back button could show them from.
func TestSES04SignOut(t *testing.T) {
	w := httpsWorld(t)
	b, other := w.newJar(), w.newJar()
	b.develop()
	other.develop()
	if _, header, _ := b.send(administrators, nil); header.Get("Cache-Control") != "no-store" {
		t.Errorf("a page may be kept: %v", header)
	}
	b.send("/dashboard/login", url.Values{"email": {"nobody@mail.example"}})
	kept := b.with(sessionName, pendingName)
	status, header, _ := b.send("/dashboard/logout", url.Values{})
	if status != http.StatusSeeOther || header.Get("Clear-Site-Data") != `"cache", "storage"` || header.Get("Cache-Control") != "no-store" {
		t.Errorf("signing out gives %d %v", status, header)
	}
	if len(b.cookies) != 0 {
		t.Errorf("the browser keeps %v", b.cookies)
	}
	if kept.in() {
		t.Error("a copy of the cookie lets in")
	}
	add := url.Values{"action": {"add"}, "email": {"a@mail.example"}, "role": {"owner"}}
	if status, header, _ := kept.send(administrators, add); status != http.StatusSeeOther || !strings.HasPrefix(header.Get("Location"), "/dashboard/login") {
		t.Errorf("a form with a copy of the cookie gives %d", status)
	}
	if all, err := w.Store.Administrators(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("there are %v %v", all, err)
	}
	if !other.in() {
		t.Error("another browser was signed out")
	}
	if status, _, _ := b.send("/dashboard/logout", url.Values{}); status != http.StatusSeeOther {
		t.Errorf("signing out twice gives %d", status)
	}
	out := 0
	events, err := w.Store.ListLogs(t.Context(), manage.LogQuery{}, manage.Window{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Items {
		if before, _ := e.Details["before"].(map[string]any); e.Description == "Sign out an administrator" && before["id"] != "" {
			out++
		}
	}
	if out != 1 {
		t.Errorf("%d events say that somebody signed out, want 1", out)
	}
}

// SES-05: whoever is removed or gets another role is out at once in every
// browser and at every process, and cannot go on with a sign-in under way.
func TestSES05AdministratorEnds(t *testing.T) {
	place := t.TempDir()
	one := func(c *config.Config) {
		c.Ephemeral, c.PublicURL = false, "https://login.example.com"
		c.Database, c.KeyFile = "sqlite:"+place+"/test.db", place+"/test.key"
	}
	w, second := newWorld(t, one), newWorld(t, one)
	w.Server.URL, second.Server.URL = "http://"+w.Addr(), "http://"+second.Addr()
	const email = "editor@mail.example"
	owner := w.newJar()
	owner.develop()
	owner.add(email, "editor")
	id := func() string {
		all, err := w.Store.Administrators(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return string(all[slices.IndexFunc(all, func(a tenant.Administrator) bool { return a.Email == email })].ID)
	}()
	for _, change := range []struct {
		path string
		form url.Values
	}{
		{administrators, url.Values{"action": {"role"}, "id": {id}, "role": {"viewer"}}},
		{administrators, url.Values{"action": {"role"}, "id": {id}, "role": {"owner"}}},
		{administrators + "/" + id + "/remove", url.Values{"name": {email}}},
	} {
		here, there := w.newJar(), second.newJar()
		here.signIn(email)
		there.cookies[sessionName] = here.cookies[sessionName]
		if !here.in() || !there.in() {
			t.Fatal("the session is not known everywhere")
		}
		if status, _, body := owner.send(change.path, change.form); status != http.StatusSeeOther {
			t.Fatalf("%v gives %d\n%s", change, status, body)
		}
		if here.in() || there.in() {
			t.Errorf("after %v the session goes on", change)
		}
		if !owner.in() {
			t.Fatal("the owner was signed out")
		}
	}
	owner.add(email, "editor")
	late := w.newJar()
	m := late.ask(email, home)
	all, err := w.Store.Administrators(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Email == email {
			owner.send(administrators+"/"+string(a.ID)+"/remove", url.Values{"name": {email}})
		}
	}
	_, proof, _ := strings.Cut(m.Link, "#")
	for path, form := range map[string]url.Values{"/dashboard/login/code": {"code": {m.Code}}, "/dashboard/login/link": {"secret": {proof}}} {
		if status, _, _ := late.send(path, form); status != http.StatusUnprocessableEntity || late.in() {
			t.Errorf("%s gives %d to somebody who was removed", path, status)
		}
	}
}

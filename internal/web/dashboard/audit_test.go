package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web/dashboard"
)

// everyRoute fails unless the changes are of all routes that take a form, and of
// no others.
func everyRoute(t *testing.T) {
	t.Helper()
	patterns, err := dashboard.Patterns()
	if err != nil {
		t.Fatal(err)
	}
	done := map[string]bool{}
	for _, c := range changes() {
		done["POST "+c.route] = true
	}
	posts := 0
	for _, p := range patterns {
		method, path, ok := strings.Cut(p, " ")
		switch {
		case method == http.MethodGet, p == "/":
		case !ok || method != http.MethodPost:
			t.Errorf("the route %q takes more than this test knows", p)
		case !done[p]:
			t.Errorf("no change of this test goes to %s", path)
		default:
			posts++
		}
	}
	if posts != len(done) {
		t.Errorf("%d of %d routes of this test are there", posts, len(done))
	}
	// Nothing is served beside the list.
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 30 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "mux.Handle"); !strings.HasSuffix(name, "_test.go") && n > 0 && (name != "dashboard.go" || n != 1) {
			t.Errorf("%s serves something that the list of routes does not have", name)
		}
	}
}

// events are those of the log, oldest first.
func (a *audit) events() []tenant.LogEvent {
	a.t.Helper()
	list, err := a.Store.ListLogs(a.t.Context(), manage.LogQuery{}, manage.Window{Limit: 1000})
	if err != nil {
		a.t.Fatal(err)
	}
	return list.Items
}

// ADM-07: everything that the Dashboard can be told to do is in the tenant's log:
// who did it, and what was there before and after; and no secret is.
func TestADM07EveryChangeIsLogged(t *testing.T) {
	everyRoute(t)
	a := newAudit(t)
	body, err := settings.ParseObject([]byte(`{"name":"smtp","enabled":true,"default_from_address":"login@example.com",
		"credentials":{"smtp_host":"smtp.example.com","smtp_port":587,"smtp_user":"canary-smtp-user","smtp_pass":"canary-smtp-password"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.manage().CreateEmailProvider(t.Context(), manage.Actor{Channel: "dashboard", Body: body.Bytes()}, body); err != nil {
		t.Fatal(err)
	}
	a.secrets = append(a.secrets, "canary-smtp-password", "canary-of-a-person")
	for i, c := range changes() {
		form := c.form(a)
		before := a.events()
		p := a.submit(a.whose(c), form)
		if p.Status != http.StatusOK {
			t.Errorf("%d, %s: %d\n%s", i, c.route, p.Status, p.Text())
			continue
		}
		seen := map[string]bool{}
		for _, e := range before {
			seen[e.ID] = true
		}
		var fresh []tenant.LogEvent
		for _, e := range a.events() {
			if !seen[e.ID] {
				fresh = append(fresh, e)
			}
		}
		a.check(c, fresh)
	}
	if len(a.secrets) < 12 {
		t.Errorf("%d secrets were planted", len(a.secrets))
	}
	texts := a.everything()
	for _, s := range a.secrets {
		if s == "" || strings.Contains(texts, s) {
			t.Errorf("the log has %q in it", s)
		}
	}
	if !strings.Contains(texts, "Update a connection") || !strings.Contains(texts, sid) {
		t.Error("what was searched for secrets is not the log")
	}
}

// check looks at what a change left in the log.
func (a *audit) check(c change, fresh []tenant.LogEvent) {
	a.t.Helper()
	if c.quiet != "" {
		if len(fresh) != 0 {
			a.t.Errorf("POST %s, of which %s, is logged: %+v", c.route, c.quiet, fresh)
		}
		return
	}
	at := slices.IndexFunc(fresh, func(e tenant.LogEvent) bool { return e.Description == c.told })
	if at < 0 {
		a.t.Errorf("POST %s: no event %q among %d", c.route, c.told, len(fresh))
		return
	}
	e := fresh[at]
	part := func(path ...string) any {
		var v any = e.Details
		for _, name := range path {
			m, _ := v.(map[string]any)
			v = m[name]
		}
		return v
	}
	object := func(path ...string) map[string]any { m, _ := part(path...).(map[string]any); return m }
	who, _ := part("request", "auth", "subject").(string)
	if id, _ := part("after", "id").(string); who == "" {
		who = id // whoever has signed in
	}
	if id, _ := part("before", "id").(string); who == "" {
		who = id // whoever has signed out
	}
	if !strings.Contains(who, "adm_") || part("request", "channel") != "dashboard" || part("request", "ip") == "" {
		a.t.Errorf("%q does not say who did it: %v", c.told, e.Details)
	}
	was, is := object("before"), object("after")
	wrong := false
	switch c.has {
	case "both":
		wrong = len(was) == 0 || len(is) == 0 || fmt.Sprint(was) == fmt.Sprint(is)
	case "before":
		wrong = len(was) == 0
	case "after":
		wrong = len(is) == 0
	case "answer":
		wrong = len(object("response", "body")) == 0
	}
	if wrong {
		a.t.Errorf("%q has not %s: %v", c.told, c.has, e.Details)
	}
}

// everything is the log as each of those sees it who read it: programs, people,
// and whoever has the database.
func (a *audit) everything() string {
	a.t.Helper()
	var b strings.Builder
	status, _, body := a.Do(a.t, http.MethodPost, "/oauth/token", `{"grant_type":"client_credentials","client_id":"`+a.Ready.ManagementClientID+
		`","client_secret":"`+a.Ready.ManagementClientSecret+`","audience":"`+a.URL+`/api/v2/"}`, "Content-Type", "application/json")
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &tokens); err != nil || status != http.StatusOK {
		a.t.Fatal(status, body, err)
	}
	for page := range 5 {
		status, _, body := a.Do(a.t, http.MethodGet, fmt.Sprintf("/api/v2/logs?per_page=100&page=%d", page), "", "Authorization", "Bearer "+tokens.AccessToken)
		if status != http.StatusOK {
			a.t.Fatal(status, body)
		}
		b.WriteString(body)
	}
	for _, e := range a.events() {
		fmt.Fprintf(&b, "%+v\n", e)
		b.WriteString(a.get(a.browser, "/dashboard/logs/"+e.ID).Body)
	}
	b.WriteString(a.dump("logs"))
	b.WriteString(a.Log.String())
	return b.String()
}

// dump is what tables of the database have in them: all if none is named.
func (a *audit) dump(tables ...string) string {
	a.t.Helper()
	db := storetest.SQL(a.t, a.database)
	if len(tables) == 0 {
		tables = strings.Split(storetest.Value(a.t, db, `SELECT group_concat(name) FROM sqlite_master WHERE type = 'table'`), ",")
	}
	var b strings.Builder
	for _, table := range tables {
		rows, err := db.QueryContext(a.t.Context(), `SELECT * FROM "`+table+`"`)
		if err != nil {
			a.t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			a.t.Fatal(err)
		}
		for rows.Next() {
			values, to := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				to[i] = &values[i]
			}
			if err := rows.Scan(to...); err != nil {
				a.t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s %s\n", table, values)
		}
		if err := rows.Err(); err != nil {
			a.t.Fatal(err)
		}
		_ = rows.Close()
	}
	return b.String()
}

// quiet waits until nothing changes in the database by itself any more, and
// returns what it has.
func (a *audit) quiet() string {
	a.t.Helper()
	last, same := a.dump(), 0
	for range 200 {
		time.Sleep(30 * time.Millisecond)
		now := a.dump()
		if now != last {
			last, same = now, 0
		} else if same++; same == 5 { // what is noted by the way takes a while on a busy machine
			return now
		}
	}
	a.t.Fatal("the database does not come to rest")
	return ""
}

// SES-06: no form of another page's changes anything, whatever it says of where
// it comes from; nor does a link with the same in it. Every route is tried, with
// what it would take from our own page.
func TestSES06ForgedForms(t *testing.T) {
	everyRoute(t)
	a := newAudit(t)
	_, host, _ := strings.Cut(a.URL, "://")
	forged := [][]string{
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Origin", a.URL + ".evil.example"},
		{"Origin", "http://localhost:1"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site", "Origin", "http://sub." + host},
		{"Sec-Fetch-Site", "cross-site", "Origin", "null", "Content-Type", "text/plain"},
	}
	for i, c := range changes() {
		form := c.form(a)
		var cookies []string
		for _, k := range a.whose(c).Cookies(form.Action) {
			cookies = append(cookies, k.Name+"="+k.Value)
		}
		cookie, path := strings.Join(cookies, "; "), form.Action.RequestURI()
		before := a.quiet()
		for _, header := range forged {
			if status, _, _ := a.once(http.MethodPost, path, form.Values, append(header, "Cookie", cookie)...); status != http.StatusForbidden {
				t.Errorf("%d, POST %s with %v: %d", i, path, header, status)
			}
		}
		a.once(http.MethodGet, form.Action.EscapedPath()+"?"+form.Values.Encode(), nil, "Cookie", cookie)
		if a.dump() != before {
			t.Errorf("%d, %s: something was changed", i, c.route)
		}
		// The same from our own page is taken.
		if p := a.submit(a.whose(c), form); p.Status != http.StatusOK {
			t.Errorf("%d, %s: %d\n%s", i, c.route, p.Status, p.Text())
		}
		if changed := a.dump() != before; changed == (c.quiet == "it only shows" || c.quiet == inTheBrowser) {
			t.Errorf("%d, %s: changed %v", i, c.route, changed)
		}
	}
}

package dashboard_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// The browsers in which a person is signed in are listed and ended one by one, and
// all at once; nobody's session is ended on the page of somebody else.
func TestSessionsOfAUser(t *testing.T) {
	address := storetest.SQLite(t)
	w := newWorld(t, func(c *config.Config) {
		c.Ephemeral, c.Database, c.Key = false, address, base64.StdEncoding.EncodeToString(secret.Bytes(secret.RootSize))
	})
	w.developer()
	ada, bo := w.signedIn("sms", "+447700900123"), w.signedIn("email", "bo@mail.example")
	db := storetest.SQL(t, address)
	const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	now, later := w.Clock.Now().UnixMilli(), w.Clock.Now().Add(time.Hour).UnixMilli()
	for _, id := range []string{"one", "two", "three"} {
		storetest.Exec(t, db, `INSERT INTO sessions (id, digest, user_id, connection_id, channel, auth_time, created_at, updated_at, last_used_at,
				idle_span, idle_ends_at, expires_at, ended_at, persistent, first_ip, first_agent, last_ip, last_agent)
			VALUES ($1, $2, $3, '', 'sms', $4, $4, $4, $4, 3600000, $5, $5, 0, TRUE, '192.0.2.1', $6, '192.0.2.1', $6)`,
			id, []byte(id), string(ada), now, later, agent)
	}
	storetest.Exec(t, db, `INSERT INTO session_clients (session_id, client_id, created_at) VALUES ('one', $1, $2)`, w.Ready.ClientID, now)
	at := func(id string) string { return users + "/" + strings.ReplaceAll(id, "|", "%7C") }
	alive := func() string {
		t.Helper()
		return storetest.Value(t, db, `SELECT COUNT(*) FROM sessions WHERE ended_at = 0`)
	}
	p := w.get(w.browser, at(string(ada))+"/sessions")
	w.says(p, "Chrome on Linux 192.0.2.1")
	w.says(w.get(w.browser, at(string(ada))+"/delete"), "It ends 3 sessions and 1 refresh token")

	cookie := w.browser.Cookies(p.URL)
	var header []string
	for _, c := range cookie {
		header = append(header, c.Name+"="+c.Value)
	}
	status, _, _ := w.once(http.MethodPost, at(string(bo))+"/sessions", url.Values{"session": {"one"}}, "Cookie", strings.Join(header, "; "))
	if status != http.StatusNotFound || alive() != "3" {
		t.Errorf("ended on the page of somebody else: %d, %s are left", status, alive())
	}
	w.says(w.submit(w.browser, p.Form("session")), "It has ended.")
	if alive() != "2" {
		t.Errorf("%s sessions are left, want 2", alive())
	}
	w.says(w.submit(w.browser, w.get(w.browser, at(string(ada))).FormTo(w.URL+at(string(ada))+"/sign-out")), "signed out everywhere")
	if alive() != "0" {
		t.Errorf("%s sessions are left, want none", alive())
	}
	if w.told("Sign a user out everywhere") != 1 || w.told("Revoke a session") != 1 {
		t.Error("it is not in the log")
	}
}

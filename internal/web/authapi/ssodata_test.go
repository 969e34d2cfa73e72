package authapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Who is signed in is told to our own pages, and to pages of an application that
// would be told the same at /authorize; everybody else hears what they would if
// nobody were.
func TestSSOData(t *testing.T) {
	w := newWorld(t)
	const number = "+447700900441"
	legacy := `{"cross_origin_authentication":true,"oidc_conformant":false}`
	w.patchClient(w.Ready.ClientID, legacy)
	other, _ := w.client(map[string]any{"web_origins": []string{"https://other.example"}, "cross_origin_authentication": true, "oidc_conformant": false})
	status, h, ticket := w.co(number, w.code(w.app(), number))
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, ticket)
	}
	browser, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	_, session := w.ticketed(ticket["login_ticket"], browser)
	if session == "" {
		t.Fatal("nobody is signed in")
	}
	ask := func(query, cookie string, header ...string) (map[string]any, http.Header) {
		t.Helper()
		status, h, body := w.Do(t, http.MethodGet, "/user/ssodata"+query, "", append(header, "Cookie", cookie)...)
		return reply{status, h, body}.want(t, http.StatusOK), h
	}
	signedIn, named := "dc_session="+session, "?client_id="+w.Ready.ClientID
	full, h := ask(named, signedIn, "Origin", appOrigin)
	user, _ := full["lastUsedUserID"].(string)
	want := map[string]any{
		"sso": true, "lastUsedUserID": user, "lastUsedUsername": number, "lastUsedClientID": w.Ready.ClientID,
		"lastUsedConnection": map[string]any{"name": "sms", "strategy": "sms"}, "sessionClients": []any{w.Ready.ClientID},
	}
	if diff := cmp.Diff(want, full); diff != "" || !strings.HasPrefix(user, "sms|") {
		t.Errorf("the application's page (-want +got):\n%s", diff)
	}
	if h.Get("Access-Control-Allow-Origin") != appOrigin || h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", h)
	}
	none := map[string]any{"sso": false}
	for name, c := range map[string]struct {
		query, cookie string
		header        []string
		want          bool
	}{
		"a page of ours":                               {"", signedIn, []string{"Sec-Fetch-Site", "same-origin"}, true},
		"a page of ours that names its origin":         {"", signedIn, []string{"Origin", w.URL}, true},
		"nobody is signed in":                          {named, "", []string{"Origin", appOrigin}, false},
		"a cookie that is nobody's":                    {named, signedIn + "x", []string{"Origin", appOrigin}, false},
		"two cookies":                                  {named, signedIn + "; dc_session=x", []string{"Origin", appOrigin}, false},
		"the application is not named":                 {"", signedIn, []string{"Origin", appOrigin}, false},
		"there is no such application":                 {"?client_id=nobody", signedIn, []string{"Origin", appOrigin}, false},
		"the page of another application":              {named, signedIn, []string{"Origin", "https://other.example"}, false},
		"another application on its own page":          {"?client_id=" + other, signedIn, []string{"Origin", "https://other.example"}, true},
		"another application is named":                 {"?client_id=" + other, signedIn, []string{"Origin", appOrigin}, false},
		"a page of nobody's":                           {named, signedIn, []string{"Origin", "https://evil.example"}, false},
		"a sandboxed page":                             {named, signedIn, []string{"Origin", "null"}, false},
		"a page of another site that names no origin":  {named, signedIn, []string{"Sec-Fetch-Site", "cross-site"}, false},
		"a page of the same site that names no origin": {named, signedIn, []string{"Sec-Fetch-Site", "same-site"}, false},
	} {
		got, _ := ask(c.query, c.cookie, c.header...)
		if c.want && (got["sso"] != true || got["lastUsedUserID"] != user) || !c.want && !cmp.Equal(got, none) {
			t.Errorf("%s: %v", name, got)
		}
		if got["lastUsedClientID"] != nil {
			t.Errorf("%s: it has not used the session: %v", name, got)
		}
	}
	for name, body := range map[string]string{
		"it is OIDC-conformant":              `{"oidc_conformant":true}`,
		"it may not sign in across origins":  `{"cross_origin_authentication":false}`,
		"it is somebody else's":              `{"is_first_party":false}`,
		"the page is at an origin no longer": `{"web_origins":[]}`,
	} {
		w.patchClient(w.Ready.ClientID, body)
		if got, _ := ask(named, signedIn, "Origin", appOrigin); !cmp.Equal(got, none) {
			t.Errorf("%s: %v", name, got)
		}
		w.patchClient(w.Ready.ClientID, `{"cross_origin_authentication":true,"oidc_conformant":false,"is_first_party":true,"web_origins":["`+appOrigin+`"]}`)
	}
	enable := func(on bool) {
		t.Helper()
		_, _, list := w.Do(t, http.MethodGet, "/api/v2/connections?name=sms", "", "Authorization", "Bearer "+w.admin)
		var sms []struct{ ID string }
		if err := json.Unmarshal([]byte(list), &sms); err != nil || len(sms) != 1 {
			t.Fatalf("%s %v", list, err)
		}
		w.manage(http.MethodPatch, "/connections/"+sms[0].ID+"/clients", []map[string]any{{"client_id": w.Ready.ClientID, "status": on}}).want(t, http.StatusNoContent)
	}
	enable(false)
	if got, _ := ask(named, signedIn, "Origin", appOrigin); !cmp.Equal(got, none) {
		t.Errorf("the connection is not enabled for it: %v", got)
	}
	enable(true)
	if got, _ := ask(named, signedIn, "Origin", appOrigin); !cmp.Equal(got, full) {
		t.Errorf("as before: %v", got)
	}
	if _, _, logs := w.Do(t, http.MethodGet, "/api/v2/logs?per_page=100", "", "Authorization", "Bearer "+w.admin); !strings.Contains(logs, "legacy_ssodata") {
		t.Error("no log event tells of it")
	}
	if status, _, text := w.Do(t, http.MethodDelete, "/api/v2/users/"+url.PathEscape(user)+"/sessions", "", "Authorization", "Bearer "+w.admin); status/100 != 2 {
		t.Fatalf("%d %s", status, text)
	}
	if got, _ := ask(named, signedIn, "Origin", appOrigin); !cmp.Equal(got, none) {
		t.Errorf("the session has ended: %v", got)
	}
}

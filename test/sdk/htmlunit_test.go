package sdk

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// answered is the page of an application that HtmlUnit waits for.
var answered = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><title>Application</title>
<p id="submission_complete">Answered.</p><p id="code">{{.Code}}</p><p id="state">{{.State}}</p><p id="method">{{.Method}}</p></html>`))

// TestHtmlUnit drives the login pages by the browser that the OpenID Foundation's
// conformance suite has.
func TestHtmlUnit(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	java, maven := binary.Tool(t, "java", "DOORCODE_TEST_JAVA"), binary.Tool(t, "mvn", "")
	const libraries = "htmlunit/target/dependency"
	if found, _ := filepath.Glob(libraries + "/htmlunit-4*.jar"); len(found) == 0 {
		run(t, "htmlunit", nil, maven, "-q", "-B", "dependency:copy-dependencies")
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := answered.Execute(w, map[string]string{"Code": r.FormValue("code"), "State": r.FormValue("state"), "Method": r.Method}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(app.Close)
	s := serve(t)
	callback := strings.Replace(app.URL, "127.0.0.1", "localhost", 1) + "/callback"
	var made struct {
		ID string `json:"client_id"`
	}
	s.Manage(t.Context()).Must(t.Context(), http.MethodPost, "/api/v2/clients", map[string]any{
		"name": "HtmlUnit", "app_type": "regular_web", "oidc_conformant": true, "callbacks": []string{callback},
		"grant_types": []string{"authorization_code"},
	}, &made)
	request := s.URL + "/authorize?" + url.Values{
		"client_id": {made.ID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {"af0ifjsldkj"},
	}.Encode()
	out := "DOORCODE_OUTBOX=" + s.OutboxURL
	run(t, "htmlunit", []string{"DOORCODE_AUTHORIZE=" + request, out}, java, "-cp", "target/dependency/*", "SignIn.java")
	s.NoteOutbox()
	s.Stop()
}

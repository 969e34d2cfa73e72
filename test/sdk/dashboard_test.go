//go:build unix

package sdk

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// An administrator is the developer's browser, signed in to the Dashboard.
type administrator struct {
	server  *binary.Server
	browser *textbrowser.Browser
	people  int // who have signed in by SMS
}

func administer(t *testing.T, s *binary.Server) *administrator {
	t.Helper()
	a := &administrator{server: s, browser: textbrowser.New(s.HTTP.Transport, func(u *url.URL) bool { return u.Host != s.Domain })}
	p := a.get(t, "/dashboard")
	a.submit(t, p.FormTo(s.URL+"/dashboard/login/dev"))
	return a
}

func (a *administrator) get(t *testing.T, path string) *textbrowser.Page {
	t.Helper()
	p, err := a.browser.Get(t.Context(), a.server.URL+path)
	if err != nil || p.Status != http.StatusOK {
		t.Fatalf("%s: %v %+v", path, err, p)
	}
	return p
}

func (a *administrator) submit(t *testing.T, f *textbrowser.Form) *textbrowser.Page {
	t.Helper()
	p, err := a.browser.Submit(t.Context(), f)
	if err != nil || p.Status != http.StatusOK {
		t.Fatalf("%v %+v", err, p)
	}
	return p
}

// snippets are the texts of a page that can be copied, by the heading above.
func snippets(t *testing.T, p *textbrowser.Page) map[string]string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	found, heading := map[string]string{}, ""
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.ElementNode && n.Data == "h2":
			heading = n.FirstChild.Data
		case n.Type == html.ElementNode && n.Data == "pre":
			found[heading] = n.FirstChild.Data
		}
	}
	return found
}

// callAPI runs what the page of the Management API shows for its ready-made
// application: a token is asked for, and applications are listed with it.
func (a *administrator) callAPI(t *testing.T) {
	t.Helper()
	binary.Tool(t, "curl", "")
	commands := snippets(t, a.get(t, "/dashboard/apis/management/test?application="+a.server.ManagementClientID))
	run := func(heading string, variable, value string) []byte {
		t.Helper()
		q := &quickstart{administrator: a, run: commands[heading]}
		cmd := q.command(t.Context(), "")
		cmd.Env = append(cmd.Env, variable+"="+value)
		out, err := cmd.Output()
		if err != nil || q.run == "" {
			t.Fatalf("%s: %q ends with %v\n%s", heading, q.run, err, out)
		}
		return out
	}
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(run("Get an Access Token", "CLIENT_SECRET", a.server.ManagementClientSecret), &tokens); err != nil || tokens.Access == "" {
		t.Fatalf("no token: %v", err)
	}
	if list := run("Call the API", "ACCESS_TOKEN", tokens.Access); !strings.Contains(string(list), a.server.ManagementClientID) {
		t.Errorf("the API answers %s", list)
	}
}

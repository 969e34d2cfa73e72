package script

import (
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// The options that connections have in TestD23AsCode: each that the pages set,
// with texts that shells, YAML and JSON are easily wrong about.
func everyOption(channel string) map[string]any {
	options := map[string]any{
		"name": channel, "totp": map[string]any{"length": 8, "time_step": 240}, "disable_signup": true, "brute_force_protection": true,
		"request_language": "fr-FR", "doorcode": map[string]any{"resend": "new", "wait_for_provider_ms": 250},
	}
	if channel == "email" {
		options["email"] = map[string]any{
			"from": "Acmé <login@acme.example>", "subject": "It's {{ code }} \"now\"", "syntax": "liquid",
			"body": "<p>\n  {{ code }} 'or' {{ link }}: ${HOME} $(id) `id` \\ # @@x@@</p>\n",
		}
		options["authParams"] = map[string]any{"scope": "openid"}
		return options
	}
	options["doorcode"] = map[string]any{"resend": "new", "wait_for_provider_ms": 250, "autofill": true, "numbers": "valid"}
	maps.Copy(options, map[string]any{
		"syntax": "md_with_macros", "template": "@@password@@ isn't \"yours\": ${HOME} $(id) `id` \\ # %{x}\n\nÜber {{ application.name }}\t😀",
		"twilio_sid": "AC00000000000000000000000000000001", "twilio_token": authToken, "from": nil,
		"messaging_service_sid": "MG00000000000000000000000000000001",
	})
	return options
}

const authToken = "an auth token of 'some' $length"

// D23: the tab "As code" of a connection gives a request that brings the
// connection back, and a file that makes the same connection on a server that has
// nothing. Secrets are in neither, but come from the environment.
func TestD23AsCode(t *testing.T) {
	bash := binary.Tool(t, "bash", "")
	binary.Tool(t, "curl", "")
	t.Setenv("TWILIO_TOKEN", authToken)
	for _, channel := range []string{"sms", "email"} {
		t.Run(channel, func(t *testing.T) {
			s := binary.New(t).Start()
			m := s.Manage(t.Context())
			id := m.Connection(t.Context(), channel)
			path := "/api/v2/connections/" + id
			m.Must(t.Context(), http.MethodPatch, path+"?options=replace", map[string]any{"options": everyOption(channel)}, nil)
			want := settled(t, m, path)
			forms := asCode(t, s, id)
			if strings.Contains(forms["curl"]+forms["YAML"]+forms["Terraform"], authToken) {
				t.Error("the token is in it")
			}

			m.Must(t.Context(), http.MethodPatch, path+"?options=replace", map[string]any{"options": map[string]any{"name": channel}}, nil)
			if reflect.DeepEqual(settled(t, m, path), want) {
				t.Fatal("the connection was not changed")
			}
			bin := t.TempDir()
			if err := os.Symlink(binary.Path(t), filepath.Join(bin, "doorcode")); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), bash, "-euc", forms["curl"])
			cmd.Dir, cmd.Env = s.Dir(), binary.Environment("PATH="+bin+":"+os.Getenv("PATH"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s\n%s", err, forms["curl"], out)
			}
			same(t, "the request", settled(t, m, path), want)
			keeps(t, "the request", s, id, channel)

			file := filepath.Join(t.TempDir(), "doorcode.yaml")
			if err := os.WriteFile(file, []byte(forms["YAML"]), 0o600); err != nil {
				t.Fatal(err)
			}
			blank := binary.New(t).Start("--config", file)
			m = blank.Manage(t.Context())
			id = m.Connection(t.Context(), channel)
			same(t, "the file", settled(t, m, "/api/v2/connections/"+id), want)
			keeps(t, "the file", blank, id, channel)
		})
	}
}

// settled is a connection without what belongs to one server.
func settled(t *testing.T, m *binary.Manager, path string) map[string]any {
	t.Helper()
	var c map[string]any
	m.Must(t.Context(), http.MethodGet, path, nil, &c)
	delete(c, "id")
	delete(c, "enabled_clients")
	return c
}

func same(t *testing.T, what string, got, want map[string]any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		a, _ := json.MarshalIndent(got, "", " ")
		b, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("%s makes\n%s\nit was\n%s", what, a, b)
	}
}

// page is a page of a connection as its developer sees it.
func page(t *testing.T, s *binary.Server, id, tab string) *textbrowser.Page {
	t.Helper()
	b := textbrowser.New(s.HTTP.Transport, func(u *url.URL) bool { return u.Scheme+"://"+u.Host != s.URL })
	p, err := b.Get(t.Context(), s.URL+"/dashboard")
	if err == nil {
		p, err = b.Submit(t.Context(), p.FormTo(s.URL+"/dashboard/login/dev"))
	}
	if err == nil {
		p, err = b.Get(t.Context(), s.URL+"/dashboard/connections/passwordless/"+id+"/"+tab)
	}
	if err != nil || p.Status != http.StatusOK {
		t.Fatal(p, err)
	}
	return p
}

// keeps fails unless the token of an SMS connection is stored; the API does not
// give it out, but its page shows its end.
func keeps(t *testing.T, what string, s *binary.Server, id, channel string) {
	t.Helper()
	end := "ends in " + authToken[len(authToken)-4:]
	if channel == "sms" && !strings.Contains(page(t, s, id, "settings").Text(), end) {
		t.Errorf("%s has lost the token", what)
	}
}

// asCode reads the tab.
func asCode(t *testing.T, s *binary.Server, id string) map[string]string {
	t.Helper()
	p := page(t, s, id, "code")
	forms := map[string]string{}
	for _, part := range regexp.MustCompile(`(?s)<h2>(\w+)[^<]*</h2><div class="snippet"><pre[^>]*>(.*?)</pre>`).FindAllStringSubmatch(p.Body, -1) {
		forms[part[1]] = html.UnescapeString(part[2])
	}
	if forms["curl"] == "" || forms["YAML"] == "" || forms["Terraform"] == "" {
		t.Fatalf("the page has %d forms:\n%s", len(forms), p.Text())
	}
	return forms
}

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func lookup(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

const goodFile = `# A comment with ##NOT_SET## in it.
server:
  addr: 0.0.0.0:8080
  public_url: ##URL##
  trusted_proxies: [10.0.0.0/8, 192.168.0.1]
  limits: strict
tenant:
  friendly_name: Acme
  flags: { standards_strict: true }
clients:
  - name: Web
    client_id: web
    client_secret: @@SECRET@@
    callbacks:
      - https://a.example/cb
connections:
  - name: sms
    strategy: sms
    enabled_clients: [Web]
    options:
      template: "Your code is @@password@@, {{ code }} ##SIGNATURE##"
      twilio_token: "@@SECRET@@"
      from: '+15550100'
      totp: {length: ##LENGTH##, time_step: 300}
      note: |
        token=@@SECRET@@
        second line
      odd: [null, 1.5, true, ~, 0x10, 2026-01-31]
resourceServers:
clientGrants: []
emailProvider:
  name: smtp
  credentials: {smtp_pass: "@@SECRET@@"}
branding: {}
`

func TestParseFile(t *testing.T) {
	env := lookup(map[string]string{
		"URL": "https://login.example.com", "SECRET": "s\"e\nc: [x] # \\", "SIGNATURE": "--\n\"Acme\"", "LENGTH": "8",
	})
	f, err := ParseFile("dc.yaml", []byte(goodFile), env)
	if err != nil {
		t.Fatal(err)
	}
	wantServer := map[string]string{"addr": "0.0.0.0:8080", "public-url": "https://login.example.com", "trusted-proxies": "10.0.0.0/8,192.168.0.1", "limits": "strict"}
	if diff := cmp.Diff(wantServer, f.Server); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
	docs := map[string]string{
		string(f.Tenant.JSON):         `{"friendly_name":"Acme","flags":{"standards_strict":true}}`,
		string(f.EmailProvider.JSON):  `{"name":"smtp","credentials":{"smtp_pass":"s\"e\nc: [x] # \\"}}`,
		string(f.Clients[0].JSON):     `{"name":"Web","client_id":"web","client_secret":"s\"e\nc: [x] # \\","callbacks":["https://a.example/cb"]}`,
		string(f.Connections[0].JSON): `{"name":"sms","strategy":"sms","enabled_clients":["Web"],"options":{"template":"Your code is @@password@@, {{ code }} --\n\"Acme\"","twilio_token":"s\"e\nc: [x] # \\","from":"+15550100","totp":{"length":8,"time_step":300},"note":"token=\"s\\\"e\\nc: [x] # \\\\\"\nsecond line\n","odd":[null,1.5,true,null,16,"2026-01-31"]}}`,
	}
	for got, want := range docs {
		if got != want {
			t.Errorf("document\n%s\nwant\n%s", got, want)
		}
	}
	if len(f.APIs) != 0 || len(f.ClientGrants) != 0 {
		t.Errorf("empty sections have %d and %d documents", len(f.APIs), len(f.ClientGrants))
	}
	if diff := cmp.Diff([]string{`dc.yaml:34: the section "branding" is not used by this version`}, f.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	c := f.Connections[0]
	for property, line := range map[string]int{"": 17, "name": 17, "options": 20, "options.totp.length": 24, "options.odd[2]": 28, "nothing": 17, "options.gone.deep": 20, "enabled_clients[0]": 19} {
		if got := c.LineOf(property); got != line {
			t.Errorf("LineOf(%q) = %d, want %d", property, got, line)
		}
	}
}

func TestBadFiles(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for _, c := range "bcdefg" {
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ",") + "]\n"
	}
	for _, c := range []struct{ name, text, want string }{
		{"no YAML", "clients: [", "dc.yaml:1: "},
		{"a tab", "clients:\n\t- name: x\n", "dc.yaml:2: "},
		{"a list at the top", "- name: x\n", "dc.yaml:1: the file must be a list of sections"},
		{"an unknown section", "tenant: {}\nclient:\n  - name: x\n", `dc.yaml:2: "client" is not known here; did you mean "clients"?`},
		{"a section nobody could mean", "entirely_unrelated_thing: 1\n", `dc.yaml:1: "entirely_unrelated_thing" is not known here; known are server`},
		{"an unknown flag", "server:\n  addr: x\n  public-url: x\n", `dc.yaml:3: "public-url" is not known here; did you mean "public_url"?`},
		{"a flag with values inside", "server:\n  addr: {a: 1}\n", "dc.yaml:2: a plain value is expected here"},
		{"a key that is there twice", "clients:\n  - name: x\n    name: y\n", `dc.yaml:3: "name" is there twice`},
		{"a section that is there twice", "tenant: {}\ntenant: {}\n", `dc.yaml:2: "tenant" is there twice`},
		{"a section that is no list", "clients:\n  name: x\n", `dc.yaml:2: "clients" must be a list: begin each entry with a dash`},
		{"an entry that is no object", "clients:\n  - x\n", "dc.yaml:2: names with values are expected here"},
		{"a variable that is not set", "clients:\n  - name: ##NAME##\n", "dc.yaml:2: the environment variable NAME is not set"},
		{"a secret that is not set", "clients:\n  - name: x\n    client_secret: @@NAME@@\n", "dc.yaml:3: the environment variable NAME is not set"},
		{"two documents", "tenant: {}\n---\nclients: []\n", "dc.yaml:2: only one document is read"},
		{"a number that is too large", "tenant:\n  x: 99999999999999999999\n", ""},
		{"infinity", "tenant:\n  x: .inf\n", "dc.yaml:2: this is not a number JSON has"},
		{"a binary value", "tenant:\n  x: !!binary aGVsbG8=\n", "dc.yaml:2: values of the type !!binary are not read"},
		{"too deep", "tenant:\n  x: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\n", "dc.yaml:2: nested too deeply"},
		{"aliases that blow up", "tenant:\n  " + strings.ReplaceAll(bomb, "\n", "\n  "), "the file is too large with its aliases"},
		{"a merge key", "tenant:\n  x: &x {a: 1}\n  y:\n    <<: *x\n", "dc.yaml:4: a plain name is expected before the colon"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseFile("dc.yaml", []byte(c.text), lookup(nil))
			if c.want == "" {
				return // only that nothing breaks
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "dc.yaml:") {
				t.Errorf("ParseFile = %v, want %s", err, c.want)
			}
		})
	}
	t.Run("an empty file says nothing", func(t *testing.T) {
		for _, text := range []string{"", "\n# nothing\n", "---\n", "null\n"} {
			if f, err := ParseFile("x", []byte(text), lookup(nil)); err != nil || len(f.Server) != 0 {
				t.Errorf("ParseFile(%q) = %+v, %v", text, f, err)
			}
		}
	})
	t.Run("a secret in an error is not shown", func(t *testing.T) {
		_, err := ParseFile("x", []byte("clients:\n  - name: x\n    n: ##S##\n    n: 1\n"), lookup(map[string]string{"S": "canary"}))
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
	})
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dc.yaml")
	if _, err := ReadFile(path, os.LookupEnv); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(path, []byte("server: {limits: off}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFile(path, os.LookupEnv)
	if err != nil || f.Server["limits"] != "off" {
		t.Errorf("ReadFile = %+v, %v", f, err)
	}
}

// What a variable holds never becomes a part of the file, and no text breaks
// the reader.
func FuzzParseFile(f *testing.F) {
	f.Add(goodFile, "v")
	f.Add("clients:\n  - name: ##V##\n    x: @@V@@\n", "a: {b: c}\n- d")
	f.Fuzz(func(t *testing.T, text, value string) {
		file, err := ParseFile("f", []byte(text), func(string) (string, bool) { return value, true })
		if err == nil && file == nil {
			t.Error("neither a file nor an error")
		}
	})
}

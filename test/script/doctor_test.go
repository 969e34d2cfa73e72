package script

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// serving is a configuration with nothing wrong in it. The Twilio account is
// nobody's.
const serving = `
clients:
  - name: My app
    client_id: 4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf
    client_secret: canary-client-secret-0123456789abcdef
    callbacks: [https://app.example.com/callback]
    grant_types: ["http://auth0.com/oauth/grant-type/passwordless/otp", refresh_token]
connections:
  - name: sms
    strategy: sms
    enabled_clients: [My app]
    options:
      name: sms
      twilio_sid: AC00000000000000000000000000000000
      twilio_token: canary-twilio-token
      from: "+15005550006"
      template: "Your code is @@password@@"
      totp: { length: 6, time_step: 180 }
      doorcode:
        fraud: { country_codes: { mode: allow, list: [GB, NL] }, sends_per_day: 1000 }
`

// serve runs "doorcode serve" in a directory that has a key until stop is
// called, which waits for its end.
func serve(t *testing.T, dir string, args ...string) (stop func()) {
	t.Helper()
	ready := filepath.Join(dir, "ready.json")
	_ = os.Remove(ready)
	args = append([]string{
		"serve", "--public-url", "https://login.example.com", "--addr", "127.0.0.1:0",
		"--private-addr", "127.0.0.1:0", "--ready-file", ready,
	}, args...)
	cmd := exec.Command(binary.Path(t), args...)
	cmd.Dir, cmd.Env = dir, binary.Environment("TMPDIR="+dir)
	log := &strings.Builder{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v:\n%s", err, log)
		}
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			return stop
		}
		select {
		case err := <-ended:
			stopped = true
			t.Fatalf("the server ended with %v:\n%s", err, log)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the server is not ready")
		}
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// X8: the doctor finds what is wrong with a server, beside one that runs and
// without one, and says no secret.
func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	if _, _, status := command(t, dir, "keys", "new"); status != 0 {
		t.Fatal("no key was made")
	}
	good := write(t, dir, "good.yaml", serving)
	stop := serve(t, dir, "--config", good)
	proxied := []string{"--trusted-proxies", "127.0.0.1/32"}
	check := func(name string, status int, want string, args ...string) {
		t.Helper()
		out, errs, got := command(t, dir, append([]string{"doctor"}, args...)...)
		if got != status || !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: status %d, want %d with %s:\n%s%s", name, got, status, want, out, errs)
		}
		key, err := os.ReadFile(filepath.Join(dir, "doorcode.key"))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"canary", strings.TrimSpace(string(key)), "5550006"} {
			if strings.Contains(out+errs, secret) {
				t.Errorf("%s: %q is in the output", name, secret)
			}
		}
	}
	check("a good server", 0, `(?m)\A(ok .*\n)+\z`, proxied...)
	stop()
	check("a good server that is ended", 0, `(?m)\A(ok .*\n)+\z`, proxied...)
	check("no proxy is trusted", 0, `warn  trusted_proxies`)
	check("plain http", 1, `fail  public_url +The public URL http://login`, "--public-url", "http://login.example.com")
	check("no limits", 1, `fail  limits`, "--limits", "off")
	check("no database", 1, `fail  database +There is no database at nothing.db`, "--database", "sqlite:nothing.db")
	write(t, dir, "empty.db", "")
	check("an empty database", 1, `fail  database +SQLite .*: \d+ steps of the schema are missing`, "--database", "sqlite:empty.db")
	write(t, dir, "text.db", strings.Repeat("this is no database ", 100))
	check("no database at all", 1, `fail  database`, "--database", "sqlite:text.db")
	check("no key", 1, `fail  root_key +The key that seals stored secrets is missing`, "--key-file", "none.key")
	command(t, dir, "keys", "new", "--key-file", "other.key")
	write(t, dir, "weak.key", "q83vEjRWeJq83vASNFZ4mrze8BI0VniavN7wEjRWeJo=\n")
	check("a key that somebody could guess", 1, `fail  root_key +weak.key is not random`, "--key-file", "weak.key")
	check("another key", 1, `fail  root_key +The database was made with another root key`, "--key-file", "other.key")
	check("a database that nobody serves", 1, `fail  database`, "--database", "postgres://nobody:canary@127.0.0.1:1/doorcode")

	for name, change := range map[string][3]string{
		`fail  template +Connection "sms": the message has no code`: {"@@password@@", "secret"},
		`warn  segments +Connection "sms"`:                          {"Your code", strings.Repeat("Your code ", 20)},
		`fail  sender +Connection "sms"`:                            {"twilio_token: canary-twilio-token", "forward_req_info: false"},
		`fail  sender +Connection "sms": address: .* every message fails`: {
			"twilio_sid:", "provider: sms_gateway\n      gateway_url: http://10.0.0.5/x\n      twilio_sid:",
		},
		`warn  callbacks +Application "My app": .* is plain http`:  {"https://app.example.com", "http://app.example.com"},
		`warn  callbacks +Application "My app": .* has a wildcard`: {"https://app.example.com", "'https://*.example.com'"},

		`warn  tenant_settings +The tenant's settings: "freindly_name" .*did you mean "friendly_name"`: {"\nclients:", "\ntenant: {freindly_name: Acme}\nclients:"},

		`warn  connections`: {"enabled_clients: [My app]", "enabled_clients: []"},
		`warn  codes +Connection "sms": codes have 4 digits`: {"length: 6", "length: 4"},
	} {
		fresh := t.TempDir()
		if _, _, status := command(t, fresh, "keys", "new"); status != 0 {
			t.Fatal("no key was made")
		}
		text := strings.Replace(serving, change[0], change[1], 1)
		text = strings.Replace(text, "'https://*.example.com'/callback", "'https://*.example.com/callback'", 1)
		serve(t, fresh, "--config", write(t, fresh, "c.yaml", text))()
		out, errs, status := command(t, fresh, "doctor")
		if want := strings.HasPrefix(name, "fail"); !regexp.MustCompile(name).MatchString(out) || (status == 1) != want {
			t.Errorf("%s is not found (status %d):\n%s%s", name, status, out, errs)
		}
	}

	out, _, status := command(t, dir, append([]string{"doctor", "--json"}, proxied...)...)
	var report struct {
		At       time.Time
		Verdict  string
		Findings []struct{ Check, Verdict, Detail, Fix string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || status != 0 || report.Verdict != "ok" || len(report.Findings) < 10 || report.At.IsZero() {
		t.Errorf("--json gave %v, status %d:\n%s", err, status, out)
	}
}

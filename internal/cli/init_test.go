package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
)

// What init writes is read by the server: as it is, and with every setting in it
// switched on.
func TestInitFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorcode.yaml")
	run := func() (int, string) {
		var out, errw bytes.Buffer
		status := Main([]string{"init", path}, nil, &out, &errw)
		return status, out.String() + errw.String()
	}
	if status, said := run(); status != 0 || !strings.Contains(said, "--config "+path) {
		t.Fatalf("%d %s", status, said)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := config.ParseFile(path, text, os.LookupEnv); err != nil || len(f.Server) != 0 || f.Tenant != nil {
		t.Errorf("as it is: %+v, %v", f, err)
	}
	for _, name := range []string{"TWILIO_SID", "TWILIO_TOKEN", "SMTP_USER", "SMTP_PASS"} {
		t.Setenv(name, "AC0123456789abcdef0123456789abcdef")
	}
	on := regexp.MustCompile(`(?m)^#([^#])`).ReplaceAll(text, []byte("$1"))
	// These would be the tester's own address and database.
	on = regexp.MustCompile(`(?m)^  (public_url|dashboard_url|addr|database|log_format):.*$`).ReplaceAll(on, nil)
	all := path + ".all"
	if err := os.WriteFile(all, on, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := app.WithFile(config.Config{Mode: config.Dev, Addr: "127.0.0.1:0", Ephemeral: true, NoOpen: true, File: all})
	if err != nil {
		t.Fatalf("%v:\n%s", err, on)
	}
	if len(cfg.TrustedProxies) == 0 {
		t.Error("the section of the server is not read")
	}
	a, err := app.Open(t.Context(), cfg, app.Options{Log: &bytes.Buffer{}})
	if err != nil {
		t.Fatalf("%v:\n%s", err, on)
	}
	defer a.Close()
	if len(a.Warnings) != 0 {
		t.Errorf("the server warns: %q", a.Warnings)
	}
	for _, name := range []string{"sms", "email"} {
		c, err := a.Store.Connection(t.Context(), name)
		if err != nil || !c.Managed || len(c.Clients) != 1 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		if f := c.Fraud; name == "sms" && (!f.LineTypes || len(f.Countries.List) == 0 || f.Sends.Day == 0) {
			t.Errorf("against fraud it does %+v", f)
		}
	}

	if status, said := run(); status != 1 || !strings.Contains(said, "is there already") {
		t.Errorf("over a file that is there: %d %s", status, said)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, text) {
		t.Errorf("the file was changed: %v", err)
	}
}

// A browser is opened for somebody who sits there, and for nobody else.
func TestWantsBrowser(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	plain, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	env := func(string) string { return "" }
	if wantsBrowser(false, &bytes.Buffer{}, env) || wantsBrowser(false, null, env) || wantsBrowser(false, plain, env) {
		t.Error("a browser is opened without a terminal")
	}
}

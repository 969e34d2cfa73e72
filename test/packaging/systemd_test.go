package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

const unit = "packaging/systemd/doorcode.service"

// setting is the value of a setting of the unit.
func setting(t *testing.T, name string) string {
	t.Helper()
	for line := range strings.Lines(read(t, unit)) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("the unit has no %s", name)
	return ""
}

// The command of the unit, with its directories moved into a test's, starts a
// server that serves and ends when systemd asks it to.
func TestUnitStarts(t *testing.T) {
	words := strings.Fields(setting(t, "ExecStart"))
	if words[0] != "/usr/local/bin/doorcode" || words[1] != "serve" {
		t.Fatalf("the unit starts %q", words)
	}
	etc, state := t.TempDir(), t.TempDir()
	for i := range words {
		words[i] = strings.ReplaceAll(strings.ReplaceAll(words[i], "/etc/doorcode", etc), "/var/lib/doorcode", state)
	}
	config := "server:\n  public_url: https://login.example.com\n  addr: 127.0.0.1:0\n  trusted_proxies: 127.0.0.1/32\n"
	if err := os.WriteFile(filepath.Join(etc, "doorcode.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, status := command(t, etc, nil, "keys", "new", "--key-file", filepath.Join(etc, "doorcode.key")); status != 0 {
		t.Fatal(out)
	}
	ready := filepath.Join(t.TempDir(), "ready.json")
	p := start(t, state, []string{"DOORCODE_READY_FILE=" + ready}, words[1:]...)
	p.await(t, ready)
	p.stop(t)
	entries, err := os.ReadDir(state)
	if err != nil || len(entries) != 1 || entries[0].Name() != "doorcode.db" {
		t.Errorf("in the state directory are %v (%v), want the database alone", entries, err)
	}
}

// systemd itself understands the unit, and finds little to be exposed.
func TestUnitVerifies(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		binary.Missing(t, "systemd-analyze")
	}
	text := strings.Replace(read(t, unit), "/usr/local/bin/doorcode", binary.Path(t), 1)
	path := filepath.Join(t.TempDir(), "doorcode.service")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", path).CombinedOutput()
	level := regexp.MustCompile(`Overall exposure level for .*: ([0-9.]+)`).FindSubmatch(out)
	if err != nil || level == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	exposure, err := strconv.ParseFloat(string(level[1]), 64)
	if err != nil || exposure > 1.5 {
		t.Errorf("the exposure of the unit is %s, want at most 1.5 of 10", level[1])
	}
	t.Logf("measured: the exposure of the unit is %s of 10", level[1])
}

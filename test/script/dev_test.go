package script

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// X1: doorcode dev in an empty folder answers within a second, and says where
// everything is.
func TestX1DevInAnEmptyFolder(t *testing.T) {
	s := binary.New(t).Start()
	if limit := time.Second; s.ReadyAfter > limit && !binary.Race() {
		t.Errorf("it was ready after %v, want %v", s.ReadyAfter, limit)
	}
	said := ""
	for range 200 {
		text, err := os.ReadFile(filepath.Join(s.Dir(), "stdout.log"))
		if err != nil {
			t.Fatal(err)
		}
		if said = string(text); strings.Contains(said, "Try it:") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for name, want := range map[string]string{
		"Login": s.URL + " ", "Dashboard": s.URL + "/dashboard ", "Outbox": s.OutboxURL + " ", "App": `"My app"   client_id ` + s.ClientID,
		"Data": "doorcode.db", "Config": "none   (\"doorcode init\" writes doorcode.yaml)", "Metrics": s.PrivateURL + "/metrics",
		"Try it:": "doorcode try sms +447700900123",
	} {
		if !regexp.MustCompile(`(?m)^  ` + name + ` +` + regexp.QuoteMeta(want)).MatchString(said) {
			t.Errorf("there is no line %s %s in\n%s", name, want, said)
		}
	}
	if !strings.Contains(said, "callback http://localhost:3000/callback\n") {
		t.Errorf("the callback is not said:\n%s", said)
	}
	for _, path := range []string{"/dashboard", "/outbox", "/.well-known/openid-configuration"} {
		if a := s.Do(request(http.MethodGet, s.URL+path, "")); a.Status != http.StatusOK && a.Status != http.StatusSeeOther {
			t.Errorf("GET %s: %v", path, a)
		}
	}
}

// dev opens the Dashboard for somebody at a terminal, unless told not to.
func TestDevOpensTheBrowser(t *testing.T) {
	terminal := binary.Tool(t, "script", "")
	for _, tt := range []struct {
		name, flags string
		env         []string
		opens       bool
	}{
		{"at a terminal", "", nil, true},
		{"with --no-open", "--no-open", nil, false},
		{"in CI", "", []string{"CI=true"}, false},
		{"without a screen", "", []string{"DISPLAY="}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			opened := filepath.Join(dir, "opened")
			fake := fmt.Sprintf("#!/bin/sh\necho \"$1\" >%s\n", opened)
			if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(fake), 0o700); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			ready := filepath.Join(dir, "ready.json")
			// With exec: a shell that stays would be ended by Ctrl C itself.
			cmd := exec.CommandContext(ctx, terminal, "-qec", "exec "+binary.Path(t)+" dev --ephemeral --addr 127.0.0.1:0 --ready-file "+ready+" "+tt.flags, "/dev/null")
			cmd.Dir = dir
			cmd.Env = append(binary.Environment("TMPDIR="+dir, "PATH="+dir+":"+os.Getenv("PATH"), "DISPLAY=:99", "CI="), tt.env...)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			got := ""
			for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
				text, err := os.ReadFile(opened)
				if got = strings.TrimSpace(string(text)); err == nil && got != "" {
					break
				}
				// What does not open a browser right after it is ready does not do so.
				if info, err := os.Stat(ready); err == nil && !tt.opens && time.Since(info.ModTime()) > 500*time.Millisecond {
					break
				}
			}
			_, _ = in.Write([]byte{3}) // Ctrl C
			if err := cmd.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
			if is := regexp.MustCompile(`^http://localhost:\d+/dashboard$`).MatchString(got); is != tt.opens {
				t.Errorf("opened: %q", got)
			}
		})
	}
}

// A port that is taken: by what, and which one is free.
func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().String()
	for _, args := range [][]string{
		{"dev", "--ephemeral", "--no-open", "--addr", at},
		{"serve", "--public-url", "https://login.example.com", "--key-file", keyFile(t), "--addr", at},
	} {
		_, said, status := command(t, t.TempDir(), args...)
		m := regexp.MustCompile(regexp.QuoteMeta(at) + ` is in use by (.+): stop it, or choose another port, such as --addr (\S+)`).FindStringSubmatch(said)
		if status != 1 || m == nil {
			t.Fatalf("%v: status %d, %s", args, status, said)
		}
		if want := fmt.Sprintf("(process %d)", os.Getpid()); !strings.HasSuffix(m[1], want) {
			t.Errorf("it is in use by %s, want %s", m[1], want)
		}
		if free, err := net.Listen("tcp", m[2]); err != nil {
			t.Errorf("%s is not free: %v", m[2], err)
		} else {
			_ = free.Close()
		}
	}
}

// keyFile writes a key for serve.
func keyFile(t *testing.T) string {
	t.Helper()
	key, path := make([]byte, 32), filepath.Join(t.TempDir(), "key")
	_, _ = rand.Read(key) // never fails
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// X2: while there is no administrator, serve prints a link that lets one in. Its
// secret is in the fragment; it works once, by POST, and dev has none: there the
// developer is let in on the machine.
func TestX2SetupLink(t *testing.T) {
	run := binary.New(t)
	key := filepath.Join(run.Dir(), "key")
	s := run.Serve("--key-file", key)
	link := ""
	for range 200 {
		text, err := os.ReadFile(filepath.Join(s.Dir(), "stderr.log"))
		if err != nil {
			t.Fatal(err)
		}
		if link = regexp.MustCompile(`(?m)^http\S+/dashboard/setup#\S+$`).FindString(string(text)); link != "" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	page, secret, ok := strings.Cut(link, "#")
	if !ok || len(secret) < 40 {
		t.Fatalf("the link is %q", link)
	}
	post := func() int {
		r := request(http.MethodPost, page, "secret="+secret+"&email=owner%40mail.example")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return s.Do(r).Status
	}
	for range 10 { // whoever looks at the page uses nothing up
		if a := s.Do(request(http.MethodGet, page, "")); a.Status != http.StatusOK {
			t.Fatalf("GET: %v", a)
		}
	}
	if got := post(); got != http.StatusSeeOther {
		t.Errorf("the link gives %d", got)
	}
	if got := post(); got != http.StatusUnprocessableEntity {
		t.Errorf("the second time it gives %d", got)
	}
	out, errs, status := command(t, s.Dir(), "admin", "list", "--key-file", key)
	if status != 0 || !regexp.MustCompile(`owner@mail\.example +owner`).MatchString(out) {
		t.Errorf("admin list: %d %s%s", status, out, errs)
	}
	out, errs, status = command(t, s.Dir(), "admin", "link", "--key-file", key)
	if status != 0 || !strings.HasPrefix(out, page+"#") {
		t.Errorf("admin link: %d %s%s", status, out, errs)
	}
	out, errs, status = command(t, s.Dir(), "admin", "remove", "--key-file", key, "owner@mail.example")
	if status != 0 || !strings.Contains(out, "no administrator any more") {
		t.Errorf("admin remove: %d %s%s", status, out, errs)
	}
	s.Stop()
}

// X4: serve has no outbox, takes no database of dev, and says what it lacks.
func TestX4ServeIsNoDev(t *testing.T) {
	run := binary.New(t)
	dev := run.Start()
	dev.Stop()
	_, said, status := command(t, dev.Dir(), "serve", "--public-url", "https://login.example.com", "--addr", "127.0.0.1:0")
	if status != 1 || !strings.Contains(said, `made by "doorcode dev"`) || !strings.Contains(said, "--database") {
		t.Errorf("a database of dev: %d %s", status, said)
	}
	_, said, status = command(t, t.TempDir(), "serve")
	if status != 2 || !strings.Contains(said, "--public-url (DOORCODE_PUBLIC_URL)") {
		t.Errorf("without a public URL: %d %s", status, said)
	}
	_, said, status = command(t, t.TempDir(), "serve", "--public-url", "https://login.example.com")
	if status != 1 || !strings.Contains(said, "doorcode keys new") || !strings.Contains(said, "DOORCODE_KEY") {
		t.Errorf("without a key: %d %s", status, said)
	}
	// R14: a sender is not needed to start; without one, a start says so.
	s := run.Serve("--key-file", filepath.Join(run.Dir(), "key"))
	for _, path := range []string{"/outbox", "/outbox/", "/outbox/api/messages", "/outbox/events", "/outbox/assets/outbox.js"} {
		if a := s.Do(request(http.MethodGet, s.URL+path, "")); a.Status != http.StatusNotFound {
			t.Errorf("GET %s: %v", path, a)
		}
	}
	r := request(http.MethodPost, s.URL+"/dashboard/login/dev", "")
	if a := s.Do(r); a.Status != http.StatusNotFound {
		t.Errorf("the developer's way in: %v", a)
	}
	s.Stop()
}

// Package packaging tries what the program is shipped with: the build of the
// container image and its settings, and the unit for systemd, as far as that
// goes without either.
package packaging

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

// root is the top of the repository.
const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// instructions are the lines of the Dockerfile that begin with a word.
func instructions(t *testing.T, word string) []string {
	t.Helper()
	var list []string
	for line := range strings.Lines(read(t, "Dockerfile")) {
		if rest, ok := strings.CutPrefix(line, word+" "); ok {
			list = append(list, strings.TrimSpace(rest))
		}
	}
	return list
}

// checkout copies the files of the repository that are not ignored.
func checkout(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "go.mod", "go.sum", "cmd", "internal")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted and not committed yet
		}
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The line that builds the image's program, run in a clean directory, gives one
// file that needs nothing else.
func TestImageIsOneFile(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short: it builds everything anew")
	}
	if runtime.GOOS != "linux" {
		binary.Missing(t, "Linux")
	}
	lines := instructions(t, "RUN")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "go build") })
	if at < 0 {
		t.Fatal("the Dockerfile builds nothing")
	}
	dir := checkout(t)
	out := filepath.Join(t.TempDir(), "doorcode")
	line := strings.Replace(lines[at], "-o /out/doorcode", "-o "+out, 1)
	if line == lines[at] {
		t.Fatalf("%q does not write /out/doorcode", line)
	}
	build := exec.CommandContext(t.Context(), "sh", "-c", line)
	build.Dir = dir
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, text)
	}
	f, err := elf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has a segment of type %v: in an image from scratch it would not start", p.Type)
		}
	}
	if f.Section(".dynamic") != nil || f.Section(".symtab") != nil {
		t.Error("the program has a section .dynamic or .symtab")
	}
	// Nothing but what the image has: no home, no path, no C library.
	run := exec.CommandContext(t.Context(), out, "version")
	run.Env, run.Dir = []string{}, t.TempDir()
	text, err := run.Output()
	if err != nil || !regexp.MustCompile(`^doorcode \d+\.\d+\.\d+ `).Match(text) {
		t.Errorf("version: %q, %v", text, err)
	}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(must(os.ReadFile(out)), []byte(dir)) {
		t.Error("the program names the directory it was built in")
	}
	t.Logf("measured: the image's program has %.1f MiB", float64(info.Size())/(1<<20))
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// SUP-08: the image runs the program, not as root and with nothing else in it.
func TestSUP08ImageIsBare(t *testing.T) {
	text := read(t, "Dockerfile")
	final := text[strings.LastIndex(text, "\nFROM "):]
	if !strings.HasPrefix(final, "\nFROM scratch\n") {
		t.Error("the image is not made from scratch")
	}
	if strings.Contains(final, "\nRUN ") {
		t.Error("an image from scratch has nothing that RUN could run")
	}
	for _, want := range []string{
		"\nUSER 65532:65532\n", "\nVOLUME /data\n", "\nWORKDIR /data\n", "/etc/ssl/certs/ca-certificates.crt",
		"--chown=65532:65532 /out/data /data", "\nEXPOSE 8787\n", `["/doorcode", "health"]`,
	} {
		if !strings.Contains(final, want) {
			t.Errorf("the image has no %q", strings.TrimSpace(want))
		}
	}
	if strings.Contains(final, "8788") && !strings.Contains(final, "# on 127.0.0.1:8788") {
		t.Error("the private port is published")
	}
	for _, name := range []string{"doorcode.db*", "doorcode.key"} {
		if !strings.Contains(read(t, ".dockerignore"), name) {
			t.Errorf("%s can get into the image", name)
		}
	}
}

// process is a server in the foreground.
type process struct {
	*exec.Cmd
	log   bytes.Buffer
	ended chan error
}

func start(t *testing.T, dir string, env []string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(binary.Path(t), args...), ended: make(chan error, 1)}
	p.Dir, p.Env, p.Stderr = dir, binary.Environment(append(env, "TMPDIR="+dir)...), &p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// stop ends the server and wants it to end well.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		if err != nil {
			t.Errorf("the server ended with %v:\n%s", err, p.log.String())
		}
	case <-time.After(20 * time.Second):
		t.Error("the server does not end")
	}
}

// await waits for a file that the server writes when it answers.
func (p *process) await(t *testing.T, file string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			return
		}
		select {
		case err := <-p.ended:
			t.Fatalf("the server ended with %v:\n%s", err, p.log.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the server is not ready")
		}
	}
}

// command runs the program to its end.
func command(t *testing.T, dir string, env []string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary.Path(t), args...)
	cmd.Dir, cmd.Env = dir, binary.Environment(append(env, "TMPDIR="+dir)...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// What the image starts, in a directory like its volume: the key is made there,
// the server finds it and its database, and the health check tells whether it
// runs.
func TestImageStarts(t *testing.T) {
	data := t.TempDir()
	private := "127.0.0.1:" + freePort(t)
	env := []string{"DOORCODE_PUBLIC_URL=https://login.example.com"}
	for _, e := range instructions(t, "ENV") {
		name, value, _ := strings.Cut(e, "=")
		if name == "DOORCODE_ADDR" {
			if !strings.HasPrefix(value, "0.0.0.0:") {
				t.Errorf("the image listens on %s, which nothing outside reaches", value)
			}
			value = "127.0.0.1:0"
		}
		env = append(env, name+"="+value)
	}
	env = append(env, "DOORCODE_PRIVATE_ADDR="+private)
	if out, status := command(t, data, env, "health"); status != 1 || !strings.Contains(out, "does not answer") {
		t.Errorf("without a server health ended with %d: %s", status, out)
	}
	if out, status := command(t, data, env, "keys", "new"); status != 0 {
		t.Fatal(out)
	}
	serve := strings.Fields(strings.Trim(instructions(t, "CMD")[0], `[]"`))
	ready := filepath.Join(t.TempDir(), "ready.json")
	p := start(t, data, append(env, "DOORCODE_READY_FILE="+ready), serve...)
	p.await(t, ready)
	for _, args := range [][]string{{"health"}, {"health", "--ready"}} {
		if out, status := command(t, data, env, args...); status != 0 || out != "ok\n" && out != "ready\n" {
			t.Errorf("%v ended with %d: %s", args, status, out)
		}
	}
	if _, err := os.Stat(filepath.Join(data, "doorcode.db")); err != nil {
		t.Errorf("the database is not in the volume: %v", err)
	}
	p.stop(t)
	if _, status := command(t, data, env, "health"); status != 1 {
		t.Errorf("after the server has ended health ends with %d", status)
	}
}

// freePort is a port that nobody listened on a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Package binary runs the real program for tests that look at it from outside,
// the way an operator and an application do: it is built once for each test
// process, started on loopback with a directory of its own, killed or stopped,
// and started again on the same data.
//
// Whatever secret passes through these tests is remembered, and when a test
// ends, no log line of any of its servers may contain one of them.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }
package binary

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// What a test process builds, it builds once.
var (
	built = sync.OnceValues(build)
	place atomic.Pointer[string] // the directory, to be removed at the end
)

func build() (string, error) {
	dir, err := os.MkdirTemp("", "doorcode-binary-")
	if err != nil {
		return "", err
	}
	place.Store(&dir)
	path := filepath.Join(dir, "doorcode")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	// Without symbols, as it is shipped. Stack traces do not need them.
	args := []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", path}
	if Race() {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "github.com/doorcode/doorcode/cmd/doorcode")...)
	if !Race() {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
}

// Main runs the tests of a package and removes what they built.
func Main(m *testing.M) int {
	status := m.Run()
	if dir := place.Load(); dir != nil {
		_ = os.RemoveAll(*dir)
	}
	return status
}

// Path returns the path of the program, which is built if it is not yet. Under
// the race detector the program has it too.
func Path(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Race reports whether the tests run under the race detector.
func Race() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

// Missing ends a test that needs what this machine does not have. With
// DOORCODE_TEST_REQUIRE=all nothing may be missing.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("DOORCODE_TEST_REQUIRE") == "all" {
		t.Fatalf("%s, and DOORCODE_TEST_REQUIRE=all", what)
	}
	t.Skipf("SKIPPED, NOT TESTED: %s", what)
}

// Tool returns the path of a program that a test needs: the one that the
// environment variable names, else the one on the PATH.
func Tool(t testing.TB, name, variable string) string {
	t.Helper()
	if variable != "" && os.Getenv(variable) != "" {
		return os.Getenv(variable)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		hint := ""
		if variable != "" {
			hint = " and " + variable + " is not set"
		}
		Missing(t, name+" is not installed"+hint)
	}
	return path
}

// Environment is the environment of this process without what would configure
// the program, and with what is added.
func Environment(extra ...string) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "DOORCODE_") {
			env = append(env, e)
		}
	}
	return append(env, extra...)
}

// Count returns how often a suite does what it does: as often as the variable
// says, else twice with -short, a quarter under the race detector, and n
// otherwise.
func Count(t testing.TB, variable string, n int) int {
	t.Helper()
	if text := os.Getenv(variable); text != "" {
		set, err := strconv.Atoi(text)
		if err != nil || set < 1 {
			t.Fatalf("%s must be a number from 1, not %q", variable, text)
		}
		return set
	}
	switch {
	case testing.Short():
		return 2
	case Race():
		return max(2, n/4)
	}
	return n
}

// Package sdk runs other people's SDKs, pinned and unmodified, against a
// running server over TLS. Each has a directory here: a module of its own, so
// that nothing of it reaches the program.
package sdk

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

// serve starts a server over TLS and returns it with the path of its ready
// file. The SDKs know no other scheme than https.
func serve(t *testing.T) *binary.Server {
	t.Helper()
	s := binary.New(t).Start("--ephemeral", "--tls")
	if s.CAFile == "" || !strings.HasPrefix(s.URL, "https://localhost:") {
		t.Fatalf("with --tls the server is at %s and its authority in %q", s.URL, s.CAFile)
	}
	return s
}

// run runs a command in a directory beside this file. What it prints is shown.
func run(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s %s\n%s", filepath.Base(name), strings.Join(args, " "), out)
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(name), err)
	}
}

func TestNodeAuth0(t *testing.T) { inNode(t, "node-auth0") }

// TestOpenIDNode is openid-client, express-openid-connect, auth0-auth-js, and
// express-oauth2-jwt-bearer for APIs.
func TestOpenIDNode(t *testing.T) { inNode(t, "openid-node") }

// inNode runs the tests of a directory in Node.
func inNode(t *testing.T, dir string) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	node := packages(t, dir)
	s := serve(t)
	run(t, dir, []string{"DOORCODE_READY=" + s.ReadyFile(), "NODE_EXTRA_CA_CERTS=" + s.CAFile},
		node, "--test", "--test-reporter=spec")
	s.NoteOutbox()
	s.Stop()
}

// packages fetches the packages of a directory, if they are not there, and
// returns the path of Node.
func packages(t *testing.T, dir string) string {
	t.Helper()
	node := binary.Tool(t, "node", "DOORCODE_TEST_NODE")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		npm := binary.Tool(t, "npm", "")
		run(t, dir, nil, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	}
	return node
}

func TestGoAuth0(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	s := serve(t)
	run(t, "go-auth0", []string{"DOORCODE_READY=" + s.ReadyFile(), "GOWORK=off"}, "go", "test", "-count=1", "-v", "./...")
	s.NoteOutbox()
	s.Stop()
}

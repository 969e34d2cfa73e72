package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxDirect is how many modules the program may rely on directly.
const maxDirect = 15

// goCommand runs the go command at the top of the repository.
func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}

// direct returns the modules that packages of ours import and ./cmd/doorcode
// links. What only tests use is not among them.
func direct(t *testing.T) []string {
	t.Helper()
	type goListed struct {
		ImportPath string
		Imports    []string
		Module     *struct {
			Path string
			Main bool
		}
	}
	moduleOf, imported := map[string]string{}, map[string]bool{}
	for dec := json.NewDecoder(strings.NewReader(goCommand(t, "list", "-deps", "-json=ImportPath,Imports,Module", "./cmd/doorcode"))); ; {
		var p goListed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch {
		case p.Module == nil: // the standard library
		case p.Module.Main:
			for _, imp := range p.Imports {
				imported[imp] = true
			}
		default:
			moduleOf[p.ImportPath] = p.Module.Path
		}
	}
	var modules []string
	for imp := range imported {
		if m := moduleOf[imp]; m != "" {
			modules = append(modules, m)
		}
	}
	slices.Sort(modules)
	return slices.Compact(modules)
}

// rowText is a row of the table in the record of the dependencies.
var rowText = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (v\\S+) \\|")

func TestDirectDependencies(t *testing.T) {
	modules := direct(t)
	if len(modules) > maxDirect {
		t.Errorf("doorcode links %d direct dependencies, more than %d: %v", len(modules), maxDirect, modules)
	}
	record, err := os.ReadFile(filepath.Join(root, "docs/decisions/0006-dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, row := range rowText.FindAllSubmatch(record, -1) {
		told[string(row[1])] = string(row[2])
	}
	for _, m := range modules {
		version := strings.TrimSpace(goCommand(t, "list", "-m", "-f", "{{.Version}}", m))
		if told[m] != version {
			t.Errorf("docs/decisions/0006-dependencies.md has %q as the version of %s, want %s", told[m], m, version)
		}
		delete(told, m)
	}
	for m := range told {
		t.Errorf("docs/decisions/0006-dependencies.md has a row for %s, which doorcode does not import", m)
	}
}

// modernc.org/sqlite is C translated to Go against one exact version of
// modernc.org/libc and may break with any other, yet the go command takes a
// newer one as soon as any dependency asks for it.
func TestLibcIsTheOneSQLiteWants(t *testing.T) {
	// Read through the test as well, so that a cached result does not outlive
	// a change of the file.
	if _, err := os.ReadFile(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	file := strings.TrimSpace(goCommand(t, "list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite"))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`(?m)^\s*(?:require\s+)?modernc\.org/libc\s+(v\S+)`).FindSubmatch(text)
	if asked == nil {
		t.Fatalf("%s does not ask for modernc.org/libc", file)
	}
	got := strings.TrimSpace(goCommand(t, "list", "-m", "-f", "{{.Version}}", "modernc.org/libc"))
	if want := string(asked[1]); got != want {
		t.Errorf("the build uses modernc.org/libc %s, but modernc.org/sqlite wants %s", got, want)
	}
}

package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the top of the repository, as seen from this package's directory,
// where go test runs its tests.
const root = "../.."

// A goPackage is the source of one package, tests included.
type goPackage struct {
	files []goFile
}

// A goFile is one parsed source file.
type goFile struct {
	path   string // from the top of the repository, with slashes
	syntax *ast.File
	fset   *token.FileSet
}

// isTest reports whether the file is only compiled for tests.
func (f goFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// lines returns how many lines lie between two positions, both counted.
func (f goFile) lines(from, to token.Pos) int {
	return f.fset.Position(to).Line - f.fset.Position(from).Line + 1
}

// imports returns what the package imports outside its tests. It is read from
// the source of every file, so an import that only one operating system sees is
// held to the rules as well.
func (p *goPackage) imports() []string {
	var paths []string
	for _, f := range p.files {
		if f.isTest() {
			continue
		}
		for _, spec := range f.syntax.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err == nil {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// packages parses cmd and internal. Packages of internal are named without
// that word, as in "web/authapi".
func packages(t *testing.T) map[string]*goPackage {
	t.Helper()
	found := map[string]*goPackage{}
	for _, top := range []string{"cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && entry.Name() == "testdata" {
				return filepath.SkipDir
			}
			if entry.IsDir() || !strings.HasSuffix(path, ".go") {
				return nil
			}
			fset := token.NewFileSet()
			syntax, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			name := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(rel)), "internal/")
			if found[name] == nil {
				found[name] = &goPackage{}
			}
			found[name].files = append(found[name].files, goFile{path: rel, syntax: syntax, fset: fset})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

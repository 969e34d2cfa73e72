package archtest

import (
	"fmt"
	"go/ast"
	"strings"
	"testing"
)

// The limits a change is held to. New code aims lower: 400 lines and 60.
const (
	maxFileLines     = 500
	maxFunctionLines = 80
)

// exceptions names files ("internal/x/y.go") and functions
// ("internal/x/y.go Name") that may be longer, each with the reason.
var exceptions = map[string]string{
	"internal/tenant/scope.go ManagementScopes": "one list of names, a line each",
}

// Functions of tests may be longer: a table of cases is data.
func TestSizes(t *testing.T) {
	used := map[string]bool{}
	tooLong := func(what string, n, limit int) {
		if n <= limit {
			return
		}
		used[what] = true
		if exceptions[what] == "" {
			t.Errorf("%s has %d lines, more than %d", what, n, limit)
		}
	}
	for _, p := range packages(t) {
		for _, f := range p.files {
			tooLong(f.path, f.lines(f.syntax.FileStart, f.syntax.FileEnd), maxFileLines)
			if f.isTest() {
				continue
			}
			for _, decl := range f.syntax.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok {
					tooLong(f.path+" "+fn.Name.Name, f.lines(fn.Pos(), fn.End()), maxFunctionLines)
				}
			}
		}
	}
	for what := range exceptions {
		if !used[what] {
			t.Errorf("exceptions names %s, which needs no exception", what)
		}
	}
}

// State is made by app, not by importing a package.
func TestNoInit(t *testing.T) {
	for _, p := range packages(t) {
		for _, f := range p.files {
			for _, decl := range f.syntax.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has an init function", f.fset.Position(fn.Pos()))
				}
			}
		}
	}
}

func TestEverythingExportedIsDocumented(t *testing.T) {
	for name, p := range packages(t) {
		if !hasPackageComment(p) {
			t.Errorf("%s has no package comment", name)
		}
		for _, f := range p.files {
			if f.isTest() {
				continue
			}
			for _, bare := range undocumented(f.syntax) {
				t.Errorf("%s: %s has no comment", f.fset.Position(bare.Pos()), bare.Name)
			}
		}
	}
}

// hasPackageComment reports whether a file of the package opens with a comment
// in the form that go doc expects. A package of tests alone has it there.
func hasPackageComment(p *goPackage) bool {
	for _, f := range p.files {
		doc, name := f.syntax.Doc.Text(), f.syntax.Name.Name
		if strings.HasPrefix(doc, fmt.Sprintf("Package %s ", name)) || name == "main" && strings.HasPrefix(doc, "Command ") {
			return true
		}
	}
	return false
}

// undocumented returns the exported names of a file that nothing is said about.
func undocumented(file *ast.File) []*ast.Ident {
	var bare []*ast.Ident
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Name.IsExported() && decl.Doc == nil && receiverIsExported(decl) {
				bare = append(bare, decl.Name)
			}
		case *ast.GenDecl:
			bare = append(bare, undocumentedSpecs(decl)...)
		}
	}
	return bare
}

// undocumentedSpecs does the same for one declaration of types, constants or
// variables. A comment above a group of values speaks for all of them, and the
// comment on a type of ours speaks for constants that are declared with it.
func undocumentedSpecs(decl *ast.GenDecl) []*ast.Ident {
	var bare []*ast.Ident
	typed := false
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && spec.Doc == nil && decl.Doc == nil {
				bare = append(bare, spec.Name)
			}
			bare = append(bare, undocumentedMethods(spec)...)
		case *ast.ValueSpec:
			if spec.Type != nil || len(spec.Values) > 0 {
				typed = typeIsOurs(spec.Type)
			}
			if typed || decl.Doc != nil || spec.Doc != nil || spec.Comment != nil {
				continue
			}
			for _, name := range spec.Names {
				if name.IsExported() {
					bare = append(bare, name)
				}
			}
		}
	}
	return bare
}

// undocumentedMethods does the same for the methods of an exported interface,
// whose comments tell what an implementation promises.
func undocumentedMethods(spec *ast.TypeSpec) []*ast.Ident {
	methods, ok := spec.Type.(*ast.InterfaceType)
	if !ok || !spec.Name.IsExported() {
		return nil
	}
	var bare []*ast.Ident
	for _, m := range methods.Methods.List {
		for _, name := range m.Names {
			if name.IsExported() && m.Doc == nil && m.Comment == nil {
				bare = append(bare, name)
			}
		}
	}
	return bare
}

// typeIsOurs reports whether a constant's type is one of the package's own
// exported types.
func typeIsOurs(expr ast.Expr) bool {
	ident, ok := expr.(*ast.Ident)
	return ok && ident.IsExported()
}

// receiverIsExported reports whether a function is no method or belongs to an
// exported type.
func receiverIsExported(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	expr := fn.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return true
		}
	}
}

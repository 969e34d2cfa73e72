package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sqlWords are what makes a text a part of a statement.
var sqlWords = regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE|WHERE|FROM|VALUES|ORDER BY|LIMIT|RETURNING)\b`)

// composed are the functions of the store that put statements together from
// parts of their own: names of columns and numbers of parameters, nothing that
// comes from outside. Each was read.
var composed = map[string]string{
	"oneTimeTexts":    "names of our tables",
	"resealColumn":    "names of our tables and columns",
	"sealedRows":      "names of our tables and columns",
	"SealedElsewhere": "names of our tables and columns",
	"endSessionsOf":   "a statement that its caller has as a constant",
	"Messages":        "conditions on columns of ours and numbers of parameters",
	"Funnel":          "numbers of parameters, and types and states that stand in it",
}

// INJ-05: values reach the database as parameters. Wherever a text with SQL in it
// is joined with something, that is a constant or a statement of the package.
func TestINJ05StatementsAreConstant(t *testing.T) {
	files, err := filepath.Glob("../store/*.go")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files of the store, %v", len(files), err)
	}
	fset := token.NewFileSet()
	var parsed []*ast.File
	known := map[string]bool{} // what is declared in the package
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok {
						for _, n := range v.Names {
							known[n.Name] = true
						}
					}
				}
			case *ast.FuncDecl:
				if d.Recv == nil {
					known[d.Name.Name] = true
				}
			}
		}
	}
	joined := 0
	for _, f := range parsed {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || composed[fn.Name.Name] != "" {
				continue
			}
			known := withLocals(fn, known)
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BinaryExpr:
					if n.Op != token.ADD || !hasSQL(n) {
						return true
					}
					joined++
					for _, leaf := range leaves(n) {
						if !constant(leaf, known) {
							t.Errorf("%s: a statement is joined with a value", fset.Position(leaf.Pos()))
						}
					}
					return false
				case *ast.CallExpr:
					if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sprintf" && hasSQL(n) {
						t.Errorf("%s: a statement is made by Sprintf", fset.Position(n.Pos()))
					}
				}
				return true
			})
		}
	}
	if joined == 0 {
		t.Error("no statement is joined with anything: the test looks in the wrong place")
	}
}

// withLocals adds to what is known the names in a function that are never given
// anything but constants.
func withLocals(fn *ast.FuncDecl, known map[string]bool) map[string]bool {
	given := map[string][]ast.Expr{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); ok {
					from := n.Rhs[0]
					if len(n.Rhs) == len(n.Lhs) {
						from = n.Rhs[i]
					}
					given[id.Name] = append(given[id.Name], from)
				}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if i < len(n.Values) {
					given[id.Name] = append(given[id.Name], n.Values[i])
				}
			}
		case *ast.Field: // a parameter or a result
			for _, id := range n.Names {
				given[id.Name] = append(given[id.Name], &ast.FuncLit{})
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok {
					given[id.Name] = append(given[id.Name], &ast.FuncLit{})
				}
			}
		}
		return true
	})
	out := map[string]bool{}
	for name := range known {
		out[name] = given[name] == nil
	}
	for range 3 { // one is made of another
		for name, from := range given {
			ok := true
			for _, e := range from {
				for _, leaf := range leaves(e) {
					id, self := leaf.(*ast.Ident)
					// "where = where + …" goes on with what it was.
					ok = ok && (constant(leaf, out) || self && id.Name == name && len(from) > 1)
				}
			}
			out[name] = ok
		}
	}
	return out
}

func hasSQL(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		found = found || ok && lit.Kind == token.STRING && sqlWords.MatchString(lit.Value)
		return !found
	})
	return found
}

// leaves are what a sum is of.
func leaves(e ast.Expr) []ast.Expr {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return append(leaves(e.X), leaves(e.Y)...)
	case *ast.ParenExpr:
		return leaves(e.X)
	}
	return []ast.Expr{e}
}

// constant reports whether an expression is a literal, something the package
// declares, or a function of the package given nothing but such.
func constant(e ast.Expr, known map[string]bool) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return known[e.Name]
	case *ast.SelectorExpr:
		_, pkg := e.X.(*ast.Ident)
		return pkg && ast.IsExported(e.Sel.Name) // a constant of another package
	case *ast.CallExpr:
		if !constant(e.Fun, known) {
			return false
		}
		for _, a := range e.Args {
			if !constant(a, known) {
				return false
			}
		}
		return true
	}
	return false
}

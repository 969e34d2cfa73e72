package event

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// Every type that this server writes is told in plain words, once.
func TestEveryTypeHasWords(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			lit, ok := s.(*ast.ValueSpec).Values[0].(*ast.BasicLit)
			if !ok {
				continue
			}
			typ, err := strconv.Unquote(lit.Value)
			if err != nil {
				continue
			}
			n++
			if w := Tell(typ); w.Name == typ || w.Text == "" {
				t.Errorf("%s has no words", typ)
			}
		}
	}
	seen := map[string]bool{}
	for _, w := range Types() {
		if seen[w.Type] || seen[w.Name] {
			t.Errorf("%s is there twice", w.Type)
		}
		seen[w.Type], seen[w.Name] = true, true
	}
	if n != len(Types()) {
		t.Errorf("%d types, %d with words", n, len(Types()))
	}
	if w := Tell("other"); w.Name != "other" || w.Kind != Neutral {
		t.Errorf("another type is told as %+v", w)
	}
}

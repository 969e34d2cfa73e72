package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// BRU-07: nobody can make a way to sign in that its tries are not counted on:
// outside of package passwordless nothing calls the ledger's judgement or makes
// the digests that it needs, and only the two statements of Redeem change what
// a code was tried with.
func TestBRU07OnlyTheLedgerJudgesCodes(t *testing.T) {
	callers := map[string][]string{
		"Redeem":  {"passwordless"},
		"Digests": {"passwordless", "admin"}, // administrators have a ledger of their own
		"Spend":   {"store"},                 // the halves of Redeem, which tests call as well
	}
	writers := []string{"internal/store/spend.go", "internal/store/spend_postgres.go"}
	seen := map[string]int{}
	for name, p := range packages(t) {
		for _, f := range p.files {
			if f.isTest() {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					sel, ok := n.Fun.(*ast.SelectorExpr)
					if !ok {
						break
					}
					if may, ok := callers[sel.Sel.Name]; ok {
						seen[sel.Sel.Name]++
						if !slices.Contains(may, name) {
							t.Errorf("%s: %s is for %v alone: bring codes to passwordless.Service.Finish", f.fset.Position(n.Pos()), sel.Sel.Name, may)
						}
					}
				case *ast.BasicLit:
					if n.Kind != token.STRING || !strings.Contains(n.Value, "UPDATE codes") {
						break
					}
					seen["UPDATE"]++
					if !slices.Contains(writers, f.path) {
						t.Errorf("%s: codes are changed in %v alone", f.fset.Position(n.Pos()), writers)
					}
				}
				return true
			})
		}
	}
	for _, what := range []string{"Redeem", "Digests", "Spend", "UPDATE"} {
		if seen[what] == 0 {
			t.Errorf("there is no %s any more: this test looks at nothing", what)
		}
	}
}

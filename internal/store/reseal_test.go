package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/doorcode/doorcode/internal/store"
)

// TOK-10: no column of the schema that says it is sealed is forgotten when the
// root key changes. Parameters of pushed requests end before the key does.
func TestEverySealedColumnIsResealed(t *testing.T) {
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	lines := regexp.MustCompile(`(?m)CREATE TABLE (\w+)|ALTER TABLE (\w+)|^\s*(?:ADD COLUMN )?(\w+)\s+BYTEA.*--.*sealed`)
	want := []string{"pushed_requests.params"}
	var got []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		table := ""
		for _, m := range lines.FindAllStringSubmatch(string(text), -1) {
			if m[3] == "" {
				table = m[1] + m[2]
				continue
			}
			got = append(got, table+"."+m[3])
		}
	}
	want = append(want, store.SealedColumns()...)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the schema seals %q, and a change of the root key thinks of %q", got, want)
	}
}

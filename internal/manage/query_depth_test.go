package manage

import (
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
)

// INJ-06: a search that is long, deep or of many parts is refused, and at once.
func TestINJ06SearchesAreBounded(t *testing.T) {
	fields := "abcdefghijklmnop"
	var many []string
	for _, c := range fields {
		many = append(many, string(c)+":x")
	}
	if _, err := parseQuery(strings.Join(many[:maxTerms], " AND ")); err != nil {
		t.Errorf("%d conditions: %v", maxTerms, err)
	}
	for name, q := range map[string]string{
		"too many conditions": strings.Join(many[:maxTerms+1], " AND "), "one field twice": "a:x AND a:y",
		"too long": `a:"` + strings.Repeat("x", maxQuery) + `"`, "very long": strings.Repeat("a:b AND ", 100_000),
		"deep": strings.Repeat("(", 500) + "a:b" + strings.Repeat(")", 500), "deeper": strings.Repeat("(", 1_000_000),
		"deep in a value": "a:" + strings.Repeat("(", 500), "NOTs": strings.Repeat("NOT ", 200) + "a:b", "a minus": "-a:b", "OR": "a:b OR c:d",
		"a wildcard": "a:*", "a question mark": "a:b?", "a wildcard in front": "a:*b", "a regular expression": "a:/(a+)+$/", "fuzzy": "a:b~10", "a boost": "a:b^99",
		"no value": "a:", "no field": ":b", "a quote without end": `a:"b`, "a backslash without end": `a:"\`, "a range without end": "a:[b TO c", "a range of words": "a:[b TO c]",
		"NUL": "a:\x00", "a line feed": "a:b\nAND c:d", "not UTF-8": "a:\xff", "a field with a quote": `a'b:c`, "SQL": "a:b' OR '1'='1", "SQL in a field": "a) OR (1=1:x",
	} {
		began := time.Now()
		terms, err := parseQuery(q)
		if !fault.Has(err, fault.Invalid) {
			t.Errorf("%s: %+v, %v", name, terms, err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

package liquid

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// differences are the cases of testdata/ruby.json in which this engine does
// not do what the Ruby engine did, and why.
func differences() map[string]string {
	return map[string]string{
		"comment":   "newer engines, and this one, do not read what stands inside a comment",
		"unclosed2": "the Ruby engine shows its regular expression to the author; ours says what is missing",
		"empty":     "blank is true for an empty string, as in LiquidJS and Rails; the bare gem has no blank",
		"filters4":  "the filter sum is newer than the gem that was asked",
		"badsyntax": "a wrong operator is found when the template is saved, not when it is sent",
	}
}

type rubyCase struct{ Name, Template, Ruby string }

func rubyCases(tb testing.TB) ([]rubyCase, Map) {
	tb.Helper()
	data, err := os.ReadFile("testdata/ruby.json")
	if err != nil {
		tb.Fatal(err)
	}
	var file struct {
		Variables json.RawMessage
		Cases     []rubyCase
	}
	if err := json.Unmarshal(data, &file); err != nil {
		tb.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(file.Variables))
	d.UseNumber()
	vars, ok := inOrder(tb, d).(Map)
	if !ok {
		tb.Fatal("variables are no object")
	}
	return file.Cases, vars
}

// inOrder reads JSON without losing the order of names.
func inOrder(tb testing.TB, d *json.Decoder) any {
	tb.Helper()
	t, err := d.Token()
	if err != nil {
		tb.Fatal(err)
	}
	switch t := t.(type) {
	case json.Number:
		n, err := t.Int64()
		if err != nil {
			tb.Fatal(err)
		}
		return int(n)
	case json.Delim:
		if t == '[' {
			list := []any{}
			for d.More() {
				list = append(list, inOrder(tb, d))
			}
			_, _ = d.Token()
			return list
		}
		m := Map{}
		for d.More() {
			name, _ := d.Token()
			m = append(m, Entry{name.(string), inOrder(tb, d)})
		}
		_, _ = d.Token()
		return m
	}
	return t
}

func asRuby(template string, vars Map) string {
	t, err := Parse(template, Options{})
	if pe := (*ParseError)(nil); errors.As(err, &pe) {
		return "ERR Liquid syntax error: " + pe.Message
	}
	s, err := t.Render(vars, RenderOptions{InlineErrors: true})
	if err != nil {
		return "ERR " + err.Error()
	}
	return s
}

func TestRendersWhatTheRubyEngineRenders(t *testing.T) {
	cases, vars := rubyCases(t)
	same := 0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			got := asRuby(c.Template, vars)
			why, differs := differences()[c.Name]
			switch {
			case got == c.Ruby && differs:
				t.Errorf("is the same now; take it off the list (%s)", why)
			case got == c.Ruby:
				same++
			case !differs:
				t.Errorf("%q\n got %q\nruby %q", c.Template, got, c.Ruby)
			}
		})
	}
	if same < 70 {
		t.Errorf("%d of %d cases are byte for byte the same, want at least 70", same, len(cases))
	}
	t.Logf("%d of %d cases are byte for byte the same", same, len(cases))
}

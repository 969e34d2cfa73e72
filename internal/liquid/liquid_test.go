package liquid

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func render(tb testing.TB, source string, vars Object, o RenderOptions) string {
	tb.Helper()
	t, err := Parse(source, Options{Macros: macros()})
	if err != nil {
		tb.Fatalf("Parse(%q): %v", source, err)
	}
	s, err := t.Render(vars, o)
	if err != nil {
		tb.Fatalf("Render(%q): %v", source, err)
	}
	return s
}

func macros() map[string]string {
	return map[string]string{"code": "code", "application.name": "application.name"}
}

func testVars() Map {
	return Map{
		{"code", "123456"},
		{"application", Map{{"name", "A & <B>"}}},
		{"evil", "{{ code }}@@code@@{% if %}"},
		{"many", []any{3, 1.5, "x", nil, true, []any{1, 2}}},
		{"z", Map{{"b", 1}, {"a", Map{{"c", nil}}}, {"l", []any{"q\"", 2.0}}}},
	}
}

func TestMacrosAreOutputs(t *testing.T) {
	for source, want := range map[string]string{
		"@@code@@":                                       "123456",
		"a@@code@@b@@application.name@@c":                "a123456bA & <B>c",
		"@@@@code@@@@":                                   "@@123456@@",
		"@@other@@code@@":                                "@@other123456",
		"@@other@@ @@ code @@ @@Code@@ @code@":           "@@other@@ @@ code @@ @@Code@@ @code@",
		"{% raw %}@@code@@{% endraw %}":                  "@@code@@",
		"{{ '@@code@@!' | append: '@@code@@' }}":         "123456!123456",
		"{% if '@@code@@' == code %}same{% endif %}":     "same",
		"{{ @@code@@ | size }}":                          "6",
		"{{ evil }}":                                     "{{ code }}@@code@@{% if %}",
		"{{ '@@' | append: 'code@@' }}":                  "@@code@@",
		"{% capture x %}@@code@@{% endcapture %}{{ x }}": "123456",
		" {%- if true -%} @@code@@ {%- endif -%} ":       "123456",
	} {
		if got := render(t, source, testVars(), RenderOptions{}); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

func TestMapsKeepTheirOrder(t *testing.T) {
	for source, want := range map[string]string{
		"{% for e in z %}{{ e[0] }} {% endfor %}":            "b a l ",
		"{% for e in z reversed %}{{ e.first }}{% endfor %}": "lab",
		"{{ z }}": `{"b"=>1, "a"=>{"c"=>nil}, "l"=>["q\"", 2.0]}`,
		"{{ z.size }}{{ z.first }}{{ z.last.first }}": "3b1l",
		"{{ z.a.c }}{{ z['b'] }}{{ z.nope }}":         "1",
		"{{ many }}":                                  "31.5xtrue12",
		"{{ many | join: ',' }}":                      "3,1.5,x,,true,12",
	} {
		if got := render(t, source, testVars(), RenderOptions{}); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

func TestSpansMarkWhatCameFromValues(t *testing.T) {
	tmpl, err := Parse("a {{ code }}@@application.name@@ {{ nope }}b{% capture x %}[{{ code }}]{% endcapture %}{{ x }}{% cycle 'u' %}", Options{Macros: macros()})
	if err != nil {
		t.Fatal(err)
	}
	s, spans, err := tmpl.RenderSpans(testVars(), RenderOptions{EscapeHTML: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, sp := range spans {
		got = append(got, s[sp.Start:sp.End])
	}
	if want := "123456|A &amp; &lt;B&gt;|[123456]|u"; strings.Join(got, "|") != want {
		t.Errorf("spans %q of %q, want %q", got, s, want)
	}
}

func TestParseErrorsPointAtTheMistake(t *testing.T) {
	for _, c := range []struct {
		source, message string
		line, column    int
	}{
		{"{% nosuch %}", "Unknown tag 'nosuch'", 1, 4},
		{"a\nb {% if x %}\n{% endfor %}", "Unknown tag 'endfor'", 3, 4},
		{"é\n é{% if x %}", "'if' tag was never closed", 2, 6},
		{"{{ a\n b", "Output '{{' was not properly terminated with '}}'", 1, 1},
		{"x {% if %}{% endif %}", "A value is missing", 1, 8},
		{"{% if a = 1 %}{% endif %}", "Unexpected '= 1' in the condition", 1, 9},
		{"{{ 'a }}", "A quoted text is not closed", 1, 4},
		{"{{ a | }}", "The name of a filter is missing behind the '|'", 1, 7},
		{"{{ a. }}", "A name is missing behind the '.'", 1, 6},
		{"{{ a[1 }}", "A ']' is missing", 1, 7},
		{"{{ & }}", "Unexpected '&'", 1, 4},
		{"{% raw %}x", "'raw' tag was never closed", 1, 1},
		{"{% liquid\n assign a = 1\n nosuch\n%}", "Unknown tag 'nosuch'", 3, 2},
		{"{% assign 1 = 2 %}", "Syntax Error in 'assign' - Valid syntax: assign [var] = [source]", 1, 4},
		{"{% for x of y %}{% endfor %}", "Syntax Error in 'for loop' - Valid syntax: for [item] in [collection]", 1, 4},
		{"{{ a | plus: 1,2,3,4,5 }}", "The filter has too many arguments", 1, 22},
		{"{% else %}", "Unknown tag 'else'", 1, 4},
	} {
		_, err := Parse(c.source, Options{})
		var pe *ParseError
		if !errors.As(err, &pe) || pe.Message != c.message || pe.Line != c.line || pe.Column != c.column {
			t.Errorf("%q: %v, want line %d, column %d: %s", c.source, err, c.line, c.column, c.message)
		}
	}
}

func TestRenderErrorsPointAtTheNode(t *testing.T) {
	tmpl, err := Parse("ok\n{% if true %}\n  {{ 1 | divided_by: 0 }}{% endif %}", Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = tmpl.Render(nil, RenderOptions{})
	var re *RenderError
	if !errors.As(err, &re) || re.Line != 3 || re.Column != 6 || re.Limit || re.Message != "divided by 0" {
		t.Errorf("err = %v", err)
	}
	if got := render(t, "a{{ 1 | divided_by: 0 }}b", nil, RenderOptions{InlineErrors: true}); got != "aLiquid error: divided by 0b" {
		t.Errorf("inline: %q", got)
	}
}

func TestCheckReportsInOrder(t *testing.T) {
	tmpl, err := Parse("{{ code }}{{ user.name }}\n {{ x }}{% assign x = y | nofilter %}{{ application.name junk }}"+
		"{% for i in z %}{{ i.k }}{{ forloop.index }}{{ user[i] }}{% endfor %}@@nomacro@@{% include 'a' %}{{ ['w'] }}{% for i in z foo:1 %}{% endfor %}", Options{Macros: macros()})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range tmpl.Check(func(path string) bool { return path == "code" || path == "application.name" || path == "z" }) {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Message))
	}
	want := []string{
		"1:14 There is no variable 'user.name'", "2:23 There is no variable 'y'", "2:27 There is no filter 'nofilter'",
		"2:58 'junk' is not understood here and is ignored", "2:112 There is no variable 'user'",
		"2:134 There is no macro '@@nomacro@@'", "2:148 The tag 'include' is not available: a message cannot include other templates",
		"2:165 There is no variable 'w'", "2:187 A loop has no argument 'foo'",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDates(t *testing.T) {
	now := time.Date(2026, 1, 4, 0, 5, 9, 7_000_000, time.FixedZone("CET", 3600))
	for source, want := range map[string]string{
		"{{ 'now' | date: '%Y' }}":                                                     "2026",
		"{{ 'today' | date: '%-d.%-m.%y %e|%l|%k|%I|%-I' }}":                           "4.1.26  4|12| 0|12|12",
		"{{ 'now' | date: '%j %-j %U %W %V %G %u %w %C' }}":                            "004 4 01 00 01 2026 7 0 20",
		"{{ 'now' | date: '%L %N %s %z %:z %::z %Z' }}":                                "007 007000000 1767481509 +0100 +01:00 +01:00:00 CET",
		"{{ 'now' | date: '%a %A %b %B %h %^a %#B %p %P %#p' }}":                       "Sun Sunday Jan January Jan SUN JANUARY AM am am",
		"{{ 'now' | date: '%F %T %D %R %r %c %v %x %X %n%t%%' }}":                      "2026-01-04 00:05:09 01/04/26 00:05 12:05:09 AM Sun Jan  4 00:05:09 2026  4-JAN-2026 01/04/26 00:05:09 \n\t%",
		"{{ 'now' | date: '%6Y|%_m|%010d|%12A|%-12d|%99Y' }}":                          "002026| 1|0000000004|      Sunday|4|" + strings.Repeat("0", 28) + "2026",
		"{{ 'now' | date: '%q %Q %' }}":                                                "%q %Q %",
		"{{ '1152098955' | date: '%Y-%m-%d %H:%M' }}":                                  "2006-07-05 11:29",
		"{{ 1152098955 | date: '%m/%d/%Y' }}{{ 0.5 | date: '%Y' }}":                    "07/05/20061970",
		"{{ '2024-02-29T23:59:60Z' | date: '%Y' }}":                                    "2024-02-29T23:59:60Z",
		"{{ '2024-03-14 15:09:26 +0530' | date: '%H %z' }}":                            "15 +0530",
		"{{ '2024-03-14' | date: '%b %d' }} {{ 'Mar 14, 2024' | date: '%F' }}":         "Mar 14 2024-03-14",
		"{{ 'not a date' | date: '%Y' }}{{ nil | date: '%Y' }}{{ true | date: '%Y' }}": "not a datetrue",
		"{{ 'now' | date }}{{ 'now' | date: '' }}":                                     "nownow",
		"{{ 9223372036854775807 | date: '%Y' }}":                                       "9223372036854775807",
	} {
		if got := render(t, source, nil, RenderOptions{Now: now}); got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
	if got := render(t, "{{ 'now' | date: '%Y' }}", nil, RenderOptions{}); got != "now" {
		t.Errorf("without a clock: %q", got)
	}
}

func TestFiltersBesideTheReference(t *testing.T) {
	for source, want := range map[string]string{
		"{{ 'B,a,C' | split: ',' | sort_natural | join }}|{{ 'B,a,C' | split: ',' | sort | join }}":              "a B C|B C a",
		"{{ many | compact | size }}{{ many | sum }}{{ many | first }}{{ many | last }}":                         "54.5312",
		"{{ 'abab' | replace_last: 'b', 'x' }}{{ 'abab' | remove_last: 'a' }}":                                   "abaxabb",
		"{{ (1..3) | join: '+' }} {{ (3..1) | size }} {{ (1..3) | reverse | join }} {{ (1..4) }}":                "1+2+3 0 3 2 1 1..4",
		"{{ 9223372036854775807 | plus: 1 }} {{ 2 | times: 3.5 }} {{ -7 | divided_by: 2 }} {{ -7 | modulo: 2 }}": "9.223372036854776e+18 7.0 -4 1",
		"{{ 1 | divided_by: 0.0 }} {{ '3.5' | plus: '1' }} {{ 'x' | plus: 1 }} {{ nil | plus: 1 }}":              "Infinity 4.5 1 1",
		"{{ 1.005 | round: 2 }} {{ 2.5 | round }} {{ '7.9' | floor }} {{ 5 | at_least: 7 | at_most: 6 }}":        "1.0 3 7 6",
		"{{ 'abc' | slice: -2, 2 }} {{ 'a,b,c' | split: ',' | slice: 1, 2 | join }} {{ 'abc' | slice: 5 }}":      "bc b c ",
		"{{ 'äöü' | truncate: 2, '…' }} {{ 'abc' | truncate: 2 }} {{ 'a b' | truncatewords: 0 }}":                "ä… ... a...",
		"{{ 'a%zz' | url_decode }} {{ '<a' | strip_html }} {{ 'x<b>y</b>z' | strip_html }}":                      "a%zz <a xyz",
		"{{ false | default: 1 }} {{ 0 | default: 1 }} {{ z | default: 1 | size }}":                              "1 0 3",
		"{{ '&lt;&' | escape_once }} {{ \"a\nb\" | newline_to_br }} {{ '<' | escape | raw }}":                    "&lt;&amp; a<br />\nb &lt;",
	} {
		if got := render(t, source, testVars(), RenderOptions{}); got != want {
			t.Errorf("%s\n got %q\nwant %q", source, got, want)
		}
	}
}

func TestOneTemplateRendersInManyGoroutines(t *testing.T) {
	tmpl, err := Parse("{% for i in (1..5) %}{% cycle 'a', 'b' %}{{ code }}{% assign x = i | append: x %}{% endfor %}{{ x }}{% increment n %}", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := tmpl.Render(testVars(), RenderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 100 {
				if got, err := tmpl.Render(testVars(), RenderOptions{}); err != nil || got != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzTemplate (FUZ-01) renders whatever parses, in every mode: nothing
// crashes, the budget holds, and values are written out as they are.
func FuzzTemplate(f *testing.F) {
	cases, vars := rubyCases(f)
	for _, c := range cases {
		f.Add(c.Template)
	}
	for _, b := range bombs() {
		if len(b.template) < 500 {
			f.Add(b.template)
		}
	}
	vars = append(vars, testVars()...)
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := Parse(source, Options{Macros: macros()})
		if err != nil {
			var pe *ParseError
			if !errors.As(err, &pe) || pe.Line < 1 || pe.Column < 1 {
				t.Fatalf("untyped or unplaced error %#v", err)
			}
			return
		}
		tmpl.Check(func(string) bool { return false })
		for _, o := range []RenderOptions{{}, {EscapeHTML: true}, {InlineErrors: true, Now: time.Unix(0, 0)}} {
			r := tmpl.start(vars, o, true)
			err := r.block(tmpl.body)
			var re *RenderError
			if err != nil && !errors.As(err, &re) {
				t.Fatalf("untyped error %#v", err)
			}
			if r.steps > r.limits.Steps || r.memory > r.limits.Memory || r.main.Len() > r.limits.Output {
				t.Fatalf("over budget: %d steps, %d bytes, %d bytes of output", r.steps, r.memory, r.main.Len())
			}
			last := 0
			for _, s := range r.spans {
				if s.Start < last || s.End <= s.Start || s.End > r.main.Len() {
					t.Fatalf("spans %v of %d bytes", r.spans, r.main.Len())
				}
				last = s.End
			}
			if len(r.scopes) != 0 && err == nil {
				t.Fatal("a loop was not left")
			}
		}
	})
}

const founding = "{% if request_language contains 'dutch' %}\n   Hier is uw verificatie code: @@code@@\n{% endif %}\n\n{% if request_language contains 'fr-FR' %}\n   Ceci est votre code: @@code@@\n{% endif %}\n"

func BenchmarkRender(b *testing.B) {
	t, err := Parse(founding, Options{Macros: macros()})
	if err != nil {
		b.Fatal(err)
	}
	vars := Map{{"request_language", "nl-dutch"}, {"code", "123456"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(vars, RenderOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	o := Options{Macros: macros()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(founding, o); err != nil {
			b.Fatal(err)
		}
	}
}

package liquid

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// bomb is a template that tries to cost too much, or to crash the engine.
type bomb struct {
	name, template string
	endsItself     bool // costs little after all: it must render or be refused while parsing
}

// filled is a template that first puts 16 letters into s.
func filled(rest string) string { return "{% assign s = 'xxxxxxxxxxxxxxxx' %}" + rest }

// big is a template that first makes s about n doublings of 16 letters long.
func big(doublings string, rest string) string {
	return filled("{% for i in (1.." + doublings + ") %}{% assign s = s | append: s %}{% endfor %}" + rest)
}

const (
	many    = "{% for i in (1..100000) %}"
	endMany = "{% endfor %}"
)

func bombs() []bomb {
	list := "{% assign a = 'b,a,c,d,e,f,g,h' | split: ',' %}{% for i in (1..9) %}{% assign a = a | concat: a %}{% endfor %}"
	return []bomb{
		{"a range of 200 million", "{% for i in (1..200000000) %}{% endfor %}", false},
		{"a range of a million", "{% for i in (1..1000000) %}{{ i }}{% endfor %}", false},
		{"the largest range", "{% for i in (-9223372036854775807..9223372036854775807) %}{% endfor %}", false},
		{"the largest range, one turn", "{% for i in (1..9223372036854775807) limit:1 %}{{ i }}{% endfor %}", true},
		{"the largest range, reversed", "{% for i in (1..9223372036854775807) reversed %}{{ i }}{% endfor %}", false},
		{"the largest range as a list", "{{ (1..9223372036854775807) | join }}", true},
		{"loops in loops", "{% for i in (1..2000) %}{% for j in (1..2000) %}{% endfor %}{% endfor %}", false},
		{"loops 30 deep", strings.Repeat("{% for i in (1..9) %}", 30) + strings.Repeat("{% endfor %}", 30), false},
		{"a table of a billion cells", "{% tablerow i in (1..1000000000) cols: 1 %}{% endtablerow %}", false},
		{"captures that double", "{% capture s %}xxxxxxxxxxxxxxxx{% endcapture %}{% for i in (1..24) %}{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}", false},
		{"strings that double", big("24", ""), false},
		{"replacements that square", filled("{% for i in (1..5) %}{% assign s = s | replace: 'x', s %}{% endfor %}"), false},
		{"replacements between letters", filled("{% for i in (1..30) %}{% assign s = s | replace: '', s %}{% endfor %}"), false},
		{"lists that double", "{% assign a = '1,2' | split: ',' %}{% for i in (1..32) %}{% assign a = a | concat: a %}{% endfor %}", false},
		{"a list of one long string many times", big("8", "{% assign a = s | split: '~' %}{% for i in (1..9) %}{% assign a = a | concat: a %}{% endfor %}"+many+"{% assign b = a | join: s %}"+endMany), false},
		{"escapes of a string of quotes", "{% assign s = '''' %}" + strings.ReplaceAll(big("10", many+"{% assign t = s | escape %}"+endMany), "x", "<"), false},
		{"upper case again and again", big("10", many+"{% assign t = s | upcase %}"+endMany), false},
		{"comparisons of long strings", big("10", "{% assign t = s | append: 'x' %}{% assign u = s | append: 'x' %}"+many+"{% if t == u %}{% endif %}"+endMany), false},
		{"searches in long strings", big("10", many+"{% if s contains 'y' %}{% endif %}"+endMany), false},
		{"searches in long lists", list + many + "{% if a contains 'y' %}{% endif %}" + endMany, false},
		{"sorts of long lists", list + many + "{% assign b = a | sort %}" + endMany, false},
		{"sorts without case", list + many + "{% assign b = a | sort_natural %}" + endMany, false},
		{"uniq of long lists", list + many + "{% assign b = a | uniq %}" + endMany, false},
		{"splits into letters", big("10", many+"{% assign a = s | split: '' %}"+endMany), false},
		{"words of a long string", big("10", many+"{% assign a = s | truncatewords: 99999 %}"+endMany), false},
		{"sizes of long strings", big("10", many+"{% assign a = s.size %}"+endMany), false},
		{"dates padded wide", "{% assign f = '%999999999Y%999999999Y%999999999Y' %}" + many + "{% assign d = 0 | date: f %}" + endMany, false},
		{"dates with a long format", strings.ReplaceAll(big("8", many+"{{ 0 | date: s }}"+endMany), "x", "%c"), false},
		{"branches 4000 deep", strings.Repeat("{% if true %}", 4000), true},
		{"keys 9000 deep", "{{ a" + strings.Repeat("[a", 9000), true},
		{"conditions 9000 long", "{% if a" + strings.Repeat(" or a", 9000) + " %}{% endif %}", true},
		{"ranges in ranges", "{{ " + strings.Repeat("(", 9000), true},
		{"liquid tags in liquid tags", "{% " + strings.Repeat("liquid ", 9000) + "%}", true},
		{"a number of 33 digits", "{{ 999999999999999999999999999999999 }}", true},
		{"a number of 9000 digits", "{{ " + strings.Repeat("9", 9000) + " }}", true},
		{"slices past the end", "{{ 'abc' | slice: 9223372036854775807, 9223372036854775807 }}{{ 'abc' | slice: -10, 99999999999 }}", true},
		{"the smallest number", "{{ -9223372036854775808 | abs | times: -1 | divided_by: -1 | modulo: -1 | minus: 1 | round: 99999 }}", true},
		{"values used as something else", "{{ a | first | sort | map: 'x' | size }}{{ user[user] }}{{ user[arr] }}{% for x in user[nil] %}{% endfor %}{{ arr[user] }}", true},
		{"a cycle of changing length", "{% cycle 'g': 1,2,3 %}{% cycle 'g': 1,2,3 %}{% cycle 'g': 1 %}", true},
		{"comments in comments", strings.Repeat("{% comment %}", 4000), true},
		{"raw that never ends", strings.Repeat("{% raw %}", 6000), true},
		{"openings that never close", strings.Repeat("{{", 30000), true},
		{"macros that never close", strings.Repeat("@@", 30000), true},
		{"thousands of outputs", strings.Repeat("{{a}}", 13000), true},
		{"many outputs and macros", strings.Repeat("{{a}}@@code@@", 4700), false},
		{"thousands of assignments", strings.Repeat("{%assign a=a%}", 4600), true},
		{"thousands of filters", "{{ a" + strings.Repeat("|upcase", 9000) + " }}", true},
	}
}

// INJ-03: every bomb ends within the budget. Steps stand for time, so they are
// what is compared; BenchmarkBombs measures the time of each.
func TestINJ03BombsEndWithinTheBudget(t *testing.T) {
	_, vars := rubyCases(t)
	for _, b := range bombs() {
		t.Run(b.name, func(t *testing.T) {
			var d time.Duration
			// The work is the same every time, so a run that was slow because
			// the machine paused is told apart from slow work by another run.
			for range 5 {
				began := time.Now()
				b.explode(t, vars)
				if d = time.Since(began); d < slow {
					return
				}
			}
			t.Errorf("took %v five times over", d)
		})
	}
}

// slow is far above the 5 ms a bomb takes on an idle machine: it is there to
// catch work that no step is charged for.
const slow = 500 * time.Millisecond

func (b bomb) explode(t *testing.T, vars Map) {
	t.Helper()
	tmpl, err := Parse(b.template, Options{Macros: macros()})
	if err == nil {
		r := tmpl.start(vars, RenderOptions{EscapeHTML: true, InlineErrors: true}, true)
		err = r.block(tmpl.body)
		if r.steps > r.limits.Steps || r.memory > r.limits.Memory || r.main.Len() > r.limits.Output {
			t.Errorf("spent %d steps, %d bytes of memory, %d of output", r.steps, r.memory, r.main.Len())
		}
	}
	var re *RenderError
	if !b.endsItself && !(errors.As(err, &re) && re.Limit) {
		t.Errorf("err = %v, want the budget to end it", err)
	}
}

func BenchmarkBombs(b *testing.B) {
	_, vars := rubyCases(b)
	for _, bomb := range bombs() {
		b.Run(strings.ReplaceAll(bomb.name, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				if t, err := Parse(bomb.template, Options{}); err == nil {
					_, _ = t.Render(vars, RenderOptions{EscapeHTML: true})
				}
			}
		})
	}
}

package message

import (
	"strings"
	"testing"
	"time"
)

func TestR18OnlyEmphasisLinksAndHeadingsLoseTheirMarks(t *testing.T) {
	for source, want := range map[string]string{
		// Lost.
		"**bold** *it* __bold__ _it_ ***both***":       "bold it bold it both",
		"a **b *c* d** e":                              "a b c d e",
		"**over\ntwo lines**":                          "over\ntwo lines",
		"[here](https://a.example/x)":                  "here https://a.example/x",
		"[here](<https://a.example/x> \"Title\")":      "here https://a.example/x",
		"[**Sign** in](https://a.example/_x_) now":     "Sign in https://a.example/_x_ now",
		"**[here](https://a.example)**":                "here https://a.example",
		"[a](https://a.example/(b)) [c](d)":            "a https://a.example/(b) c d",
		"see <https://a.example/_x_>.":                 "see https://a.example/_x_.",
		"# Hello\n## There ##\ntext":                   "Hello\nThere\ntext",
		"### **Bold** heading":                         "Bold heading",
		"**https://a.example/a_b_c**":                  "https://a.example/a_b_c",
		"[@@application.name@@](@@request_language@@)": "Acme en-US",

		// Kept.
		"snake_case_name and _a_b":                 "snake_case_name and _a_b",
		"2 * 3 * 4":                                "2 * 3 * 4",
		"#1234 is your code\n#":                    "#1234 is your code\n#",
		"####### seven":                            "####### seven",
		"https://a.example/_x_/*y*?a_b=1 _z_":      "https://a.example/_x_/*y*?a_b=1 z",
		"* one\n* two\n- three\n1. four\n> five":   "* one\n* two\n- three\n1. four\n> five",
		"line one\nline two  \n\n\n\nline three":   "line one\nline two  \n\n\n\nline three",
		"a\r\nb":                                   "a\r\nb",
		"`*code* [a](b)` ``x ` *y*``":              "`*code* [a](b)` ``x ` *y*``",
		`\*not\* \_this\_ \[or\](this)`:            `\*not\* \_this\_ \[or\](this)`,
		"![alt](https://a.example/i.png)":          "![alt](https://a.example/i.png)",
		"[a] [b][c] [d]: e (f) [g] (h) [i](j k":    "[a] [b][c] [d]: e (f) [g] (h) [i](j k",
		"& &amp; <b>x</b> \"q\" a@b.example":       "& &amp; <b>x</b> \"q\" a@b.example",
		"Title\n=====\n***\n---\n~~gone~~ | a |":   "Title\n=====\n***\n---\n~~gone~~ | a |",
		"**not closed and * alone **":              "**not closed and * alone **",
		"5 stars ***** and ____ to fill in":        "5 stars ***** and ____ to fill in",
		"Ünïcode **fett** 日本*語* 👍":                 "Ünïcode fett 日本語 👍",
		"  \n outer space goes, inner stays \n\n ": "outer space goes, inner stays",
		"*a\n\nb*": "*a\n\nb*",
	} {
		if got := sms(t, source, Markdown, vars(), ""); got != want {
			t.Errorf("%q\n got %q\nwant %q", source, got, want)
		}
	}
}

func TestR18LiquidSyntaxHasNoMarkdownStep(t *testing.T) {
	const source = "# **{{ code }}** [a](b)"
	if got := sms(t, source, Liquid, vars(), ""); got != "# **123456** [a](b)" {
		t.Errorf("got %q", got)
	}
}

func TestR18ValuesAreHeldOutOfMarkdown(t *testing.T) {
	for _, name := range []string{
		"*Acme*", "_Acme_", "**Acme**", "[Acme](https://evil.example)", "# Acme", "`Acme", "\\", "<https://evil.example>",
		"*", "](x)", "![", "Acme_", "a*b*c", "__init__", "@@code@@", "{{ code }}",
	} {
		v := vars()
		v.ApplicationName = name
		for source, want := range map[string]string{
			"@@application.name@@ **@@code@@**":             name + " 123456",
			"**{{ application.name }}**":                    name,
			"# {{ application.name }}":                      name,
			"*a* {{ application.name }} *b*":                "a " + name + " b",
			"[{{ application.name }}](https://a.example)":   name + " https://a.example",
			"[x](https://a.example/{{ application.name }})": "x https://a.example/" + name,
			"_@@application.name@@_@@application.name@@":    "_" + name + "_" + name,
		} {
			if got := sms(t, source, Markdown, v, ""); got != strings.TrimSpace(want) {
				t.Errorf("%q with the name %q\n got %q\nwant %q", source, name, got, want)
			}
		}
	}
}

func TestMarksAreTakenOffInLinearTime(t *testing.T) {
	for _, unit := range []string{"[a](", "[", "]", "[]", "*a ", "**a_", "_a*", "*_", "`", "`` `", "<a", "![", "](", "[a](b", "# ", "://", "\\*", "*a_ "} {
		source := strings.Repeat(unit, (8<<10)/len(unit))
		// It takes milliseconds; the bound leaves room for a busy machine.
		if d := fastest(func() { stripMarks(source, nil) }); d > 250*time.Millisecond {
			t.Errorf("8 KiB of %q took %v", unit, d)
		}
	}
}

// fastest is the shortest of a few runs. The work is the same every time, so
// what the others took longer was the machine doing something else.
func fastest(work func()) time.Duration {
	best := time.Hour
	for range 5 {
		began := time.Now()
		work()
		if best = min(best, time.Since(began)); best < 50*time.Millisecond {
			break
		}
	}
	return best
}

func BenchmarkStripMarksHostile(b *testing.B) {
	for _, unit := range []string{"[a](", "*a ", "*a_ ", "`` `", "<a"} {
		source := strings.Repeat(unit, (8<<10)/len(unit))
		b.Run(unit, func(b *testing.B) {
			for b.Loop() {
				stripMarks(source, nil)
			}
		})
	}
}

// FuzzSMSMarkdown (FUZ-21) checks that taking marks off only ever takes bytes
// away, keeps every value and every line break, and loses nothing but marks.
func FuzzSMSMarkdown(f *testing.F) {
	for _, s := range []string{"**a** [b](c) # d", "# x\n_y_ `z`", "[a](<b> 'c')", "***a** b*", "![a](b)[c](d)"} {
		f.Add(s, "*v*")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		tmpl, err := ParseSMS(text+"@@application.name@@"+text, Markdown)
		if err != nil {
			return
		}
		v := vars()
		v.ApplicationName = "\uE000" + name + "\uE001"
		m, err := tmpl.Render(v, "")
		if err != nil {
			return
		}
		if want := oneLine(v.ApplicationName); !strings.Contains(m.Body, want) && !strings.Contains(text, "[") && !strings.Contains(text, "{") {
			t.Errorf("%q lost the value %q: %q", text, want, m.Body)
		}
		stripped := stripMarks(text, nil)
		if strings.Count(stripped, "\n") != strings.Count(text, "\n") && !strings.Contains(text, "(") {
			t.Errorf("line breaks of %q changed: %q", text, stripped)
		}
		if drop := func(s string) string {
			return strings.NewReplacer("*", "", "_", "", "[", "", "]", "", "(", "", ")", "", "#", "", "<", "", ">", "", " ", "", "\t", "").Replace(s)
		}; !strings.ContainsAny(text, "\"'") && drop(stripped) != drop(text) {
			t.Errorf("%q lost more than marks: %q", text, stripped)
		}
	})
}

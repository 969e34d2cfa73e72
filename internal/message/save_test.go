package message

import "testing"

// INJ-04: what whoever saves a template asks of this package: does it parse,
// does it show the code, does it render in three languages, and what in it
// does not exist.
func TestINJ04TemplatesAreCheckedBeforeTheyAreSaved(t *testing.T) {
	for _, c := range []struct {
		source                       string
		parses, shows, renders, tidy bool
	}{
		{DefaultSMS, true, true, true, true},
		{foundingExample, true, true, true, true},
		{"Your verification code is: @@password@@", true, true, true, true},
		{"Your verification code is: @@code@@", true, true, true, true},
		{"{{ code }}", true, true, true, true},
		{"{{ password | upcase }}", true, true, true, true},
		{"{% if request_language contains 'fr' %}{{ code }}{% else %}@@code@@{% endif %}", true, true, true, true},
		{"{% assign c = code %}{{ c }}", true, true, true, true},
		{"", true, false, true, true},
		{"Your code", true, false, true, true},
		{"Your verification code is { code }}", true, false, true, true},
		{"@@pasword@@", true, false, true, false},
		{"{{ cod }}", true, false, true, false},
		{"{{ code | shout }}", true, true, true, false},
		{"{% raw %}{{ code }}{% endraw %}", true, false, true, true},
		{"{{ code }}{% include 'x' %}", true, true, false, false},
		{"{{ code }}{% for i in (1..999999) %}{% endfor %}", true, true, false, true},
		{"{{ code", false, false, false, false},
		{"{% if code %}{{ code }}", false, false, false, false},
		{"{% nosuch %}{{ code }}", false, false, false, false},
	} {
		tmpl, err := ParseSMS(c.source, Markdown)
		if (err == nil) != c.parses {
			t.Errorf("%q: %v", c.source, err)
		}
		if err != nil {
			continue
		}
		renders := true
		for _, language := range []string{"en-US", "nl-dutch", "fr-FR"} {
			v := vars()
			v.RequestLanguage = language
			if _, err := tmpl.Render(v, "login.example.com"); err != nil {
				renders = false
			}
		}
		if tidy := len(tmpl.Check()) == 0; tmpl.ShowsCode() != c.shows || renders != c.renders || tidy != c.tidy {
			t.Errorf("%q: shows the code %v, renders %v, tidy %v (%v)", c.source, tmpl.ShowsCode(), renders, tidy, tmpl.Check())
		}
	}
}

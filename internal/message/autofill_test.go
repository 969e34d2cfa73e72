package message

import (
	"fmt"
	"strings"
	"testing"
)

// autofillTemplates end in every way that could spoil the last line.
func autofillTemplates() []string {
	return []string{
		DefaultSMS, foundingExample, "@@code@@", "Code: {{ code }}\n", "{{ code }}\r\n\r\n", "**{{ code }}**", "# Code\n{{ code }}",
		"[{{ code }}](https://a.example)", "{{ code }} @", "{{ code }} #", "{{ code }}\n@evil.example #999999",
		"{{ code }}\n@login.example.com", "{{ code }} @login.example.com #", "{{ application.name }} {{ code }} {{ request_language }}",
		"{{ code }}\n\n\n\n@@application.name@@", "@@request_language@@ @@code@@ @@application.name@@", "{{ code }}*", "{{ code }}\n*", "{{ code }}_ _",
		"{{ code }}\u2028@evil.example #1", "", "{% if request_language contains 'de' %}Ihr Code: {{ code }}{% else %}{{ code }}{% endif %}",
	}
}

func autofillLocales() []string {
	return []string{
		"en-US", "nl-dutch", "fr-FR", "de-DE,de;q=0.9", "ja-JP", "ar", "he-IL", "zh-Hant-TW", "pt-BR", "\n@evil.example #999999", "x\r\n@evil.example #1",
		"@evil.example #999999", "\u2028@evil.example #1", "\u2029", "",
	}
}

// OTP-13: a phone reads exactly our host and code off the message, whatever
// template and values are.
func TestOTP13TheLastLineIsReadByPhones(t *testing.T) {
	combinations := 0
	for _, source := range autofillTemplates() {
		for _, locale := range autofillLocales() {
			for _, syntax := range []Syntax{Liquid, Markdown} {
				v := vars()
				v.Code, v.RequestLanguage, v.ApplicationName = "012345", locale, "Acme "+locale
				body := sms(t, source, syntax, v, "login.example.com")
				host, code, ok := ReadAutofill(body)
				if !ok || host != "login.example.com" || code != "012345" {
					t.Errorf("%q in %q: read %q %q %v from %q", source, locale, host, code, ok, body)
				}
				if !strings.HasSuffix(body, "@login.example.com #012345") {
					t.Errorf("%q in %q: the line is not exact: %q", source, locale, body)
				}
				combinations++
			}
		}
	}
	if combinations < 200 {
		t.Errorf("%d combinations, want at least 200", combinations)
	}
}

func TestOTP13ValuesAloneAddNoAutofillLine(t *testing.T) {
	for _, source := range []string{"{{ code }} {{ application.name }}", "@@code@@ - {{ request_language }} x", "{{ code }} {{ request_language }}"} {
		v := vars()
		v.ApplicationName, v.RequestLanguage = "\n@evil.example #999999", "\r\n@evil.example #999999"
		if host, code, ok := ReadAutofill(sms(t, source, Liquid, v, "")); ok {
			t.Errorf("%q: read %q %q", source, host, code)
		}
	}
}

func TestTheAutofillLineStandsAlone(t *testing.T) {
	for _, c := range []struct{ source, host, want string }{
		{"Code {{ code }}", "a.example", "Code 123456\n\n@a.example #123456"},
		{"Code {{ code }}", "", "Code 123456"},
		{"Code {{ code }}", "a.example:8443", "Code 123456\n\n@a.example #123456"},
		{"Code {{ code }}", "a b", "Code 123456"},
		{"Code {{ code }}", "a.example/#", "Code 123456"},
		{"Code\n@a.example #{{ code }}", "a.example", "Code\n@a.example #123456"},
		{"", "a.example", "@a.example #123456"},
	} {
		if got := sms(t, c.source, Liquid, vars(), c.host); got != c.want {
			t.Errorf("%q for %q: %q, want %q", c.source, c.host, got, c.want)
		}
	}
	v := vars()
	v.Code = ""
	if got := sms(t, "hello", Liquid, v, "a.example"); got != "hello" {
		t.Errorf("without a code: %q", got)
	}
}

func TestReadAutofillFollowsTheAlgorithm(t *testing.T) {
	for body, want := range map[string]string{
		"@a.example #1":                "a.example 1",
		"text\n@a.example #ab-C":       "a.example ab-C",
		"text\r\n@a.example #1":        "a.example 1",
		"@a.example #1 @frame.example": "a.example 1",
		"@a.example #1 whatever":       "a.example 1",
		"@a.example #1\n":              "",
		"@a.example  #1":               "",
		"@a.example #":                 "",
		"@ #1":                         "",
		"@a.example#1":                 "",
		"@a.example 1":                 "",
		" @a.example #1":               "",
		"code 1 @a.example #1":         "",
		"@a.example\t#1":               "",
		"@a.example #1%frame.example":  "",
		"@a.example #1#2":              "",
		"":                             "",
	} {
		got := ""
		if host, code, ok := ReadAutofill(body); ok {
			got = host + " " + code
		}
		if got != want {
			t.Errorf("ReadAutofill(%q) = %q, want %q", body, got, want)
		}
	}
}

// FuzzAutofill (FUZ-19): what is read can be written again, and whatever text
// comes before, the line that is appended is the one that is read.
func FuzzAutofill(f *testing.F) {
	for _, s := range autofillTemplates() {
		f.Add(s)
	}
	f.Add("@a #b")
	f.Fuzz(func(t *testing.T, s string) {
		if host, code, ok := ReadAutofill(s); ok {
			line := fmt.Sprintf("@%s #%s", host, code)
			if h, c, ok := ReadAutofill(line); !ok || h != host || c != code {
				t.Errorf("%q: %q is not read again", s, line)
			}
		}
		h, c, ok := ReadAutofill(withAutofill(strings.TrimSpace(s), "login.example.com", "123456"))
		if !ok || h != "login.example.com" || c != "123456" {
			t.Errorf("%q: read %q %q %v", s, h, c, ok)
		}
	})
}

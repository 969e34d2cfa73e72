package message

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// foundingExample is the template the product was founded on (F4): Liquid
// chooses the language, a macro shows the code.
const foundingExample = `{% if request_language contains 'dutch' %}
   Hier is uw verificatie code: @@password@@
{% endif %}

{% if request_language contains 'fr-FR' %}
   Ceci est votre code: @@password@@
{% endif %}
`

func vars() Vars {
	return Vars{
		Code: "123456", Link: "https://login.example.com/l?a=1&b=2", PhoneNumber: "+15551234567", Email: "ann@example.com",
		ApplicationName: "Acme", ClientID: "cid", RequestLanguage: "en-US", ExpiresMinutes: 3, Send: "code",
		TenantName: "acme-tenant", SupportEmail: "help@example.com", SupportURL: "https://example.com/help",
	}
}

func sms(tb testing.TB, source string, syntax Syntax, v Vars, host string) string {
	tb.Helper()
	t, err := ParseSMS(source, syntax)
	if err != nil {
		tb.Fatalf("ParseSMS(%q): %v", source, err)
	}
	m, err := t.Render(v, host)
	if err != nil {
		tb.Fatalf("Render(%q): %v", source, err)
	}
	return m.Body
}

func mail(tb testing.TB, from, subject, body string, v Vars) Mail {
	tb.Helper()
	t, err := ParseMail(from, subject, body)
	if err != nil {
		tb.Fatalf("ParseMail(%q, %q, %q): %v", from, subject, body, err)
	}
	m, err := t.Render(v)
	if err != nil {
		tb.Fatalf("Render(%q, %q, %q): %v", from, subject, body, err)
	}
	return m
}

func TestF4LanguageIsChosenByLiquidAndTheCodeShownByMacros(t *testing.T) {
	for _, syntax := range []Syntax{Liquid, Markdown} {
		for language, want := range map[string]string{
			"dutch":               "Hier is uw verificatie code: 123456",
			"nl-dutch":            "Hier is uw verificatie code: 123456",
			"fr-FR":               "Ceci est votre code: 123456",
			"fr-FR,fr;q=0.9,en;q": "Ceci est votre code: 123456",
			"en-US":               "",
			"":                    "",
		} {
			v := vars()
			v.RequestLanguage = language
			if got := sms(t, foundingExample, syntax, v, ""); got != want {
				t.Errorf("%s with %q: %q, want %q", syntax, language, got, want)
			}
		}
	}
}

func TestF3EveryParameterWorksAsMacroAndAsVariable(t *testing.T) {
	for _, syntax := range []Syntax{Liquid, Markdown, ""} {
		got := sms(t, "@@password@@ @@code@@ @@phone_number@@ @@application.name@@ @@request_language@@ @@other@@|"+
			"{{ password }} {{ code }} {{ phone_number }} {{ application.name }} {{ request_language }} {{ other }}", syntax, vars(), "")
		want := "123456 123456 +15551234567 Acme en-US @@other@@|123456 123456 +15551234567 Acme en-US"
		if got != want {
			t.Errorf("%s:\n got %q\nwant %q", syntax, got, want)
		}
	}
	m := mail(t, "", "@@email@@ @@code@@", "<p>@@link@@ @@email@@ {{ user.email }} {{ user.phone_number }} {{ application.clientID }} {{ client.name }} "+
		"{{ send }} {{ operation }} {{ expires_minutes }} {{ tenant }} {{ friendly_name }} {{ support_email }} {{ support_url }}</p>", vars())
	want := "<p>https://login.example.com/l?a=1&amp;b=2 ann@example.com ann@example.com +15551234567 cid Acme code  3 acme-tenant acme-tenant help@example.com https://example.com/help</p>"
	if m.HTML != want {
		t.Errorf("mail:\n got %q\nwant %q", m.HTML, want)
	}
	if m.Subject != "ann@example.com 123456" {
		t.Errorf("subject %q", m.Subject)
	}
}

func TestWhatIsEmptyIsNil(t *testing.T) {
	if got := sms(t, "{% if operation %}yes{% else %}no{% endif %} {{ support_url | default: 'none' }}", Liquid, Vars{}, ""); got != "no none" {
		t.Errorf("got %q", got)
	}
	if got := sms(t, "{{ expires_minutes }}", Liquid, Vars{}, ""); got != "1" {
		t.Errorf("expires_minutes of the zero value is %q, want at least 1", got)
	}
}

func TestShowsCodeLooksAtEveryOutput(t *testing.T) {
	for source, want := range map[string]bool{
		"@@code@@": true, "@@password@@": true, "{{ code }}": true, "{{password|upcase}}": true, "{% echo code %}": true,
		"{% if a %}{{ code }}{% endif %}": true, "{% assign c = code %}{{ c }}": true, "{{ 'Code @@code@@' }}": true,
		"{% liquid\n echo password\n%}": true, "{{ ['code'] }}": true, "{% capture x %}{{ code }}{% endcapture %}{{ x }}": true,
		"": false, "code": false, "{{ codes }}": false, "@@Code@@": false, "{% if code %}you have one{% endif %}": false,
		"{% raw %}{{ code }} @@code@@{% endraw %}": false, "{% comment %}{{ code }}{% endcomment %}": false, "{{ user.code }}": false,
		"Your code is { code }}": false, "{% if '@@code@@' == '1' %}{% endif %}": false,
	} {
		tmpl, err := ParseSMS(source, Markdown)
		if err != nil {
			t.Fatal(err)
		}
		if got := tmpl.ShowsCode(); got != want {
			t.Errorf("ShowsCode(%q) = %v", source, got)
		}
	}
	tmpl, err := ParseMail(DefaultMailFrom, "Hello", "<a href='{{ link }}'>x</a>")
	if err != nil || tmpl.ShowsCode() || !tmpl.ShowsLink() {
		t.Errorf("link only: err %v, code %v, link %v", err, tmpl.ShowsCode(), tmpl.ShowsLink())
	}
}

func TestParseErrorsNameTheFieldAndThePlace(t *testing.T) {
	_, err := ParseSMS("Hello\n {% if x %}{{ é | }}", Liquid)
	var pe *ParseError
	if !errors.As(err, &pe) || pe.Field != "body" || pe.Line != 2 || pe.Column < 15 || pe.Column > 21 {
		t.Errorf("err = %v", err)
	}
	for field, parts := range map[string][3]string{
		"from": {"{{ a", "s", "b"}, "subject": {"f", "{% nosuch %}", "b"}, "body": {"f", "s", "{% if %}"},
	} {
		if _, err := ParseMail(parts[0], parts[1], parts[2]); !errors.As(err, &pe) || pe.Field != field || pe.Line != 1 {
			t.Errorf("%s: err = %v", field, err)
		}
	}
	if _, err := ParseSMS(strings.Repeat("x", 30<<10), Liquid); !errors.As(err, &pe) {
		t.Errorf("too long: err = %v", err)
	}
}

func TestCheckReportsWhatDoesNotExist(t *testing.T) {
	tmpl, err := ParseSMS("{{ cod }}\n{{ code | upcas }} @@pasword@@ {% assign x = 1 %}{{ x }}{{ user.name }}", Markdown)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range tmpl.Check() {
		got = append(got, p.Message)
	}
	want := "There is no variable 'cod'; There is no filter 'upcas'; There is no macro '@@pasword@@'; There is no variable 'user.name'"
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	for _, source := range []string{DefaultSMS, foundingExample} {
		tmpl, err := ParseSMS(source, Liquid)
		if err != nil || len(tmpl.Check()) > 0 {
			t.Errorf("%q: %v %v", source, err, tmpl.Check())
		}
	}
	m, err := ParseMail(DefaultMailFrom, DefaultMailSubject, DefaultMailBody)
	if err != nil || len(m.Check()) > 0 {
		t.Errorf("default mail: %v %v", err, m.Check())
	}
}

func TestRenderErrorsAreTyped(t *testing.T) {
	for source, limit := range map[string]bool{
		"{% for i in (1..1000000) %}{% endfor %}": true,
		"a\n{{ 1 | divided_by: 0 }}":              false,
		"{% include 'x' %}":                       false,
	} {
		tmpl, err := ParseSMS(source, Liquid)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tmpl.Render(vars(), "")
		var re *RenderError
		if !errors.As(err, &re) || re.Limit != limit || re.Field != "body" || re.Line == 0 {
			t.Errorf("%q: err = %#v", source, err)
		}
	}
}

func TestOneTemplateRendersInManyGoroutines(t *testing.T) {
	tmpl, err := ParseSMS("{% for i in (1..3) %}{% cycle 'a','b' %}{% endfor %}{% increment n %} **@@code@@**", Markdown)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseMail(DefaultMailFrom, DefaultMailSubject, DefaultMailBody)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				if s, err := tmpl.Render(vars(), "login.example.com"); err != nil || s.Body != "aba0 123456\n\n@login.example.com #123456" {
					t.Errorf("got %q, %v", s.Body, err)
				}
				if _, err := m.Render(vars()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkSMSFoundingExample(b *testing.B) {
	v := vars()
	v.RequestLanguage = "nl-dutch"
	benchmarkSMS(b, foundingExample, v)
}

func BenchmarkSMSDefault(b *testing.B) { benchmarkSMS(b, DefaultSMS, vars()) }

func benchmarkSMS(b *testing.B, source string, v Vars) {
	t, err := ParseSMS(source, Markdown)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(v, "login.example.com"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMailDefault(b *testing.B) {
	t, err := ParseMail(DefaultMailFrom, DefaultMailSubject, DefaultMailBody)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(vars()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseMailDefault(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseMail(DefaultMailFrom, DefaultMailSubject, DefaultMailBody); err != nil {
			b.Fatal(err)
		}
	}
}

package message

import (
	"fmt"
	"html"
	netmail "net/mail"
	"strings"
	"testing"
	"time"
)

// breakers are values that try to begin a new line or header.
func breakers() []string {
	list := []string{
		"x\nBcc: all@example.com", "x\r\nBcc: all@example.com", "x\rBcc: all@example.com", "x\x00y", "x\u2028y", "x\u2029y", "x\u0085y",
		"x\vy", "x\fy", "\n", "\r\n\r\n<script>", "x\n y", "x\n\ty", "\xff\n\xfe", "x\x1b[31m", "x\x7fy", "=?utf-8?q?=0ABcc:_a=40b?=",
	}
	return append(list,
		"Eve <eve@example.com>", "Eve <eve@example.com>, ", `"`, `\`, `", <eve@example.com>, "`, "eve@example.com", "a, b", "a; b:", "(a)", "<", ">", "<>")
}

// INJ-01: no value adds a line, a header or a recipient to anything.
func TestINJ01ValuesAddNoLineAndNoAddress(t *testing.T) {
	for _, value := range breakers() {
		v := vars()
		v.ApplicationName, v.RequestLanguage, v.TenantName = value, value, value
		for _, from := range []string{
			"{{ application.name }} <login@example.com>", `"{{ application.name }}" <login@example.com>`, "Login <login@example.com>",
			"@@application.name@@ @@request_language@@ <login@example.com>", "{{ tenant | append: '<' }} <\nlogin@example.com >",
		} {
			m := mail(t, from, "{{ application.name }} @@request_language@@\n{{ tenant }}", "<p>{{ code }}</p>", v)
			for field, got := range map[string]string{"From": m.From, "Subject": m.Subject} {
				if oneLine(got) != got {
					t.Errorf("%s with %q is no single line: %q", field, value, got)
				}
			}
			a, err := netmail.ParseAddressList(m.From)
			if err != nil || len(a) != 1 || a[0].Address != "login@example.com" {
				t.Errorf("%q with %q became %q: %v, %v", from, value, m.From, a, err)
			}
		}
		if body := sms(t, "{{ code }} {{ application.name }}@@request_language@@{{ tenant }}", Markdown, v, ""); strings.ContainsAny(body, "\r\n\x00\u2028\u2029\u0085") {
			t.Errorf("SMS with %q: %q", value, body)
		}
	}
}

// payloads are values that would do something if they were template source,
// Markdown or HTML.
func payloads() []string {
	list := []string{
		"{{ code }}", "{{ password }}@@password@@", "@@code@@", "@@password@@", "{% raw %}", "{% endraw %}", "{% for i in (1..9999999) %}x{% endfor %}",
		"{% if true %}", "{% endif %}", "{% include 'x' %}", "${code}", "#{code}", "<%= code %>", "{{'{{ code }}'}}", "{{", "}}", "{%", "%}", "@@", "@@@@code@@@@",
		"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>", "' onclick='alert(1)", "&lt;b&gt;", "&amp;", "javascript:alert(1)",
		"[x](javascript:alert(1))", "**x**", "v0x0z", "</p><h1>", "<!--", "-->", "%s%n", "\\u003cb\\u003e", "{{ code | raw }}",
	}
	for _, wrap := range []string{"a%sb", " %s ", "%[1]s%[1]s", "\"%s\"", "{{ '%s' }}"} {
		for _, p := range list[:35] {
			list = append(list, fmt.Sprintf(wrap, p))
		}
	}
	return list
}

// INJ-02: values are never template source, and e-mail shows them escaped.
func TestINJ02ValuesRenderLiterally(t *testing.T) {
	sinks := map[string]struct {
		path string
		set  func(*Vars, string)
	}{
		"phone":    {"phone_number", func(v *Vars, s string) { v.PhoneNumber = s }},
		"email":    {"email", func(v *Vars, s string) { v.Email = s }},
		"locale":   {"request_language", func(v *Vars, s string) { v.RequestLanguage = s }},
		"name":     {"application.name", func(v *Vars, s string) { v.ApplicationName = s }},
		"tenant":   {"tenant", func(v *Vars, s string) { v.TenantName = s }},
		"clientID": {"application.clientID", func(v *Vars, s string) { v.ClientID = s }},
	}
	if n := len(payloads()); n < 200 {
		t.Fatalf("%d payloads, want at least 200", n)
	}
	for name, sink := range sinks {
		t.Run(name, func(t *testing.T) {
			plain, err := ParseSMS("a|{{ "+sink.path+" }}|{% assign x = "+sink.path+" %}{{ x }}|{% capture y %}{{ x }}{% endcapture %}{{ y }}", Markdown)
			if err != nil {
				t.Fatal(err)
			}
			tagged, err := ParseMail("a@b.c", "{{ "+sink.path+" }}", "<p>|{{ "+sink.path+" }}|{% capture y %}{{ "+sink.path+" }}{% endcapture %}{{ y }}|</p>")
			if err != nil {
				t.Fatal(err)
			}
			marked, err := ParseMail("a@b.c", "s", "**b** |{{ "+sink.path+" }}| [x](https://a.example/{{ "+sink.path+" }})")
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range payloads() {
				v := vars()
				sink.set(&v, p)
				rendersLiterally(t, p, v, plain, tagged, marked)
			}
		})
	}
}

func rendersLiterally(t *testing.T, p string, v Vars, plain *SMSTemplate, tagged, marked *MailTemplate) {
	t.Helper()
	s, err := plain.Render(v, "")
	if want := "a|" + p + "|" + p + "|" + p; err != nil || s.Body != strings.TrimSpace(want) {
		t.Errorf("SMS: %q, want %q, %v", s.Body, want, err)
	}
	m, err := tagged.Render(v)
	if want := "<p>|" + escaped(p) + "|" + escaped(p) + "|</p>"; err != nil || m.HTML != want {
		t.Errorf("HTML: %q, want %q, %v", m.HTML, want, err)
	}
	if want := headerLine(p); m.Subject != want {
		t.Errorf("subject: %q, want %q", m.Subject, want)
	}
	m, err = marked.Render(v)
	if want := "<p><strong>b</strong> |" + escaped(p) + "| <a href=\"https://a.example/" + escaped(p) + "\">x</a></p>\n"; err != nil || m.HTML != want {
		t.Errorf("Markdown: %q, want %q, %v", m.HTML, want, err)
	}
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace(s)
}

// INJ-03: templates that want too much end with a typed error, as SMS and as
// any part of an e-mail. Package liquid counts the steps of each.
func TestINJ03BombsAreTypedErrors(t *testing.T) {
	for _, bomb := range []string{
		"{% for i in (1..1000000) %}{{ i }}{% endfor %}", "{% for i in (1..2000) %}{% for j in (1..2000) %}{% endfor %}{% endfor %}",
		"{% assign s = 'xxxxxxxxxxxxxxxx' %}{% for i in (1..24) %}{% assign s = s | append: s %}{% endfor %}{{ s }}",
		"{% tablerow i in (1..1000000000) cols: 1 %}{% endtablerow %}",
	} {
		tmpl, err := ParseSMS(bomb, Markdown)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tmpl.Render(vars(), "")
		if re, ok := err.(*RenderError); !ok || !re.Limit {
			t.Errorf("%q as SMS: %v", bomb, err)
		}
		for field, parts := range map[string][3]string{"from": {bomb, "s", "b"}, "subject": {"f", bomb, "b"}, "body": {"f", "s", bomb}} {
			m, err := ParseMail(parts[0], parts[1], parts[2])
			if err != nil {
				t.Fatal(err)
			}
			_, err = m.Render(vars())
			if re, ok := err.(*RenderError); !ok || !re.Limit || re.Field != field {
				t.Errorf("%q as %s: %v", bomb, field, err)
			}
		}
	}
}

func TestAttributesAreGuarded(t *testing.T) {
	for _, c := range []struct{ value, body, want string }{
		{"javascript:alert(1)", `<a href="{{ support_url }}">`, `<a href="#">`},
		{" JaVa\tScript:alert(1)", `<a href='{{ support_url }}'>`, `<a href='#'>`},
		{"data:text/html,x", `<img src = {{ support_url }}>`, `<img src = #>`},
		{"https://a.example/?a=1&b", `<a href="{{ support_url }}">`, `<a href="https://a.example/?a=1&amp;b">`},
		{"myapp://open", `<a href="{{ support_url }}">`, `<a href="myapp://open">`},
		{"/help:me", `<a href="{{ support_url }}">`, `<a href="/help:me">`},
		{"x onclick=alert(1)", `<b title={{ support_url }}>`, `<b title=x&#32;onclick&#61;alert(1)>`},
		{`x" onclick="y`, `<b title="{{ support_url }}">`, `<b title="x&quot; onclick=&quot;y">`},
		{"javascript:x", `<p>{{ support_url }}</p>`, `<p>javascript:x</p>`},
		{"javascript:x", `[a]({{ support_url }})`, "<p><a href=\"#\">a</a></p>\n"},
	} {
		v := vars()
		v.SupportURL = c.value
		if got := mail(t, "f", "s", c.body, v).HTML; got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.value, c.body, got, c.want)
		}
	}
}

func TestMarkdownMailIsCapped(t *testing.T) {
	for _, unit := range []string{
		"[a](", "> ", ">", "- ", "1. ", "*a ", "`` ` ", "![", "<a", "a\n", "| a | b |\n", "[a]: b\n", "_a* ", "\\*", "&#1;",
		strings.Repeat("> ", 24) + "a\n", strings.Repeat("- ", 12) + "a\n", strings.Repeat(">", 24) + "\n", "\n>>>>>>a\n", strings.Repeat("[a](", 398) + "\n", "staircase",
	} {
		source := strings.Repeat(unit, (16<<10)/len(unit))[:min(16<<10, len(unit)*((16<<10)/len(unit)))]
		if unit == "staircase" {
			var b strings.Builder
			for i := 0; b.Len() < 16<<10-400; i++ {
				b.WriteString(strings.Repeat("  ", i) + "- a\n")
			}
			source = b.String()
		}
		tmpl, err := ParseMail("f", "s", source)
		if err != nil {
			continue
		}
		d := fastest(func() { _, err = tmpl.Render(vars()) })
		t.Logf("%-12.20q %8v %v", unit, d.Round(100*time.Microsecond), err)
		if d > time.Second {
			t.Errorf("16 KiB of %q took %v", unit, d)
		}
	}
	tmpl, err := ParseMail("f", "s", strings.Repeat("word ", 4000))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.Render(vars()); err == nil {
		t.Error("20 KB of Markdown were rendered")
	}
}

func TestNoValueIsTakenForAStandIn(t *testing.T) {
	// The word that stands in for values depends on the whole text, so a text
	// that holds the word of another one is just text.
	_, word := standIns("a 123456", nil)
	body := "a " + word + "0z {{ code }} {{ application.name }}"
	v := vars()
	v.ApplicationName = "vffffffffffffffffx0z"
	want := "<p>a " + word + "0z 123456 vffffffffffffffffx0z</p>\n"
	if got := mail(t, "f", "s", body, v).HTML; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzMail (FUZ-01, FUZ-21) renders whatever parses: headers stay single
// lines, values stay text, and nothing crashes or runs away.
func FuzzMail(f *testing.F) {
	f.Add(DefaultMailFrom, DefaultMailSubject, DefaultMailBody, "Acme")
	f.Add("{{ application.name }} <a@b.c>", "@@code@@", "# Hi\n[go]({{ link }}) **{{ application.name }}**", "<b>*x*</b>")
	f.Add("a", "b", "<a href={{ application.name }}>{{ code }}<br><style>x</style><!-- -->&lt;", "javascript:1")
	f.Fuzz(func(t *testing.T, from, subject, body, name string) {
		tmpl, err := ParseMail(from, subject, body)
		if err != nil {
			return
		}
		v := vars()
		v.ApplicationName = name
		var m Mail
		if d := fastest(func() { m, err = tmpl.Render(v) }); d > time.Second {
			t.Errorf("took %v", d)
		}
		if err != nil {
			return
		}
		if strings.ContainsAny(m.From+m.Subject, "\r\n\x00\u2028\u2029") {
			t.Errorf("header lines: %q, %q", m.From, m.Subject)
		}
		if !strings.Contains(body, "raw") && strings.Contains(name, "<script") && strings.Contains(html.UnescapeString(m.HTML), name) && strings.Contains(m.HTML, "<script") && !strings.Contains(body, "<script") {
			t.Errorf("unescaped %q in %q", name, m.HTML)
		}
	})
}

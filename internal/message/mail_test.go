package message

import (
	"strings"
	"testing"
)

func TestTheTextPartIsDerivedFromTheHTML(t *testing.T) {
	for source, want := range map[string]string{
		"<p>One</p><p>Two<br>Three</p>":                                   "One\n\nTwo\nThree",
		"<div>a</div>\n<div>b</div>":                                      "a\nb",
		"<p>a   b\n c</p>":                                                "a b c",
		"<a href=\"https://a.example/?x=1&amp;y=2\">Go</a>.":              "Go (https://a.example/?x=1&y=2).",
		"<a href=https://a.example>https://a.example</a>":                 "https://a.example",
		"<a href='mailto:a@b.example'>a@b.example</a>":                    "a@b.example",
		"<a href='https://a.example'><img src=x alt='Logo &amp; co'></a>": "Logo & co (https://a.example)",
		"<a href='https://a.example'></a>":                                "https://a.example",
		"<a href='#top'>up</a> <a name=x>here</a>":                        "up here",
		"<ul><li>one</li><li>two</li></ul>":                               "- one\n- two",
		"<html><head><title>T</title><style>p{}</style></head><p>x":       "x",
		"<STYLE>a<b</STYLE>x<Script>1 > 2</Script>y":                      "xy",
		"a<!-- <p>b</p> -->c<!DOCTYPE x>d":                                "acd",
		"1 &lt; 2 &amp;&nbsp;&eacute;&#8364;":                             "1 < 2 &\u00a0é€",
		"1 < 2 <3":                                                        "1 < 2 <3",
		"<b title='a>b'>x</b>":                                            "x",
		"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>": "a b\nc",
		"<h1>Hi</h1>text<hr>more":                                         "Hi\n\ntext\n\nmore",
		"<br><br><br><br>a<br><br><br>b":                                  "a\n\nb",
		"<style>never closed":                                             "",
		"x<b":                                                             "x",
		"<p>{{ application.name }}</p>":                                   "A & <b>B</b>",
		"<p>{{ application.name | raw }}</p>":                             "A & B",
		"<p>{{ application.name | escape }}</p>":                          "A & <b>B</b>",
	} {
		v := vars()
		v.ApplicationName = "A & <b>B</b>"
		if got := mail(t, "f", "s", source, v).Text; got != want && source != "1 < 2 <3" {
			t.Errorf("%q\n got %q\nwant %q", source, got, want)
		}
		if source == "1 < 2 <3" && textOf(source) != want {
			t.Errorf("%q: %q", source, textOf(source))
		}
	}
}

func TestBodiesWithoutTagsAreMarkdown(t *testing.T) {
	v := vars()
	v.ApplicationName = "*A* & <b>"
	m := mail(t, "f", "s", "# Hello {{ application.name }}\n\nCode **{{ code }}**, or [sign in]({{ link }}) <https://a.example>\n\n[bad](javascript:alert(1))", v)
	want := "<h1>Hello *A* &amp; &lt;b&gt;</h1>\n<p>Code <strong>123456</strong>, or <a href=\"https://login.example.com/l?a=1&amp;b=2\">sign in</a> <a href=\"https://a.example\">https://a.example</a></p>\n<p><a href=\"\">bad</a></p>\n"
	if m.HTML != want {
		t.Errorf("HTML:\n got %q\nwant %q", m.HTML, want)
	}
	if want := "Hello *A* & <b>\n\nCode 123456, or sign in (https://login.example.com/l?a=1&b=2) https://a.example\n\nbad"; m.Text != want {
		t.Errorf("text:\n got %q\nwant %q", m.Text, want)
	}
	for source, want := range map[string]bool{
		"a < b": false, "<https://a.example>": false, "<me@a.example>": false, "x<3": false, "{% if 'a' == '<b>' %}x{% endif %}": false,
		"<br>": true, "<p>x": true, "</p>": true, "<!-- x -->": true, "<!DOCTYPE html>": true, "<a\nhref=x>": true, "<h1>x": true,
	} {
		tmpl, err := ParseMail("f", "s", source)
		if err != nil {
			t.Fatal(err)
		}
		if (tmpl.markdown == nil) != want {
			t.Errorf("%q: HTML = %v, want %v", source, tmpl.markdown == nil, want)
		}
	}
}

func TestValuesInHTMLAreEscapedUnlessRaw(t *testing.T) {
	v := vars()
	v.ApplicationName = `<b>"A" & 'B'</b>`
	const esc = "&lt;b&gt;&quot;A&quot; &amp; &#39;B&#39;&lt;/b&gt;"
	for source, want := range map[string]string{
		"{{ application.name }}":                                              esc,
		"@@application.name@@":                                                esc,
		"{{ application.name | raw }}":                                        v.ApplicationName,
		"{{ application.name | escape }}":                                     esc,
		"{{ application.name | escape | upcase }}":                            escaped(strings.ToUpper(esc)),
		"{{ application.name | raw | append: '<i>' }}":                        escaped(v.ApplicationName + "<i>"),
		"{% capture x %}<u>{{ application.name }}</u>{% endcapture %}{{ x }}": "<u>" + esc + "</u>",
		"{{ '<br>' }}{{ '<br>' | raw }}":                                      "&lt;br&gt;<br>",
		"{{ application.name | strip_html }}":                                 "&quot;A&quot; &amp; &#39;B&#39;",
		"{{ 'a<b' | newline_to_br }}":                                         "a&lt;b",
		"{{ application.name | url_encode }}":                                 "%3Cb%3E%22A%22+%26+%27B%27%3C%2Fb%3E",
	} {
		if got := mail(t, "f", "s", "<p>"+source+"</p>", v).HTML; got != "<p>"+want+"</p>" {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}

func TestFromIsANameAndTheTemplatesAddress(t *testing.T) {
	for source, want := range map[string]string{
		"{{ application.name }} <a@b.c>": `"Acme, Inc." <a@b.c>`,
		"Acme <{{ support_email }}>":     "Acme <help@example.com>",
		"Acme\n  <a@b.c>":                "Acme <a@b.c>",
		`"Acme" <a@b.c>`:                 "Acme <a@b.c>",
		"a@b.c":                          "a@b.c",
		"<a@b.c>":                        "a@b.c",
		"{{ nope }} <a@b.c>":             "a@b.c",
		"{% if true %}\n Ä {{ code }}{% endif %} <a@b.c>": "Ä 123456 <a@b.c>",
	} {
		v := vars()
		v.ApplicationName = "Acme, Inc."
		if got := mail(t, source, "s", "b", v).From; got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

func TestTheDefaultMailServesCodesAndLinks(t *testing.T) {
	v := vars()
	m := mail(t, DefaultMailFrom, DefaultMailSubject, DefaultMailBody, v)
	if m.From != "Acme <help@example.com>" || m.Subject != "123456 is your sign-in code for Acme" {
		t.Errorf("From %q, subject %q", m.From, m.Subject)
	}
	want := "Sign in to Acme\n\nType this code where you were asked for it. It works once.\n\n123456\n\nIt is good for 3 minutes.\n\n" +
		"If you did not ask for this, nothing needs to be done: nobody gets in without this message. Get help (https://example.com/help)"
	if m.Text != want {
		t.Errorf("text:\n got %q\nwant %q", m.Text, want)
	}
	v.Send, v.ExpiresMinutes = "link", 1
	m = mail(t, DefaultMailFrom, DefaultMailSubject, DefaultMailBody, v)
	if !strings.Contains(m.Text, "where you were asked for it:\n\n123456") || !strings.Contains(m.Text, "Continue (https://login.example.com/l?a=1&b=2)") || !strings.Contains(m.Text, "1 minute.") {
		t.Errorf("link: %q, %q", m.Subject, m.Text)
	}
	if m.Subject != "Your sign-in link for Acme" {
		t.Errorf("subject %q", m.Subject)
	}
	m = mail(t, DefaultMailFrom, DefaultMailSubject, DefaultMailBody, Vars{Code: "1", Send: "code"})
	if strings.Contains(m.Text, "{") || m.From != "Sign-in <no-reply@localhost>" || !strings.HasPrefix(m.Text, "Sign in\n") {
		t.Errorf("with nothing known: %q, %q", m.From, m.Text)
	}
	for _, s := range []string{DefaultSMS, DefaultMailSubject, DefaultMailBody} {
		if strings.Contains(strings.ReplaceAll(s, "expires_minutes == 1", ""), " 3 min") {
			t.Error("a default text names a number of minutes")
		}
	}
}

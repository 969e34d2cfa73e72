package textbrowser

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// A Form is one of a page, with the values it has before anybody types.
type Form struct {
	ID     string
	Action *url.URL
	Method string
	Type   string // the Content-Type that it asks to be sent in
	Values url.Values
	// Buttons are the names and values of the buttons that submit it, in their
	// order. The first is the one that the Enter key presses.
	Buttons []Button

	page    *url.URL
	pressed bool
}

// A Button submits a form.
type Button struct{ ID, Name, Value, Text string }

// Set types a value into a field and returns the form.
func (f *Form) Set(name, value string) *Form {
	if f != nil {
		f.Values.Set(name, value)
	}
	return f
}

// Press chooses the button with the value (or, without one, the text) that the
// form is submitted with, and returns the form; nil if there is no such button.
func (f *Form) Press(value string) *Form {
	if f == nil {
		return nil
	}
	for _, b := range f.Buttons {
		if b.Value == value || b.Text == value || b.ID == value {
			f.press(b)
			return f
		}
	}
	return nil
}

func (f *Form) press(b Button) {
	f.pressed = true
	if b.Name != "" {
		f.Values.Set(b.Name, b.Value)
	}
}

// Has reports whether the form has a field or a named button of that name.
func (f *Form) Has(name string) bool {
	return f.Values.Has(name) || slices.ContainsFunc(f.Buttons, func(b Button) bool { return b.Name == name })
}

// Forms are the forms of the page.
func (p *Page) Forms() []*Form {
	var forms []*Form
	if p.doc == nil {
		return nil // nothing was loaded before the browser left
	}
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" {
			if f := p.readForm(n); f != nil {
				forms = append(forms, f)
			}
		}
	}
	return forms
}

// Form returns the first form with all of the fields, nil if there is none.
func (p *Page) Form(fields ...string) *Form {
	for _, f := range p.Forms() {
		if !slices.ContainsFunc(fields, func(name string) bool { return !f.Has(name) }) {
			return f
		}
	}
	return nil
}

// FormTo returns the first form whose action has the prefix, nil if there is
// none.
func (p *Page) FormTo(prefix string) *Form {
	for _, f := range p.Forms() {
		if strings.HasPrefix(f.Action.String(), prefix) {
			return f
		}
	}
	return nil
}

func (p *Page) readForm(n *html.Node) *Form {
	action, err := p.URL.Parse(attribute(n, "action"))
	if err != nil {
		return nil
	}
	f := &Form{
		ID: attribute(n, "id"), Action: action, Method: strings.ToUpper(attribute(n, "method")),
		Values: url.Values{}, page: p.URL, Type: urlencoded,
	}
	switch kind := strings.ToLower(attribute(n, "enctype")); kind {
	case "multipart/form-data", "text/plain":
		f.Type = kind
	}
	if f.Method == "" {
		f.Method = http.MethodGet
	}
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && !has(c, "disabled") {
			f.read(c)
		}
	}
	return f
}

func (f *Form) read(n *html.Node) {
	name, value, kind := attribute(n, "name"), attribute(n, "value"), strings.ToLower(attribute(n, "type"))
	switch {
	case n.Data == "button" && (kind == "" || kind == "submit"):
		f.Buttons = append(f.Buttons, Button{attribute(n, "id"), name, value, text(n)})
	case n.Data == "input" && kind == "submit":
		f.Buttons = append(f.Buttons, Button{attribute(n, "id"), name, value, value})
	case name == "":
	case n.Data == "input" && (kind == "checkbox" || kind == "radio"):
		if has(n, "checked") {
			f.Values.Add(name, value)
		}
	case n.Data == "input" && kind != "button" && kind != "reset" && kind != "image":
		f.Values.Add(name, value)
	case n.Data == "textarea":
		f.Values.Add(name, typed(n))
	case n.Data == "select":
		f.Values.Add(name, selected(n))
	}
}

// typed is the text in a field of several lines, as it is sent: with its line
// breaks, but for one right behind the tag, which the parser has dropped.
func typed(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// selected is the value of a list: of the option that is marked, or the first.
func selected(list *html.Node) string {
	value, found := "", false
	for n := range list.Descendants() {
		if n.Type != html.ElementNode || n.Data != "option" {
			continue
		}
		if !found || has(n, "selected") {
			value, found = attribute(n, "value"), true
		}
		if has(n, "selected") {
			break
		}
	}
	return value
}

// Text is what can be read on the page, with single spaces.
func (p *Page) Text() string {
	if p.doc == nil {
		return ""
	}
	return text(p.doc)
}

// Links are the addresses that the page links to.
func (p *Page) Links() []string {
	var links []string
	if p.doc == nil {
		return nil
	}
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "a" && has(n, "href") {
			links = append(links, attribute(n, "href"))
		}
	}
	return links
}

func text(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "template") {
			return
		}
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
			b.WriteByte(' ')
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

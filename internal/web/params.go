package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxParams is how many parameters one request may have.
const maxParams = 100

// Params are the parameters of a request. Each occurs once. The zero value has
// none.
type Params struct {
	list []param
	json bool
}

// param is a parameter: its text, and in a JSON body also what was sent.
type param struct {
	name, text string
	raw        json.RawMessage
}

// A DuplicateError is the cause of the fault for a parameter sent twice.
type DuplicateError struct{ Name string }

// Error names the parameter.
func (e *DuplicateError) Error() string { return "duplicate parameter " + printable(e.Name) }

func duplicate(name string) error {
	return invalid("Duplicate parameter: " + printable(name)).Because(&DuplicateError{name})
}

// ReadParams reads the body of an endpoint that takes forms and JSON alike. A
// body that begins with a brace, or says that it is JSON, is; any other is a
// form.
// A body without content has no parameters. Parameters in the URL are not
// looked at, so that no secret is ever taken from there.
//
// RFC 6749 §3.2: parameters must not occur more than once. That fault has the
// code "invalid_request" and a *DuplicateError as its cause; others are those
// of ReadJSON.
func ReadParams(w http.ResponseWriter, r *http.Request, limit int64) (Params, error) {
	body, err := ReadBody(w, r, limit)
	if err != nil {
		return Params{}, err
	}
	if isJSON(r.Header.Get("Content-Type"), body) {
		return jsonParams(body)
	}
	return formParams(string(body))
}

// ReadQuery returns the parameters in the URL, by the rules of ReadParams.
func ReadQuery(r *http.Request) (Params, error) { return formParams(r.URL.RawQuery) }

// ReadForm returns the parameters of a page's request: those in the URL of a
// GET, those in the form of a POST. What occurs more than once is in repeated
// and not among them, for endpoints that know whom to tell.
func ReadForm(w http.ResponseWriter, r *http.Request, limit int64) (p Params, repeated []string, err error) {
	if r.Method != http.MethodPost {
		return splitForm(r.URL.RawQuery)
	}
	body, err := ReadBody(w, r, limit)
	if err != nil {
		return Params{}, nil, err
	}
	return splitForm(string(body))
}

// isJSON decides how a body is to be read. A brace decides even against a form's
// content type: curl -d sends that with whatever it is given, and no form
// begins with one, since it would be escaped.
func isJSON(contentType string, body []byte) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	body = bytes.TrimLeft(body, " \t\r\n")
	if strings.EqualFold(media, "application/json") {
		return len(body) > 0
	}
	return len(body) > 0 && body[0] == '{'
}

func jsonParams(body []byte) (Params, error) {
	members, err := scanObject(body, false)
	if err != nil {
		return Params{}, err
	}
	if len(members) > maxParams {
		return Params{}, errTooMany()
	}
	p := Params{list: make([]param, len(members)), json: true}
	for i, m := range members {
		p.list[i] = param{name: string(m.name), raw: m.value}
		if m.value[0] != '"' {
			continue
		}
		if bytes.IndexByte(m.value, '\\') < 0 {
			p.list[i].text = string(m.value[1 : len(m.value)-1])
		} else if err := json.Unmarshal(m.value, &p.list[i].text); err != nil {
			return Params{}, invalid("The request body is not valid JSON.").Because(err)
		}
	}
	return p, nil
}

func formParams(form string) (Params, error) {
	p, repeated, err := splitForm(form)
	if err == nil && len(repeated) > 0 {
		err = duplicate(repeated[0])
	}
	if err != nil {
		return Params{}, err
	}
	return p, nil
}

// splitForm reads a form. Parameters that occur more than once are left out and
// named.
func splitForm(form string) (p Params, repeated []string, err error) {
	if len(form) == 0 {
		return Params{}, nil, nil
	}
	if strings.Count(form, "&") >= 2*maxParams {
		return Params{}, nil, errTooMany()
	}
	p.list = make([]param, 0, min(maxParams, 1+strings.Count(form, "&")))
	for pair := range strings.SplitSeq(form, "&") {
		before, after, _ := strings.Cut(pair, "=")
		name, err := unescape(before)
		if err != nil {
			return Params{}, nil, err
		}
		text, err := unescape(after)
		if err != nil {
			return Params{}, nil, err
		}
		switch {
		case name == "":
			continue // as in a trailing "&"
		case slices.Contains(repeated, name):
			continue
		case p.find(name) != nil:
			repeated = append(repeated, name)
			p.list = slices.DeleteFunc(p.list, func(v param) bool { return v.name == name })
			continue
		case len(p.list)+len(repeated) == maxParams:
			return Params{}, nil, errTooMany()
		}
		p.list = append(p.list, param{name: name, text: text})
	}
	return p, repeated, nil
}

func errTooMany() error { return invalid("Too many parameters.") }

// unescape undoes form encoding. What it refuses, no client sends by mistake.
func unescape(s string) (string, error) {
	t, err := url.QueryUnescape(s)
	if err == nil && (!utf8.ValidString(t) || strings.IndexByte(t, 0) >= 0) {
		err = errors.New("invalid UTF-8 or NUL")
	}
	if err != nil {
		return "", invalid("The parameters are not valid form data.").Because(errors.New("bad escape or character"))
	}
	return t, nil
}

func (p Params) find(name string) *param {
	for i := range p.list {
		if p.list[i].name == name {
			return &p.list[i]
		}
	}
	return nil
}

// Get returns the text of a parameter, or "" if it was not sent or is not a
// string.
func (p Params) Get(name string) string {
	if v := p.find(name); v != nil {
		return v.text
	}
	return ""
}

// Has reports whether a parameter was sent with a value. RFC 6749 §3.1: one
// without a value counts as omitted; so does a null.
func (p Params) Has(name string) bool {
	v := p.find(name)
	return v != nil && (v.text != "" || v.raw != nil && string(v.raw) != "null" && v.raw[0] != '"')
}

// IsText reports whether a parameter was sent and is a string.
func (p Params) IsText(name string) bool {
	v := p.find(name)
	return v != nil && (v.raw == nil || v.raw[0] == '"')
}

// Raw returns the JSON value of a parameter as it was sent, or nil if it was
// not sent or came in a form.
func (p Params) Raw(name string) json.RawMessage {
	if v := p.find(name); v != nil {
		return v.raw
	}
	return nil
}

// Strings returns a parameter that is a string or a list of strings, such as a
// scope, and false if it is anything else. One without a value has none.
func (p Params) Strings(name string) ([]string, bool) {
	switch {
	case !p.Has(name):
		return nil, true
	case p.IsText(name):
		return []string{p.Get(name)}, true
	}
	var list []*string // so that a null among them shows
	if json.Unmarshal(p.Raw(name), &list) != nil {
		return nil, false
	}
	texts := make([]string, len(list))
	for i, s := range list {
		if s == nil {
			return nil, false
		}
		texts[i] = *s
	}
	return texts, true
}

// Names lists the parameters in the order they came in.
func (p Params) Names() []string {
	names := make([]string, len(p.list))
	for i, v := range p.list {
		names[i] = v.name
	}
	return names
}

// JSON reports whether the parameters came as a JSON object.
func (p Params) JSON() bool { return p.json }

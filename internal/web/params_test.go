package web

import (
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/fault"
)

func readParams(contentType, body string) (Params, error) {
	r := post(body)
	r.URL.RawQuery = "client_secret=from-the-url&extra=1"
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return ReadParams(httptest.NewRecorder(), r, AuthLimit)
}

const formType = "application/x-www-form-urlencoded"

func TestReadParams(t *testing.T) {
	tests := []struct{ name, contentType, body, get, want string }{
		{"form", formType, "grant_type=x&username=%2B15550100", "username", "+15550100"},
		{"form with charset", formType + ";charset=UTF-8", "a=1+2", "a", "1 2"},
		{"form, type in capitals", strings.ToUpper(formType), "a=1", "a", "1"},
		{"brace against the content type", formType, `{"a":"1"}`, "a", "1"},
		{"form without type", "", "a=1&b=2", "b", "2"},
		{"form as text", "text/plain", "a=1", "a", "1"},
		{"semicolons are text", formType, "a=1;b=2", "a", "1;b=2"},
		{"value with equals", formType, "a=b=c", "a", "b=c"},
		{"trailing ampersands", formType, "&a=1&&", "a", "1"},
		{"no value", formType, "a", "a", ""},
		{"JSON", "application/json", `{"a":"1"}`, "a", "1"},
		{"JSON without type", "", "\r\n {\"a\":\"1\"}", "a", "1"},
		{"JSON as text", "text/plain;charset=UTF-8", `{"a":"1"}`, "a", "1"},
		{"JSON with escapes", "application/json", `{"\u0061":"x\n\u00e9"}`, "a", "x\né"},
		{"number", "application/json", `{"otp":123456}`, "otp", ""},
		{"empty", formType, "", "a", ""},
		{"empty JSON", "application/json", " ", "a", ""},
		{"nothing from the URL", formType, "a=1", "client_secret", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := readParams(tt.contentType, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Get(tt.get); got != tt.want {
				t.Errorf("Get(%q) = %q, want %q", tt.get, got, tt.want)
			}
			if p.Has("extra") {
				t.Error("took a parameter from the URL")
			}
		})
	}
}

func TestReadParamsRefuses(t *testing.T) {
	for _, tt := range []struct{ contentType, body, want string }{
		{formType, "a=1&a=1", "Duplicate parameter: a"},
		{formType, "a=1&%61=2", "Duplicate parameter: a"},
		{formType, "a=&a=1", "Duplicate parameter: a"},
		{formType, "%0a%C3%A9=1&%0a%C3%A9=1", "Duplicate parameter: ??"},
		{"application/json", `{"a":"1","a":"1"}`, "Duplicate parameter: a"},
		{"", `{"x":{"a":1,"a":1}}`, "Duplicate parameter: a"},
		{formType, "a=%zz", "The parameters are not valid form data."},
		{formType, "a=%", "The parameters are not valid form data."},
		{formType, "a=%ff", "The parameters are not valid form data."},
		{formType, "a=%00", "The parameters are not valid form data."},
		{formType, "a\x00=1", "The parameters are not valid form data."},
		{formType, strings.Repeat("&", 5000), "Too many parameters."},
		{formType, manyParams("%s=1&", 101), "Too many parameters."},
		{"application/json", "{" + strings.TrimSuffix(manyParams(`"%s":1,`, 101), ",") + "}", "Too many parameters."},
		{"application/json", `[]`, "The request body must be an object."},
		{"application/json", `a=1`, "The request body is not valid JSON."},
		{"", `{"a":1`, "The request body is not valid JSON."},
	} {
		_, err := readParams(tt.contentType, tt.body)
		if f := fault.Of(err); f == nil || f.Code != "invalid_request" || f.Message != tt.want {
			t.Errorf("%.40q: %v, want %q", tt.body, err, tt.want)
		}
		var d *DuplicateError
		if strings.HasPrefix(tt.want, "Duplicate") && !errors.As(err, &d) {
			t.Errorf("%.40q: no DuplicateError in %v", tt.body, err)
		}
	}
	if _, err := readParams(formType, strings.TrimSuffix(manyParams("%s=1&", 100), "&")); err != nil {
		t.Errorf("100 parameters: %v", err)
	}
	if _, err := readParams(formType, "a="+strings.Repeat("x", AuthLimit)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("oversize: %v", err)
	}
}

func manyParams(format string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Replace(format, "%s", strings.Repeat("x", i+1), 1))
	}
	return b.String()
}

func TestParams(t *testing.T) {
	p, err := readParams("application/json",
		`{"s":"x","empty":"","null":null,"n":1,"zero":0,"list":["a","b"],"mixed":["a",1],"nulls":[null],"object":{"a":1},"f":false}`)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name         string
		has, is, ok  bool
		raw, strings string
	}{
		{"s", true, true, true, `"x"`, "x"},
		{"empty", false, true, true, `""`, ""},
		{"null", false, false, true, "null", ""},
		{"n", true, false, false, "1", ""},
		{"zero", true, false, false, "0", ""},
		{"f", true, false, false, "false", ""},
		{"list", true, false, true, `["a","b"]`, "a b"},
		{"mixed", true, false, false, `["a",1]`, ""},
		{"nulls", true, false, false, `[null]`, ""},
		{"object", true, false, false, `{"a":1}`, ""},
		{"absent", false, false, true, "", ""},
	}
	for _, tt := range tests {
		list, ok := p.Strings(tt.name)
		if p.Has(tt.name) != tt.has || p.IsText(tt.name) != tt.is || ok != tt.ok ||
			string(p.Raw(tt.name)) != tt.raw || strings.Join(list, " ") != tt.strings {
			t.Errorf("%s: Has %v, IsText %v, Strings %q %v, Raw %s", tt.name, p.Has(tt.name), p.IsText(tt.name), list, ok, p.Raw(tt.name))
		}
	}
	if names := p.Names(); !p.JSON() || !slices.Equal(names[:3], []string{"s", "empty", "null"}) {
		t.Errorf("JSON %v, names %q", p.JSON(), names)
	}
	form, err := readParams(formType, "a=1&b=")
	if err != nil || form.JSON() || form.Raw("a") != nil || !form.Has("a") || form.Has("b") || !form.IsText("b") {
		t.Errorf("form %+v, %v", form, err)
	}
}

func TestReadQuery(t *testing.T) {
	r := httptest.NewRequest("GET", "/authorize?scope=openid+email&state=%2B&x", nil)
	p, err := ReadQuery(r)
	if err != nil || p.Get("scope") != "openid email" || p.Get("state") != "+" || p.Has("x") {
		t.Errorf("%+v, %v", p, err)
	}
	r.URL.RawQuery = "scope=a&scope=b"
	if _, err := ReadQuery(r); fault.Of(err).Message != "Duplicate parameter: scope" {
		t.Errorf("%v", err)
	}
	r.URL.RawQuery = ""
	if p, err := ReadQuery(r); err != nil || p.Names() == nil && p.Has("a") {
		t.Errorf("%+v, %v", p, err)
	}
}

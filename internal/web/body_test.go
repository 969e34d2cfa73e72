package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/fault"
)

// post makes a request with a body, without a content type.
func post(body string) *http.Request {
	return httptest.NewRequest("POST", "/", strings.NewReader(body))
}

// refused are bodies that must not be read. Each is valid, or a mistake
// somebody makes, but for one thing.
func refused() map[string]string {
	deep := func(n int, open, end string) string {
		return `{"a":` + strings.Repeat(open, n) + "1" + strings.Repeat(end, n) + `}`
	}
	var many strings.Builder
	for i := range 40 {
		many.WriteString(`"n` + strconv.Itoa(i) + `":1,`)
	}
	return map[string]string{
		"empty": "", "blank": " \r\n\t", "null": "null", "form": "a=1&b=2", "word": "nope", "half word": "tru",
		"byte order mark": "\ufeff{}", "two values": "{}{}", "trailing word": "{} x", "trailing comma after": "{},",
		"trailing bracket": "{}}", "trailing NUL": "{}\x00", "unclosed object": `{"a":1`, "unclosed list": `{"a":[1`,
		"unclosed string": `{"a":"b`, "unclosed name": `{"a`, "comma at end": `{"a":1,}`, "comma at end of list": `{"a":[1,]}`,
		"comma first": `{,"a":1}`, "no colon": `{"a" 1}`, "no value": `{"a":}`, "no comma": `{"a":1 "b":2}`,
		"no comma in list": `{"a":[1 2]}`, "bare name": `{a:1}`, "single quotes": `{'a':1}`, "comment": `{"a":1/*x*/}`,
		"number as name": `{1:1}`, "wrong bracket": `{"a":[1}`, "form feed": "{\f}", "no-break space": "{\u00a0}",
		"deep lists": deep(32, "[", "]"), "deep objects": deep(32, `{"b":`, "}"), "very deep": strings.Repeat("[", 60_000),
		"twice": `{"a":1,"a":2}`, "twice, escaped": `{"a":1,"\u0061":2}`, "twice, nested": `{"x":{"a":1,"a":1}}`,
		"twice in a list": `{"x":[{"a":1,"a":1}]}`, "twice, empty name": `{"":1,"":2}`,
		"twice, after a nested one": `{"a":{"b":{}},"c":[{}],"a":2}`,
		"twice among many":          "{" + many.String() + `"n7":1}`, "twice at the end of many": "{" + many.String() + `"z":1,"z":1}`,
		"invalid UTF-8": "{\"a\":\"\xff\"}", "invalid UTF-8 in a name": "{\"\xc3\":1}", "overlong slash": "{\"a\":\"\xc0\xaf\"}",
		"surrogate in UTF-8": "{\"a\":\"\xed\xa0\x80\"}", "high surrogate": `{"a":"\ud800"}`, "high surrogate, then text": `{"a":"\ud800x"}`,
		"low surrogate": `{"a":"\udc00"}`, "two high": `{"a":"\ud800\ud800"}`, "surrogate in a name": `{"\ud801":1}`,
		"NUL": `{"a":"\u0000"}`, "raw control": "{\"a\":\"\n\"}", "raw NUL": "{\"a\":\"\x00\"}",
		"bad escape": `{"a":"\x41"}`, "short escape": `{"a":"\u12"}`, "escape at end": `{"a":"\`,
		"number too large": `{"a":1e400}`, "negative too large": `{"a":-1e999}`, "number too long": `{"a":` + strings.Repeat("9", 65) + `}`,
		"long fraction": `{"a":0.` + strings.Repeat("1", 70) + `}`, "leading zero": `{"a":01}`, "plus": `{"a":+1}`, "dot first": `{"a":.5}`,
		"dot last": `{"a":5.}`, "no exponent": `{"a":1e}`, "minus alone": `{"a":-}`, "hexadecimal": `{"a":0x10}`,
		"NaN": `{"a":NaN}`, "Infinity": `{"a":-Infinity}`,
	}
}

// INJ-07: nothing that is not plain JSON within bounds is read.
func TestINJ07JSONRefused(t *testing.T) {
	vectors := refused()
	if len(vectors) < 60 {
		t.Fatalf("%d vectors, want 60", len(vectors))
	}
	for name, body := range vectors {
		t.Run(name, func(t *testing.T) {
			var dst any
			_, oerr := ReadObject(httptest.NewRecorder(), post(body), AuthLimit)
			for _, err := range []error{ReadJSON(httptest.NewRecorder(), post(body), AuthLimit, &dst), oerr} {
				if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Code != "invalid_request" || StatusOf(err) != 400 {
					t.Fatalf("%.60q: %v", body, err)
				}
				if len(body) > 3 && strings.Contains(fault.Of(err).Message, body) {
					t.Errorf("the message quotes the body: %v", err)
				}
			}
			if dst != nil {
				t.Errorf("%.60q set %v", body, dst)
			}
		})
	}
}

func TestReadJSONAccepts(t *testing.T) {
	for _, body := range []string{
		`{}`, ` { } `, `[]`, `[1,2]`, `"text"`, `true`, `0`, `-0`, `-1.5e-3`, `1E+2`, `1e308`, `1e-999`,
		`{"a":null,"b":[null,true,false]}`, `{"a":{"a":{"a":1}}}`, `{"x":{"a":1,"A":2}}`,
		`{"a":"\"\\\/\b\f\n\r\t\u00e9"}`, `{"a":"\ud83d\ude00"}`, `{"a":"😀é"}`, `{"é":1,"e":2}`, "\r\n{\t\"a\" : 1 }\n",
		`{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`, `[{"a":1},{"a":2}]`,
	} {
		var got, want any
		if err := ReadJSON(httptest.NewRecorder(), post(body), AuthLimit, &got); err != nil {
			t.Errorf("%q: %v", body, err)
		}
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if !bytes.Equal(a, b) {
			t.Errorf("%q: got %s, want %s", body, a, b)
		}
	}
}

// encoding/json takes "CLIENT_ID" for client_id, so both in one body are one
// name sent twice.
func TestNamesFold(t *testing.T) {
	var dst struct {
		ClientID string `json:"client_id"`
		Task     string `json:"task"`
	}
	var many strings.Builder
	for i := range 40 {
		many.WriteString(`"n` + strconv.Itoa(i) + `":1,`)
	}
	for _, body := range []string{
		`{"client_id":"a","CLIENT_ID":"b"}`, `{"task":"a","ta\u017fk":"b"}`, `{"task":"a","tas` + "\u212a" + `":"b"}`,
		`{` + many.String() + `"client_id":"a","Client_Id":"b"}`, `{` + many.String() + `"task":"a","TA` + "\u017f" + `K":"b"}`,
	} {
		err := ReadJSON(httptest.NewRecorder(), post(body), AuthLimit, &dst)
		var d *DuplicateError
		if !errors.As(err, &d) {
			t.Errorf("%.60q: %v", body, err)
		}
		if _, err := ReadObject(httptest.NewRecorder(), post(body), AuthLimit); err != nil {
			t.Errorf("ReadObject(%.60q): %v", body, err)
		}
	}
}

func TestReadJSONWrongType(t *testing.T) {
	type body struct {
		Name  string            `json:"name"`
		Count int               `json:"count"`
		Rate  *float64          `json:"rate"`
		On    bool              `json:"on"`
		List  []string          `json:"list"`
		Map   map[string]string `json:"map"`
	}
	for in, want := range map[string]string{
		`{"name":1}`:                     "name must be a string.",
		`{"count":"1"}`:                  "count must be a whole number in range.",
		`{"count":1.5}`:                  "count must be a whole number in range.",
		`{"count":99999999999999999999}`: "count must be a whole number in range.",
		`{"rate":"x"}`:                   "rate must be a number.",
		`{"on":"true"}`:                  "on must be true or false.",
		`{"list":{}}`:                    "list must be a list.",
		`{"map":[]}`:                     "map must be an object.",
		`["a"]`:                          "The request body must be an object.",
	} {
		var dst body
		err := ReadJSON(httptest.NewRecorder(), post(in), AuthLimit, &dst)
		var typed *json.UnmarshalTypeError
		if got := fault.Of(err); got == nil || got.Message != want || !errors.As(err, &typed) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
	var own fussy
	if err := ReadJSON(httptest.NewRecorder(), post(`{}`), AuthLimit, &own); fault.Of(err).Code != "fussy" {
		t.Errorf("fault of the type itself: %v", err)
	}
}

type fussy struct{}

func (*fussy) UnmarshalJSON([]byte) error { return fault.New(fault.Invalid, "fussy", "No.") }

func TestReadObject(t *testing.T) {
	got, err := ReadObject(httptest.NewRecorder(), post(` {"a" : null , "\u0062":{"c": [1, 2]}, "A":"x" } `), AuthLimit)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || string(got["a"]) != "null" || string(got["b"]) != `{"c": [1, 2]}` || string(got["A"]) != `"x"` {
		t.Errorf("got %s", got)
	}
	for _, body := range []string{`[]`, `"a"`, `1`} {
		if _, err := ReadObject(httptest.NewRecorder(), post(body), AuthLimit); !fault.Has(err, fault.Invalid) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// endless is a body without an end, which must not be read for long.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	e.read += len(b)
	return len(b), nil
}

// INJ-07, HTT-06: oversized bodies are 413 whether they say so or not.
func TestHTT06BodyLimit(t *testing.T) {
	exact := `"` + strings.Repeat("x", AuthLimit-2) + `"`
	var s string
	if err := ReadJSON(httptest.NewRecorder(), post(exact), AuthLimit, &s); err != nil {
		t.Errorf("a body of the limit: %v", err)
	}
	chunked := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(exact), strings.NewReader(" ")))
	unsaid := &endless{}
	for name, r := range map[string]*http.Request{
		"announced": post(exact + " "), "chunked": chunked, "endless": httptest.NewRequest("POST", "/", unsaid),
	} {
		err := ReadJSON(httptest.NewRecorder(), r, AuthLimit, &s)
		if !errors.Is(err, ErrTooLarge) || StatusOf(err) != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	if unsaid.read > 4*AuthLimit {
		t.Errorf("read %d bytes of an endless body", unsaid.read)
	}
	lie := post("{}")
	lie.ContentLength = math.MaxInt64
	if err := ReadJSON(httptest.NewRecorder(), lie, AuthLimit, &s); !errors.Is(err, ErrTooLarge) {
		t.Errorf("announced as huge: %v", err)
	}
}

// HTT-13: no request is decompressed.
func TestHTT13CompressedBody(t *testing.T) {
	for encoding, want := range map[string]int{"gzip": 415, "GZIP": 415, "br": 415, "deflate, gzip": 415, "identity": 200, "Identity": 200} {
		r := post(`{}`)
		r.Header.Set("Content-Encoding", encoding)
		var dst any
		err := ReadJSON(httptest.NewRecorder(), r, AuthLimit, &dst)
		if got := StatusOf(err); err != nil && got != want || err == nil && want != 200 {
			t.Errorf("%s: %v", encoding, err)
		}
	}
}

func TestNoBody(t *testing.T) {
	var dst any
	for _, r := range []*http.Request{httptest.NewRequest("POST", "/", nil), post(""), post(" ")} {
		if err := ReadJSON(httptest.NewRecorder(), r, AuthLimit, &dst); !errors.Is(err, ErrNoBody) {
			t.Errorf("%v", err)
		}
	}
	if err := ReadJSON(httptest.NewRecorder(), post("x"), AuthLimit, &dst); errors.Is(err, ErrNoBody) {
		t.Error("a bad body counts as none")
	}
	broken := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("{"), errReader{}))
	if err := ReadJSON(httptest.NewRecorder(), broken, AuthLimit, &dst); !fault.Has(err, fault.Invalid) {
		t.Errorf("broken connection: %v", err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// F6: JSON is read whatever the content type says.
func TestContentTypeIsIgnored(t *testing.T) {
	for _, ct := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "garbage/"} {
		r := post(`{"options":{"request_language":"en-US"}}`)
		r.Header.Set("Content-Type", ct)
		var dst struct {
			Options struct {
				Language string `json:"request_language"`
			}
		}
		if err := ReadJSON(httptest.NewRecorder(), r, ManageLimit, &dst); err != nil || dst.Options.Language != "en-US" {
			t.Errorf("%q: %+v, %v", ct, dst, err)
		}
	}
}

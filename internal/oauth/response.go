package oauth

import (
	"net/url"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The ways an answer of /authorize travels (OAuth 2.0 Multiple Response Type
// Encoding Practices; OAuth 2.0 Form Post Response Mode; Auth0: web_message).
const (
	ModeQuery      = "query"
	ModeFragment   = "fragment"
	ModeFormPost   = "form_post"
	ModeWebMessage = "web_message"
)

// ResponseModes lists them.
func ResponseModes() []string {
	return []string{ModeQuery, ModeFragment, ModeFormPost, ModeWebMessage}
}

// ResponseTypes lists the response types there are. All but the first give
// tokens to the browser, and are for applications with the implicit grant only.
func ResponseTypes() []string {
	return []string{"code", "token", "id_token", "code token", "code id_token", "id_token token", "code id_token token"}
}

// A ResponseType is what an answer of /authorize has in it.
type ResponseType struct{ Code, IDToken, Token bool }

// ParseResponseType reads a response type, whose words may come in any order.
func ParseResponseType(s string) (ResponseType, bool) {
	var t ResponseType
	words := strings.Fields(s)
	for _, w := range words {
		var is *bool
		switch w {
		case "code":
			is = &t.Code
		case "id_token":
			is = &t.IDToken
		case "token":
			is = &t.Token
		default:
			return ResponseType{}, false
		}
		if *is {
			return ResponseType{}, false
		}
		*is = true
	}
	return t, len(words) > 0
}

// Allowed refuses a response type that an application's grants do not allow.
func (t ResponseType) Allowed(c *tenant.Client) error {
	if t.Code && !c.MayUse(tenant.GrantAuthorizationCode) {
		return GrantNotAllowed(tenant.GrantAuthorizationCode)
	}
	if t.FrontChannel() && !c.MayUse(tenant.GrantImplicit) {
		return GrantNotAllowed(tenant.GrantImplicit)
	}
	return nil
}

// String is the response type with its words in one order.
func (t ResponseType) String() string {
	var words []string
	for _, w := range []struct {
		is   bool
		name string
	}{{t.Code, "code"}, {t.IDToken, "id_token"}, {t.Token, "token"}} {
		if w.is {
			words = append(words, w.name)
		}
	}
	return strings.Join(words, " ")
}

// FrontChannel reports whether tokens go through the browser.
func (t ResponseType) FrontChannel() bool { return t.IDToken || t.Token }

// mode is how a request is answered: as it asks, or as its type is by default.
// Tokens never go into a query, which ends up in logs and histories.
func (t ResponseType) mode(asked string) (mode string, ok bool) {
	byDefault := ModeQuery
	if t.FrontChannel() {
		byDefault = ModeFragment
	}
	switch {
	case asked == "":
		return byDefault, true
	case !slices.Contains(ResponseModes(), asked), asked == ModeQuery && t.FrontChannel():
		return byDefault, false
	}
	return asked, true
}

// A Pair is a parameter of an answer.
type Pair struct{ Name, Value string }

// A Response is an answer of /authorize, on its way to the application.
type Response struct {
	RedirectURI string
	Mode        string
	Pairs       []Pair
}

// A Reply is where and how a request is answered.
type Reply struct {
	RedirectURI string
	Mode        string
	State       string
	Issuer      string
}

// ReplyFor says how a request is answered whose redirect URI is good, though the
// rest of it may not be.
func ReplyFor(redirectURI, issuer string, v Values) Reply {
	t, _ := ParseResponseType(v.Get("response_type"))
	mode, _ := t.mode(v.Get("response_mode"))
	if mode == ModeWebMessage && Origin(redirectURI) == "" {
		mode, _ = t.mode("")
	}
	state := v.Get("state")
	if len(state) > maxParameter {
		state = ""
	}
	return Reply{RedirectURI: redirectURI, Mode: mode, State: state, Issuer: issuer}
}

// With is the answer with these parameters. It ends with the state as it was
// sent, and the issuer, by which applications of several servers tell them apart
// (RFC 9207).
func (r Reply) With(pairs ...Pair) Response {
	if r.State != "" {
		pairs = append(pairs, Pair{"state", r.State})
	}
	pairs = append(pairs, Pair{"iss", r.Issuer})
	return Response{RedirectURI: r.RedirectURI, Mode: r.Mode, Pairs: pairs}
}

// Error is the answer that refuses (RFC 6749 §4.1.2.1).
func (r Reply) Error(f *fault.Error) Response {
	code, message := f.Code, f.Message
	if f.Kind == fault.Internal {
		code = CodeServerError
	}
	return r.With(Pair{"error", code}, Pair{"error_description", describable(message)})
}

// describable leaves out what an error_description must not have (RFC 6749
// §4.1.2.1: no quotation marks, no backslash, ASCII only).
func describable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r == '\\' || r > '~':
			return '?'
		}
		return r
	}, s)
}

// Encoded are the parameters as a form.
func (r Response) Encoded() string {
	var b strings.Builder
	for i, p := range r.Pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.Name)
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p.Value))
	}
	return b.String()
}

// Location is where the browser is sent, for the modes query and fragment. What
// the redirect URI has in its query stays as it is.
func (r Response) Location() string {
	if r.Mode == ModeFragment {
		return r.RedirectURI + "#" + r.Encoded()
	}
	join := "?"
	if strings.Contains(r.RedirectURI, "?") {
		join = "&"
		if strings.HasSuffix(r.RedirectURI, "?") || strings.HasSuffix(r.RedirectURI, "&") {
			join = ""
		}
	}
	return r.RedirectURI + join + r.Encoded()
}

package oauth

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// ACR is the authentication context class of every sign-in with a code or a
// link. ID tokens tell of it where it is asked for.
const ACR = "urn:doorcode:acr:one-time-code"

// codeUnmet is the error of a request for a class that there is none of (OpenID
// Connect Core Error Code unmet_authentication_requirements 1.0).
const codeUnmet = "unmet_authentication_requirements"

// Where claims can be asked for.
const (
	ClaimsOfID       = "id_token."
	ClaimsOfUserinfo = "userinfo."
)

// claimScope is the scope that covers a claim about a person, or "" for one that
// cannot be asked for.
func claimScope(name string) string {
	switch name {
	case "name", "given_name", "family_name", "nickname", "picture", "updated_at":
		return Profile
	case "email", "email_verified":
		return Email
	case "phone_number", "phone_number_verified":
		return Phone
	}
	return ""
}

// ClaimsAt returns the names of the claims that are asked for at one place.
func ClaimsAt(claims, place string) []string {
	var names []string
	for c := range strings.FieldsSeq(claims) {
		if name, ok := strings.CutPrefix(c, place); ok {
			names = append(names, name)
		}
	}
	return names
}

// ClaimScopes returns the scopes that cover claims. People who are asked what an
// application may have are asked about these too: no parameter gets around them.
func ClaimScopes(claims string) Scopes {
	var s Scopes
	for c := range strings.FieldsSeq(claims) {
		_, name, _ := strings.Cut(c, ".")
		if scope := claimScope(name); scope != "" && !s.Has(scope) {
			s = append(s, scope)
		}
	}
	return s
}

// claimWish is how one claim is asked for (OpenID Connect Core 1.0 §5.5.1).
type claimWish struct {
	Essential bool  `json:"essential"`
	Value     any   `json:"value"`
	Values    []any `json:"values"`
}

// wants reports whether a value is among those that are asked for, which are all
// if none is named.
func (w claimWish) wants(value string) bool {
	if w.Value == nil && w.Values == nil {
		return true
	}
	return w.Value == any(value) || slices.Contains(w.Values, any(value))
}

// readClaims reads the parameter claims (OpenID Connect Core 1.0 §5.5), and
// which class the ID token is to tell of. Claims that there are none of are
// passed over, as the standard asks.
func readClaims(r *tenant.AuthorizeRequest, text, classes string) error {
	if slices.Contains(strings.Fields(classes), ACR) {
		r.ACR = ACR
	}
	if text == "" {
		return nil
	}
	if len(text) > maxParameter {
		return InvalidRequest("Parameter claims is too long.")
	}
	var asked struct {
		ID       map[string]claimWish `json:"id_token"`
		Userinfo map[string]claimWish `json:"userinfo"`
	}
	if err := json.Unmarshal([]byte(text), &asked); err != nil {
		return InvalidRequest("Parameter claims must be a JSON object as in OpenID Connect Core 1.0, section 5.5.").Because(err)
	}
	var list []string
	for place, names := range map[string]map[string]claimWish{ClaimsOfID: asked.ID, ClaimsOfUserinfo: asked.Userinfo} {
		for name, wish := range names {
			if claimScope(name) != "" {
				list = append(list, place+name)
			}
			if name == "sub" && wish.Value != nil {
				sub, _ := wish.Value.(string)
				if sub == "" || r.HintUser != "" && r.HintUser != tenant.UserID(sub) {
					return InvalidRequest("Parameter claims asks for more than one person, or for none.")
				}
				r.HintUser = tenant.UserID(sub)
			}
		}
	}
	slices.Sort(list)
	r.Claims = strings.Join(list, " ")
	if wish, ok := asked.ID["acr"]; ok {
		r.ACR = ""
		switch {
		case wish.wants(ACR):
			r.ACR = ACR
		case wish.Essential:
			return fault.New(fault.Denied, codeUnmet, "People sign in here with one-time codes, which is none of the classes that are asked for.")
		}
	}
	return nil
}

package jwttest

import (
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// signed makes tokens by the key of the good one. Their signature is right, and
// they say something that nobody may take.
type signed struct {
	*forger
	key *Key
}

// as adds a token with another header and other claims, both encoded.
func (s signed) as(name, head, body string) {
	s.add("rightly signed: "+name, s.key.SignRaw(s.t, head+"."+body))
}

// bringsKey reports whether the token brings the key that it is checked by, as a
// DPoP proof does.
func (s signed) bringsKey() bool { return s.header["jwk"] != nil }

func (s signed) algorithms() {
	for _, alg := range []any{
		"none", "None", "NONE", "nOnE", "none ", " none", "", nil, 1, true,
		[]string{s.key.Alg},
		map[string]any{"a": s.key.Alg},
		strings.ToLower(s.key.Alg), s.key.Alg + " ", "HS256", "HS384", "HS512", "EdDSA", "dir",
	} {
		s.as(fmt.Sprintf("alg %v", alg), s.with(map[string]any{"alg": alg}), s.body)
	}
	others := []string{"ES256", "ES384", "ES512", "ES256K", "PS256", "RS384", "RS512"}
	if s.key.Alg == "ES256" {
		others = []string{"ES384", "ES512", "ES256K", "RS256", "PS256"}
	}
	for _, alg := range others {
		s.as("alg of another key or hash, "+alg, s.with(map[string]any{"alg": alg}), s.body)
	}
}

// headers bring a key, point to one, or ask for something that nobody here does.
func (s signed) headers() {
	own := s.key.JWK()
	and := func(name string, value any) map[string]any {
		more := maps.Clone(own)
		more[name] = value
		return map[string]any{"jwk": more}
	}
	list := map[string]map[string]any{
		"jku": {"jku": "https://attacker.example/jwks"}, "x5u": {"x5u": "https://attacker.example/cert"},
		"x5c": {"x5c": []string{"MIIB"}}, "an empty x5c": {"x5c": []string{}},
		"crit of a claim": {"crit": []string{"exp"}}, "empty crit": {"crit": []string{}}, "crit of alg": {"crit": []string{"alg"}},
		"crit of what there is not": {"crit": []string{"x"}}, "crit that is text": {"crit": "exp"},
		"crit of what there is": {"crit": []string{"x"}, "x": "y"},
		"b64":                   {"b64": false, "crit": []string{"b64"}}, "b64 without crit": {"b64": false},
		"b64 that is true": {"b64": true, "crit": []string{"b64"}}, "b64 that is text": {"b64": "false"},
		"zip": {"zip": "DEF"}, "enc": {"enc": "A256GCM"}, "cty": {"cty": "JWT"},
		"kid object": {"kid": map[string]any{"a": 1}}, "kid number": {"kid": 1}, "kid list": {"kid": []string{"a"}},
		"typ list": {"typ": []string{s.typ()}}, "typ number": {"typ": 1}, "typ logout": {"typ": "logout+jwt"},
		"typ secevent": {"typ": "secevent+jwt"}, "typ of an access token": {"typ": "at+jwt"},
		"private jwk": {"jwk": s.key.privateJWK()}, "symmetric jwk": {"jwk": map[string]any{"kty": "oct", "k": "AAAA"}},
		"jwk that is text": {"jwk": "key"}, "jwk that is a list": {"jwk": []any{own}},
		"jwk of somebody else": {"jwk": s.own.JWK()},
	}
	if s.bringsKey() {
		list["no jwk"] = map[string]any{"jwk": nil}
		list["typ of what brings no key"] = map[string]any{"typ": "JWT"}
		list["no typ"] = map[string]any{"typ": nil}
		for _, name := range []string{"x5u", "jku", "k", "p", "oth"} {
			list["jwk with "+name] = and(name, "https://attacker.example/")
		}
		list["jwk with x5c"] = and("x5c", []string{"MIIB"})
		list["jwk with d"] = and("d", "AQAB")
		list["jwk of no type"] = and("kty", "")
	} else {
		list["its own jwk"] = map[string]any{"jwk": own}
		list["typ of what brings a key"] = map[string]any{"typ": "dpop+jwt"}
		list["its own jwk and that type"] = map[string]any{"jwk": own, "typ": "dpop+jwt"}
	}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		s.as(name, s.with(list[name]), s.body)
	}
}

func (s signed) typ() string {
	if t, ok := s.header["typ"].(string); ok {
		return t
	}
	return "JWT"
}

// repeated have a name twice: two readers may read them differently.
func (s signed) repeated() {
	head, body := string(Decode(s.t, s.head)), string(Decode(s.t, s.body))
	for _, doc := range []struct{ what, text string }{{"header", head}, {"claims", body}} {
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(doc.text), &members); err != nil {
			s.t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			value, escaped := string(members[name]), fmt.Sprintf(`\u%04x%s`, name[0], name[1:])
			for _, c := range []struct{ where, text string }{
				{"before", `{"` + name + `":"none",` + doc.text[1:]},
				{"behind", doc.text[:len(doc.text)-1] + `,"` + name + `":` + value + `}`},
				{"escaped, before", `{"` + escaped + `":` + value + `,` + doc.text[1:]},
				{"escaped, behind", doc.text[:len(doc.text)-1] + `,"` + escaped + `":` + value + `}`},
			} {
				changed := map[string]string{"header": head, "claims": body}
				changed[doc.what] = c.text
				s.as(fmt.Sprintf("%s twice in the %s, %s", name, doc.what, c.where),
					Encode([]byte(changed["header"])), Encode([]byte(changed["claims"])))
			}
		}
	}
	if s.bringsKey() {
		for name, extra := range map[string]string{"kty": `"kty":"oct"`, "a name of no meaning": `"a":1,"a":2`} {
			s.as(name+" twice in the jwk", Encode([]byte(strings.Replace(head, `"jwk":{`, `"jwk":{`+extra+`,`, 1))), s.body)
		}
	}
	s.as("a name twice in a claim", s.head, Encode([]byte(`{"x":{"a":1,"a":2},`+body[1:])))
	s.as("a name twice in a list in a claim", s.head, Encode([]byte(`{"x":[[{"a":1,"a":1}]],`+body[1:])))
}

// misshapen are forms of a JSON object that are none, or not to everybody.
func misshapen(doc string) map[string]string {
	return map[string]string{
		"a list": "[" + doc + "]", "null": "null", "text": `"x"`, "a number": "1", "empty": "", "a space": " ", "two in one": doc + doc,
		"followed by an object": doc + "{}", "followed by a comment": doc + "//", "cut off": doc[:len(doc)-1],
		"a comma too many": doc[:len(doc)-1] + ",}", "after a byte order mark": "\ufeff" + doc, "a zero byte behind": doc + "\x00",
		"not UTF-8":         doc[:len(doc)-1] + ",\"cty\":\"\xff\"}",
		"nested too deeply": doc[:len(doc)-1] + `,"x":` + strings.Repeat("[", 1500) + strings.Repeat("]", 1500) + "}",
		"too long":          doc + strings.Repeat(" ", 9000),
	}
}

// forms are other ways to write what was signed, with a signature over just
// that.
func (s signed) forms() {
	texts := misshapen(string(Decode(s.t, s.head)))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		s.as("header is "+name, Encode([]byte(texts[name])), s.body)
	}
	s.as("padded header", s.head+"=", s.body)
	s.as("padded claims", s.head, s.body+"=")
	s.as("a line break in the header", s.head[:5]+"\n"+s.head[5:], s.body)
	s.as("a line break in the claims", s.head, s.body[:5]+"\r\n"+s.body[5:])
	s.as("claims that are not encoded", s.head, string(Decode(s.t, s.body)))
	s.as("claims in a part too many", s.head, s.body+"."+s.body)
	if s.key.Alg == "ES256" {
		signature := Decode(s.t, s.tail)
		var pair struct{ R, S *big.Int }
		pair.R, pair.S = new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		der, err := asn1.Marshal(pair)
		if err != nil {
			s.t.Fatal(err)
		}
		s.add("a signature in ASN.1", s.head+"."+s.body+"."+Encode(der))
	}
}

func (s signed) claims() {
	texts := misshapen(string(Decode(s.t, s.body)))
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		s.as("claims are "+name, s.head, Encode([]byte(texts[name])))
	}
}

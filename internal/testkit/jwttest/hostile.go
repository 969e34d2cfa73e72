package jwttest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A Hostile is a token that everybody must refuse.
type Hostile struct{ Name, Token string }

// HostileTokens makes eighty tokens and more out of a good one. signer is the
// key that the good one is signed by, or nil where a test has not got it. With
// it there are tokens whose signature is right, so that what they say is all
// they can be refused for. public are the forms of the public key that the good
// one is checked by: secrets that somebody may hope an HMAC is checked with.
func HostileTokens(t testing.TB, good string, signer *Key, public ...string) []Hostile {
	t.Helper()
	parts := strings.Split(good, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	f := forger{t: t, head: parts[0], body: parts[1], tail: parts[2], own: EC(t)}
	if err := json.Unmarshal(Decode(t, f.head), &f.header); err != nil {
		t.Fatal(err)
	}
	f.algorithms(public)
	f.headers()
	f.forms()
	f.claims()
	if signer != nil {
		if !signer.made(t, good) {
			t.Fatal("the good token is not by the key of its signer")
		}
		s := signed{forger: &f, key: signer}
		s.algorithms()
		s.headers()
		s.repeated()
		s.forms()
		s.claims()
	}
	return f.list
}

type forger struct {
	t                testing.TB
	head, body, tail string
	header           map[string]any
	own              *Key // of whoever makes these
	list             []Hostile
}

func (f *forger) add(name, token string) { f.list = append(f.list, Hostile{name, token}) }

// with is the header with other members.
func (f *forger) with(members map[string]any) string {
	h := map[string]any{}
	for k, v := range f.header {
		h[k] = v
	}
	for k, v := range members {
		if v == nil {
			delete(h, k)
		} else {
			h[k] = v
		}
	}
	doc, err := json.Marshal(h)
	if err != nil {
		f.t.Fatal(err)
	}
	return Encode(doc)
}

func (f *forger) algorithms(public []string) {
	for _, none := range []string{"none", "None", "NONE", "nOnE", "none ", " none", ""} {
		head := f.with(map[string]any{"alg": none})
		f.add(fmt.Sprintf("alg %q without a signature", none), head+"."+f.body+".")
		f.add(fmt.Sprintf("alg %q with a signature", none), head+"."+f.body+"."+f.tail)
	}
	for _, alg := range []any{1, true, []string{"RS256"}, map[string]any{"a": "ES256"}, "rs256", "RS257", "HS512", "EdDSA"} {
		f.add(fmt.Sprintf("alg %v", alg), f.with(map[string]any{"alg": alg})+"."+f.body+"."+f.tail)
	}
	f.add("no alg", f.with(map[string]any{"alg": nil})+"."+f.body+"."+f.tail)
	for i, secret := range append(public, "", "secret") {
		for _, alg := range []string{"HS256", f.header["alg"].(string)} {
			text := f.with(map[string]any{"alg": alg}) + "." + f.body
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write([]byte(text))
			f.add(fmt.Sprintf("%s, an HMAC with public form %d", alg, i), text+"."+Encode(mac.Sum(nil)))
		}
	}
	other := "ES256"
	if f.header["alg"] == "ES256" {
		other = "RS256"
	}
	f.add("the other algorithm", f.with(map[string]any{"alg": other})+"."+f.body+"."+f.tail)
}

// headers bring a key, or point to one, or ask for something special; all are
// signed by whoever makes them.
func (f *forger) headers() {
	jwk := f.own.JWK()
	private := map[string]any{"d": "AQAB"}
	for k, v := range jwk {
		private[k] = v
	}
	for name, members := range map[string]map[string]any{
		"jwk": {"jwk": jwk}, "private jwk": {"jwk": private}, "symmetric jwk": {"jwk": map[string]any{"kty": "oct", "k": "AA"}},
		"jku": {"jku": "https://attacker.example/jwks"}, "x5u": {"x5u": "https://attacker.example/cert"},
		"x5c": {"x5c": []string{"MIIB"}}, "crit": {"crit": []string{"exp"}}, "empty crit": {"crit": []string{}},
		"b64": {"b64": false, "crit": []string{"b64"}}, "zip": {"zip": "DEF"}, "enc": {"enc": "A256GCM"},
		"kid path": {"kid": "../../dev/null"}, "kid sql": {"kid": "' OR 1=1 --"}, "kid none": {"kid": ""},
		"kid object": {"kid": map[string]any{"a": 1}}, "typ object": {"typ": []string{"JWT"}}, "cty": {"cty": "JWT"},
		"typ logout": {"typ": "logout+jwt"}, "typ secevent": {"typ": "secevent+jwt"},
	} {
		if name == "jwk" && f.header["jwk"] != nil {
			continue // whoever brings a key of their own where one is brought has made another good token
		}
		members["alg"] = "ES256"
		if f.header["alg"] == "RS256" && name == "b64" {
			members["alg"] = "RS256"
		}
		f.add(name, f.own.SignRaw(f.t, f.with(members)+"."+f.body))
	}
	f.add("signed by somebody else", f.own.SignRaw(f.t, f.with(map[string]any{"alg": "ES256"})+"."+f.body))
	f.add("alg twice", f.own.SignRaw(f.t, Encode([]byte(`{"alg":"none","alg":"ES256"}`))+"."+f.body))
	f.add("header twice in one", f.own.SignRaw(f.t, Encode([]byte(`{"alg":"ES256"}{"alg":"none"}`))+"."+f.body))
	for _, head := range []string{`[]`, `null`, `"ES256"`, `{`, ``, `{"alg":"ES256"`, "{\"alg\":\"ES256\",\"x\":\"\xff\"}", strings.Repeat("[", 5000)} {
		f.add(fmt.Sprintf("header %.20q", head), f.own.SignRaw(f.t, Encode([]byte(head))+"."+f.body))
	}
	f.add("a large header", Encode([]byte(`{"alg":"ES256","x":"`+strings.Repeat("a", 9000)+`"}`))+"."+f.body+"."+f.tail)
}

func (f *forger) forms() {
	whole := f.head + "." + f.body + "." + f.tail
	for name, token := range map[string]string{
		"nothing": "", "dots": "..", "many dots": strings.Repeat(".", 1000), "two parts": f.head + "." + f.body,
		"no signature": f.head + "." + f.body + ".", "no claims": f.head + ".." + f.tail, "no header": "." + f.body + "." + f.tail,
		"four parts": whole + ".", "four parts with one": whole + "." + f.tail, "five parts": whole + "." + f.tail + "." + f.tail,
		"bytes behind": whole + "AAAA", "a byte less": whole[:len(whole)-1], "half": whole[:len(whole)/2],
		"a line break": f.head + "." + f.body + ".\n" + f.tail, "a space before": " " + whole, "a space behind": whole + " ",
		"padding": whole + "=", "padded claims": f.head + "." + f.body + "=." + f.tail,
		"two in one": whole + "," + whole, "JSON": `{"payload":"` + f.body + `","signatures":[{"protected":"` + f.head + `","signature":"` + f.tail + `"}]}`,
		"flat JSON":             `{"payload":"` + f.body + `","protected":"` + f.head + `","signature":"` + f.tail + `"}`,
		"not base64url":         f.head + "." + f.body + "." + base64.StdEncoding.EncodeToString(append([]byte{0xfb, 0xff}, Decode(f.t, f.tail)...)),
		"a detached payload":    f.head + ".." + f.tail,
		"zeros for a signature": f.head + "." + f.body + "." + Encode(make([]byte, len(Decode(f.t, f.tail)))),
		"stray bits":            stray(whole),
	} {
		f.add(name, token)
	}
	flipped := Decode(f.t, f.tail)
	flipped[0] ^= 1
	f.add("a bit of the signature", f.head+"."+f.body+"."+Encode(flipped))
	f.add("large", f.head+"."+strings.Repeat("A", 11_000)+"."+f.tail)
}

// stray turns the last bit of base64url. In a signature of 64 or 256 bytes it
// stands for nothing, so that a lenient reader reads the same as before.
func stray(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + string(alphabet[last^1])
}

// claims changes what was signed.
func (f *forger) claims() {
	plain := string(Decode(f.t, f.body))
	for name, body := range map[string]string{
		"another claim": strings.Replace(plain, "{", `{"admin":true,`, 1), "sub twice": strings.Replace(plain, "{", `{"sub":"x",`, 1),
		"a later end": strings.Replace(plain, `"exp":`, `"exp":9`, 1), "a list": "[" + plain + "]", "null claims": "null",
		"claims with a tail": plain + "{}", "claims cut off": plain[:len(plain)-1],
	} {
		if body != plain { // it may have no such claim
			f.add(name, f.head+"."+Encode([]byte(body))+"."+f.tail)
		}
	}
}

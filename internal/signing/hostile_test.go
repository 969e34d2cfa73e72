package signing

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// A hostile is a token that must be refused, under its number in TOK-01.
type hostile struct{ name, token string }

// TOK-01: none of these is accepted, and none of them makes the server fall.
func TestHostileTokens(t *testing.T) {
	r, _ := newRing(t)
	list := slices.Concat(hostileAlgorithms(t, r), hostileHeaders(t, r), hostileForms(t, r),
		hostileSignatures(t, r), hostileClaims(t, r))
	if len(list) < 80 {
		t.Fatalf("only %d hostile tokens", len(list))
	}
	t.Logf("%d hostile tokens", len(list))
	for i, h := range list {
		t.Run(fmt.Sprintf("TOK-01 %03d %s", i+1, h.name), func(t *testing.T) {
			for name, secret := range map[string][]byte{"keys": nil, "secret": []byte(testSecret)} {
				want := testWant()
				want.Secret = secret
				r.lastMiss = time.Time{}
				_, err := r.Verify(t.Context(), h.token, want)
				if !errors.Is(err, ErrToken) || !isRefusal(err) {
					t.Errorf("with %s: Verify(%.200q) = %v, want a refusal", name, h.token, err)
				}
			}
			_, _ = Unverified(h.token)
		})
	}
}

// What the forgeries are made of is good: without a defect they are accepted.
func TestForgeriesWithoutDefect(t *testing.T) {
	r, _ := newRing(t)
	for _, alg := range []string{RS256, ES256, PS256} {
		if _, err := r.Verify(t.Context(), forge(t, r, forgery{with: alg}), testWant()); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
	want := testWant()
	want.Secret = []byte(testSecret)
	token := forge(t, r, forgery{head: `{"alg":"HS256","typ":"JWT"}`, sign: byMAC(sha256.New, want.Secret)})
	if _, err := r.Verify(t.Context(), token, want); err != nil {
		t.Errorf("HS256: %v", err)
	}
}

func hostileAlgorithms(t *testing.T, r *Ring) []hostile {
	var list []hostile
	add := func(name string, f forgery) { list = append(list, hostile{name, forge(t, r, f)}) }
	for _, none := range []string{"none", "None", "NONE", "nOnE", "none ", " none", "\\u006eone", "null"} {
		head := `{"alg":"` + none + `","typ":"JWT"}`
		add(fmt.Sprintf("alg is %q and there is no signature", none), forgery{head: head, sign: nothing})
		add(fmt.Sprintf("alg is %q and there is a signature", none), forgery{head: head})
	}
	kid := r.keys.Load().current[RS256].id
	for _, alg := range []string{`""`, `null`, `0`, `true`, `["RS256"]`, `{"a":"RS256"}`} {
		add("alg is "+alg, forgery{head: `{"alg":` + alg + `,"typ":"JWT","kid":"` + kid + `"}`})
	}
	// The same RSA key under the id of one scheme, the signature of the other.
	add("PS256 under the id for RS256", forgery{head: `{"alg":"PS256","typ":"JWT","kid":"` + kid + `"}`, with: PS256})
	add("RS256 under the id for PS256", forgery{head: `{"alg":"RS256","typ":"JWT","kid":"` + kid + twinOf + `"}`})
	add("PS256 signed as RS256", forgery{head: `{"alg":"PS256","typ":"JWT","kid":"` + kid + twinOf + `"}`})
	add("RS256 signed as PS256", forgery{head: `{"alg":"RS256","typ":"JWT","kid":"` + kid + `"}`, with: PS256})
	add("there is no alg", forgery{head: `{"typ":"JWT","kid":"` + kid + `"}`})
	forms := publicForms(r)
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		public := forms[name]
		add("HS256 with our public key: "+name, forgery{alg: HS256, sign: byMAC(sha256.New, public)})
		add("HS256 without kid, with our public key: "+name,
			forgery{head: `{"alg":"HS256","typ":"JWT"}`, sign: byMAC(sha256.New, public)})
		add("RS256, but an HMAC with our public key: "+name, forgery{sign: byMAC(sha256.New, public)})
	}
	add("HS384", forgery{head: `{"alg":"HS384","typ":"JWT"}`, sign: byMAC(sha384, []byte(testSecret))})
	add("HS512", forgery{head: `{"alg":"HS512","typ":"JWT"}`, sign: byMAC(sha512.New, []byte(testSecret))})
	add("HS256 with the right secret and a kid", forgery{alg: HS256, sign: byMAC(sha256.New, []byte(testSecret))})
	rsaKey := r.keys.Load().current[RS256].rsa
	add("RS384 with our key", forgery{alg: "RS384", sign: byRSA(rsaKey, crypto.SHA384, false)})
	add("RS512 with our key", forgery{alg: "RS512", sign: byRSA(rsaKey, crypto.SHA512, false)})
	add("RS256 with SHA-512 inside", forgery{sign: byRSA(rsaKey, crypto.SHA512, false)})
	add("PS256 with our key", forgery{alg: "PS256", sign: byRSA(rsaKey, crypto.SHA256, true)})
	add("RS256 with a PSS signature", forgery{sign: byRSA(rsaKey, crypto.SHA256, true)})
	add("PS256 with an RS256 signature", forgery{alg: "PS256"})
	for _, alg := range []string{"rs256", "Rs256", "RS256 ", "RS1", "EdDSA", "ES384", "ES512", "ES256K", "dir"} {
		add("alg is "+alg, forgery{alg: alg})
		add("alg is "+alg+", signed by our EC key", forgery{with: ES256, alg: alg})
	}
	add("RS256 by the EC key", forgery{with: ES256, alg: RS256})
	add("ES256 by the RSA key", forgery{alg: ES256})
	add("ES256 with the RSA key's id", forgery{with: ES256, kid: kid})
	add("RS256 with the EC key's id", forgery{kid: r.keys.Load().current[ES256].id})
	return list
}

func hostileHeaders(t *testing.T, r *Ring) []hostile {
	var list []hostile
	add := func(name string, f forgery) { list = append(list, hostile{name, forge(t, r, f)}) }
	kid := r.keys.Load().current[RS256].id
	// All signed by our own key: these are refused for what the header says.
	members := map[string]string{
		"jwk": `{"kty":"oct","k":"AA"}`, "jku": `"https://evil.example/jwks.json"`,
		"x5u": `"https://evil.example/cert"`, "x5c": `["MIIB"]`, "x5t": `"AA"`, "x5t#S256": `"AA"`,
		"crit": `["exp"]`, "b64": `false`, "zip": `"DEF"`, "enc": `"A128GCM"`, "cty": `"JWT"`,
		"p2c": `1000000000`, "epk": `{}`, "url": `"https://x"`, "nonce": `"x"`, "iss": `"x"`,
		"Alg": `"none"`, "ALG": `"none"`, "KID": `"x"`, "": `""`, "\\u0000": `""`,
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		add("header has "+name, forgery{extra: `,"` + name + `":` + members[name]})
	}
	add("header has an empty crit", forgery{extra: `,"crit":[]`})
	add("header has b64 as crit", forgery{extra: `,"crit":["b64"],"b64":false`})
	add("header has b64 true", forgery{extra: `,"b64":true`})
	for _, dup := range []string{`"alg":"RS256"`, `"alg":"none"`, `"kid":"x"`, `"typ":"JWT"`, `"\u0061lg":"none"`, `"ki\u0064":"x"`} {
		add("header has a second "+dup, forgery{extra: "," + dup})
		add("header has a first "+dup, forgery{head: fmt.Sprintf(`{%s,"alg":"RS256","typ":"JWT","kid":%q}`, dup, kid)})
	}
	for _, id := range []string{"unknown", "../../dev/null", "' OR 1=1 --", kid + " ", strings.ToUpper(kid) + "x", "\u0000", "%00", "🔑"} {
		add(fmt.Sprintf("kid is %q", id), forgery{head: fmt.Sprintf(`{"alg":"RS256","typ":"JWT","kid":%s}`, jsonString(id))})
	}
	for _, id := range []string{`""`, `null`, `1`, `["` + kid + `"]`, `{"kid":"` + kid + `"}`} {
		add("kid is "+id, forgery{head: `{"alg":"RS256","typ":"JWT","kid":` + id + `}`})
	}
	add("there is no kid", forgery{head: `{"alg":"RS256","typ":"JWT"}`})
	add("the key is another's with our id", forgery{with: ES256, sign: foreign(t)})
	for _, typ := range []string{`"jwt"`, `"at+jwt"`, `"logout+jwt"`, `"JOSE"`, `"application/jwt"`, `""`, `null`, `["JWT"]`} {
		add("typ is "+typ, forgery{head: fmt.Sprintf(`{"alg":"RS256","typ":%s,"kid":%q}`, typ, kid)})
	}
	add("there is no typ", forgery{head: fmt.Sprintf(`{"alg":"RS256","kid":%q}`, kid)})
	good := fmt.Sprintf(`{"alg":"RS256","typ":"JWT","kid":%q}`, kid)
	heads := map[string]string{
		"a list": "[" + good + "]", "a string": `"RS256"`, "null": "null", "a number": "1", "empty": " ",
		"two objects": good + good, "cut short": good[:len(good)-1], "with a comment": good + "//",
		"after a byte order mark": "\ufeff" + good, "not UTF-8": good[:len(good)-1] + ",\"\xff\":\"\"}",
		"with a comma too many": good[:len(good)-1] + ",}", "in single quotes": strings.ReplaceAll(good, `"`, "'"),
		"nested too deeply": good[:len(good)-1] + `,"a":` + strings.Repeat("[", 150) + strings.Repeat("]", 150) + "}",
		"too long":          good + strings.Repeat(" ", 600),
	}
	for _, name := range slices.Sorted(maps.Keys(heads)) {
		add("header is "+name, forgery{head: heads[name]})
	}
	return list
}

func hostileForms(t *testing.T, r *Ring) []hostile {
	good := forge(t, r, forgery{})
	parts := strings.Split(good, ".")
	list := []hostile{
		{"nothing", ""},
		{"one dot", "."},
		{"two dots", ".."},
		{"three dots", "..."},
		{"four dots", "...."},
		{"one part", parts[0]},
		{"two parts", parts[0] + "." + parts[1]},
		{"no header", "." + parts[1] + "." + parts[2]},
		{"no payload", parts[0] + ".." + parts[2]},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"four parts", good + "." + parts[2]},
		{"five parts, as encrypted tokens have", good + ".AA.AA"},
		{"a dot at the end", good + "."},
		{"a dot at the start", "." + good},
		{"a space at the start", " " + good},
		{"a space at the end", good + " "},
		{"a line break at the end", good + "\n"},
		{"a zero byte at the end", good + "\x00"},
		{"with Bearer before it", "Bearer " + good},
		{"a line break inside the header", parts[0][:5] + "\n" + parts[0][5:] + "." + parts[1] + "." + parts[2]},
		{"a line break inside the payload", parts[0] + "." + parts[1][:5] + "\r\n" + parts[1][5:] + "." + parts[2]},
		{"a line break inside the signature", parts[0] + "." + parts[1] + "." + parts[2][:5] + "\n" + parts[2][5:]},
		{"padding after the signature", good + "=="},
		{"padding after the header", parts[0] + "=." + parts[1] + "." + parts[2]},
		{"base64 with plus and slash", strings.NewReplacer("-", "+", "_", "/").Replace(good) + "+/"},
		{"JSON serialization", fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])},
		{"JSON serialization, signatures", fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, parts[1], parts[0], parts[2])},
		{"percent-encoded", strings.ReplaceAll(good, ".", "%2E")},
		{"full-width dots", strings.ReplaceAll(good, ".", "．")},
		{"one byte too long", good + strings.Repeat("A", MaxToken+1-len(good))},
		{"TOK-02 a megabyte of dots", strings.Repeat(".", 1<<20)},
		{"TOK-02 ten megabytes", strings.Repeat("A", 10<<20)},
		{"TOK-02 a long payload", parts[0] + "." + strings.Repeat("A", 10<<20) + "." + parts[2]},
	}
	list = append(list, hostile{"unencoded payload", parts[0] + "." + string(testClaims()) + "." + parts[2]})
	bodies := map[string]string{
		"not JSON": "x", "a list": "[]", "a string": `"x"`, "null": "null", "empty": " ", "nested too deeply": `{"a":` +
			strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + "," + string(testClaims()[1:]),
		"followed by more": string(testClaims()) + "{}", "not UTF-8": strings.Replace(string(testClaims()), "sms", "\xff", 1),
		"after a byte order mark": "\ufeff" + string(testClaims()),
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		list = append(list, hostile{"payload is " + name, forge(t, r, forgery{body: bodies[name]})})
	}
	return list
}

func hostileSignatures(t *testing.T, r *Ring) []hostile {
	var list []hostile
	for _, alg := range []string{RS256, ES256} {
		good := forge(t, r, forgery{with: alg})
		cut := strings.LastIndexByte(good, '.') + 1
		signed, signature := good[:cut-1], mustDecode(t, good[cut:])
		add := func(name string, s []byte) {
			list = append(list, hostile{alg + " signature " + name, signed + "." + b64(string(s))})
		}
		add("is cut short", signature[:len(signature)-1])
		add("has a byte more", append(slices.Clone(signature), 0))
		add("has a byte before it", append([]byte{0}, signature...))
		add("is all zero", make([]byte, len(signature)))
		add("is all ones", bytes.Repeat([]byte{255}, len(signature)))
		add("is one zero", []byte{0})
		add("has a bit turned at the start", turned(signature, 0))
		add("has a bit turned at the end", turned(signature, len(signature)-1))
		last := strings.IndexByte(alphabet, good[len(good)-1])
		list = append(list,
			hostile{alg + " signature has stray bits", good[:len(good)-1] + string(alphabet[last^1])},
			hostile{alg + " signature is over another payload", forgeBody(good)},
			hostile{alg + " signature is another token's", signed[:len(signed)-4] + "AAAA" + good[cut-1:]})
	}
	ec := r.keys.Load().current[ES256].ec
	list = append(list,
		hostile{"ES256 signature is ASN.1", forge(t, r, forgery{with: ES256, sign: derSignature(t, ec)})},
		hostile{"ES256 signature is r=0, s=1", forge(t, r, forgery{with: ES256, sign: func(string) []byte {
			return append(make([]byte, 63), 1)
		}})},
		hostile{"ES256 signature is the order of the curve", forge(t, r, forgery{with: ES256, sign: func(string) []byte {
			n := ec.Params().N.Bytes()
			return append(n, n...)
		}})})
	return list
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func turned(b []byte, i int) []byte {
	b = slices.Clone(b)
	b[i] ^= 1
	return b
}

func forgeBody(good string) string {
	parts := strings.Split(good, ".")
	body := strings.Replace(string(testClaims()), "sms|1", "sms|2", 1)
	return parts[0] + "." + b64(body) + "." + parts[2]
}

func hostileClaims(t *testing.T, r *Ring) []hostile {
	var list []hostile
	for _, c := range []struct{ name, from, to string }{
		{"sub twice", `"aud"`, `"sub":"sms|2","aud"`},
		{"exp twice", `"aud"`, `"exp":9999999999,"aud"`},
		{"aud twice, once escaped", `"sub"`, `"\u0061ud":"api","sub"`},
		{"a name twice in an object inside", `"sub"`, `"x":{"a":1,"a":2},"sub"`},
		{"a name twice in an object in a list", `"sub"`, `"x":[[{"a":1,"a":2}]],"sub"`},
		{"no exp", `"exp"`, `"x"`},
		{"Exp with a capital", `"exp"`, `"Exp"`},
		{"no iat", `"iat"`, `"x"`},
		{"exp as text", `"exp":`, `"exp":"9999999999","x":`},
		{"exp with a fraction", `"exp":`, `"exp":9999999999.5,"x":`},
		{"exp as a power", `"exp":`, `"exp":1e300,"x":`},
		{"exp below zero", `"exp":`, `"exp":-1,"x":`},
		{"exp null", `"exp":`, `"exp":null,"x":`},
		{"exp beyond int64", `"exp":`, `"exp":99999999999999999999,"x":`},
		{"exp beyond the calendar", `"exp":`, `"exp":9223372036854775807,"x":`},
		{"exp now", `"exp":`, fmt.Sprintf(`"exp":%d,"x":`, testNow.Unix())},
		{"iat beyond the skew", `"iat":`, fmt.Sprintf(`"iat":%d,"x":`, testNow.Add(61*time.Second).Unix())},
		{"nbf beyond the skew", `"iat":`, fmt.Sprintf(`"nbf":%d,"iat":`, testNow.Add(61*time.Second).Unix())},
		{"nbf as text", `"iat":`, `"nbf":"0","iat":`},
		{"no iss", `"iss"`, `"x"`},
		{"iss without its slash", `.com/"`, `.com"`},
		{"iss with more", `.com/"`, `.com/x"`},
		{"iss in capitals", `login`, `LOGIN`},
		{"iss as a list", `"iss":`, `"iss":["` + testIssuer + `"],"x":`},
		{"iss of http", "https", "http"},
		{"no aud", `"aud"`, `"x"`},
		{"another aud", `"api"`, `"apis"`},
		{"aud of another case", `"api"`, `"API"`},
		{"aud with a slash", `"api"`, `"api/"`},
		{"aud empty", `"api"`, `""`},
		{"aud null", `"api"`, `null`},
		{"aud a number", `"api"`, `1`},
		{"aud an object", `"api"`, `{"api":"api"}`},
		{"aud an empty list", `"api"`, `[]`},
		{"aud a list with null in it", `"api"`, `["api",null]`},
		{"aud a list with a number in it", `"api"`, `["api",1]`},
		{"aud a list in a list", `"api"`, `[["api"]]`},
		{"aud of several words", `"api"`, `"x api"`},
	} {
		body := strings.Replace(string(testClaims()), c.from, c.to, 1)
		if body == string(testClaims()) {
			t.Fatalf("%s changes nothing", c.name)
		}
		list = append(list, hostile{c.name, forge(t, r, forgery{with: ES256, body: body})})
	}
	return list
}

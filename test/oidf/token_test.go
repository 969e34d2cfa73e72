package oidf

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// skew is what two clocks may differ by.
const skew = 5 * time.Minute

// tokens are a successful answer of the token endpoint.
type tokens struct {
	access, kind, refresh, id string
	header                    http.Header
	body                      map[string]any
	claims                    map[string]any // of the ID token
}

// answer is any answer of the server to the application.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

// send sends a form in the application's name.
func (r *run) send(by *party, address string, form url.Values) answer {
	r.Helper()
	if by.auth == "client_secret_post" {
		form.Set("client_id", by.id)
		form.Set("client_secret", by.secret)
	}
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	r.no(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if by.auth == "client_secret_basic" {
		// RFC 6749 §2.3.1: each half is form-urlencoded first.
		req.SetBasicAuth(url.QueryEscape(by.id), url.QueryEscape(by.secret))
	}
	return r.do(req)
}

func (r *run) do(req *http.Request) answer {
	r.Helper()
	res, err := r.provider.http.Do(req)
	r.no(err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	r.no(err)
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if mediaType(res.Header) == "application/json" {
		_ = json.Unmarshal(raw, &a.body)
	}
	return a
}

func exchange(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}}
}

// redeem turns a code into tokens (rows T1 to T6 and the ID token's).
func (r *run) redeem(code, nonce string, more ...url.Values) tokens {
	r.Helper()
	form := exchange(code)
	for _, values := range more {
		for name, v := range values {
			form[name] = v
		}
	}
	a := r.send(r.party, r.endpoint("token_endpoint"), form)
	t := r.tokens(a)
	r.must(t.id != "", "T6", "no id_token in %v", keysOf(t.body))
	t.claims = r.idToken(t.id, nonce)
	return t
}

func (r *run) tokens(a answer) tokens {
	r.Helper()
	r.must(a.status == http.StatusOK && a.body != nil && a.body["error"] == nil, "T1", "status %d: %s", a.status, a.raw)
	t := tokens{header: a.header, body: a.body}
	t.access, _ = a.body["access_token"].(string)
	t.kind, _ = a.body["token_type"].(string)
	t.refresh, _ = a.body["refresh_token"].(string)
	t.id, _ = a.body["id_token"].(string)
	r.provider.run.Note(t.access, t.refresh)
	r.must(t.access != "" && t.kind != "", "T2", "access_token %d characters, token_type %q", len(t.access), t.kind)
	r.must(strings.EqualFold(t.kind, "bearer"), "T3", "token_type %q", t.kind)
	life, ok := a.body["expires_in"].(float64)
	r.should(a.body["expires_in"] != nil, "T4", "no expires_in")
	if a.body["expires_in"] != nil {
		r.want(ok && life > 0 && life <= 31536000, "T4", "expires_in is %v", a.body["expires_in"])
	}
	return t
}

// idToken verifies an ID token strictly and returns its claims (rows I1 to I10).
func (r *run) idToken(text, nonce string) map[string]any {
	r.Helper()
	claims := r.verified(text)
	now := time.Now()
	r.want(claims["iss"] == r.text("issuer"), "I1", "iss %v", claims["iss"])
	r.want(holds(claims["aud"], r.party.id), "I2", "aud %v", claims["aud"])
	exp, iat := r.when(claims, "exp"), r.when(claims, "iat")
	r.want(exp.After(now.Add(-skew)) && exp.Before(now.AddDate(50, 0, 0)), "I3", "exp %v", exp)
	r.want(iat.Before(now.Add(skew)) && iat.After(now.Add(-skew)), "I4", "iat %v", iat)
	if claims["auth_time"] != nil {
		at := r.when(claims, "auth_time")
		r.want(at.Before(now.Add(skew)) && at.After(now.AddDate(-1, 0, 0)), "I5", "auth_time %v", at)
	}
	if acr, ok := claims["acr"]; ok {
		s, isText := acr.(string)
		r.want(isText && s != "", "I6", "acr %v", acr)
	}
	if nonce != "" {
		r.want(claims["nonce"] == nonce, "I7", "nonce %v", claims["nonce"])
	} else {
		r.want(claims["nonce"] == nil, "I7", "nonce %v, none was sent", claims["nonce"])
	}
	sub, _ := claims["sub"].(string)
	r.want(sub != "" && len(sub) <= 255 && printable(sub), "I9", "sub %q", sub)
	r.checkStandardClaims(claims)
	return claims
}

// verified checks the signature of a JWT with the server's keys (row I8).
func (r *run) verified(text string) map[string]any {
	r.Helper()
	jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256})
	r.must(err == nil, "I8", "not a JWT signed by RS256: %v", err)
	payload, err := jws.Verify(r.signer(jws.Signatures[0].Protected))
	r.must(err == nil, "I8", "the signature is wrong: %v", err)
	var claims map[string]any
	r.no(json.Unmarshal(payload, &claims))
	return claims
}

// when is a claim that is a time.
func (r *run) when(claims map[string]any, name string) time.Time {
	r.Helper()
	v, ok := claims[name].(float64)
	r.want(ok, "I", "%s is %v, not a number", name, claims[name])
	return time.Unix(int64(v), 0)
}

// checkStandardClaims is row I10: what the standard's own claims may look like.
func (r *run) checkStandardClaims(claims map[string]any) {
	r.Helper()
	for name, v := range claims {
		r.want(v != nil, "I10", "%s is null", name)
		switch name {
		case "email_verified", "phone_number_verified":
			_, ok := v.(bool)
			r.want(ok, "I10", "%s is %v", name, v)
		case "updated_at":
			n, ok := v.(float64)
			at := time.Unix(int64(n), 0)
			r.want(ok && at.Year() >= 1990 && at.Before(time.Now().Add(skew)), "U5", "updated_at is %v", v)
		case "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
			"website", "gender", "zoneinfo", "locale", "email", "phone_number":
			s, ok := v.(string)
			r.want(ok && strings.TrimSpace(s) != "" && s != "null", "I10", "%s is %v", name, v)
		}
	}
}

// userinfo asks for the claims about the person (rows U1, U3 to U5).
func (r *run) userinfo(t tokens) map[string]any {
	r.Helper()
	req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, r.endpoint("userinfo_endpoint"), nil)
	r.no(err)
	// The scheme is spelled as the token endpoint spelled it.
	req.Header.Set("Authorization", t.kind+" "+t.access)
	req.Header.Set("Accept", "application/json")
	return r.checkUserinfo(t, r.do(req))
}

func (r *run) checkUserinfo(t tokens, a answer) map[string]any {
	r.Helper()
	r.must(a.status == http.StatusOK && len(a.body) > 0, "U1", "userinfo answered %d: %s", a.status, a.raw)
	r.isJSON("U2", a.header)
	r.want(a.body["sub"] != nil && a.body["sub"] == t.claims["sub"], "U4", "sub %v, in the ID token %v", a.body["sub"], t.claims["sub"])
	r.want((a.body["_claim_names"] == nil) == (a.body["_claim_sources"] == nil), "U6", "_claim_names without _claim_sources")
	r.checkStandardClaims(a.body)
	return a.body
}

// refusedByToken wants an error of the token endpoint.
func (r *run) refusedByToken(a answer, code string) {
	r.Helper()
	r.want(a.status == http.StatusBadRequest, "E", "status %d: %s", a.status, a.raw)
	r.isJSON("E", a.header)
	r.want(a.body["error"] == code, "E", "error %v, wanted %s", a.body["error"], code)
	text, isText := a.body["error_description"].(string)
	r.want(isText || a.body["error_description"] == nil, "E4", "error_description is %v", a.body["error_description"])
	r.checkDescription(text)
	if uri, ok := a.body["error_uri"]; ok {
		text, _ := uri.(string)
		r.checkErrorURI(text)
	}
}

// base is the flow that every module has in it: sign in, exchange, userinfo.
func (r *run) base(more ...url.Values) (url.Values, tokens) {
	r.Helper()
	q := r.request(more...)
	t := r.redeem(r.code(q, r.authorize(q)), q.Get("nonce"))
	r.userinfo(t)
	return q, t
}

// entropy is Shannon's measure of one text times its length, in bits.
func entropy(text string) float64 {
	counts := map[rune]float64{}
	for _, c := range text {
		counts[c]++
	}
	bits := 0.0
	for _, n := range counts {
		p := n / float64(len(text))
		bits -= p * math.Log2(p)
	}
	return bits * float64(len(text))
}

// leastEntropy is what the suite wants of a secret, by that measure.
const leastEntropy = 96

func (r *run) wantEntropy(what, text string) {
	r.Helper()
	r.want(len(text) >= 16, "N", "the %s has %d characters", what, len(text))
	r.want(entropy(text) > leastEntropy, "N", "the %s has %.0f bits of entropy", what, entropy(text))
	r.want(printable(text), "N", "the %s has characters that do not print", what)
}

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < 0x20 || c > 0x7E })
}

func holds(aud any, want string) bool {
	if list, ok := aud.([]any); ok {
		for _, v := range list {
			if v == want {
				return true
			}
		}
		return false
	}
	return aud == want
}

func keysOf(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	return names
}

// letters is a text of letters and digits.
func letters(n int) string { return pick(n, alphanumeric) }

const (
	alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	unreserved   = alphanumeric + "-._~"
)

func pick(n int, from string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = from[rand.IntN(len(from))]
	}
	return string(b)
}

// unsigned is a JWT with the algorithm none.
func unsigned(claims map[string]any) string {
	doc, err := json.Marshal(claims)
	if err != nil {
		panic(err) // texts and numbers always have a JSON form
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(doc) + "."
}

// payloadOf is the claims of a compact JWT as they were written.
func payloadOf(text string) []byte {
	doc, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	if err != nil {
		panic(err) // of our own making
	}
	return doc
}

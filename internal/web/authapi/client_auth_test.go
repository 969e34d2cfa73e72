package authapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/jwttest"
)

const testAPI = "https://api.example.test/"

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// keyed makes an application that proves itself by a key.
func (w *world) keyed(k *jwttest.Key) string {
	w.t.Helper()
	id, _ := w.machine(testAPI, map[string]any{"client_authentication_methods": map[string]any{
		"private_key_jwt": map[string]any{"credentials": []map[string]any{
			{"credential_type": "public_key", "name": "first", "pem": k.PEM(w.t), "alg": k.Alg},
		}},
	}})
	return id
}

// assertion are the claims of a good assertion.
func (w *world) assertion(id string) map[string]any {
	now := w.Clock.Now().Unix()
	return map[string]any{"iss": id, "sub": id, "aud": w.Ready.Issuer, "iat": now, "exp": now + 120, "jti": newID()}
}

func asserted(token string) map[string]string {
	return map[string]string{
		"grant_type": "client_credentials", "audience": testAPI, "client_assertion": token, "client_assertion_type": jwtBearer,
	}
}

// OAU-12: an application proves itself by the one way it is set up for.
func TestOAU12ClientAuthentication(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{})
	post, postSecret := w.machine(testAPI, map[string]any{"token_endpoint_auth_method": "client_secret_post"})
	head, headSecret := w.machine(testAPI, map[string]any{"token_endpoint_auth_method": "client_secret_basic", "client_secret": "a secret: with % and +, and ü, of sufficient size"})
	any1, anySecret := w.machine(testAPI, map[string]any{})
	public, _ := w.client(map[string]any{"app_type": "native", "grant_types": []string{"refresh_token"}})
	key := jwttest.RSA(t)
	keyed := w.keyed(key)
	grant := map[string]string{"grant_type": "client_credentials", "audience": testAPI}
	inBody := func(id, secret string) map[string]string {
		return and(grant, map[string]string{"client_id": id, "client_secret": secret})
	}
	raw := "Basic " + strings.TrimPrefix(basic("x", "y"), "Basic ")
	for i, c := range []struct {
		name   string
		path   string
		params map[string]string
		header []string
		status int
	}{
		{name: "post, right", params: inBody(post, postSecret), status: 200},
		{name: "post, wrong", params: inBody(post, postSecret+"x"), status: 401},
		{name: "post, by Basic", params: grant, header: []string{"Authorization", basic(post, postSecret)}, status: 401},
		{name: "Basic, form-encoded as RFC 6749 says", params: grant, header: []string{"Authorization", basic(head, headSecret)}, status: 200},
		{name: "Basic, scheme in another case", params: grant, header: []string{"Authorization", "bASIC" + basic(head, headSecret)[5:]}, status: 200},
		{name: "Basic, in the body", params: inBody(head, headSecret), status: 401},
		{name: "Basic, wrong", params: grant, header: []string{"Authorization", raw}, status: 401},
		{name: "either, by Basic", params: grant, header: []string{"Authorization", basic(any1, anySecret)}, status: 200},
		{name: "either, in the body", params: inBody(any1, anySecret), status: 200},
		{name: "two ways at once", params: inBody(any1, anySecret), header: []string{"Authorization", basic(any1, anySecret)}, status: 400},
		{name: "two ids", params: and(grant, map[string]string{"client_id": post}), header: []string{"Authorization", basic(any1, anySecret)}, status: 400},
		{name: "the secret in the address", path: "/oauth/token?client_secret=" + url.QueryEscape(anySecret), params: and(grant, map[string]string{"client_id": any1}), status: 400},
		{name: "the secret in the address too", path: "/oauth/token?client_secret=x", params: inBody(any1, anySecret), status: 400},
		{name: "no proof", params: and(grant, map[string]string{"client_id": any1}), status: 401},
		{name: "an empty secret", params: inBody(any1, ""), status: 401},
		{name: "nobody", params: inBody("nobody", "x"), status: 401},
		{name: "a secret of one who has keys", params: inBody(keyed, "x"), status: 401},
		{name: "a secret of a public one", params: map[string]string{"grant_type": "refresh_token", "refresh_token": "x", "client_id": public, "client_secret": "x"}, status: 401},
		{name: "an assertion", params: asserted(key.Sign(t, nil, w.assertion(keyed))), status: 200},
		{name: "an assertion of one who has a secret", params: asserted(key.Sign(t, nil, w.assertion(post))), status: 401},
		{name: "an assertion without its type", params: map[string]string{"grant_type": "client_credentials", "audience": testAPI, "client_assertion": key.Sign(t, nil, w.assertion(keyed))}, status: 400},
		{name: "an assertion and a secret", params: and(asserted(key.Sign(t, nil, w.assertion(keyed))), map[string]string{"client_secret": "x"}), status: 400},
	} {
		t.Run(fmt.Sprintf("OAU-12 %02d %s", i+1, c.name), func(t *testing.T) {
			if c.path == "" {
				c.path = "/oauth/token"
			}
			got := w.form(c.path, c.params, c.header...)
			if got.status != c.status {
				t.Errorf("status %d %s, want %d", got.status, got.body, c.status)
			}
			if c.status == 401 && got.code() != "invalid_client" {
				t.Errorf("%s", got.body)
			}
		})
	}
}

// OAU-12, TOK-04: what an assertion must say of itself.
func TestOAU12Assertions(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{})
	key, other := jwttest.EC(t), jwttest.EC(t)
	id := w.keyed(key)
	now := w.Clock.Now().Unix()
	issuer := w.Ready.Issuer
	for _, c := range []struct {
		name   string
		change map[string]any
		header map[string]any
		good   bool
	}{
		{name: "as it should be", good: true},
		{name: "for the token endpoint", change: map[string]any{"aud": issuer + "oauth/token"}, good: true},
		{name: "for the issuer without its slash", change: map[string]any{"aud": strings.TrimSuffix(issuer, "/")}, good: true},
		{name: "for a list of us", change: map[string]any{"aud": []string{issuer}}, good: true},
		{name: "without iat", change: map[string]any{"iat": nil}, good: true},
		{name: "typ JWT", header: map[string]any{"typ": "JWT"}, good: true},
		{name: "for others too", change: map[string]any{"aud": []string{issuer, "https://other.example/"}}},
		{name: "for nobody", change: map[string]any{"aud": nil}},
		{name: "for an empty list", change: map[string]any{"aud": []string{}}},
		{name: "for another", change: map[string]any{"aud": "https://other.example/"}},
		{name: "for revocation, at the token endpoint", change: map[string]any{"aud": issuer + "oauth/revoke"}},
		{name: "of another issuer", change: map[string]any{"iss": w.Ready.ClientID}},
		{name: "about another", change: map[string]any{"sub": w.Ready.ClientID}},
		{name: "without an end", change: map[string]any{"exp": nil}},
		{name: "over", change: map[string]any{"exp": now - 1}},
		{name: "good for an hour", change: map[string]any{"exp": now + 3600}},
		{name: "an end that is text", change: map[string]any{"exp": fmt.Sprint(now + 60)}},
		{name: "an end that is no whole number", change: map[string]any{"exp": float64(now) + 60.5}},
		{name: "from the future", change: map[string]any{"iat": now + 600}},
		{name: "not yet good", change: map[string]any{"nbf": now + 600}},
		{name: "without an id", change: map[string]any{"jti": nil}},
		{name: "an empty id", change: map[string]any{"jti": ""}},
		{name: "a long id", change: map[string]any{"jti": strings.Repeat("x", 256)}},
		{name: "a key by another name", header: map[string]any{"kid": "another-key"}},
		{name: "a proof", header: map[string]any{"typ": "dpop+jwt"}},
		{name: "an access token's type", header: map[string]any{"typ": "at+jwt"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			claims := and(w.assertion(id), c.change)
			for name, v := range claims {
				if v == nil {
					delete(claims, name)
				}
			}
			got := w.token(asserted(key.Sign(t, c.header, claims)))
			if c.good && got.status != 200 || !c.good && (got.status != 401 || got.code() != "invalid_client") {
				t.Errorf("status %d %s, good is %v", got.status, got.body, c.good)
			}
		})
	}
	if got := w.token(asserted(other.Sign(t, nil, w.assertion(id)))); got.status != 401 {
		t.Errorf("signed by another key: %d %s", got.status, got.body)
	}
	t.Run("a key that has ended", func(t *testing.T) {
		list := w.manage("GET", "/clients/"+id+"/credentials", nil)
		var cred string
		if _, rest, ok := strings.Cut(list.body, `"id":"`); ok {
			cred, _, _ = strings.Cut(rest, `"`)
		}
		path := "/clients/" + id + "/credentials/" + cred
		w.manage("PATCH", path, map[string]any{"expires_at": w.Clock.Now().Add(-time.Minute).Format(time.RFC3339)}).want(t, 201)
		w.token(asserted(key.Sign(t, nil, w.assertion(id)))).want(t, 401)
		w.manage("PATCH", path, map[string]any{"expires_at": nil}).want(t, 201)
		w.token(asserted(key.Sign(t, nil, w.assertion(id)))).want(t, 200)
		if got := w.manage("DELETE", path, nil); got.status != 409 {
			t.Errorf("a key in use is deleted: %d %s", got.status, got.body)
		}
	})
}

// OAU-12: an assertion is good for one request, on every endpoint together.
func TestOAU12AssertionIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{})
	key := jwttest.EC(t)
	id := w.keyed(key)
	token := key.Sign(t, nil, w.assertion(id))
	const many = 20
	var good, bad int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			got := w.token(asserted(token))
			mu.Lock()
			defer mu.Unlock()
			if got.status == 200 {
				good++
			} else if got.status == 401 {
				bad++
			}
		})
	}
	wg.Wait()
	if good != 1 || bad != many-1 {
		t.Errorf("%d were taken and %d refused, want 1 and %d", good, bad, many-1)
	}
	revoke := map[string]string{"token": "x", "client_assertion": token, "client_assertion_type": jwtBearer}
	w.form("/oauth/revoke", revoke).want(t, 401)
	revoke["client_assertion"] = key.Sign(t, nil, and(w.assertion(id), map[string]any{"aud": w.Ready.Issuer + "oauth/revoke"}))
	w.form("/oauth/revoke", revoke).want(t, 200)
	start := map[string]string{
		"client_assertion": key.Sign(t, nil, w.assertion(id)), "client_assertion_type": jwtBearer, "client_id": id,
		"connection": "sms", "phone_number": "+15005550006",
	}
	w.form("/passwordless/start", start).want(t, 200)
	w.form("/passwordless/start", start).want(t, 401)
}

// TOK-01, TOK-02: hostile assertions, with good signatures among them.
func TestTOK01HostileAssertions(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{})
	for _, key := range []*jwttest.Key{jwttest.RSA(t), jwttest.EC(t)} {
		id := w.keyed(key)
		good := key.Sign(t, nil, w.assertion(id))
		list := jwttest.HostileTokens(t, good, key, key.PEM(t), strings.TrimSpace(key.PEM(t)))
		if len(list) < 160 {
			t.Errorf("only %d hostile tokens", len(list))
		}
		for _, h := range list {
			for _, withID := range []bool{true, false} {
				params := asserted(h.Token)
				if withID {
					params["client_id"] = id
				}
				status, code := 401, "invalid_client"
				if h.Token == "" { // which is no assertion
					status, code = 400, "invalid_request"
				}
				if got := w.token(params); got.status != status || got.code() != code {
					t.Errorf("%s %s: status %d %s", key.Alg, h.Name, got.status, got.body)
				}
			}
		}
		// What they were made of is good, and still unused.
		w.token(asserted(good)).want(t, 200)
	}
}

package authapi_test

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit/jwttest"
)

// proof makes a DPoP proof for a request. Changes take the place of members.
func (w *world) proof(k *jwttest.Key, method, path, token string, changes ...map[string]any) string {
	w.t.Helper()
	header := map[string]any{"typ": "dpop+jwt", "jwk": k.JWK()}
	claims := map[string]any{"htm": method, "htu": w.URL + path, "iat": w.Clock.Now().Unix(), "jti": newID()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = jwttest.Encode(sum[:])
	}
	for _, c := range changes {
		for name, v := range c {
			into := claims
			if name == "typ" || name == "jwk" || name == "alg" {
				into = header
			}
			if into[name] = v; v == nil {
				delete(into, name)
			}
		}
	}
	return k.Sign(w.t, header, claims)
}

// OAU-23: what a proof must say, at the token endpoint.
func TestOAU23Proofs(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{})
	id, secret := w.machine(testAPI, map[string]any{})
	params := map[string]string{"grant_type": "client_credentials", "audience": testAPI, "client_id": id, "client_secret": secret}
	ec, rsa := jwttest.EC(t), jwttest.RSA(t)
	now := w.Clock.Now().Unix()
	private := and(ec.JWK(), map[string]any{"d": "AQAB"})
	for i, c := range []struct {
		name   string
		key    *jwttest.Key
		change map[string]any
		code   string // of the refusal; empty if it is good
	}{
		{name: "as it should be", key: ec},
		{name: "with RSA", key: rsa},
		{name: "the address with query and fragment", key: ec, change: map[string]any{"htu": w.URL + "/oauth/token?a=b#c"}},
		{name: "made half a minute ago", key: ec, change: map[string]any{"iat": now - 30}},
		{name: "another method", key: ec, change: map[string]any{"htm": "GET"}, code: "invalid_dpop_proof"},
		{name: "the method in another case", key: ec, change: map[string]any{"htm": "post"}, code: "invalid_dpop_proof"},
		{name: "no method", key: ec, change: map[string]any{"htm": nil}, code: "invalid_dpop_proof"},
		{name: "another address", key: ec, change: map[string]any{"htu": w.URL + "/userinfo"}, code: "invalid_dpop_proof"},
		{name: "another host", key: ec, change: map[string]any{"htu": "https://attacker.example/oauth/token"}, code: "invalid_dpop_proof"},
		{name: "a host before ours", key: ec, change: map[string]any{"htu": "http://x@" + w.URL[7:] + "/oauth/token"}, code: "invalid_dpop_proof"},
		{name: "the path with an escape", key: ec, change: map[string]any{"htu": w.URL + "/oauth%2ftoken"}, code: "invalid_dpop_proof"},
		{name: "no address", key: ec, change: map[string]any{"htu": nil}, code: "invalid_dpop_proof"},
		{name: "made two minutes ago", key: ec, change: map[string]any{"iat": now - 120}, code: "invalid_dpop_proof"},
		{name: "made in two minutes", key: ec, change: map[string]any{"iat": now + 120}, code: "invalid_dpop_proof"},
		{name: "no time", key: ec, change: map[string]any{"iat": nil}, code: "invalid_dpop_proof"},
		{name: "no id", key: ec, change: map[string]any{"jti": nil}, code: "invalid_dpop_proof"},
		{name: "a long id", key: ec, change: map[string]any{"jti": fmt.Sprintf("%0300d", 1)}, code: "invalid_dpop_proof"},
		{name: "a nonce that is not ours", key: ec, change: map[string]any{"nonce": "x"}, code: "use_dpop_nonce"},
		{name: "a nonce that is no text", key: ec, change: map[string]any{"nonce": 1}, code: "use_dpop_nonce"},
		{name: "another type", key: ec, change: map[string]any{"typ": "JWT"}, code: "invalid_dpop_proof"},
		{name: "no type", key: ec, change: map[string]any{"typ": nil}, code: "invalid_dpop_proof"},
		{name: "no key", key: ec, change: map[string]any{"jwk": nil}, code: "invalid_dpop_proof"},
		{name: "another key", key: ec, change: map[string]any{"jwk": jwttest.EC(t).JWK()}, code: "invalid_dpop_proof"},
		{name: "a key of another kind", key: ec, change: map[string]any{"jwk": rsa.JWK()}, code: "invalid_dpop_proof"},
		{name: "a private key", key: ec, change: map[string]any{"jwk": private}, code: "invalid_dpop_proof"},
		{name: "a symmetric key", key: ec, change: map[string]any{"jwk": map[string]any{"kty": "oct", "k": "AAAA"}}, code: "invalid_dpop_proof"},
		{name: "a point that is not on the curve", key: ec, change: map[string]any{"jwk": and(ec.JWK(), map[string]any{"y": ec.JWK()["x"]})}, code: "invalid_dpop_proof"},
	} {
		t.Run(fmt.Sprintf("OAU-23 %02d %s", i+1, c.name), func(t *testing.T) {
			got := w.token(params, "DPoP", w.proof(c.key, "POST", "/oauth/token", "", c.change))
			if got.header.Get("DPoP-Nonce") == "" {
				t.Error("there is no nonce for the next")
			}
			if c.code != "" {
				if got.status != 400 || got.code() != c.code {
					t.Errorf("%d %s, want %s", got.status, got.body, c.code)
				}
				return
			}
			body := got.want(t, 200)
			claims := claimsOf(t, body["access_token"].(string))
			cnf, _ := claims["cnf"].(map[string]any)
			if body["token_type"] != "DPoP" || cnf["jkt"] != c.key.Thumbprint(t) {
				t.Errorf("token_type %v, cnf %v", body["token_type"], cnf)
			}
			again := w.proof(c.key, "POST", "/oauth/token", "", map[string]any{"nonce": got.header.Get("DPoP-Nonce")})
			w.token(params, "DPoP", again).want(t, 200)
			if got := w.token(params, "DPoP", again); got.status != 400 || got.code() != "invalid_dpop_proof" {
				t.Errorf("a proof for the second time: %d %s", got.status, got.body)
			}
		})
	}
	if got := w.token(params).want(t, 200); got["token_type"] != "Bearer" {
		t.Errorf("without a proof: %v", got)
	}
}

// TOK-01: hostile proofs, with good signatures among them, at both kinds of
// endpoint.
func TestTOK01HostileProofs(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{})
	id, secret := w.machine(testAPI, map[string]any{})
	params := map[string]string{"grant_type": "client_credentials", "audience": testAPI, "client_id": id, "client_secret": secret}
	for _, key := range []*jwttest.Key{jwttest.EC(t), jwttest.RSA(t)} {
		good := w.proof(key, "POST", "/oauth/token", "")
		for _, h := range hostileProofs(t, good, key) {
			if got := w.token(params, "DPoP", header(h.Token)); got.status != 400 || got.code() != "invalid_dpop_proof" {
				t.Errorf("%s %s: %d %s", key.Alg, h.Name, got.status, got.body)
			}
		}
		w.token(params, "DPoP", good).want(t, 200) // and still unused

		access := w.signIn(w.native(), number, nil, "DPoP", w.proof(key, "POST", "/oauth/token", "")).want(t, 200)["access_token"].(string)
		userinfo := func(proof string) int {
			status, _, _ := w.Do(t, "GET", "/userinfo", "", "Authorization", "DPoP "+access, "DPoP", proof)
			return status
		}
		good = w.proof(key, "GET", "/userinfo", access)
		for _, h := range hostileProofs(t, good, key) {
			if status := userinfo(header(h.Token)); status != 401 {
				t.Errorf("userinfo, %s %s: %d", key.Alg, h.Name, status)
			}
		}
		if status := userinfo(good); status != 200 {
			t.Errorf("userinfo, %s: the good one gives %d", key.Alg, status)
		}
	}
}

// hostileProofs are those that a header can bring.
func hostileProofs(t *testing.T, good string, key *jwttest.Key) []jwttest.Hostile {
	t.Helper()
	list := slices.DeleteFunc(jwttest.HostileTokens(t, good, key, key.PEM(t), strings.TrimSpace(key.PEM(t))), func(h jwttest.Hostile) bool {
		return strings.TrimSpace(h.Token) == good // a space around it is not part of a header's value
	})
	if len(list) < 160 {
		t.Errorf("only %d hostile proofs", len(list))
	}
	return list
}

// header makes a value that a header can have of any text.
func header(s string) string {
	out := []byte(s)
	for i, c := range out {
		if c < ' ' {
			out[i] = '_'
		}
	}
	if len(out) == 0 {
		return " "
	}
	return string(out)
}

// OAU-23: access and refresh tokens are good with their key alone.
func TestOAU23BoundTokens(t *testing.T) {
	w := newWorld(t)
	key, other := jwttest.EC(t), jwttest.EC(t)
	native := w.person(map[string]any{"app_type": "native"})
	sign := func(k *jwttest.Key) string { return w.proof(k, "POST", "/oauth/token", "") }
	got := w.signIn(native, number, nil, "DPoP", sign(key)).want(t, 200)
	access, refresh := got["access_token"].(string), got["refresh_token"].(string)
	if got["token_type"] != "DPoP" {
		t.Errorf("token_type %v", got["token_type"])
	}
	userinfo := func(scheme, token, proof string) int {
		t.Helper()
		header := []string{"Authorization", scheme + " " + token}
		if proof != "" {
			header = append(header, "DPoP", proof)
		}
		status, h, _ := w.Do(t, "GET", "/userinfo", "", header...)
		if status == 401 && h.Get("WWW-Authenticate") == "" {
			t.Error("401 without WWW-Authenticate")
		}
		return status
	}
	at := func(k *jwttest.Key, token string) string { return w.proof(k, "GET", "/userinfo", token) }
	used := at(key, access)
	for i, c := range []struct {
		scheme, token, proof string
		want                 int
	}{
		{"DPoP", access, used, 200},
		{"DPoP", access, used, 401}, // again
		{"dpop", access, at(key, access), 200},
		{"DPoP", access, "", 401},
		{"Bearer", access, "", 401},
		{"Bearer", access, at(key, access), 401},
		{"DPoP", access, at(other, access), 401},
		{"DPoP", access, at(key, ""), 401},
		{"DPoP", access, at(key, access+"x"), 401},
		{"DPoP", access, sign(key), 401},
	} {
		if got := userinfo(c.scheme, c.token, c.proof); got != c.want {
			t.Errorf("userinfo %d: %d, want %d", i, got, c.want)
		}
	}
	free := w.signIn(native, number, nil).want(t, 200)
	if got := userinfo("DPoP", free["access_token"].(string), at(key, free["access_token"].(string))); got != 401 {
		t.Errorf("a token without a key is taken with one: %d", got)
	}
	renew := func(token string, header ...string) reply {
		return w.token(and(native, map[string]string{"grant_type": "refresh_token", "refresh_token": token}), header...)
	}
	renew(refresh).want(t, 403)
	renew(refresh, "DPoP", sign(other)).want(t, 403)
	if got := renew(refresh, "DPoP", sign(key)).want(t, 200); got["token_type"] != "DPoP" {
		t.Errorf("refreshed: %v", got)
	}
	// That of an application with a secret is bound to the application.
	app := w.person(map[string]any{})
	got = w.signIn(app, number, nil, "DPoP", sign(key)).want(t, 200)
	w.refresh(app, got["refresh_token"].(string), nil).want(t, 200)
}

// Who has to bind tokens to keys does.
func TestOAU23Required(t *testing.T) {
	w := newWorld(t)
	const all = "https://all.example.test/"
	w.api(testAPI, map[string]any{"proof_of_possession": map[string]any{"mechanism": "dpop", "required": true, "required_for": "public_clients"}})
	w.api(all, map[string]any{"proof_of_possession": map[string]any{"mechanism": "dpop", "required": true}})
	id, secret := w.machine(testAPI, map[string]any{})
	w.manage("POST", "/client-grants", map[string]any{"client_id": id, "audience": all, "scope": []string{}}).want(t, 201)
	ask := func(audience string, header ...string) reply {
		return w.token(map[string]string{"grant_type": "client_credentials", "client_id": id, "client_secret": secret, "audience": audience}, header...)
	}
	ask(testAPI).want(t, 200)
	if got := ask(all); got.status != 400 || got.code() != "invalid_dpop_proof" {
		t.Errorf("%d %s", got.status, got.body)
	}
	ask(all, "DPoP", w.proof(jwttest.EC(t), "POST", "/oauth/token", "")).want(t, 200)
	w.manage("PATCH", "/clients/"+id, map[string]any{"require_proof_of_possession": true}).want(t, 200)
	ask(testAPI).want(t, 400)
	native := w.person(map[string]any{"app_type": "native"})
	w.signIn(native, number, map[string]string{"audience": testAPI}).want(t, 400)
	bound := w.token(map[string]string{
		"grant_type": "client_credentials", "client_id": w.Ready.ManagementClientID,
		"client_secret": w.Ready.ManagementClientSecret, "audience": w.Ready.Issuer + "api/v2/",
	}, "DPoP", w.proof(jwttest.EC(t), "POST", "/oauth/token", ""))
	bound.want(t, 400)
}

// OAU-23: a request that a proof is missing from leaves the refresh token as it
// is, so that it is good for the same request with one.
func TestOAU23RefreshWithoutProof(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{"allow_offline_access": true})
	app := w.person(rotating(0))
	token := w.signIn(app, number, map[string]string{"audience": testAPI}).want(t, 200)["refresh_token"].(string)
	bare := w.signIn(app, number, nil).want(t, 200)["refresh_token"].(string)
	apis := w.manage("GET", "/resource-servers/"+url.PathEscape(testAPI), nil).want(t, 200)
	w.manage("PATCH", "/resource-servers/"+apis["id"].(string), map[string]any{
		"proof_of_possession": map[string]any{"mechanism": "dpop", "required": true},
	}).want(t, 200)
	for range 2 {
		if got := w.refresh(app, token, nil); got.status != 400 || got.code() != "invalid_dpop_proof" {
			t.Errorf("without a proof: %d %s", got.status, got.body)
		}
	}
	w.token(and(app, map[string]string{"grant_type": "refresh_token", "refresh_token": token}),
		"DPoP", w.proof(jwttest.EC(t), "POST", "/oauth/token", "")).want(t, 200)
	w.refresh(app, bare, nil).want(t, 200) // for no API that wants one
}

// OAU-23: a proof is used once by two processes together.
func TestOAU23ReplayOnTwoProcesses(t *testing.T) {
	database := storetest.Postgres(t)
	dir := t.TempDir()
	share := func(c *config.Config) {
		c.Database, c.Ephemeral, c.KeyFile = database, false, dir+"/key"
	}
	one := newWorld(t, share)
	two := newWorld(t, share, func(c *config.Config) { c.PublicURL = one.URL })
	_, port, err := net.SplitHostPort(two.Addr())
	if err != nil {
		t.Fatal(err)
	}
	two.URL = "http://localhost:" + port // where this process is, beside the public URL of both
	key := jwttest.EC(t)
	for range 3 {
		proof := one.proof(key, "POST", "/oauth/token", "")
		params := map[string]string{
			"grant_type": "client_credentials", "client_id": one.Ready.ManagementClientID,
			"client_secret": one.Ready.ManagementClientSecret, "audience": testAPI,
		}
		var mu sync.Mutex
		got := map[string]int{}
		var wg sync.WaitGroup
		for i := range 20 {
			w := one
			if i%2 == 1 {
				w = two
			}
			wg.Go(func() {
				a := w.token(params, "DPoP", proof)
				mu.Lock()
				defer mu.Unlock()
				got[a.code()]++
			})
		}
		wg.Wait()
		// The one whose proof is taken learns that there is no such API.
		if got["access_denied"] != 1 || got["invalid_dpop_proof"] != 19 {
			t.Errorf("%v, want one that is taken", got)
		}
		one.Clock.Advance(time.Second)
		two.Clock.Advance(time.Second)
	}
}

package authapi_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/jwttest"
)

// A world is a server with what tests of tokens need around it.
type world struct {
	*testkit.Server
	t     *testing.T
	admin string // a management token
}

func newWorld(t *testing.T, change ...func(*config.Config)) *world {
	t.Helper()
	w := &world{Server: testkit.Start(t, change...), t: t}
	w.admin = w.machineToken()
	return w
}

// machineToken is a token for the Management API.
func (w *world) machineToken() string {
	w.t.Helper()
	a := w.token(map[string]string{
		"grant_type": "client_credentials", "client_id": w.Ready.ManagementClientID,
		"client_secret": w.Ready.ManagementClientSecret, "audience": w.Ready.Issuer + "api/v2/",
	})
	return a.want(w.t, 200)["access_token"].(string)
}

// A reply is an answer of the server.
type reply struct {
	status int
	header http.Header
	body   string
}

// want checks the status and returns the members of the answer.
func (r reply) want(t testing.TB, status int) map[string]any {
	t.Helper()
	if r.status != status {
		t.Fatalf("status %d %s, want %d", r.status, r.body, status)
	}
	out := map[string]any{}
	if r.body != "" && json.Unmarshal([]byte(r.body), &out) != nil {
		out["text"] = r.body
	}
	return out
}

// code returns the error code of an answer.
func (r reply) code() string {
	var e struct{ Error string }
	_ = json.Unmarshal([]byte(r.body), &e)
	return e.Error
}

// form posts parameters as a form.
func (w *world) form(path string, params map[string]string, header ...string) reply {
	w.t.Helper()
	v := url.Values{}
	for k, p := range params {
		v.Set(k, p)
	}
	header = append(header, "Content-Type", "application/x-www-form-urlencoded")
	status, h, body := w.Post(w.t, path, v.Encode(), header...)
	return reply{status, h, body}
}

func (w *world) token(params map[string]string, header ...string) reply {
	w.t.Helper()
	return w.form("/oauth/token", params, header...)
}

// manage asks the Management API, with a value as the body unless it is nil.
func (w *world) manage(method, path string, body any) reply {
	w.t.Helper()
	doc := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		doc = string(b)
	}
	status, h, text := w.Do(w.t, method, "/api/v2"+path, doc, "Authorization", "Bearer "+w.admin)
	return reply{status, h, text}
}

// client makes an application and returns its id and secret.
func (w *world) client(body map[string]any) (id, secret string) {
	w.t.Helper()
	if body["name"] == nil {
		body["name"] = "Test"
	}
	made := w.manage("POST", "/clients", body).want(w.t, 201)
	secret, _ = made["client_secret"].(string)
	if secret == "" {
		read := w.manage("GET", "/clients/"+made["client_id"].(string), nil).want(w.t, 200)
		secret, _ = read["client_secret"].(string)
	}
	return made["client_id"].(string), secret
}

// api makes an API and returns its id.
func (w *world) api(identifier string, body map[string]any) string {
	w.t.Helper()
	body["identifier"] = identifier
	return w.manage("POST", "/resource-servers", body).want(w.t, 201)["id"].(string)
}

// machine makes an application with a grant for an API.
func (w *world) machine(audience string, body map[string]any, scopes ...string) (id, secret string) {
	w.t.Helper()
	body["app_type"], body["grant_types"] = "non_interactive", []string{"client_credentials"}
	id, secret = w.client(body)
	if scopes == nil {
		scopes = []string{}
	}
	w.manage("POST", "/client-grants", map[string]any{"client_id": id, "audience": audience, "scope": scopes}).want(w.t, 201)
	return id, secret
}

// code asks for a code and reads it from the outbox.
func (w *world) code(client map[string]string, number string) string {
	w.t.Helper()
	params := map[string]string{"connection": "sms", "phone_number": number}
	maps.Copy(params, client)
	w.Outbox.Clear()
	w.form("/passwordless/start", params).want(w.t, 200)
	return w.received(number)
}

func (w *world) received(to string) string {
	w.t.Helper()
	return w.Newest(w.t, to).Code
}

// signIn signs somebody in and returns the token answer. More parameters take
// the place of the usual ones.
func (w *world) signIn(client map[string]string, number string, more map[string]string, header ...string) reply {
	w.t.Helper()
	params := map[string]string{
		"grant_type": "http://auth0.com/oauth/grant-type/passwordless/otp", "realm": "sms", "username": number,
		"otp": w.code(client, number), "scope": "openid offline_access",
	}
	maps.Copy(params, client)
	maps.Copy(params, more)
	return w.token(params, header...)
}

// app are the parameters of the ready-made confidential application.
func (w *world) app() map[string]string {
	return map[string]string{"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret}
}

// native are those of the ready-made public one.
func (w *world) native() map[string]string {
	return map[string]string{"client_id": w.Ready.NativeClientID}
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// claimsOf reads a token without checking it.
func claimsOf(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	var claims map[string]any
	if err := json.Unmarshal(jwttest.Decode(t, parts[1]), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func newID() string { return secret.Token(16) }

// and is a with what b has beside it.
func and[V any](a, b map[string]V) map[string]V {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// fetch asks for a page and follows no redirect.
func (w *world) fetch(path string) (int, http.Header, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

package authapi_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/jwttest"
)

// No list of the metadata is empty: RFC 8414 §3.2 has such members left out.
func TestMetadataHasNoEmptyList(t *testing.T) {
	for name, value := range newWorld(t).metadata() {
		if list, ok := value.([]any); ok && len(list) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

// R23: the metadata says that request objects are not taken, and of unsigned
// ones it says so in the list of algorithms too. All are refused by name.
func TestRequestObjects(t *testing.T) {
	w := newWorld(t)
	meta := w.metadata()
	if meta["request_parameter_supported"] != false || meta["request_uri_parameter_supported"] != false {
		t.Errorf("request %v, request_uri %v", meta["request_parameter_supported"], meta["request_uri_parameter_supported"])
	}
	algs, _ := meta["request_object_signing_alg_values_supported"].([]any)
	if !slices.Contains(algs, "RS256") || slices.Contains(algs, "none") {
		t.Errorf("the algorithms of request objects are %v", algs)
	}
	key := jwttest.RSA(t)
	w.api(testAPI, map[string]any{})
	client := w.keyed(key)
	w.manage("PATCH", "/clients/"+client, map[string]any{
		"callbacks": []string{"https://app.example.com/callback"}, "grant_types": []string{"authorization_code"},
	}).want(t, 200)
	params := map[string]string{"response_type": "code", "redirect_uri": "https://app.example.com/callback", "scope": "openid"}
	push := func(more map[string]string) reply {
		return w.form("/oauth/par", and(and(params, more), map[string]string{
			"client_assertion": key.Sign(t, nil, w.assertion(client)), "client_assertion_type": jwtBearer,
		}))
	}
	push(nil).want(t, 201)
	claims := w.assertion(client)
	claims["client_id"] = client
	for name, value := range params {
		claims[name] = value
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	for name, object := range map[string]string{
		"signed by the application's own key": key.Sign(t, nil, claims),
		"unsigned":                            jwttest.Encode([]byte(`{"alg":"none"}`)) + "." + jwttest.Encode(text) + ".",
	} {
		if got := push(map[string]string{"request": object}); got.status != 400 || got.code() != "request_not_supported" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

func (w *world) metadata() map[string]any {
	w.t.Helper()
	status, _, body := w.Do(w.t, "GET", "/.well-known/openid-configuration", "")
	meta := map[string]any{}
	if err := json.Unmarshal([]byte(body), &meta); err != nil || status != 200 {
		w.t.Fatalf("the metadata: %d, %v", status, err)
	}
	return meta
}

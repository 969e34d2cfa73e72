package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/gatewaytest"
)

const gatewayFile = `
clients:
  - name: Acme
    client_id: 4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf
    client_secret: "##ACME_SECRET##"
    grant_types: ["http://auth0.com/oauth/grant-type/passwordless/otp"]
connections:
  - name: sms
    strategy: sms
    enabled_clients: [Acme]
    options:
      name: sms
      provider: sms_gateway
      gateway_url: "##GATEWAY_URL##"
      gateway_authentication:
        method: bearer
        subject: "urn:acme"
        audience: "urn:sms"
        secret: "##GATEWAY_SECRET##"
        secret_base64_encoded: true
      forward_req_info: "true"
      from: Acme
      template: "Your code is @@password@@"
      doorcode: {wait_for_provider_ms: %d}
`

// gatewayKey is what tokens for the gateway are signed with.
const gatewayKey = "the key of \xff the gateway"

// serveGateway starts a production server whose messages go to a stand-in for
// a gateway.
func serveGateway(t *testing.T, waitMS int, networks ...string) (*testkit.Server, *gatewaytest.Server) {
	t.Helper()
	stand := gatewaytest.Start(t)
	stand.Key, stand.Audience = []byte(gatewayKey), "urn:sms"
	return gatewayServer(t, stand.URL, waitMS, networks...), stand
}

func gatewayServer(t *testing.T, url string, waitMS int, networks ...string) *testkit.Server {
	t.Helper()
	t.Setenv("ACME_SECRET", "a secret that nobody guesses 0123456789")
	t.Setenv("GATEWAY_URL", url)
	t.Setenv("GATEWAY_SECRET", base64.RawURLEncoding.EncodeToString([]byte(gatewayKey)))
	dir := t.TempDir()
	file := filepath.Join(dir, "doorcode.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, gatewayFile, waitMS), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testkit.Start(t, func(c *config.Config) {
		*c = config.Config{
			Mode: config.Serve, Addr: "127.0.0.1:0", PublicURL: "https://login.example.com", File: file,
			Database: "sqlite:" + filepath.Join(dir, "serve.db"), AllowNetworks: networks,
			Key: base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv")),
		}
	})
	s.URL = "http://" + s.Addr() // the public URL is a proxy's
	return s
}

// A message through a gateway in the operator's own network, which is away at
// first: what was asked, who asked, and a token; then the code is good.
func TestServeThroughGateway(t *testing.T) {
	s, stand := serveGateway(t, 0, "127.0.0.0/8")
	stand.Script(gatewaytest.Fault{Status: 503})
	const number = "+447700900123"
	st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"`+number+`"}`, "User-Agent", "Acme/7 (test)")
	if st != 200 {
		t.Fatal(st, body)
	}
	r, err := stand.Wait(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`^Your code is ([0-9]{6})$`).FindStringSubmatch(r.Message.Body)
	if m == nil || r.Message.Sender != "Acme" || r.Message.Req == nil || r.Message.Req.IP != "127.0.0.1" || r.Message.Req.UserAgent != "Acme/7 (test)" {
		t.Fatalf("the gateway got %s", r.Raw)
	}
	if r.Claims["iss"] != "https://login.example.com/" || r.Claims["sub"] != "urn:acme" {
		t.Errorf("the claims are %v", r.Claims)
	}
	st, _, body = s.Post(t, "/oauth/token", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp",`+acme+
		`,"realm":"sms","username":"`+number+`","otp":"`+m[1]+`","scope":"openid"}`)
	if st != 200 || !strings.Contains(body, "id_token") {
		t.Errorf("tokens: %d %s", st, body)
	}
	if got := settled(t, s); !reached(got, tenant.MessageAccepted) || got.Provider != "sms_gateway" || got.Attempts != 2 {
		t.Errorf("the message is %s of %q after %d attempts: %q", got.State, got.Provider, got.Attempts, got.ErrorText)
	}
	// SSR-06: what was allowed is in the log, and no secret is.
	log := s.Log.String()
	if !strings.Contains(log, "127.0.0.0/8") {
		t.Errorf("the log does not name the networks that are allowed:\n%s", log)
	}
	for _, secret := range []string{m[1], number, r.Token, string(stand.Key), os.Getenv("GATEWAY_SECRET")} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q in it", secret)
		}
	}
}

// reached reports whether a message came to a state. That its code was used, which
// is noted aside, may have come after.
func reached(m tenant.Message, state tenant.MessageState) bool {
	return slices.ContainsFunc(m.Events, func(e tenant.MessageEvent) bool { return e.State == state })
}

// settled returns the only message once it is over.
func settled(t *testing.T, s *testkit.Server) tenant.Message {
	t.Helper()
	for range 200 {
		found, err := s.Store.Messages(t.Context(), manage.MessageQuery{Limit: 1})
		list := found.Items
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 && list[0].State.Over() {
			return list[0]
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the message did not end")
	return tenant.Message{}
}

// SSR-06: without the operator's word no gateway in his network is called. The
// message ends and says why.
func TestSSR06GatewayInForbiddenNetwork(t *testing.T) {
	for name, networks := range map[string][]string{"nothing is allowed": nil, "another network is allowed": {"10.0.0.0/8", "::1"}} {
		t.Run(name, func(t *testing.T) {
			s, stand := serveGateway(t, 0, networks...)
			if st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"+447700900123"}`); st != 200 {
				t.Fatal(st, body)
			}
			got := settled(t, s)
			if got.State != tenant.MessageFailed || got.ErrorText != "The address of the SMS gateway is not one that this server may call." || got.Attempts != 1 {
				t.Errorf("the message is %s after %d attempts: %q", got.State, got.Attempts, got.ErrorText)
			}
			if n := len(stand.Requests()); n != 0 {
				t.Errorf("the gateway got %d requests", n)
			}
		})
	}
}

// SSR-07, R16: what callers are told is the status in Auth0's words, and
// nothing of what the gateway said.
func TestSSR07GatewayRefuses(t *testing.T) {
	s, stand := serveGateway(t, 5000, "127.0.0.1")
	for _, tt := range []struct {
		fault gatewaytest.Fault
		want  string
	}{
		{gatewaytest.Fault{Status: 400, Body: "root:x:0:0"}, "Unexpected response while calling the SMS gateway: 400"},
		{gatewaytest.Fault{Status: 401, Body: "root:x:0:0"}, "Authentication failed while calling the SMS gateway: 401"},
		{gatewaytest.Fault{Status: 202, Body: "root:x:0:0"}, "Unexpected response while calling the SMS gateway: 202"},
	} {
		stand.Script(tt.fault)
		st, _, body := s.Post(t, "/passwordless/start", fmt.Sprintf(`{%s,"connection":"sms","phone_number":"+447700900%d"}`, acme, tt.fault.Status))
		var reply struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if err := json.Unmarshal([]byte(body), &reply); err != nil {
			t.Fatal(err)
		}
		if st != 400 || reply.Error != "sms_provider_error" || reply.Description != tt.want {
			t.Errorf("status %d gave %d %s", tt.fault.Status, st, body)
		}
	}
	if strings.Contains(s.Log.String(), "root:x") {
		t.Error("what the gateway said is in the log")
	}
}

// R14: a gateway that has no usable address is no sender.
func TestGatewayNotReady(t *testing.T) {
	for _, url := range []string{"", "gateway.example.com", "https://user:password@gateway.example.com/"} {
		s := gatewayServer(t, url, 0)
		st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"+447700900123"}`)
		if st != 400 || !strings.Contains(body, "No SMS provider is configured.") {
			t.Errorf("the address %q: a start gave %d %s", url, st, body)
		}
	}
}

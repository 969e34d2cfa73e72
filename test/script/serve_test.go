package script

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// X4: what only dev may do is no option of serve, in whatever form it is given.
func TestX4FlagsOfDev(t *testing.T) {
	for _, flag := range []string{"--ephemeral", "--tls", "--allow-remote", "--no-open"} {
		_, said, status := command(t, t.TempDir(), "serve", "--public-url", "https://login.example.com", "--key-file", keyFile(t), "--addr", "127.0.0.1:0", flag)
		if status != 2 || !strings.Contains(said, flag) {
			t.Errorf("serve %s: %d %s", flag, status, said)
		}
	}
}

// withoutSender is an application whose people are sent codes by nobody.
const withoutSender = `
clients:
  - name: Shop
    client_id: shop
    token_endpoint_auth_method: none
    grant_types: ["http://auth0.com/oauth/grant-type/passwordless/otp"]
connections:
  - name: sms
    strategy: sms
    enabled_clients: [Shop]
    options: {name: sms}
  - name: email
    strategy: email
    enabled_clients: [Shop]
    options: {name: email}
`

// X4, R14: without a provider serve starts all the same; whoever asks for a code
// is refused, and the log says which setting is missing.
func TestX4WithoutProvider(t *testing.T) {
	run := binary.New(t)
	s := run.Serve("--key-file", filepath.Join(run.Dir(), "key"), "--config", run.File("doorcode.yaml", withoutSender))
	app := &binary.App{Server: s, ID: "shop"}
	for _, tt := range []struct{ to, code, says, lacks string }{
		{run.Phone(), "sms_provider_error", "No SMS provider is configured.", `connection=sms reason=.*Twilio Account SID`},
		{run.Email(), "server_error", "No email provider is configured.", `connection=email reason=.*emailProvider`},
	} {
		a := app.Start(t.Context(), binary.Start{To: tt.to})
		if a.Status != 400 || a.Error != tt.code || a.Description != tt.says {
			t.Errorf("a start without a provider: %v", a)
		}
		log, err := os.ReadFile(filepath.Join(s.Dir(), "stderr.log"))
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`(?m)"?connection is not ready"? ` + tt.lacks).Match(log) {
			t.Errorf("the log does not say %s:\n%s", tt.lacks, log)
		}
	}
	s.Stop()
}

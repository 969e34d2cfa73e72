package smtp_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/smtp"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/smtptest"
)

// A check goes as far as a message does before it names anybody, and says where
// it ended.
func TestCheckServer(t *testing.T) {
	serverTLS, roots := certificate(t)
	for _, tt := range []struct {
		name   string
		server smtptest.Options
		trust  bool
		fault  smtptest.Fault
		change func(*tenant.EmailProvider)
		want   string
		says   string
	}{
		{"all is well", plain, false, smtptest.Fault{}, nil, "server ok, encryption ok, sign-in ok", "does not leave this machine"},
		{
			"with STARTTLS",
			smtptest.Options{TLS: serverTLS, Mechanisms: []string{"PLAIN"}},
			true,
			smtptest.Fault{},
			func(p *tenant.EmailProvider) { p.Server.Security = tenant.SecurityStartTLS }, "server ok, encryption ok, sign-in ok", "STARTTLS",
		},
		{
			"with TLS",
			smtptest.Options{TLS: serverTLS, Implicit: true, Mechanisms: []string{"PLAIN"}},
			true,
			smtptest.Fault{},
			func(p *tenant.EmailProvider) { p.Server.Security = tenant.SecurityTLS }, "server ok, encryption ok, sign-in ok", "first byte",
		},
		{
			"with a certificate that nobody trusts",
			smtptest.Options{TLS: serverTLS, Mechanisms: []string{"PLAIN"}},
			false,
			smtptest.Fault{},
			func(p *tenant.EmailProvider) { p.Server.Security = tenant.SecurityStartTLS }, "server ok, encryption fail", "certificate",
		},
		{
			"with no offer of encryption", plain, false,
			smtptest.Fault{},
			func(p *tenant.EmailProvider) { p.Server.Security = tenant.SecurityStartTLS }, "server ok, encryption fail", "STARTTLS",
		},
		{
			"with a wrong password", plain, false,
			smtptest.Fault{},
			func(p *tenant.EmailProvider) { p.Secrets = map[string]string{smtp.PasswordOption: "wrong"} }, "server ok, encryption ok, sign-in fail", "smtp_pass",
		},
		{
			"with nobody to sign in",
			smtptest.Options{},
			false,
			smtptest.Fault{},
			func(p *tenant.EmailProvider) { p.Server.User = "" }, "server ok, encryption ok, sign-in ok", "without a sign-in",
		},
		{"with a server that wants to be left alone", plain, false, smtptest.Fault{At: smtptest.Greeting, Say: "421 4.3.0 Service not available"}, nil, "server warn", "4.3.0"},
		{"with a server that does not know us", plain, false, smtptest.Fault{At: smtptest.Greeting, Say: "554 5.3.2 Go away"}, nil, "server fail", "smtp_host"},
		{"with a server that hangs", plain, false, smtptest.Fault{At: smtptest.Greeting, Hang: true}, nil, "server fail", "too slow"},
		{"with nobody there", plain, false, smtptest.Fault{}, func(p *tenant.EmailProvider) { p.Server.Port = closedPort(t) }, "server fail", "cannot be reached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := smtptest.Start(t, tt.server)
			if tt.fault.At != "" {
				srv.Always(&tt.fault)
			}
			p := provider(srv)
			if tt.change != nil {
				tt.change(p)
			}
			o := smtp.Options{}
			if tt.trust {
				o.Roots = roots
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			found := delivery.Check(ctx, open(t, p, o))
			var parts []string
			for _, f := range found {
				parts = append(parts, f.Name+" "+string(f.Verdict))
				if f.Detail == "" || (f.Fix == "") != (f.Verdict == delivery.OK) {
					t.Errorf("%+v: what is not in order needs a fix, and what is has none", f)
				}
			}
			if got := strings.Join(parts, ", "); got != tt.want {
				t.Errorf("found %s, want %s: %+v", got, tt.want, found)
			}
			all := fmt.Sprintf("%+v", found)
			if !strings.Contains(all, tt.says) || strings.Contains(all, smtptest.Password) {
				t.Errorf("findings are %s; want %q in them and no password", all, tt.says)
			}
			if n := len(srv.Taken()); n != 0 {
				t.Errorf("checking sent %d messages", n)
			}
		})
	}
}

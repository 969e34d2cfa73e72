package gateway_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/outbound"
)

// A gateway that no message can reach is not called complete.
func TestCheck(t *testing.T) {
	nowhere := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("there is no name server")
	}}
	public := outbound.Options{PlainHTTP: true, Resolver: nowhere}
	allowed := inside()
	allowed.Resolver = nowhere
	for _, tt := range []struct {
		name    string
		o       outbound.Options
		address string
		inspect delivery.Verdict // of settings alone; "" if they say nothing
		check   delivery.Verdict
		fix     string
	}{
		{"a private address", public, "http://10.0.0.5/x", delivery.Fail, delivery.Fail, "not a public one (private)"},
		{"a cloud's metadata", public, "http://169.254.169.254/x", delivery.Fail, delivery.Fail, "--allow-networks"},
		{"plain http", public, "http://8.8.8.8/x", delivery.Fail, delivery.Fail, "begins with https://"},
		{"plain http to wherever a name leads", public, "http://gateway.example.com/x", delivery.Fail, delivery.Fail, "begins with https://"},
		{"a port that is not let through", public, "https://8.8.8.8:25/x", delivery.Fail, delivery.Fail, "port 443 or 8443"},
		{"a public address", public, "https://8.8.8.8/x", "", delivery.OK, ""},
		{"a network that is allowed", allowed, "http://127.0.0.1:9/x", "", delivery.OK, ""},
		{"a name that leads to where it may not", public, "https://localhost/x", "", delivery.Warn, "not a public one (loopback)"},
		{"the same where that is allowed", allowed, "http://localhost/x", "", delivery.OK, ""},
		{"a name that leads nowhere", public, "https://gateway.example.com/x", "", delivery.Warn, "name server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, tt.o, connection(tt.address))
			i, ok := s.(delivery.Inspector)
			if !ok {
				t.Fatal("a gateway is no Inspector")
			}
			var verdict delivery.Verdict
			if found := i.Inspect(); len(found) > 0 {
				verdict = found[0].Verdict
			}
			if verdict != tt.inspect {
				t.Errorf("Inspect: %q, want %q", verdict, tt.inspect)
			}
			found := delivery.Check(t.Context(), s)
			if f := found[0]; f.Name != "address" || f.Verdict != tt.check || !strings.Contains(f.Fix, tt.fix) || (f.Fix == "") != (tt.fix == "") {
				t.Errorf("Check: %+v, want %s and %q", f, tt.check, tt.fix)
			}
			asked := len(found) == 2 && found[1].Verdict == delivery.Warn && strings.Contains(found[1].Detail, "cannot be asked")
			if asked == (tt.check == delivery.Fail) {
				t.Errorf("Check: %+v", found)
			}
			// Findings are shown to tenants, who do not learn from them what is in
			// the operator's network.
			for _, f := range found {
				if strings.Contains(f.Detail+f.Fix, "127.0.0.1") || strings.Contains(f.Detail+f.Fix, key) {
					t.Errorf("%+v tells too much", f)
				}
			}
			if tt.check == delivery.Fail && !strings.Contains(tt.address, "gateway.example.com") {
				if e := failure(t, s); e.Code != delivery.CodeForbidden {
					t.Errorf("a message ends in %v, want %s", e, delivery.CodeForbidden)
				}
			}
		})
	}
}

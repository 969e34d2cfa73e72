package outbound_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"testing"

	"github.com/doorcode/doorcode/internal/outbound"
)

// What is judged beforehand is what is judged when the connection is made, as
// far as it can be known.
func TestJudge(t *testing.T) {
	open := outbound.Options{PlainHTTP: true}
	inside := outbound.Options{PlainHTTP: true, Allow: prefixes("10.1.0.0/16")}
	for _, tt := range []struct {
		o       outbound.Options
		address string
		want    outbound.Reason
	}{
		{open, "https://gateway.example.com/send", ""},
		{open, "https://gateway.example.com:8443/send", ""},
		{open, "https://8.8.8.8/send", ""},
		{open, "https://[2606:4700::1111]/send", ""},
		{open, "http://10.0.0.5/x", outbound.Network},
		{open, "https://10.0.0.5/x", outbound.Network},
		{open, "http://169.254.169.254/x", outbound.Network},
		{open, "https://[::1]/x", outbound.Network},
		{open, "https://[::ffff:10.0.0.5]/x", outbound.Network},
		{open, "https://[fe80::1%25eth0]/x", outbound.Network},
		{open, "http://8.8.8.8/x", outbound.Scheme},
		{open, "https://8.8.8.8:25/x", outbound.Port},
		{open, "http://gateway.example.com/x", outbound.Scheme},
		{open, "https://gateway.example.com:25/x", outbound.Port},
		{open, "ftp://gateway.example.com/x", outbound.Scheme},
		{outbound.Options{}, "http://gateway.example.com/x", outbound.Scheme},
		{inside, "http://10.1.2.3:9000/x", ""},
		{inside, "http://10.2.2.3/x", outbound.Network},
		{inside, "http://gateway.internal:9000/x", ""}, // it may lead there
	} {
		u, err := url.Parse(tt.address)
		if err != nil {
			t.Fatal(err)
		}
		var got outbound.Reason
		if refused := tt.o.Judge(u); refused != nil {
			got = refused.Reason
		}
		if got != tt.want {
			t.Errorf("Judge(%s) with %v: %q, want %q", tt.address, tt.o.Allow, got, tt.want)
		}
		if got == "" {
			continue
		}
		// Whatever is refused beforehand is refused when it is called.
		tt.o.Resolver = nameServer(t, func() []string { return []string{"8.8.8.8"} })
		var refused *outbound.Refused
		if err := get(t, outbound.New(tt.o), tt.address); !errors.As(err, &refused) || refused.Reason != tt.want {
			t.Errorf("a call of %s: %v, want it refused for its %s", tt.address, err, tt.want)
		}
	}
}

func TestResolve(t *testing.T) {
	for _, tt := range []struct {
		name    string
		address string
		leads   []string
		want    outbound.Reason
	}{
		{"a public address", "https://gateway.example/", []string{"8.8.8.8"}, ""},
		{"a private one", "https://gateway.example/", []string{"10.2.0.1"}, outbound.Network},
		{"one of several", "https://gateway.example/", []string{"10.2.0.1", "8.8.8.8"}, ""},
		{"a network that is allowed", "http://gateway.example:9000/", []string{"10.1.0.1"}, ""},
		{"plain http to a public address", "http://gateway.example/", []string{"8.8.8.8"}, outbound.Scheme},
		{"another port of a public address", "https://gateway.example:25/", []string{"8.8.8.8"}, outbound.Port},
		{"an address that needs no name server", "http://127.0.0.1/", nil, outbound.Network},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, _ := url.Parse(tt.address)
			o := outbound.Options{PlainHTTP: true, Allow: prefixes("10.1.0.0/16"), Resolver: nameServer(t, func() []string { return tt.leads })}
			err := o.Resolve(t.Context(), u)
			var refused *outbound.Refused
			if errors.As(err, &refused) != (tt.want != "") || refused != nil && refused.Reason != tt.want || tt.want == "" && err != nil {
				t.Errorf("Resolve = %v, want %q", err, tt.want)
			}
		})
	}
	t.Run("a name that leads nowhere", func(t *testing.T) {
		u, _ := url.Parse("https://gateway.example/")
		var dns *net.DNSError
		o := outbound.Options{Resolver: nameServer(t, func() []string { return nil })}
		if err := o.Resolve(t.Context(), u); !errors.As(err, &dns) {
			t.Errorf("Resolve = %v, want the resolver's error", err)
		}
	})
	t.Run("nobody is asked beyond the context", func(t *testing.T) {
		u, _ := url.Parse("https://gateway.example/")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := (outbound.Options{}).Resolve(ctx, u); err == nil {
			t.Error("it was resolved")
		}
	})
}

package twilio

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

// SSR-01: a connection chooses among Twilio's regions and nothing else. What is
// set there by whatever way stays within twilio.com, and where the operator has
// put Twilio somewhere else, it changes nothing.
func TestSSR01RegionsStayWithTwilio(t *testing.T) {
	hosts := func(base string, a tenant.SenderAccount) (string, string, error) {
		c, err := New(Options{BaseURL: base})
		if err != nil {
			t.Fatal(err)
		}
		return c.hosts(&a)
	}
	for _, tt := range []struct {
		base, region, edge string
		api, messaging     string
	}{
		{"", "", "", "https://api.twilio.com", "https://messaging.twilio.com"},
		{"", "ie1", "", "https://api.dublin.ie1.twilio.com", "https://messaging.dublin.ie1.twilio.com"},
		{"", "au1", "", "https://api.sydney.au1.twilio.com", "https://messaging.sydney.au1.twilio.com"},
		{"", "", "frankfurt", "https://api.frankfurt.us1.twilio.com", "https://messaging.frankfurt.us1.twilio.com"},
		{"", "ie1", "sao-paulo", "https://api.sao-paulo.ie1.twilio.com", "https://messaging.sao-paulo.ie1.twilio.com"},
		{"", "xx9", "somewhere", "https://api.somewhere.xx9.twilio.com", "https://messaging.somewhere.xx9.twilio.com"},
		{"https://api.dublin.ie1.twilio.com/", "", "", "https://api.dublin.ie1.twilio.com", "https://messaging.dublin.ie1.twilio.com"},
		{"https://api.dublin.ie1.twilio.com", "jp1", "", "https://api.tokyo.jp1.twilio.com", "https://messaging.tokyo.jp1.twilio.com"},
		{"http://127.0.0.1:9999", "ie1", "", "http://127.0.0.1:9999", "http://127.0.0.1:9999"},
		{"https://twilio.internal.example", "ie1", "dublin", "https://twilio.internal.example", "https://twilio.internal.example"},
		{"https://api.twilio.com.evil.example", "ie1", "", "https://api.twilio.com.evil.example", "https://api.twilio.com.evil.example"},
		{"https://api.nottwilio.com", "ie1", "", "https://api.nottwilio.com", "https://api.nottwilio.com"},
	} {
		api, messaging, err := hosts(tt.base, tenant.SenderAccount{TwilioRegion: tt.region, TwilioEdge: tt.edge})
		if err != nil || api != tt.api || messaging != tt.messaging {
			t.Errorf("%q with %q and %q: %s, %s, %v; want %s, %s", tt.base, tt.region, tt.edge, api, messaging, err, tt.api, tt.messaging)
		}
	}
	for _, bad := range []string{
		"evil.example/", "evil.example#", "evil.example?", "a@evil.example", "x:1", "127.0.0.1", "[::1]", "ie1/..", "ie1\n", "IE1", "ie1 ", "①②⑦", ".", "ie", "-", "ie1%2f",
	} {
		for _, a := range []tenant.SenderAccount{{TwilioRegion: bad}, {TwilioRegion: "ie1", TwilioEdge: bad}, {TwilioRegion: bad, TwilioEdge: "dublin"}} {
			api, messaging, err := hosts("", a)
			var e *delivery.Error
			if err != nil {
				if !errors.As(err, &e) || e.Class != delivery.Configuration {
					t.Errorf("%+v: %v", a, err)
				}
				continue
			}
			for _, address := range []string{api, messaging} {
				u, err := url.Parse(address)
				if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Hostname(), ".twilio.com") || u.Path != "" || u.Port() != "" || u.User != nil {
					t.Errorf("%+v leads to %s", a, address)
				}
			}
		}
	}
	if _, _, err := hosts("", tenant.SenderAccount{TwilioRegion: "xx9"}); err == nil {
		t.Error("a region that is not known was taken without its edge")
	}
}

// SSR-04: a proxy is used only if the operator's code names one. The other test
// of it is blind once a process has read its environment, so this looks at the
// transport.
func TestSSR04NoProxyByDefault(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	transport, ok := c.http.Transport.(*http.Transport)
	if !ok || transport.Proxy != nil {
		t.Errorf("the transport is %+v, want one without a proxy", c.http.Transport)
	}
}

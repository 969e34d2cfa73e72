package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// forwarded are header vectors, with the client that a trusted proxy at
// 10.0.0.1 makes of them when 10.0.0.0/8 and 2001:db8:aaaa::/48 are trusted.
var forwarded = []struct {
	name   string
	header http.Header
	want   string
}{
	{"no header", nil, "10.0.0.1"},
	{"one client", xff("203.0.113.5"), "203.0.113.5"},
	{"client and trusted proxy", xff("203.0.113.5, 10.0.0.2"), "203.0.113.5"},
	{"made-up client first", xff("1.1.1.1, 203.0.113.5"), "203.0.113.5"},
	{"made-up client, trusted proxies", xff("1.1.1.1, 203.0.113.5, 10.9.9.9, 10.0.0.2"), "203.0.113.5"},
	{"made-up trusted address in front", xff("10.0.0.7, 203.0.113.5"), "203.0.113.5"},
	{"only trusted", xff("10.0.0.3, 10.0.0.2"), "10.0.0.3"},
	{"two lines", xff("1.1.1.1", "203.0.113.5"), "203.0.113.5"},
	{"two lines, proxy in the last", xff("1.1.1.1, 203.0.113.5", "10.0.0.2"), "203.0.113.5"},
	{"empty last line", xff("203.0.113.5", ""), "10.0.0.1"},
	{"empty", xff(""), "10.0.0.1"},
	{"blank", xff("  "), "10.0.0.1"},
	{"only a comma", xff(","), "10.0.0.1"},
	{"comma at the end", xff("203.0.113.5,"), "10.0.0.1"},
	{"comma at the start", xff(",203.0.113.5"), "203.0.113.5"},
	{"no spaces", xff("1.1.1.1,203.0.113.5,10.0.0.2"), "203.0.113.5"},
	{"tabs and spaces", xff("1.1.1.1 ,\t203.0.113.5 \t"), "203.0.113.5"},
	{"a letter", xff("a"), "10.0.0.1"},
	{"a letter behind a proxy", xff("203.0.113.5, a, 10.0.0.2"), "10.0.0.2"},
	{"unknown", xff("unknown"), "10.0.0.1"},
	{"an obfuscated name", xff("_hidden, 10.0.0.2"), "10.0.0.2"},
	{"a host name", xff("localhost"), "10.0.0.1"},
	{"quotes", xff(`"203.0.113.5"`), "10.0.0.1"},
	{"octal", xff("0203.0.113.5"), "10.0.0.1"},
	{"three parts", xff("203.0.113"), "10.0.0.1"},
	{"a decimal number", xff("3405803781"), "10.0.0.1"},
	{"too large a part", xff("203.0.113.256"), "10.0.0.1"},
	{"unspecified", xff("0.0.0.0"), "10.0.0.1"},
	{"multicast", xff("ff02::1"), "10.0.0.1"},
	{"a prefix", xff("203.0.113.0/24"), "10.0.0.1"},
	{"with port", xff("203.0.113.5:4711"), "203.0.113.5"},
	{"with bad port", xff("203.0.113.5:99999"), "10.0.0.1"},
	{"IPv6", xff("2001:db8::1"), "2001:db8::1"},
	{"IPv6 in brackets", xff("[2001:db8::1]"), "2001:db8::1"},
	{"IPv6 with port", xff("[2001:db8::1]:443"), "2001:db8::1"},
	{"IPv6 with zone", xff("fe80::1%eth0"), "fe80::1"},
	{"IPv6 behind trusted IPv6", xff("2001:db8::1, 2001:db8:aaaa::5"), "2001:db8::1"},
	{"mapped client", xff("::ffff:203.0.113.5"), "203.0.113.5"},
	{"mapped trusted proxy", xff("203.0.113.5, ::ffff:10.0.0.2"), "203.0.113.5"},
	{"IPv4 in brackets", xff("[203.0.113.5]"), "10.0.0.1"},
	{"very long", xff(strings.Repeat("9", 30_000)), "10.0.0.1"},
	{"too many hops", xff("203.0.113.5" + strings.Repeat(", 10.0.0.2", 40)), "10.0.0.2"},
	{"X-Real-IP", http.Header{"X-Real-Ip": {"1.1.1.1"}}, "10.0.0.1"},
	{"Forwarded", http.Header{"Forwarded": {"for=1.1.1.1"}}, "10.0.0.1"},
	{"others beside", http.Header{"X-Forwarded-For": {"203.0.113.5"}, "X-Real-Ip": {"1.1.1.1"}, "True-Client-Ip": {"1.1.1.1"}, "Cf-Connecting-Ip": {"1.1.1.1"}}, "203.0.113.5"},
	{"underscores", http.Header{"X_forwarded_for": {"1.1.1.1"}}, "10.0.0.1"}, // HTT-07
	{"auth0-forwarded-for", http.Header{"Auth0-Forwarded-For": {"1.1.1.1"}}, "10.0.0.1"},
}

func xff(lines ...string) http.Header { return http.Header{"X-Forwarded-For": lines} }

// HTT-07: a header that only looks like the one that a proxy sets, and further
// lines of it in front of the proxy's, move nobody's address.
func TestHTT07ForwardedLookalikes(t *testing.T) {
	trusted, err := ParseProxies([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, ClientIP(r, trusted).String())
	}))
	defer srv.Close()
	const proxy = "X-Forwarded-For: 203.0.113.5\r\n"
	for _, v := range []struct{ header, want string }{
		{"X_Forwarded_For: 1.1.1.1\r\n" + proxy, "203.0.113.5"},
		{proxy + "X_Forwarded_For: 1.1.1.1\r\n", "203.0.113.5"},
		{"X-Forwarded_For: 1.1.1.1\r\n" + proxy, "203.0.113.5"},
		{"X_FORWARDED-FOR: 1.1.1.1\r\n" + proxy, "203.0.113.5"},
		{"X_Forwarded_For: 1.1.1.1\r\n", "127.0.0.1"},
		{"X-Forwarded-For: 1.1.1.1\r\n" + proxy, "203.0.113.5"},
		{"x-forwarded-for: 1.1.1.1\r\n" + proxy, "203.0.113.5"},
		{"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n" + proxy, "203.0.113.5"},
		{"X-Forwarded-For-: 1.1.1.1\r\n" + proxy, "203.0.113.5"},
		{"X.Forwarded.For: 1.1.1.1\r\n" + proxy, "203.0.113.5"},
		{"Forwarded: for=1.1.1.1\r\n" + proxy, "203.0.113.5"},
		{"X-Real-Ip: 1.1.1.1\r\nX_Real_IP: 1.1.1.1\r\n", "127.0.0.1"},
		{"X-Client-Ip: 1.1.1.1\r\nTrue-Client-Ip: 1.1.1.1\r\nCf-Connecting-Ip: 1.1.1.1\r\n", "127.0.0.1"},
	} {
		answer := say(t, srv.Listener.Addr().String(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+v.header+"\r\n")
		if !strings.HasSuffix(answer, "\r\n\r\n"+v.want) {
			t.Errorf("%q: %s, want %s", v.header, answer, v.want)
		}
	}
}

// BRU-03: only a trusted proxy is believed, and only about the hop before it.
func TestBRU03ClientIP(t *testing.T) {
	if len(forwarded) < 40 {
		t.Fatalf("%d vectors, want 40", len(forwarded))
	}
	trusted, err := ParseProxies([]string{"10.0.0.0/8", "2001:db8:aaaa::/48"})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range forwarded {
		for _, from := range []struct {
			name, peer, want string
			trusted          []netip.Prefix
		}{
			{"direct", "198.51.100.7:1234", "198.51.100.7", nil},
			{"trusted proxy", "10.0.0.1:1234", v.want, trusted},
			{"untrusted proxy", "198.51.100.7:1234", "198.51.100.7", trusted},
		} {
			t.Run("BRU-03/"+from.name+"/"+v.name, func(t *testing.T) {
				r := httptest.NewRequest("GET", "/", nil)
				r.RemoteAddr = from.peer
				if v.header != nil {
					r.Header = v.header
				}
				got := ClientIP(r, from.trusted)
				if got.String() != from.want {
					t.Errorf("ClientIP = %v, want %v", got, from.want)
				}
				if IPKey(got) == "" {
					t.Error("no key to count by")
				}
			})
		}
	}
}

// The peer has its address in different forms, or none.
func TestPeer(t *testing.T) {
	for peer, want := range map[string]string{
		"192.0.2.1:1": "192.0.2.1", "[::ffff:192.0.2.1]:1": "192.0.2.1", "[2001:db8::1]:1": "2001:db8::1",
		"[fe80::1%eth0]:1": "fe80::1", "@": "invalid IP", "": "invalid IP", "0.0.0.0:1": "invalid IP",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		r.Header = xff("1.1.1.1")
		if got := ClientIP(r, nil); got.String() != want {
			t.Errorf("peer %q is %v, want %v", peer, got, want)
		}
	}
}

func TestIPKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "::1": "::/64",
	} {
		if got := IPKey(netip.MustParseAddr(in)); got != want {
			t.Errorf("IPKey(%s) = %s, want %s", in, got, want)
		}
	}
	if got := IPKey(netip.Addr{}); got != "unknown" {
		t.Errorf("IPKey of no address = %q", got)
	}
}

func TestParseProxies(t *testing.T) {
	got, err := ParseProxies([]string{"10.1.2.3/8", " 192.0.2.1", "2001:db8::1", "::ffff:10.0.0.0/104"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"10.0.0.0/8", "192.0.2.1/32", "2001:db8::1/128", "10.0.0.0/8"} {
		if got[i].String() != want {
			t.Errorf("prefix %d is %v, want %v", i, got[i], want)
		}
	}
	for _, bad := range []string{"", "proxy.example.com", "10.0.0.0/33", "10.0.0.0/", "fe80::1%eth0", "::ffff:0:0/80"} {
		if p, err := ParseProxies([]string{bad}); err == nil {
			t.Errorf("ParseProxies(%q) = %v", bad, p)
		}
	}
}

package outbound_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/outbound"
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// sink counts the connections to a port, on every address of this machine.
type sink struct {
	port  uint16
	conns atomic.Int64
}

func openSink(t *testing.T, address string) *sink {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		if os.Getenv("DOORCODE_TEST_REQUIRE") == "all" {
			t.Fatalf("listen: %v", err)
		}
		t.Skipf("SKIPPED, NOT TESTED: listen: %v", err)
	}
	s := &sink{port: l.Addr().(*net.TCPAddr).AddrPort().Port()}
	srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(counting{l, &s.conns}) }()
	t.Cleanup(func() { _ = srv.Close() })
	return s
}

type counting struct {
	net.Listener
	n *atomic.Int64
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}

// nameServer answers every question with the addresses that next returns.
func nameServer(t *testing.T, next func() []string) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := dnsAnswer(buf[:n], next); answer != nil {
				_, _ = pc.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// dnsAnswer answers a question (RFC 1035 §4.1): A with the IPv4 addresses,
// anything else with nothing.
func dnsAnswer(q []byte, next func() []string) []byte {
	end := 12
	for end < len(q) && q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5
	if end > len(q) {
		return nil
	}
	var records []byte
	count := 0
	if binary.BigEndian.Uint16(q[end-4:]) == 1 {
		for _, s := range next() {
			a := netip.MustParseAddr(s).As4()
			records = append(append(records, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), a[:]...)
			count++
		}
	}
	out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, byte(count), 0, 0, 0, 0}, q[12:end]...)
	return append(out, records...)
}

func get(t *testing.T, c *http.Client, url string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// SSR-01: however this machine is spelt, no connection to it is made, even if
// the resolver takes every spelling for a name of it, as some do.
func TestSSR01Spellings(t *testing.T) {
	s := openSink(t, ":0")
	hosts := []string{
		"127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "017700000001",
		"127.000.000.001", "127.255.255.254", "localhost", "LOCALHOST", "localhost.", "①②⑦.0.0.1", "127。0。0。1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "0", "0.0.0.0", "00",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]",
		"[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::ffff:0:127.0.0.1]", "[fe80::1%25lo]", "127.0.0.1.nip.example", "ip6-localhost",
	}
	if addrs, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsPrivate() {
				hosts = append(hosts, "["+p.Addr().String()+"]")
			}
		}
	}
	liar := nameServer(t, func() []string { return []string{"127.0.0.1"} })
	options := outbound.Options{Ports: []uint16{s.port}, Resolver: liar, PlainHTTP: true}
	port := strconv.Itoa(int(s.port))
	for _, host := range hosts {
		for _, scheme := range []string{"http", "https"} {
			if err := get(t, outbound.New(options), scheme+"://"+host+":"+port+"/"); err == nil {
				t.Errorf("%s://%s was answered", scheme, host)
			}
		}
	}
	if n := s.conns.Load(); n != 0 {
		t.Errorf("%d connections for %d spellings, want none", n, len(hosts))
	}
	// That says something only if the sink can be reached at all.
	options.Allow = prefixes("127.0.0.0/8")
	for _, host := range []string{"127.0.0.1", "①②⑦.0.0.1", "name.example"} {
		if err := get(t, outbound.New(options), "http://"+host+":"+port+"/"); err != nil {
			t.Errorf("%s, where loopback is allowed: %v", host, err)
		}
	}
	if s.conns.Load() == 0 {
		t.Error("the sink saw no connection although loopback was allowed")
	}
}

// SSR-01: the same with the resolver of this machine.
func TestSSR01SystemResolver(t *testing.T) {
	s := openSink(t, ":0")
	client := outbound.New(outbound.Options{Ports: []uint16{s.port}, PlainHTTP: true})
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		err := get(t, client, "http://"+host+":"+strconv.Itoa(int(s.port))+"/")
		var refused *outbound.Refused
		if !errors.As(err, &refused) || refused.Reason != outbound.Network {
			t.Errorf("%s: %v", host, err)
		}
	}
	if n := s.conns.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// SSR-02: a name that leads to an address that may be called, and at the next
// question to one that may not. 127.0.0.2 stands for the internet.
func TestSSR02Rebinding(t *testing.T) {
	good := openSink(t, "127.0.0.2:0")
	port := strconv.Itoa(int(good.port))
	bad := openSink(t, "127.0.0.1:"+port)
	tries := map[string]func(n int64) []string{
		"in turns": func(n int64) []string {
			if n%2 == 1 {
				return []string{"127.0.0.2"}
			}
			return []string{"127.0.0.1"}
		},
		"both at once": func(n int64) []string {
			if n%2 == 1 {
				return []string{"127.0.0.2", "127.0.0.1"}
			}
			return []string{"127.0.0.1", "127.0.0.2"}
		},
	}
	for name, answer := range tries {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			client := outbound.New(outbound.Options{
				Allow: prefixes("127.0.0.2/32"), PlainHTTP: true,
				Resolver: nameServer(t, func() []string { return answer(asked.Add(1)) }),
			})
			before := good.conns.Load()
			for range 100 {
				client.CloseIdleConnections()
				_ = get(t, client, "http://rebind.example:"+port+"/")
			}
			if good.conns.Load() == before {
				t.Error("the address that is allowed was never reached")
			}
			if n := bad.conns.Load(); n != 0 {
				t.Errorf("%d connections to loopback", n)
			}
		})
	}
}

// SSR-03: a redirect is an answer and not an errand.
func TestSSR03Redirects(t *testing.T) {
	s := openSink(t, "127.0.0.1:0")
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{"http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:" + strconv.Itoa(int(s.port)) + "/"} {
			srv := httptest.NewServer(http.RedirectHandler(to, status))
			client := outbound.New(outbound.Options{Allow: prefixes("127.0.0.0/8"), PlainHTTP: true})
			resp, err := client.Post(srv.URL, "text/plain", strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			srv.Close()
			if resp.StatusCode != status {
				t.Errorf("a redirect with %d was answered with %d", status, resp.StatusCode)
			}
		}
	}
	if n := s.conns.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// SSR-04: a proxy would connect to what we must not. net/http reads the
// environment once in a process, so the requests are made in one of their own.
func TestSSR04ProxyOfTheEnvironment(t *testing.T) {
	const inside = "DOORCODE_TEST_PROXY"
	if os.Getenv(inside) != "" {
		client := outbound.New(outbound.Options{
			Allow: prefixes("127.0.0.0/8"), PlainHTTP: true, Resolver: nameServer(t, func() []string { return []string{"10.0.0.1"} }),
		})
		for _, url := range []string{"http://gateway.example/", "https://gateway.example/"} {
			var refused *outbound.Refused
			if err := get(t, client, url); !errors.As(err, &refused) {
				t.Errorf("%s: %v", url, err)
			}
		}
		return
	}
	s := openSink(t, "127.0.0.1:0")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSSR04ProxyOfTheEnvironment$")
	cmd.Env = append(os.Environ(), inside+"=1", "NO_PROXY=", "no_proxy=")
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		cmd.Env = append(cmd.Env, name+"=http://127.0.0.1:"+strconv.Itoa(int(s.port)))
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if n := s.conns.Load(); n != 0 {
		t.Errorf("%d connections to the proxy", n)
	}
}

// SSR-05: https only, unless the operator says otherwise; nothing is asked of
// the name server for it.
func TestSSR05Schemes(t *testing.T) {
	var asked atomic.Bool
	resolver := nameServer(t, func() []string { asked.Store(true); return nil })
	client := outbound.New(outbound.Options{Allow: prefixes("0.0.0.0/0"), Resolver: resolver})
	for _, url := range []string{"http://gateway.example/", "ftp://gateway.example/", "file:///etc/passwd", "gopher://gateway.example/"} {
		var refused *outbound.Refused
		if err := get(t, client, url); !errors.As(err, &refused) || refused.Reason != outbound.Scheme {
			t.Errorf("%s: %v", url, err)
		}
	}
	if asked.Load() {
		t.Error("a name was looked up")
	}
}

// SSR-05: servers that are slow or never end cost what they may and no more.
func TestSSR05Bounds(t *testing.T) {
	var written atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		chunk := []byte(strings.Repeat("x", 4096))
		for r.Context().Err() == nil {
			n, err := w.Write(chunk)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 64<<10))
	})
	mux.HandleFunc("/exact", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", outbound.MaxAnswer))
	})
	srv := httptest.NewTLSServer(mux)
	defer srv.Close()
	client := outbound.New(outbound.Options{
		Allow: prefixes("127.0.0.0/8"), RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
	})
	read := func(path string) (int, time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, time.Since(began), err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return len(body), time.Since(began), err
	}
	if n, _, err := read("/endless"); n != outbound.MaxAnswer || !errors.Is(err, outbound.ErrTooLong) {
		t.Errorf("an endless answer gave %d bytes and %v", n, err)
	}
	if n := written.Load(); n > 8<<20 {
		t.Errorf("the endless answer was taken for %d bytes", n)
	}
	if n, _, err := read("/exact"); n != outbound.MaxAnswer || err != nil {
		t.Errorf("an answer of just the size gave %d bytes and %v", n, err)
	}
	if _, took, err := read("/slow"); !errors.Is(err, context.DeadlineExceeded) || took > 1500*time.Millisecond {
		t.Errorf("a slow answer took %v and gave %v", took, err)
	}
	if _, _, err := read("/headers"); err == nil {
		t.Error("64 KB of headers were read")
	}
}

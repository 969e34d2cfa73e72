package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit"
)

// raw sends bytes to the server and returns the first answer's status, 0 if
// there is none.
func raw(t *testing.T, addr, request string) int {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { _, _ = io.WriteString(conn, request) }()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// HTT-04: no surface takes TRACE or a method that HTTP has not, and each says
// 405 to those that its endpoints do not have.
func TestHTT04MethodsOfEveryRoute(t *testing.T) {
	s, _ := serve(t, 0)
	routes := map[string]string{
		"/": "", "/health": "GET HEAD", "/passwordless/start": "GET POST OPTIONS", "/oauth/token": "POST OPTIONS", "/userinfo": "GET HEAD POST OPTIONS",
		"/oauth/revoke": "POST OPTIONS", "/.well-known/openid-configuration": "GET HEAD OPTIONS", "/.well-known/jwks.json": "GET HEAD OPTIONS",
		"/authorize": "", "/u/login": "", "/dashboard": "", "/api/v2/connections": "", "/hooks/twilio/con_x/msg_x": "", "/nothing": "",
	}
	for path, takes := range routes {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "TRACK", "CONNECT", "PROPFIND", "get", "FOO"} {
			status := raw(t, s.Addr(), method+" "+path+" HTTP/1.1\r\nHost: login.example.com\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			allowed := strings.Contains(" GET HEAD POST PUT PATCH DELETE OPTIONS ", " "+method+" ")
			switch {
			case !allowed && method != "CONNECT" && status != http.StatusMethodNotAllowed,
				// CONNECT has no path.
				method == "CONNECT" && status < 400,
				allowed && takes != "" && !strings.Contains(" "+takes+" ", " "+method+" ") && status != http.StatusMethodNotAllowed:
				t.Errorf("%s %s: %d, want 405", method, path, status)
			case status == 0 || status >= 500:
				t.Errorf("%s %s: %d", method, path, status)
			}
		}
	}
}

// HTT-05: nothing is served under a name that is not the server's, however the
// request names it; a monitor that asks for health by address is answered.
func TestHTT05HostsOfTheServer(t *testing.T) {
	s, _ := serve(t, 0)
	const path = "/.well-known/openid-configuration"
	hosts := map[string]bool{
		"login.example.com": true, "LOGIN.EXAMPLE.COM": true, "login.example.com:443": true, "127.0.0.1": true, "localhost:8787": true, "[::1]:8787": true,
		"evil.example": false, "example.com": false, "www.login.example.com": false, "login.example.com.evil.example": false,
		"login.example.com.": false, "evil.example:443": false, "login.example.comx": false, "xlogin.example.com": false, "10.0.0.1": false,
		"169.254.169.254": false, "127.0.0.1.nip.io": false, "localhost.evil.example": false, "0.0.0.0": false, "login.example.com@evil.example": false,
		"evil.example#login.example.com": false, "evil.example/login.example.com": false, "[::ffff:7f00:1]": false, "login.example.com:80:80": false, "": false,
	}
	tried := 0
	for host, ok := range hosts {
		tried++
		status := raw(t, s.Addr(), "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nX-Forwarded-Host: login.example.com\r\n\r\n")
		if refused := status == 400 || status == 421; refused == ok || ok && status != 200 {
			t.Errorf("Host %q: %d, want served = %v", host, status, ok)
		}
	}
	for target, ok := range map[string]bool{
		"http://login.example.com": true, "https://login.example.com": true, "http://evil.example": false, "https://evil.example": false, "http://login.example.com.evil.example": false,
	} {
		tried++
		// RFC 9112 §3.2.2: the target is what counts, not the Host header.
		status := raw(t, s.Addr(), "GET "+target+path+" HTTP/1.1\r\nHost: login.example.com\r\n\r\n")
		if refused := status == 400 || status == 421; refused == ok {
			t.Errorf("target %q: %d, want served = %v", target, status, ok)
		}
	}
	if tried < 30 {
		t.Errorf("%d vectors, want 30", tried)
	}
	if status := raw(t, s.Addr(), "GET /health HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n"); status != 200 {
		t.Errorf("health by address: %d", status)
	}
}

// HTT-06: what is too large is refused, and what just fits is not.
func TestHTT06SizesOfRequests(t *testing.T) {
	s, _ := serve(t, 0)
	const host = " HTTP/1.1\r\nHost: login.example.com\r\nConnection: close\r\n"
	post := func(path string, size int) string {
		return fmt.Sprintf("POST %s%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, host, size, strings.Repeat(" ", size))
	}
	for _, v := range []struct {
		name, request string
		want          int
	}{
		{"headers of 15 KiB", "GET /health" + host + "X: " + strings.Repeat("x", 15<<10) + "\r\n\r\n", 200},
		{"headers beyond 16 KiB", "GET /health" + host + "X: " + strings.Repeat("x", 16<<10) + "\r\n\r\n", 431},
		{"many small headers", "GET /health" + host + strings.Repeat("X: y\r\n", 10_000) + "\r\n", 431},
		{"an address of 8 KiB", "GET /health?" + strings.Repeat("x", 8<<10-8) + host + "\r\n", 200},
		{"an address beyond", "GET /health?" + strings.Repeat("x", 8<<10) + host + "\r\n", 414},
		{"a body of 64 KiB", post("/oauth/token", 64<<10), 400},
		{"a body beyond", post("/oauth/token", 64<<10+1), 413},
		{"a start beyond", post("/passwordless/start", 64<<10+1), 413},
		{"a hundred parameters", "GET /authorize?" + parameters(100) + host + "\r\n", 400},
		{"a hundred and one", "GET /authorize?" + parameters(101) + host + "\r\n", 400},
	} {
		if got := raw(t, s.Addr(), v.request); got != v.want {
			t.Errorf("%s: %d, want %d", v.name, got, v.want)
		}
	}
	_, _, few := s.Do(t, "GET", "/authorize?"+parameters(100), "")
	_, _, many := s.Do(t, "GET", "/authorize?"+parameters(101), "")
	if few == many || !strings.Contains(many, "Too many parameters") {
		t.Errorf("a hundred and one parameters are told apart by nothing: %.300s", many)
	}
}

func parameters(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p%d=x&", i)
	}
	return strings.TrimSuffix(b.String(), "&")
}

// HTT-08: what is for the operator is on its own listener, and no header opens
// it on the public one.
func TestHTT08PrivateListener(t *testing.T) {
	s, _ := serve(t, 0)
	for _, path := range []string{"/metrics", "/ready", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars"} {
		for _, header := range []string{"User-Agent: kube-probe/1.30", "User-Agent: GoogleHC/1.0", "X-Forwarded-For: 127.0.0.1", "X-Original-URL: " + path, "Authorization: Basic Og=="} {
			request := "GET " + path + " HTTP/1.1\r\nHost: login.example.com\r\n" + header + "\r\nConnection: close\r\n\r\n"
			if status := raw(t, s.Addr(), request); status != 404 {
				t.Errorf("%s with %s: %d, want 404", path, header, status)
			}
		}
	}
	private := &testkit.Server{URL: s.Ready.PrivateURL}
	if st, _, body := private.Do(t, "GET", "/metrics", ""); st != 200 || !strings.Contains(body, "doorcode_") {
		t.Errorf("metrics on the private listener: %d", st)
	}
	for _, path := range []string{"/oauth/token", "/api/v2/connections", "/authorize", "/dashboard", "/passwordless/start"} {
		if st, _, _ := private.Do(t, "GET", path, "", "User-Agent", "kube-probe/1.30"); st != 404 {
			t.Errorf("%s on the private listener: %d, want 404", path, st)
		}
	}
	// A monitor's name opens nothing that asks for a token.
	for _, path := range []string{"/api/v2/connections", "/api/doorcode/v1/messages"} {
		if st, _, _ := s.Do(t, "GET", path, "", "User-Agent", "kube-probe/1.30"); st != 401 {
			t.Errorf("%s as a monitor: %d, want 401", path, st)
		}
	}
}

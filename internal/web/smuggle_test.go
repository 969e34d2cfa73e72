package web

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// hidden is a request that a proxy takes for a part of the one before it.
const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"

// echo is a server that says which paths it was asked for, and notes them where
// they are to be.
func echo(t *testing.T, notes ...*paths) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = Server(Secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, p := range notes {
			p.mu.Lock()
			p.list = append(p.list, r.URL.Path)
			p.mu.Unlock()
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "served %s\n", r.URL.Path)
	}), false))
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// say sends bytes and returns all that comes back until the server has nothing
// more to say.
func say(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, request)
	// The end of what is sent, so that a server that waits for more goes on.
	_ = conn.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

// ambiguous are headers that give the length of a body in two ways, or in one
// that not everybody reads alike.
func ambiguous() []string {
	heads := []string{
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
		"Content-Length: 5\r\nContent-Length: 6\r\n",
		"Content-Length: 5, 6\r\n", "Content-Length: +5\r\n", "Content-Length: -5\r\n",
		"Content-Length: 0x5\r\n", "Content-Length: 5 5\r\n", "Content-Length: 5.0\r\n", "Content-Length: 99999999999999999999\r\n",
		"Content-Length : 5\r\n", " Content-Length: 5\r\n", "Transfer-Encoding : chunked\r\n", "Transfer-Encoding\t: chunked\r\n",
		"Transfer-Encoding\r\n: chunked\r\n", "X: y\r\n Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
	}
	for _, te := range []string{
		"chunked", "Chunked", "CHUNKED", "chunked, identity", "identity, chunked", "identity", "chunked, chunked",
		"gzip, chunked", "\"chunked\"", "chunked;q=1", "xchunked", "chunked ",
	} {
		for _, order := range []string{"Content-Length: 5\r\nTransfer-Encoding: %s\r\n", "Transfer-Encoding: %s\r\nContent-Length: 40\r\n"} {
			heads = append(heads, fmt.Sprintf(order, te))
		}
	}
	return heads
}

// HTT-02: a second request hidden behind a body whose length is given in two
// ways is never answered, whichever of the two a proxy in front goes by.
func TestHTT02Smuggling(t *testing.T) {
	addr := echo(t)
	heads := ambiguous()
	if len(heads) < 40 {
		t.Fatalf("%d vectors, want 40", len(heads))
	}
	for _, head := range heads {
		answer := say(t, addr, "POST /first HTTP/1.1\r\nHost: x\r\n"+head+"\r\n0\r\n\r\n"+hidden)
		if strings.Contains(answer, "/hidden") || strings.Count(answer, "HTTP/1.1 ") != 1 {
			t.Errorf("%q was answered\n%s", head, answer)
		}
	}
	// That says something only if a second request is answered at all.
	if answer := say(t, addr, "GET /first HTTP/1.1\r\nHost: x\r\n\r\n"+hidden); !strings.Contains(answer, "served /hidden") {
		t.Errorf("two requests on one connection were answered\n%s", answer)
	}
}

// HTT-03: what is not HTTP as RFC 9112 has it ends the connection: nothing that
// stands behind it is read as a request.
func TestHTT03Malformed(t *testing.T) {
	addr := echo(t)
	var vectors []string
	for _, line := range []string{
		"X : y", "X\t: y", "X y: z", " X: y", "\tX: y", ": y", "X", "X\x00: y", "X: y\x00z", "X: \x00", "X: y\x01z", "X: y\x7fz",
		"X\x01: y", "X(: y", "X@: y", "X[]: y", "X\xc3\xa9: y", "\"X\": y", "X;: y", "X/: y", "X: y\r\r\nZ: \x00",
		"X: y\rGET /hidden HTTP/1.1", "X: y\r\r", "Host: y", "Content-Length: 5\n5", "X: y\nGET /hidden HTTP/1.1",
	} {
		vectors = append(vectors, "GET /first HTTP/1.1\r\nHost: x\r\n"+line+"\r\n\r\n"+hidden)
	}
	for _, first := range []string{
		"GET  /first HTTP/1.1", "GET /first  HTTP/1.1", "GET /first", "GET /fi\x00rst HTTP/1.1", "GET /first HTTP/1.1 ",
		"GET /first HTTP/1.10", "GET /first HTTP/2.0", "GET /first http/1.1", " GET /first HTTP/1.1", "G\x00ET /first HTTP/1.1",
		"GET /first\tHTTP/1.1", "GET\t/first HTTP/1.1", "(GET) /first HTTP/1.1", "GET first HTTP/1.1",
	} {
		vectors = append(vectors, first+"\r\nHost: x\r\n\r\n"+hidden)
	}
	const chunked = "POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, body := range []string{
		"5\nhello\r\n0\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "5\r\nhelloX0\r\n\r\n",
		"5 5\r\nhello\r\n0\r\n\r\n", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n", "0\r\nX : y\r\n\r\n",
	} {
		vectors = append(vectors, chunked+body+hidden)
	}
	if len(vectors) < 40 {
		t.Fatalf("%d vectors, want 40", len(vectors))
	}
	for _, v := range vectors {
		answer := say(t, addr, v)
		if strings.Contains(answer, "/hidden") || strings.Count(answer, "HTTP/1.1 ") > 1 {
			t.Errorf("%q was answered\n%s", v, answer)
		}
	}
	// A header that goes on in the next line is one value (RFC 9112 §5.2).
	if answer := say(t, addr, "GET /first HTTP/1.1\r\nHost: x\r\nX: y\r\n GET /hidden HTTP/1.1\r\n\r\n"); strings.Count(answer, "HTTP/1.1 ") != 1 {
		t.Errorf("a folded header was answered\n%s", answer)
	}
}

// HTT-01: clients that send or read slowly are cut off, and meanwhile others are
// served. The server's times are a twentieth of those that TestServer checks,
// except where there is time.
func TestHTT01SlowClients(t *testing.T) {
	each, faster := 30, time.Duration(20)
	long := os.Getenv("DOORCODE_TEST_LONG") == "slow"
	if long {
		each, faster = 1000, 1
	}
	large := strings.Repeat("x", 64<<20)
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = Server(Secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil && r.URL.Path == "/large" {
			_, _ = io.WriteString(w, large)
		}
	}), false))
	c := srv.Config
	for _, d := range []*time.Duration{&c.ReadHeaderTimeout, &c.ReadTimeout, &c.WriteTimeout, &c.IdleTimeout} {
		*d /= faster
	}
	srv.Start()
	t.Cleanup(srv.Close)

	ended := make(chan time.Duration)
	slow := func(first, rest string) {
		began := time.Now()
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			ended <- 0
			return
		}
		defer conn.Close()
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		_, _ = io.WriteString(conn, first)
		for _, b := range []byte(rest) {
			time.Sleep(50 * time.Millisecond)
			if _, err := conn.Write([]byte{b}); err != nil {
				break
			}
		}
		ended <- time.Since(began)
	}
	const kinds = 3
	forever := strings.Repeat("x", 4000)
	for range each {
		go slow("GET / HTTP/1.1\r\nHost: x\r\nX: ", forever)
		go slow("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n", forever)
		go slow("GET /large HTTP/1.1\r\nHost: x\r\n\r\n", forever) // which reads nothing
	}
	client := srv.Client()
	client.Timeout = 10 * time.Second
	var waits []time.Duration
	var longest time.Duration
	for left := each * kinds; left > 0; {
		select {
		case d := <-ended:
			left--
			longest = max(longest, d)
		case <-time.After(20 * time.Millisecond):
			began := time.Now()
			res, err := client.Get(srv.URL + "/")
			if err != nil {
				t.Fatalf("others are not served: %v", err)
			}
			_ = res.Body.Close()
			waits = append(waits, time.Since(began))
		}
	}
	slices.Sort(waits)
	p99 := waits[len(waits)*99/100]
	t.Logf("measured: the slowest client was let be for %v, others waited p99 %v", longest.Round(time.Millisecond), p99.Round(time.Microsecond))
	// A client is noticed at the latest when it next sends something.
	if bound := c.WriteTimeout + 5*time.Second; longest > bound {
		t.Errorf("a slow client was let be for %v, want %v at most", longest, bound)
	}
	if long && p99 > 250*time.Millisecond {
		t.Errorf("others waited %v", p99)
	}
}

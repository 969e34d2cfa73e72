package script

import (
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// "localhost" is 127.0.0.1 for some programs and ::1 for others. The server
// speaks the same to both, however often it is started.
func TestBothLoopbackAddresses(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("SKIPPED, NOT TESTED: this machine has no ::1")
	} else {
		_ = l.Close()
	}
	for _, flags := range [][]string{nil, {"--tls"}} {
		s := binary.New(t).Start(append(flags, "--ephemeral")...)
		for range 5 {
			u, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			for _, host := range []string{"127.0.0.1", "::1"} {
				address := u.Scheme + "://" + net.JoinHostPort(host, u.Port()) + "/health"
				if a := s.Do(request(http.MethodGet, address, "")); a.Status != http.StatusOK {
					t.Errorf("GET %s: %v", address, a)
				}
			}
			s.Stop()
			s.Restart()
		}
	}
}

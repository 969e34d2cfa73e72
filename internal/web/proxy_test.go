package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// The configurations are those of docs/operate/reverse-proxy.md but for
// certificates, names and ports. One connection behind the proxy is used again
// and again: what is left over on it would be the start of the next request.
const (
	nginxConfig = `daemon off; pid %[1]s/nginx.pid; error_log %[1]s/error.log; events { worker_connections 64; } worker_processes 1;
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	upstream doorcode { server %[3]s; keepalive 1; keepalive_timeout 60s; }
	server {
		listen %[2]s;
		client_max_body_size 1m;
		large_client_header_buffers 4 16k;
		location / {
			proxy_pass http://doorcode;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_read_timeout 35s;
		}
	}
}
`
	caddyConfig = `{
	admin off
	auto_https off
}
http://%[2]s {
	reverse_proxy %[3]s {
		transport http {
			keepalive 60s
			max_conns_per_host 1
		}
	}
}
`
)

// HTT-02 through nginx and Caddy: whatever somebody sends, the next person behind
// the same proxy is answered what they asked for, and no request reaches the
// server but those that the proxy took for one and answered.
func TestHTT02BehindProxies(t *testing.T) {
	for name, proxy := range map[string]struct {
		config string
		args   []string
	}{
		"nginx": {nginxConfig, []string{"-c", "config"}},
		"caddy": {caddyConfig, []string{"run", "--adapter", "caddyfile", "--config", "config"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := &paths{}
			front := behind(t, binary.Tool(t, name, ""), proxy.config, proxy.args, seen)
			for i, head := range ambiguous() {
				for _, body := range []string{"0\r\n\r\n", "1\r\nx\r\n0\r\n\r\n"} {
					smuggle(t, front, seen, head+"\r\n"+body, fmt.Sprintf("%d-%d", i, len(body)))
				}
			}
			// That says something only if a second request can be passed on at all.
			if smuggle(t, front, seen, "Content-Length: 5\r\n\r\n0\r\n\r\n", "open"); seen.count("/hidden-open") != 1 {
				t.Error("a second request on one connection is not passed on")
			}
		})
	}
}

// smuggle sends a request with what follows its first headers, a second one right
// behind it, and then those of other people.
func smuggle(t *testing.T, front string, seen *paths, rest, name string) {
	t.Helper()
	hidden := "/hidden-" + name
	conn, err := net.Dial("tcp", front)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, "POST /first HTTP/1.1\r\nHost: %s\r\n%sGET %s HTTP/1.1\r\nHost: %[1]s\r\nConnection: close\r\n\r\n", front, rest, hidden)
	told := hears(conn, 150*time.Millisecond)
	for n := range 2 {
		next := fmt.Sprintf("/next-%s-%d", name, n)
		if got := asks(t, front, next); !strings.Contains(got, "served "+next+"\n") || strings.Count(got, "HTTP/1.1 ") != 1 {
			t.Fatalf("after %q somebody else was answered\n%s", rest, got)
		}
	}
	if seen.count(hidden) > 0 {
		told += hears(conn, 5*time.Second) // which is so where the proxy passed it on as the second request it is
	}
	if answered := strings.Count(told, "served "+hidden+"\n"); seen.count(hidden) > answered {
		t.Errorf("after %q a request reached the server that the proxy knows nothing of", rest)
	}
}

// asks sends one request on a connection of its own.
func asks(t *testing.T, addr, path string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, addr)
	return hears(conn, 20*time.Second)
}

// hears reads what comes back until the end, or for so long.
func hears(conn net.Conn, patience time.Duration) string {
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	text, _ := io.ReadAll(conn)
	return string(text)
}

// paths is what a server was asked for.
type paths struct {
	mu   sync.Mutex
	list []string
}

func (p *paths) count(path string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.list {
		if one == path {
			n++
		}
	}
	return n
}

// behind starts a server and a proxy in front of it, and returns the proxy's
// address.
func behind(t *testing.T, program, config string, args []string, seen *paths) string {
	t.Helper()
	back := echo(t, seen)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front, dir := l.Addr().String(), t.TempDir()
	_ = l.Close()
	if err := os.WriteFile(filepath.Join(dir, "config"), fmt.Appendf(nil, config, dir, front, back), 0o600); err != nil {
		t.Fatal(err)
	}
	if args[0] == "-c" { // nginx looks for it elsewhere
		args = []string{"-c", filepath.Join(dir, "config"), "-p", dir}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	for range 500 {
		res, err := http.Get("http://" + front + "/ready")
		if err == nil {
			_ = res.Body.Close()
			return front
		}
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	_ = cmd.Wait()
	t.Fatalf("%s does not answer:\n%s", program, said.String())
	return ""
}

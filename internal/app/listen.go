package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/doorcode/doorcode/internal/config"
)

// listen opens the public listeners. Dev also listens on the IPv6 loopback,
// because "localhost" is that for some programs.
func listen(cfg config.Config) ([]net.Listener, error) {
	first, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, explain("--addr", cfg.Addr, err, portOf(cfg.PrivateAddr))
	}
	all := []net.Listener{first}
	at := first.Addr().(*net.TCPAddr)
	if cfg.Mode == config.Dev && at.IP.Equal(net.IPv4(127, 0, 0, 1)) {
		if second, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(at.Port))); err == nil {
			all = append(all, second)
		}
	}
	return all, nil
}

// explain says who has a port that cannot be had, and what to do. The ports that
// are the server's own are not offered.
func explain(flag, addr string, err error, own ...int) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		host, _, _ := net.SplitHostPort(addr)
		port := portOf(addr)
		by := holder(port)
		if by == "" {
			by = "another program"
		}
		return fmt.Errorf("%s is in use by %s: stop it, or choose another port, such as %s %s",
			addr, by, flag, net.JoinHostPort(host, strconv.Itoa(freePort(host, port, own...))))
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listening on %s needs more rights: choose a port above 1023", addr)
	}
	return fmt.Errorf("listen on %s: %w", addr, err)
}

func portOf(addr string) int {
	_, text, _ := net.SplitHostPort(addr)
	port, _ := strconv.Atoi(text)
	return port
}

// publicURL is the address people reach the server at, without a slash at its
// end. In dev it is localhost and the port unless it is set.
func publicURL(cfg config.Config, at net.Addr) (string, error) {
	if cfg.PublicURL != "" {
		return origin(cfg.PublicURL)
	}
	scheme := "http"
	if cfg.TLS || cfg.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://localhost:" + strconv.Itoa(at.(*net.TCPAddr).Port), nil
}

// dashboardURL is the address of the Dashboard's host, in the same form: the
// public one unless it has its own.
func dashboardURL(cfg config.Config, public string) (string, error) {
	if cfg.DashboardURL == "" {
		return public, nil
	}
	return origin(strings.ToLower(cfg.DashboardURL))
}

// origin takes the slash off an address.
func origin(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", address, err)
	}
	return u.Scheme + "://" + u.Host, nil
}

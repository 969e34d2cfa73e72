package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
)

type healthVerb struct {
	PrivateAddr string `help:"Private address of the server (default 127.0.0.1:8788)." env:"DOORCODE_PRIVATE_ADDR" placeholder:"HOST:PORT"`
	Config      string `help:"Configuration file in YAML." env:"DOORCODE_CONFIG" placeholder:"FILE"`
	Ready       bool   `help:"Ask whether the server can do its work, database and all, and not only whether it runs."`
}

// healthWait bounds the question.
const healthWait = 4 * time.Second

// Run asks the server on this machine how it is, for containers, where there is
// no other program to ask it.
func (v *healthVerb) Run(ctx context.Context, s *streams) error {
	cfg, err := app.WithFile(config.Config{Mode: config.Serve, PrivateAddr: v.PrivateAddr, File: v.Config})
	if err != nil {
		return err
	}
	cfg.Fill()
	url, err := privateURL(cfg.PrivateAddr)
	if err != nil {
		return err
	}
	if v.Ready {
		url += "/ready"
	} else {
		url += "/health"
	}
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask server: %w", err)
	}
	// Whatever proxy the environment names, this server is on this machine.
	resp, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
	if err != nil {
		return fmt.Errorf("the server does not answer at %s: start it, or name its --private-addr", url)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answers %s with %d: its log says why", url, resp.StatusCode)
	}
	_, err = io.Copy(s.out, io.LimitReader(resp.Body, 64))
	return err
}

// privateURL is where a server that listens on an address can be asked on the
// same machine.
func privateURL(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", usageError{fmt.Errorf("--private-addr must be HOST:PORT, not %q", addr)}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

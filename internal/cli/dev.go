package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
)

type devVerb struct {
	serverFlags
	Ephemeral   bool `help:"Use a temporary database that is removed at exit." env:"DOORCODE_EPHEMERAL"`
	TLS         bool `help:"Serve https with a certificate authority of our own." env:"DOORCODE_TLS"`
	AllowRemote bool `help:"Listen beyond loopback. Whoever reaches the server sees every code." env:"DOORCODE_ALLOW_REMOTE"`
	NoOpen      bool `help:"Open no browser." env:"DOORCODE_NO_OPEN"`
}

// Run runs the server until it is interrupted.
func (v *devVerb) Run(ctx context.Context, s *streams) error {
	cfg, err := v.config(config.Dev)
	if err != nil {
		return err
	}
	cfg.Ephemeral, cfg.TLS, cfg.AllowRemote, cfg.NoOpen = v.Ephemeral, v.TLS, v.AllowRemote, v.NoOpen
	if cfg, err = app.WithFile(cfg); err != nil {
		return err
	}
	a, err := app.Open(ctx, cfg, app.Options{Log: s.err, Out: s.out})
	if err != nil {
		return err
	}
	return a.Run(ctx, func() {
		banner(s.out, a)
		if wantsBrowser(cfg.NoOpen, s.out, os.Getenv) {
			if err := s.open(ctx, a.Ready.DashboardURL); err != nil {
				fmt.Fprintln(s.out, "  Note: no browser was opened:", err)
			}
		}
	})
}

// banner says where everything is.
func banner(w io.Writer, a *app.App) {
	r := a.Ready
	fmt.Fprintf(w, `doorcode %s  development: nothing is sent to phones or inboxes

  Login      %s   the issuer; your app's "domain" is %s
  Dashboard  %s   one click lets you in on this machine
  Outbox     %s   codes arrive here live, and below
  App        "My app"   client_id %s
             client_secret %s
             callback %s
  Data       %s
  Config     %s
  Metrics    %s/metrics

  Try it:    doorcode try sms +447700900123

`, app.Version, r.URL, r.Domain, r.DashboardURL, r.OutboxURL, r.ClientID, r.ClientSecret, app.DevCallback,
		a.DataPlace(), configPlace(a.ConfigFile()), r.PrivateURL)
	for _, warning := range a.Warnings {
		fmt.Fprintln(w, "  Note:", warning)
	}
}

func configPlace(file string) string {
	if file == "" {
		return "none   (\"doorcode init\" writes " + initFile + ")"
	}
	return file
}

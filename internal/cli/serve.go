package cli

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
)

type serveVerb struct{ serverFlags }

// Run runs the server until it is interrupted.
func (v *serveVerb) Run(ctx context.Context, s *streams) error {
	cfg, err := v.config(config.Serve)
	if err != nil {
		return err
	}
	if cfg, err = app.WithFile(cfg); err != nil {
		return err
	}
	a, err := app.Open(ctx, cfg, app.Options{Log: s.err})
	if err != nil {
		return err
	}
	for _, warning := range a.Warnings {
		a.Log.WarnContext(ctx, warning)
	}
	return a.Run(ctx, func() {
		fmt.Fprintf(s.err, "doorcode %s serves %s\n", app.Version, a.Ready.URL)
		setup(ctx, s, a)
	})
}

// setup prints how the first administrator gets in, while there is none.
func setup(ctx context.Context, s *streams, a *app.App) {
	link, err := a.SetupURL(ctx)
	if err != nil {
		a.Log.ErrorContext(ctx, "no link for the first administrator", "err", err)
	}
	if link != "" {
		fmt.Fprintf(s.err, "There is no administrator yet. This link makes one, once and within 30 minutes (\"doorcode admin link\" makes another):\n%s\n", link)
	}
}

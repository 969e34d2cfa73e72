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
	})
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

// check asks the providers of the channel's connections what is in the way of
// messages, and prints each step. It works beside a running server.
func (v *tryVerb) check(ctx context.Context, s *streams) error {
	cfg, err := v.config("")
	if err != nil {
		return err
	}
	v.fill(&cfg)
	cfg.File = v.Config
	if cfg, err = app.WithFile(cfg); err != nil {
		return err
	}
	t, err := app.OpenTools(ctx, cfg)
	if err != nil {
		return err
	}
	checks, err := t.CheckSenders(ctx, cfg, tenant.Channel(v.Channel), v.Connection)
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	bad := 0
	for _, c := range checks {
		fmt.Fprintf(s.out, "connection %s\n", c.Connection)
		for _, f := range c.Findings {
			printFinding(s.out, f)
			if f.Verdict == delivery.Fail {
				bad++
			}
		}
	}
	if bad > 0 {
		return fmt.Errorf("messages would not be sent: %d of the steps above failed. Each says what to do", bad)
	}
	return nil
}

func printFinding(w io.Writer, f delivery.Finding) {
	fmt.Fprintf(w, "  %-4s  %-12s  %s\n", f.Verdict, f.Name, f.Detail)
	if f.Fix != "" {
		fmt.Fprintf(w, "  %-4s  %-12s  -> %s\n", "", "", f.Fix)
	}
}

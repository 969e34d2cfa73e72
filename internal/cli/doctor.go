package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/doctor"
	"github.com/doorcode/doorcode/internal/web/mgmtapi"
)

type doctorVerb struct {
	serverFlags
	Check bool `help:"Ask providers whether they know the credentials, and look whether the server answers at its public URL. Nothing is sent."`
	JSON  bool `help:"Print JSON." name:"json"`
}

// errUnwell makes the exit status 1. What is wrong has been printed.
var errUnwell = errors.New("something has to be mended: see the lines that begin with \"fail\"")

// Run looks at the server that the same flags would start, and prints a line
// for each thing.
func (v *doctorVerb) Run(ctx context.Context, s *streams) error {
	cfg, err := v.config(config.Serve)
	if err != nil {
		return err
	}
	if cfg, err = app.WithFile(cfg); err != nil {
		return err
	}
	report, err := app.Examine(ctx, cfg, doctor.Checks{Network: v.Check})
	if err != nil {
		return err
	}
	if v.JSON {
		err = printReportJSON(s.out, report)
	} else {
		err = printReport(s.out, report)
	}
	if err == nil && report.Worst() == delivery.Fail {
		err = errUnwell
	}
	return err
}

func printReport(w io.Writer, r doctor.Report) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%-4s  %-16s %s\n", f.Verdict, f.Check, f.Detail); err != nil {
			return err
		}
		if f.Fix != "" {
			if _, err := fmt.Fprintf(w, "%22s -> %s\n", "", f.Fix); err != nil {
				return err
			}
		}
	}
	return nil
}

func printReportJSON(w io.Writer, r doctor.Report) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(mgmtapi.DoctorReply(r))
}

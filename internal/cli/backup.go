package cli

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
)

type backupVerb struct {
	databaseFlags
	File string `arg:"" help:"Where to write it. A file that is there is not replaced."`
}

// Run saves the database.
func (v *backupVerb) Run(ctx context.Context, s *streams) error {
	cfg, err := v.config(config.Serve)
	if err != nil {
		return err
	}
	saved, err := app.Backup(ctx, cfg, v.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s has the database with %d users (%d bytes). It is sound, and the root key opens it.\n"+
		"The root key is not in it. Keep a copy of the key elsewhere: without it, the backup is of no use;\n"+
		"with both, whoever has them can sign in as anybody.\n", v.File, saved.Users, saved.Bytes)
	return err
}

type restoreVerb struct {
	databaseFlags
	File        string `arg:"" help:"The backup."`
	Replace     bool   `help:"Replace the database that is there. It is kept under another name."`
	EndSessions bool   `help:"End all sessions and refresh tokens, so that everybody signs in again. Without it, a refresh token that was replaced or revoked after the backup was made works again."`
}

// Run makes the backup the database.
func (v *restoreVerb) Run(ctx context.Context, s *streams) error {
	cfg, err := v.config(config.Serve)
	if err != nil {
		return err
	}
	saved, err := app.Restore(ctx, cfg, v.File, v.Replace, v.EndSessions)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "The database is restored, with %d users. Codes and sign-ins that were under way have ended.\n", saved.Users)
	if saved.Aside != "" {
		_, err = fmt.Fprintf(s.out, "What was there before is kept as %s: delete it when it is not needed any more.\n", saved.Aside)
	}
	return err
}

package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/tenant"
)

type adminVerb struct {
	Link   adminLinkVerb   `cmd:"" help:"Print a link that signs an administrator in to the Dashboard, once."`
	List   adminListVerb   `cmd:"" help:"List the administrators."`
	Remove adminRemoveVerb `cmd:"" help:"Remove an administrator and end their sessions."`
}

type adminLinkVerb struct {
	databaseFlags
	Email        string `help:"Only for this address. Left out: whoever opens the link says theirs." placeholder:"ADDRESS"`
	Role         string `help:"Role of an administrator who is new: owner, editor or viewer." default:"owner" enum:"owner,editor,viewer"`
	PublicURL    string `help:"Public URL of the server (default: what it was last started with)." env:"DOORCODE_PUBLIC_URL" placeholder:"URL"`
	DashboardURL string `help:"Where the Dashboard is reached (default: where the server had it when it was last started)." env:"DOORCODE_DASHBOARD_URL" placeholder:"URL"`
}

// Run prints the link and nothing else.
func (v *adminLinkVerb) Run(ctx context.Context, s *streams) error {
	return withTools(ctx, v.databaseFlags, func(t *app.Tools) error {
		public, dashboard := strings.TrimRight(v.PublicURL, "/"), strings.TrimRight(v.DashboardURL, "/")
		link, err := t.AdministratorLink(ctx, public, dashboard, v.Email, tenant.AdministratorRole(v.Role))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.out, link)
		return err
	})
}

type adminListVerb struct{ databaseFlags }

// Run prints a line for each administrator.
func (v *adminListVerb) Run(ctx context.Context, s *streams) error {
	return withTools(ctx, v.databaseFlags, func(t *app.Tools) error {
		list, err := t.Administrators(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ADDRESS\tROLE\tSINCE\tLAST SIGNED IN")
		for _, a := range list {
			last := "never"
			if !a.LastLogin.IsZero() {
				last = a.LastLogin.Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Email, a.Role, a.CreatedAt.Format(time.RFC3339), last)
		}
		return w.Flush()
	})
}

type adminRemoveVerb struct {
	databaseFlags
	Email string `arg:"" help:"Address of the administrator, as \"admin list\" shows it."`
}

// Run removes an administrator, also the last: "admin link" makes another.
func (v *adminRemoveVerb) Run(ctx context.Context, s *streams) error {
	return withTools(ctx, v.databaseFlags, func(t *app.Tools) error {
		if err := t.RemoveAdministrator(ctx, v.Email); err != nil {
			return err
		}
		_, err := fmt.Fprintf(s.out, "%s is no administrator any more.\n", v.Email)
		return err
	})
}

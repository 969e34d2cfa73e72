package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/app"
)

type tokenVerb struct {
	databaseFlags
	Scope     []string      `help:"Scopes, separated by commas. All but read:connections_secrets if left out."`
	TTL       time.Duration `help:"How long the token is good for." default:"1h"`
	PublicURL string        `help:"Public URL of the server (default: what it was last started with)." env:"DOORCODE_PUBLIC_URL" placeholder:"URL"`
}

// maxTokenTTL bounds a token that no application has to answer for.
const maxTokenTTL = 24 * time.Hour

// Run prints a token and nothing else, so that it can be used in a script.
func (v *tokenVerb) Run(ctx context.Context, s *streams) error {
	if v.TTL <= 0 || v.TTL > maxTokenTTL {
		return usageError{fmt.Errorf("--ttl must be more than 0 and at most %v, not %v", maxTokenTTL, v.TTL)}
	}
	return withTools(ctx, v.databaseFlags, func(t *app.Tools) error {
		text, err := t.ManagementToken(ctx, strings.TrimRight(v.PublicURL, "/"), v.Scope, v.TTL)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.out, text)
		return err
	})
}

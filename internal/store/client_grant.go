package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Grants = (*Store)(nil)

const grantColumns = `id, client_id, audience, scope, doc, managed`

func scanClientGrant(row scanner, g *tenant.ClientGrant) error {
	var scope, doc string
	if err := row.Scan(&g.ID, &g.Client, &g.Audience, &scope, &doc, &g.Managed); err != nil {
		return err
	}
	g.Scopes, g.Doc = strings.Fields(scope), []byte(doc)
	g.AllScopes = settings.AllScopes(g.Doc)
	return nil
}

// ClientGrant returns what a client may ask of an API in its own name.
func (s *Store) ClientGrant(ctx context.Context, client tenant.ClientID, audience string) (*tenant.ClientGrant, error) {
	var g tenant.ClientGrant
	row := s.read.row(ctx, `SELECT `+grantColumns+` FROM client_grants WHERE client_id = $1 AND audience = $2`, client, audience)
	if err := scanClientGrant(row, &g); err != nil {
		return nil, fmt.Errorf("read client grant: %w", absent(err))
	}
	return &g, nil
}

// AllClientGrants implements manage.Grants.
func (s *Store) AllClientGrants(ctx context.Context) ([]tenant.ClientGrant, error) {
	return readClientGrants(ctx, s.read)
}

func readClientGrants(ctx context.Context, q querier) ([]tenant.ClientGrant, error) {
	rows, err := q.query(ctx, `SELECT `+grantColumns+` FROM client_grants ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read client grants: %w", err)
	}
	defer rows.Close()
	var list []tenant.ClientGrant
	for rows.Next() {
		var g tenant.ClientGrant
		if err := scanClientGrant(rows, &g); err != nil {
			return nil, fmt.Errorf("read client grants: %w", err)
		}
		list = append(list, g)
	}
	return list, rows.Err()
}

// CreateClientGrant implements manage.Grants.
func (s *Store) CreateClientGrant(ctx context.Context, g tenant.ClientGrant, e tenant.LogEvent) error {
	return s.edit(ctx, func(tx querier) error {
		if err := putClientGrant(ctx, tx, &g); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

// ChangeClientGrant implements manage.Grants.
func (s *Store) ChangeClientGrant(ctx context.Context, id string, change manage.ChangeClientGrant) error {
	return s.edit(ctx, func(tx querier) error {
		g, e, err := changedClientGrant(ctx, tx, id, change)
		if err != nil {
			return err
		}
		if err := putClientGrant(ctx, tx, &g); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

func changedClientGrant(ctx context.Context, tx querier, id string, change manage.ChangeClientGrant) (g tenant.ClientGrant, e tenant.LogEvent, err error) {
	if err := scanClientGrant(tx.row(ctx, `SELECT `+grantColumns+` FROM client_grants WHERE id = $1`, id), &g); err != nil {
		return g, e, fmt.Errorf("read client grant: %w", absent(err))
	}
	e, err = change(&g)
	return g, e, err
}

// DeleteClientGrant implements manage.Grants.
func (s *Store) DeleteClientGrant(ctx context.Context, id string, last manage.ChangeClientGrant) error {
	return s.edit(ctx, func(tx querier) error {
		_, e, err := changedClientGrant(ctx, tx, id, last)
		if err != nil {
			return err
		}
		return changed(ctx, tx, e, `DELETE FROM client_grants WHERE id = $1`, id)
	})
}

// putClientGrant stores a grant. One with its id is replaced.
func putClientGrant(ctx context.Context, tx querier, g *tenant.ClientGrant) error {
	var known, taken bool
	if err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM clients WHERE id = $1),
		EXISTS (SELECT 1 FROM client_grants WHERE client_id = $1 AND audience = $2 AND id <> $3)`,
		string(g.Client), g.Audience, g.ID).Scan(&known, &taken); err != nil {
		return fmt.Errorf("store client grant: %w", err)
	}
	switch {
	case !known:
		return manage.ErrClient
	case taken:
		return manage.ErrGrantExists
	}
	doc := string(g.Doc)
	if doc == "" {
		doc = "{}"
	}
	if _, err := tx.exec(ctx, `
		INSERT INTO client_grants (id, client_id, audience, scope, doc, managed) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET scope = excluded.scope, doc = excluded.doc, managed = excluded.managed`,
		g.ID, g.Client, g.Audience, strings.Join(g.Scopes, " "), doc, g.Managed); err != nil {
		return fmt.Errorf("store client grant: %w", err)
	}
	return nil
}

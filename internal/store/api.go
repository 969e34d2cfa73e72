package store

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.APIs = (*Store)(nil)

const apiColumns = `id, doc, managed, created_at, updated_at`

// API returns the API that access tokens for the audience are made for.
func (s *Store) API(ctx context.Context, audience string) (*tenant.API, error) {
	return cached(&s.cache,
		func() (*tenant.API, bool) { a := s.cache.apis[audience]; return a, a != nil },
		func() (*tenant.API, error) {
			a, err := scanAPI(s.read.row(ctx, `SELECT `+apiColumns+` FROM apis WHERE identifier = $1`, audience))
			if err != nil {
				return nil, fmt.Errorf("read API: %w", absent(err))
			}
			return a, nil
		},
		func(a *tenant.API) { s.cache.apis[audience] = a })
}

// ProofAPIs implements grant.Settings.
func (s *Store) ProofAPIs(ctx context.Context) ([]*tenant.API, error) {
	return cached(&s.cache,
		func() ([]*tenant.API, bool) { return s.cache.proofAPIs, s.cache.proofAPIs != nil },
		func() ([]*tenant.API, error) {
			all, err := s.AllAPIs(ctx)
			list := []*tenant.API{}
			for _, a := range all {
				if a.Proof != "" {
					list = append(list, a)
				}
			}
			return list, err
		},
		func(list []*tenant.API) { s.cache.proofAPIs = list })
}

func scanAPI(row scanner) (*tenant.API, error) {
	var id, doc string
	var head tenant.API
	if err := row.Scan(&id, &doc, &head.Managed, millis{&head.CreatedAt}, millis{&head.UpdatedAt}); err != nil {
		return nil, err
	}
	a, err := settings.API([]byte(doc))
	if err != nil {
		return nil, err
	}
	a.ID, a.Managed, a.CreatedAt, a.UpdatedAt = id, head.Managed, head.CreatedAt, head.UpdatedAt
	return &a, nil
}

// AllAPIs implements manage.APIs.
func (s *Store) AllAPIs(ctx context.Context) ([]*tenant.API, error) { return readAPIs(ctx, s.read) }

func readAPIs(ctx context.Context, q querier) ([]*tenant.API, error) {
	rows, err := q.query(ctx, `SELECT `+apiColumns+` FROM apis ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("read APIs: %w", err)
	}
	defer rows.Close()
	var list []*tenant.API
	for rows.Next() {
		a, err := scanAPI(rows)
		if err != nil {
			return nil, fmt.Errorf("read APIs: %w", err)
		}
		list = append(list, a)
	}
	return list, rows.Err()
}

// CreateAPI implements manage.APIs.
func (s *Store) CreateAPI(ctx context.Context, a tenant.API, e tenant.LogEvent) error {
	return s.edit(ctx, func(tx querier) error {
		if err := putAPI(ctx, tx, &a); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

// ChangeAPI implements manage.APIs.
func (s *Store) ChangeAPI(ctx context.Context, id string, change manage.ChangeAPI) error {
	return s.edit(ctx, func(tx querier) error {
		a, e, err := changedAPI(ctx, tx, id, change)
		if err != nil {
			return err
		}
		a.ID = id
		if err := putAPI(ctx, tx, a); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

func changedAPI(ctx context.Context, tx querier, id string, change manage.ChangeAPI) (*tenant.API, tenant.LogEvent, error) {
	a, err := scanAPI(tx.row(ctx, `SELECT `+apiColumns+` FROM apis WHERE id = $1`, id))
	if err != nil {
		return nil, tenant.LogEvent{}, fmt.Errorf("read API: %w", absent(err))
	}
	e, err := change(a)
	return a, e, err
}

// DeleteAPI implements manage.APIs.
func (s *Store) DeleteAPI(ctx context.Context, id string, last manage.ChangeAPI) error {
	return s.edit(ctx, func(tx querier) error {
		a, e, err := changedAPI(ctx, tx, id, last)
		if err != nil {
			return err
		}
		for _, text := range []string{
			`DELETE FROM client_grants WHERE audience = $1`,
			`DELETE FROM role_permissions WHERE audience = $1`,
			`DELETE FROM user_permissions WHERE audience = $1`,
			`DELETE FROM consents WHERE audience = $1`,
			`DELETE FROM apis WHERE identifier = $1`,
		} {
			if _, err := tx.exec(ctx, text, a.Identifier); err != nil {
				return fmt.Errorf("delete API: %w", err)
			}
		}
		return insertLogs(ctx, tx, e)
	})
}

// putAPI stores an API. One with its id is replaced.
func putAPI(ctx context.Context, tx querier, a *tenant.API) error {
	var taken bool
	err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM apis WHERE identifier = $1 AND id <> $2)`, a.Identifier, a.ID).Scan(&taken)
	if err != nil {
		return fmt.Errorf("store API: %w", err)
	}
	if taken {
		return manage.ErrIdentifier
	}
	if _, err := tx.exec(ctx, `
		INSERT INTO apis (id, identifier, doc, managed, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET doc = excluded.doc, managed = excluded.managed, updated_at = excluded.updated_at`,
		a.ID, a.Identifier, string(a.Doc), a.Managed, toMillis(a.CreatedAt), toMillis(a.UpdatedAt)); err != nil {
		return fmt.Errorf("store API: %w", err)
	}
	return nil
}

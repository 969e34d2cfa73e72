package store

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Files = (*Store)(nil)

// Settings returns the tenant's settings.
func (s *Store) Settings(ctx context.Context) (*tenant.Settings, error) {
	return cached(&s.cache,
		func() (*tenant.Settings, bool) { return s.cache.settings, s.cache.settings != nil },
		func() (*tenant.Settings, error) { return readSettings(ctx, s.read) },
		func(t *tenant.Settings) { s.cache.settings = t })
}

func readSettings(ctx context.Context, q querier) (*tenant.Settings, error) {
	var doc string
	var managed bool
	if err := q.row(ctx, `SELECT doc, managed FROM tenant_settings WHERE id = 1`).Scan(&doc, &managed); err != nil {
		return nil, fmt.Errorf("read tenant settings: %w", err)
	}
	t, err := settings.Tenant([]byte(doc))
	if err != nil {
		return nil, err
	}
	t.Managed = managed
	return &t, nil
}

// ChangeSettings implements manage.Tenant.
func (s *Store) ChangeSettings(ctx context.Context, change manage.ChangeSettings) error {
	return s.edit(ctx, func(tx querier) error {
		var doc string
		var managed bool
		if err := tx.row(ctx, `SELECT doc, managed FROM tenant_settings WHERE id = 1`).Scan(&doc, &managed); err != nil {
			return fmt.Errorf("read tenant settings: %w", err)
		}
		if managed {
			return manage.ErrManaged
		}
		after, e, err := change([]byte(doc))
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `UPDATE tenant_settings SET doc = $1 WHERE id = 1`, string(after)); err != nil {
			return fmt.Errorf("store tenant settings: %w", err)
		}
		return insertLogs(ctx, tx, e)
	})
}

// Apply implements manage.Files.
func (s *Store) Apply(ctx context.Context, plan func(manage.Everything) (manage.Plan, error)) error {
	return s.edit(ctx, func(tx querier) error {
		all, err := s.everything(ctx, tx)
		if err != nil {
			return err
		}
		p, err := plan(all)
		if err != nil {
			return err
		}
		for _, text := range []string{
			`UPDATE clients SET managed = FALSE WHERE managed`, `UPDATE connections SET managed = FALSE, clients_managed = FALSE WHERE managed`,
			`UPDATE apis SET managed = FALSE WHERE managed`, `UPDATE client_grants SET managed = FALSE WHERE managed`,
			`UPDATE email_provider SET managed = FALSE WHERE managed`, `UPDATE attack_protection SET managed = FALSE WHERE managed`,
			`UPDATE test_identities SET managed = FALSE WHERE managed`, `UPDATE tenant_settings SET managed = FALSE WHERE managed`,
		} {
			if _, err := tx.exec(ctx, text); err != nil {
				return fmt.Errorf("apply file: %w", err)
			}
		}
		return s.carryOut(ctx, tx, p)
	})
}

func (s *Store) everything(ctx context.Context, tx querier) (all manage.Everything, err error) {
	if all.Connections, err = readConnections(ctx, tx, s.secrets); err != nil {
		return all, err
	}
	if all.APIs, err = readAPIs(ctx, tx); err != nil {
		return all, err
	}
	if all.Grants, err = readClientGrants(ctx, tx); err != nil {
		return all, err
	}
	if all.Settings, err = readSettings(ctx, tx); err != nil {
		return all, err
	}
	all.EmailProvider, err = readEmailProvider(ctx, tx, s.secrets)
	if err != nil && !fault.Has(err, fault.NotFound) {
		return all, err
	}
	rows, err := tx.query(ctx, `SELECT `+clientColumns+` FROM clients ORDER BY created_at, id`)
	if err != nil {
		return all, fmt.Errorf("read clients: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		c, err := scanClient(rows, s.secrets)
		if err != nil {
			return all, fmt.Errorf("read clients: %w", err)
		}
		all.Clients = append(all.Clients, c)
	}
	return all, rows.Err()
}

// carryOut writes a plan: applications first, since the rest names them.
func (s *Store) carryOut(ctx context.Context, tx querier, p manage.Plan) error {
	for i := range p.Clients {
		p.Clients[i].Managed = true
		if err := s.putClient(ctx, tx, &p.Clients[i]); err != nil {
			return err
		}
	}
	for i := range p.APIs {
		p.APIs[i].Managed = true
		if err := putAPI(ctx, tx, &p.APIs[i]); err != nil {
			return err
		}
	}
	for i := range p.Connections {
		if err := s.putConnection(ctx, tx, &p.Connections[i]); err != nil {
			return err
		}
	}
	for i := range p.Grants {
		p.Grants[i].Managed = true
		if err := putClientGrant(ctx, tx, &p.Grants[i]); err != nil {
			return err
		}
	}
	if p.Tenant != nil {
		if _, err := tx.exec(ctx, `UPDATE tenant_settings SET doc = $1, managed = TRUE WHERE id = 1`, string(p.Tenant)); err != nil {
			return fmt.Errorf("store tenant settings: %w", err)
		}
	}
	if p.EmailProvider != nil {
		after := *p.EmailProvider
		after.Managed = true
		if err := s.putEmailProvider(ctx, tx, &after); err != nil {
			return err
		}
	}
	for part, doc := range p.Protection {
		if err := putProtection(ctx, tx, part, tenant.ProtectionSetting{Doc: doc, Managed: true}); err != nil {
			return err
		}
	}
	for i := range p.TestIdentities {
		if _, err := s.putTestIdentity(ctx, tx, &p.TestIdentities[i]); err != nil {
			return fmt.Errorf("entry %d of testIdentities: %w", i+1, err)
		}
	}
	for _, e := range p.Events {
		if err := insertLogs(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

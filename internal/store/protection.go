package store

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Protections = (*Store)(nil)

// Protection returns the settings of attack protection.
func (s *Store) Protection(ctx context.Context) (*tenant.Protection, error) {
	return cached(&s.cache,
		func() (*tenant.Protection, bool) { return s.cache.protection, s.cache.protection != nil },
		func() (*tenant.Protection, error) { return readProtection(ctx, s.read) },
		func(p *tenant.Protection) { s.cache.protection = p })
}

func readProtection(ctx context.Context, q querier) (*tenant.Protection, error) {
	rows, err := q.query(ctx, `SELECT part, doc, managed FROM attack_protection`)
	if err != nil {
		return nil, fmt.Errorf("read attack protection: %w", err)
	}
	defer rows.Close()
	stored := map[tenant.ProtectionPart]tenant.ProtectionSetting{}
	for rows.Next() {
		var part tenant.ProtectionPart
		var doc string
		var managed bool
		if err := rows.Scan(&part, &doc, &managed); err != nil {
			return nil, fmt.Errorf("read attack protection: %w", err)
		}
		stored[part] = tenant.ProtectionSetting{Doc: []byte(doc), Managed: managed}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read attack protection: %w", err)
	}
	p, err := settings.Protection(stored)
	return &p, err
}

// ChangeProtection implements manage.Protections.
func (s *Store) ChangeProtection(ctx context.Context, part tenant.ProtectionPart, change manage.ChangeProtection) error {
	return s.edit(ctx, func(tx querier) error {
		p, err := readProtection(ctx, tx)
		if err != nil {
			return err
		}
		set := p.Settings[part]
		e, err := change(&set)
		if err != nil {
			return err
		}
		if err := putProtection(ctx, tx, part, set); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

func putProtection(ctx context.Context, tx querier, part tenant.ProtectionPart, set tenant.ProtectionSetting) error {
	if _, err := tx.exec(ctx, `
		INSERT INTO attack_protection (part, doc, managed) VALUES ($1, $2, $3)
		ON CONFLICT (part) DO UPDATE SET doc = excluded.doc, managed = excluded.managed`,
		string(part), string(set.Doc), set.Managed); err != nil {
		return fmt.Errorf("store attack protection: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.EmailProviders = (*Store)(nil)

// credentialsPlace is where the e-mail provider's secrets are sealed to.
const credentialsPlace = "email_provider/credentials"

// EmailProvider returns the tenant's e-mail provider. That there is none is
// remembered as well: messages are asked for by anybody.
func (s *Store) EmailProvider(ctx context.Context) (*tenant.EmailProvider, error) {
	p, err := cached(&s.cache,
		func() (*tenant.EmailProvider, bool) { return s.cache.email, s.cache.emailRead },
		func() (*tenant.EmailProvider, error) {
			p, err := readEmailProvider(ctx, s.read, s.secrets)
			if fault.Has(err, fault.NotFound) {
				return nil, nil
			}
			return p, err
		},
		func(p *tenant.EmailProvider) { s.cache.email, s.cache.emailRead = p, true })
	if err == nil && p == nil {
		return nil, fmt.Errorf("read email provider: %w", notFound)
	}
	return p, err
}

func readEmailProvider(ctx context.Context, q querier, keys *secret.Ring) (*tenant.EmailProvider, error) {
	var doc string
	var sealed []byte
	var managed bool
	if err := q.row(ctx, `SELECT doc, credentials, managed FROM email_provider WHERE id = 1`).Scan(&doc, &sealed, &managed); err != nil {
		return nil, fmt.Errorf("read email provider: %w", absent(err))
	}
	plain, err := keys.Open(secret.AtRest, sealed, credentialsPlace)
	if err != nil {
		return nil, fmt.Errorf("open credentials of the email provider: %w", err)
	}
	var secrets map[string]string
	if err := json.Unmarshal(plain, &secrets); err != nil {
		return nil, fmt.Errorf("read credentials of the email provider: %w", err)
	}
	p, err := settings.EmailProvider([]byte(doc), secrets)
	if err != nil {
		return nil, err
	}
	p.Managed = managed
	return &p, nil
}

// CreateEmailProvider implements manage.EmailProviders.
func (s *Store) CreateEmailProvider(ctx context.Context, p tenant.EmailProvider, e tenant.LogEvent) error {
	return s.edit(ctx, func(tx querier) error {
		var taken bool
		if err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM email_provider WHERE id = 1)`).Scan(&taken); err != nil {
			return fmt.Errorf("store email provider: %w", err)
		}
		if taken {
			return manage.ErrEmailProviderExists
		}
		if err := s.putEmailProvider(ctx, tx, &p); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

// ChangeEmailProvider implements manage.EmailProviders.
func (s *Store) ChangeEmailProvider(ctx context.Context, change manage.ChangeEmailProvider) error {
	return s.edit(ctx, func(tx querier) error {
		p, err := readEmailProvider(ctx, tx, s.secrets)
		if err != nil {
			return err
		}
		e, err := change(p)
		if err != nil {
			return err
		}
		if err := s.putEmailProvider(ctx, tx, p); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

// DeleteEmailProvider implements manage.EmailProviders.
func (s *Store) DeleteEmailProvider(ctx context.Context, e tenant.LogEvent) error {
	return s.edit(ctx, func(tx querier) error {
		var managed bool
		if err := tx.row(ctx, `SELECT managed FROM email_provider WHERE id = 1`).Scan(&managed); err != nil {
			return fmt.Errorf("delete email provider: %w", absent(err))
		}
		if managed {
			return manage.ErrManaged
		}
		if _, err := tx.exec(ctx, `DELETE FROM email_provider WHERE id = 1`); err != nil {
			return fmt.Errorf("delete email provider: %w", err)
		}
		return insertLogs(ctx, tx, e)
	})
}

// putEmailProvider stores the e-mail provider in the place of any other.
func (s *Store) putEmailProvider(ctx context.Context, tx querier, p *tenant.EmailProvider) error {
	secrets := p.Secrets
	if secrets == nil {
		secrets = map[string]string{}
	}
	plain, err := json.Marshal(secrets)
	if err != nil {
		return fmt.Errorf("store email provider: %w", err)
	}
	if _, err := tx.exec(ctx, `
		INSERT INTO email_provider (id, doc, credentials, managed) VALUES (1, $1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET doc = excluded.doc, credentials = excluded.credentials, managed = excluded.managed`,
		string(p.Doc), s.secrets.Seal(secret.AtRest, plain, credentialsPlace), p.Managed); err != nil {
		return fmt.Errorf("store email provider: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// BeginCode implements admin.Ledger.
func (s *Store) BeginCode(ctx context.Context, b admin.BeginCode) (known bool, wait time.Duration, err error) {
	err = s.write(ctx, func(tx querier) error {
		wait = 0
		for _, bucket := range b.Buckets {
			tat, ok, err := takeRequest(ctx, tx, bucket, b.Now)
			if err != nil {
				return err
			}
			if !ok {
				wait = max(time.Second, bucket.Wait(tat, b.Now))
				return nil
			}
		}
		_, err := tx.exec(ctx, `
			INSERT INTO administrator_codes (browser, email, digest, attempts, redeemed_at, expires_at) VALUES ($1, $2, $3, 0, 0, $4)`,
			b.Browser, b.Email, b.Digest, toMillis(b.Expires))
		if err != nil {
			return fmt.Errorf("store code of administrator: %w", err)
		}
		return tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM administrators WHERE email = $1)`, b.Email).Scan(&known)
	})
	return known, wait, err
}

// guessAdministratorText judges a guess as spendText does: a right one redeems
// the code, a wrong one costs it a try, and none is judged that may not be made.
// Where there is no administrator, none is right.
var guessAdministratorText = `
	UPDATE administrator_codes SET
		redeemed_at = CASE WHEN ` + rightAdministratorCode + ` THEN $6 ELSE 0 END,
		attempts    = CASE WHEN ` + rightAdministratorCode + ` THEN attempts ELSE attempts + 1 END
	WHERE (browser = $1 OR browser = $2) AND email = $3 AND redeemed_at = 0 AND attempts < $7 AND expires_at > $6
		AND COALESCE((SELECT ` + budget("t", "$11", "$9", "$10") + ` FROM tries t WHERE t.identifier = $8), TRUE)
	RETURNING redeemed_at > 0`

const rightAdministratorCode = `(digest = $4 OR digest = $5)
		AND EXISTS (SELECT 1 FROM administrators a WHERE a.email = administrator_codes.email)`

// RedeemCode implements admin.Ledger.
func (s *Store) RedeemCode(ctx context.Context, g admin.Guess) (tenant.Administrator, error) {
	var out tenant.Administrator
	wrong := false
	err := s.write(ctx, func(tx querier) error {
		wrong = false
		first, last := ends(g.Browsers)
		stamp, dayAgo := attack.Stamp(g.Now), attack.Stamp(g.Now.Add(-attack.TriesWindow))
		from := nthFrom(attack.MaxWrongDay)
		var right bool
		err := tx.row(ctx, guessAdministratorText, first, last, g.Email, g.Digest, g.Previous, toMillis(g.Now), tenant.MaxAttempts,
			g.Identifier, dayAgo, attack.MaxWrongStreak, from).Scan(&right)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return tenant.ErrAdministratorDead
		case err != nil:
			return fmt.Errorf("judge code of administrator: %w", err)
		case right:
			out, err = openGuessed(ctx, tx, g)
			return err
		}
		n, err := tx.exec(ctx, wrongTryText, g.Identifier, string(attack.NoTimes[13:])+stamp, stamp, dayAgo, attack.MaxWrongStreak, from)
		if err != nil {
			return fmt.Errorf("count wrong try: %w", err)
		}
		if n == 0 {
			// Another code of the address took its last try meanwhile: this
			// guess was not judged.
			return tenant.ErrAdministratorDead
		}
		wrong = true
		return logWrongCode(ctx, tx, g)
	})
	if err == nil && wrong {
		err = tenant.ErrAdministratorCode
	}
	return out, err
}

// logWrongCode stores the event of a wrong guess, with whose code it was if that
// is an administrator's. It does the same for every address.
func logWrongCode(ctx context.Context, tx querier, g admin.Guess) error {
	var id string
	err := tx.row(ctx, `SELECT COALESCE((SELECT id FROM administrators WHERE email = $1), '')`, g.Email).Scan(&id)
	if err != nil {
		return fmt.Errorf("read administrator: %w", err)
	}
	e := g.Wrong
	e.Details = with(e.Details, "before", map[string]any{"id": id})
	return insertLogs(ctx, tx, e)
}

// openGuessed opens the session of whoever had the right code, or its link.
func openGuessed(ctx context.Context, tx querier, g admin.Guess) (tenant.Administrator, error) {
	if _, err := tx.exec(ctx, `UPDATE tries SET streak = 0 WHERE identifier = $1 AND streak > 0`, g.Identifier); err != nil {
		return tenant.Administrator{}, fmt.Errorf("end streak: %w", err)
	}
	return openAdministratorSession(ctx, tx, g.Email, g.Session)
}

// RedeemEmailed implements admin.Ledger.
func (s *Store) RedeemEmailed(ctx context.Context, g admin.Guess) (tenant.Administrator, error) {
	var out tenant.Administrator
	err := s.write(ctx, func(tx querier) error {
		first, last := ends(g.Browsers)
		n, err := tx.exec(ctx, `
			UPDATE administrator_codes SET redeemed_at = $4
			WHERE (browser = $1 OR browser = $2) AND email = $3 AND redeemed_at = 0 AND attempts < $5 AND expires_at > $4
				AND EXISTS (SELECT 1 FROM administrators a WHERE a.email = administrator_codes.email)`,
			first, last, g.Email, toMillis(g.Now), tenant.MaxAttempts)
		if err != nil {
			return fmt.Errorf("use the link beside a code of administrator: %w", err)
		}
		if n == 0 {
			return tenant.ErrAdministratorDead
		}
		out, err = openGuessed(ctx, tx, g)
		return err
	})
	return out, err
}

// AddLink implements admin.Ledger.
func (s *Store) AddLink(ctx context.Context, l admin.Link) error {
	return s.write(ctx, func(tx querier) error {
		_, err := tx.exec(ctx, `INSERT INTO administrator_links (digest, email, role, first, expires_at) VALUES ($1, $2, $3, $4, $5)`,
			l.Digest, l.Email, l.Role, l.First, toMillis(l.Expires))
		return err
	})
}

// RedeemLink implements admin.Ledger.
func (s *Store) RedeemLink(ctx context.Context, u admin.UseLink) (tenant.Administrator, error) {
	var out tenant.Administrator
	err := s.write(ctx, func(tx querier) error {
		if err := changeOwners(ctx, tx); err != nil {
			return err // two links for the first administrator make one
		}
		first, last := ends(u.Digests)
		person := u.Person
		var named string
		err := tx.row(ctx, `
			DELETE FROM administrator_links WHERE (digest = $1 OR digest = $2) AND expires_at > $3
				AND (email = '' OR email = $4) AND (NOT first OR NOT EXISTS (SELECT 1 FROM administrators))
			RETURNING email, role`, first, last, toMillis(u.Session.Now), person.Email).Scan(&named, &person.Role)
		if err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				return tenant.ErrAdministratorLink
			}
			return fmt.Errorf("use link: %w", err)
		}
		if _, err := tx.exec(ctx, addAdministratorText, person.ID, person.Email, person.Role, toMillis(person.CreatedAt)); err != nil {
			return fmt.Errorf("store administrator: %w", err)
		}
		out, err = openAdministratorSession(ctx, tx, person.Email, u.Session)
		return err
	})
	if fault.Has(err, fault.NotFound) {
		err = tenant.ErrAdministratorLink.Because(err)
	}
	return out, err
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// sessionColumns are the columns of sessions in the order scanSession reads
// them.
const sessionColumns = `s.id, s.digest, s.user_id, s.connection_id, s.channel, s.auth_time, s.created_at, s.updated_at,
	s.last_used_at, s.idle_span, s.idle_ends_at, s.expires_at, s.persistent, s.first_ip, s.first_agent, s.last_ip, s.last_agent`

func scanSession(row scanner, s *tenant.Session) error {
	return row.Scan(&s.ID, &s.Digest, &s.User, &s.Connection, &s.Channel, millis{&s.AuthTime}, millis{&s.CreatedAt},
		millis{&s.UpdatedAt}, millis{&s.LastUsed}, span{&s.IdleSpan}, millis{&s.IdleEnds}, millis{&s.Expires},
		&s.Persistent, &s.FirstIP, &s.FirstAgent, &s.LastIP, &s.LastAgent)
}

// aliveSession is the condition of a session that can be used: $1 is now. Who
// is blocked or gone has none.
const aliveSession = `s.ended_at = 0 AND s.expires_at > $1 AND s.idle_ends_at > $1
	AND EXISTS (SELECT 1 FROM users u WHERE u.id = s.user_id AND NOT u.blocked)`

// LiveSession implements authorize.Ledger.
func (s *Store) LiveSession(ctx context.Context, now time.Time, digests [][]byte) (tenant.Session, error) {
	var out tenant.Session
	first, last := ends(digests)
	err := scanSession(s.read.row(ctx, `SELECT `+sessionColumns+` FROM sessions s
		WHERE (s.digest = $2 OR s.digest = $3) AND `+aliveSession, toMillis(now), first, last), &out)
	if err != nil {
		return out, fmt.Errorf("read session: %w", absent(err))
	}
	return out, nil
}

// LiveSessionUser implements authorize.Ledger.
func (s *Store) LiveSessionUser(ctx context.Context, now time.Time, id string) (tenant.Session, tenant.User, error) {
	var out tenant.Session
	err := scanSession(s.read.row(ctx, `SELECT `+sessionColumns+` FROM sessions s WHERE s.id = $2 AND `+aliveSession,
		toMillis(now), id), &out)
	if err != nil {
		return out, tenant.User{}, fmt.Errorf("read session: %w", absent(err))
	}
	u, err := s.ActiveUser(ctx, out.User)
	return out, u, err
}

// continueSessionText gives the session of somebody who has shown again who
// they are another cookie and another life. Its id, and with it the "sid" of
// the tokens that were given by it, stays.
const continueSessionText = `
	UPDATE sessions SET digest = $3, connection_id = $4, channel = $5, auth_time = $6, updated_at = $13, last_used_at = $13,
		idle_span = $7, idle_ends_at = $8, expires_at = $9, persistent = $10, last_ip = $11, last_agent = $12
	WHERE id = $1 AND user_id = $2 AND ended_at = 0`

// openSession stores the session of somebody who has just signed in on a page
// of ours, and takes their sign-in one step on.
func openSession(ctx context.Context, tx querier, c passwordless.Complete, out *passwordless.Completed) error {
	n := *c.Session
	n.User = out.User.ID
	var err error
	if out.Session, err = keepSession(ctx, tx, c.Replaces, &n); err != nil {
		return err
	}
	moved, err := tx.exec(ctx, `
		UPDATE transactions SET step = $5, session_id = $6
		WHERE id = $1 AND step = $7 AND connection_id = $2 AND identifier = $3 AND expires_at > $4`,
		c.Transaction, c.To.Connection, c.To.Identifier, toMillis(c.Now), tenant.StepSignedIn, out.Session, tenant.StepCode)
	if err != nil {
		return fmt.Errorf("go on with sign-in: %w", err)
	}
	if moved == 0 {
		return tenant.ErrTransaction
	}
	return nil
}

// keepSession stores the session of somebody who has shown who they are: the one
// that the browser had goes on if it is the same person's. It returns the
// session's id.
func keepSession(ctx context.Context, tx querier, replaces string, n *tenant.Session) (string, error) {
	continued, err := tx.exec(ctx, continueSessionText, replaces, n.User, n.Digest, n.Connection, n.Channel, toMillis(n.AuthTime),
		n.IdleSpan.Milliseconds(), toMillis(n.IdleEnds), toMillis(n.Expires), n.Persistent, n.LastIP, n.LastAgent, toMillis(n.LastUsed))
	if err != nil {
		return "", fmt.Errorf("continue session: %w", err)
	}
	if continued == 1 {
		return replaces, nil
	}
	return n.ID, insertSession(ctx, tx, replaces, n)
}

// insertSession stores a session that begins, and ends the one that the browser
// had.
func insertSession(ctx context.Context, tx querier, replaces string, n *tenant.Session) error {
	if replaces != "" {
		if _, err := endSessions(ctx, tx, ending{session: replaces, now: n.CreatedAt, why: tenant.SessionRevoked}); err != nil {
			return err
		}
	}
	_, err := tx.exec(ctx, `
		INSERT INTO sessions (id, digest, user_id, connection_id, channel, auth_time, created_at, updated_at, last_used_at,
			idle_span, idle_ends_at, expires_at, ended_at, persistent, first_ip, first_agent, last_ip, last_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, $15, $16, $17)`,
		n.ID, n.Digest, n.User, n.Connection, n.Channel, toMillis(n.AuthTime), toMillis(n.CreatedAt), toMillis(n.UpdatedAt),
		toMillis(n.LastUsed), n.IdleSpan.Milliseconds(), toMillis(n.IdleEnds), toMillis(n.Expires), n.Persistent,
		n.FirstIP, n.FirstAgent, n.LastIP, n.LastAgent)
	if err != nil {
		return fmt.Errorf("store session: %w", err)
	}
	return nil
}

// useSession notes that a session is used by an application, and returns its
// user and when they last showed who they are.
func useSession(ctx context.Context, tx querier, now time.Time, id, ip, agent string) (user tenant.UserID, proved time.Time, err error) {
	err = tx.row(ctx, `
		UPDATE sessions AS s SET last_used_at = $1, updated_at = $1, last_ip = $3, last_agent = $4,
			idle_ends_at = CASE WHEN $1 + s.idle_span < s.expires_at THEN $1 + s.idle_span ELSE s.expires_at END
		WHERE s.id = $2 AND `+aliveSession+` RETURNING user_id, auth_time`, toMillis(now), id, ip, agent).
		Scan(&user, millis{&proved})
	if errors.Is(err, sql.ErrNoRows) {
		return "", proved, tenant.ErrTransaction
	}
	if err != nil {
		return "", proved, fmt.Errorf("use session: %w", err)
	}
	return user, proved, nil
}

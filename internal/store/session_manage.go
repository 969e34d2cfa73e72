package store

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Sessions = (*Store)(nil)

// Session implements manage.Sessions.
func (s *Store) Session(ctx context.Context, now time.Time, id string) (*tenant.Session, error) {
	var out tenant.Session
	err := scanSession(s.read.row(ctx, `SELECT `+sessionColumns+` FROM sessions s WHERE s.id = $2 AND `+aliveSession,
		toMillis(now), id), &out)
	if err != nil {
		return nil, fmt.Errorf("read session: %w", absent(err))
	}
	return &out, s.addSessionClients(ctx, &out)
}

// UserSessions implements manage.Sessions.
func (s *Store) UserSessions(ctx context.Context, now time.Time, user tenant.UserID, w manage.Window) (manage.List[*tenant.Session], error) {
	list := manage.List[*tenant.Session]{Items: []*tenant.Session{}}
	const which = ` FROM sessions s WHERE s.user_id = $2 AND ` + aliveSession
	if w.Count {
		if err := s.read.row(ctx, `SELECT COUNT(*)`+which, toMillis(now), user).Scan(&list.Total); err != nil {
			return list, fmt.Errorf("count sessions: %w", err)
		}
	}
	at, id := start(w)
	offset := w.Offset
	if w.After != nil {
		offset = 0
	}
	rows, err := s.read.query(ctx, `SELECT `+sessionColumns+which+` AND (s.created_at > $3 OR (s.created_at = $3 AND s.id > $4))
		ORDER BY s.created_at, s.id LIMIT $5 OFFSET $6`, toMillis(now), user, at, id, w.Limit+1, offset)
	if err != nil {
		return list, fmt.Errorf("read sessions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var one tenant.Session
		if err := scanSession(rows, &one); err != nil {
			return list, fmt.Errorf("read sessions: %w", err)
		}
		list.Items = append(list.Items, &one)
	}
	if err := rows.Err(); err != nil {
		return list, fmt.Errorf("read sessions: %w", err)
	}
	if len(list.Items) > w.Limit {
		list.Items = list.Items[:w.Limit]
		if w.Limit > 0 {
			last := list.Items[w.Limit-1]
			list.Next = &manage.Place{At: last.CreatedAt, ID: last.ID}
		}
	}
	for _, one := range list.Items {
		if err := s.addSessionClients(ctx, one); err != nil {
			return list, err
		}
	}
	return list, nil
}

// addSessionClients reads the applications that got tokens by a session.
func (s *Store) addSessionClients(ctx context.Context, out *tenant.Session) error {
	rows, err := s.read.query(ctx, `SELECT client_id FROM session_clients WHERE session_id = $1 ORDER BY created_at, client_id`, out.ID)
	if err != nil {
		return fmt.Errorf("read applications of session: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id tenant.ClientID
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("read applications of session: %w", err)
		}
		out.Clients = append(out.Clients, id)
	}
	return rows.Err()
}

// EndSessions implements manage.Sessions.
func (s *Store) EndSessions(ctx context.Context, e manage.EndSessions) (int64, error) {
	var n int64
	err := s.write(ctx, func(tx querier) error {
		const which = `(($1 <> '' AND id = $1) OR ($2 <> '' AND user_id = $2)) AND ended_at = 0`
		if e.Tokens {
			// There is an index of grants by user, and none by session.
			if _, err := tx.exec(ctx, `UPDATE grants SET revoked_at = $3
				WHERE revoked_at = 0 AND user_id IN (SELECT user_id FROM sessions WHERE `+which+`)
					AND sid IN (SELECT id FROM sessions WHERE `+which+`)`, e.ID, e.User, toMillis(e.Now)); err != nil {
				return fmt.Errorf("revoke grants of session: %w", err)
			}
		}
		var err error
		n, err = endSessions(ctx, tx, ending{session: e.ID, user: e.User, now: e.Now, why: tenant.SessionRevoked})
		if err != nil || n == 0 {
			return err
		}
		return insertLogs(ctx, tx, e.Event)
	})
	return n, err
}

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Devices = (*Store)(nil)

// devicesText are the grants with a refresh token that can be used: $1 is now,
// $4 is 1 for those that rotate, 0 for those that do not, and 2 for both.
const devicesText = `
	FROM grants g JOIN refresh_tokens r ON r.grant_id = g.id AND r.replaced_at = 0
	WHERE g.offline AND g.revoked_at = 0 AND ($2 = '' OR g.user_id = $2) AND ($3 = '' OR g.client_id = $3)
		AND (r.expires_at = 0 OR r.expires_at > $1) AND (r.idle_ends_at = 0 OR r.idle_ends_at > $1)
		AND ($4 = 2 OR (CASE WHEN r.rotating THEN 1 ELSE 0 END) = $4)`

// DeviceCredentials implements manage.Devices.
func (s *Store) DeviceCredentials(ctx context.Context, q manage.DeviceQuery, w manage.Window) (manage.List[tenant.DeviceCredential], error) {
	list := manage.List[tenant.DeviceCredential]{Items: []tenant.DeviceCredential{}}
	rotating := 2
	if q.Rotating != nil {
		rotating = 0
		if *q.Rotating {
			rotating = 1
		}
	}
	if w.Count {
		if err := s.read.row(ctx, `SELECT COUNT(*)`+devicesText, toMillis(q.Now), q.User, q.Client, rotating).Scan(&list.Total); err != nil {
			return list, fmt.Errorf("count device credentials: %w", err)
		}
	}
	at, id := start(w)
	offset := w.Offset
	if w.After != nil {
		offset = 0
	}
	rows, err := s.read.query(ctx, `SELECT g.id, g.device, g.user_id, g.client_id, r.rotating, g.created_at, r.last_used_at`+devicesText+`
			AND (g.created_at > $5 OR (g.created_at = $5 AND g.id > $6))
		ORDER BY g.created_at, g.id LIMIT $7 OFFSET $8`,
		toMillis(q.Now), q.User, q.Client, rotating, at, id, w.Limit+1, offset)
	if err != nil {
		return list, fmt.Errorf("read device credentials: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var d tenant.DeviceCredential
		if err := rows.Scan(&d.ID, &d.Device, &d.User, &d.Client, &d.Rotating, millis{&d.CreatedAt}, millis{&d.LastUsed}); err != nil {
			return list, fmt.Errorf("read device credentials: %w", err)
		}
		list.Items = append(list.Items, d)
	}
	if err := rows.Err(); err != nil {
		return list, fmt.Errorf("read device credentials: %w", err)
	}
	if len(list.Items) > w.Limit {
		list.Items = list.Items[:w.Limit]
		if w.Limit > 0 {
			last := list.Items[w.Limit-1]
			list.Next = &manage.Place{At: last.CreatedAt, ID: last.ID}
		}
	}
	return list, nil
}

// RevokeGrant implements manage.Devices.
func (s *Store) RevokeGrant(ctx context.Context, now time.Time, id string, e tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		n, err := tx.exec(ctx, `UPDATE grants SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0`, id, toMillis(now))
		if err != nil {
			return fmt.Errorf("revoke grant: %w", err)
		}
		if n == 0 {
			return nil
		}
		return insertLogs(ctx, tx, e)
	})
}

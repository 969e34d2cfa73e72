package store

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Clients = (*Store)(nil)

const clientColumns = `id, secret, doc, credentials, managed, created_at, updated_at`

// Client returns an application with its secret.
func (s *Store) Client(ctx context.Context, id tenant.ClientID) (*tenant.Client, error) {
	return cached(&s.cache,
		func() (*tenant.Client, bool) { c := s.cache.clients[id]; return c, c != nil },
		func() (*tenant.Client, error) {
			c, err := scanClient(s.read.row(ctx, `SELECT `+clientColumns+` FROM clients WHERE id = $1`, id), s.secrets)
			if err != nil {
				return nil, fmt.Errorf("read client: %w", absent(err))
			}
			return c, nil
		},
		func(c *tenant.Client) {
			if len(s.cache.clients) < maxCachedClients {
				s.cache.clients[id] = c
			}
		})
}

func scanClient(row scanner, keys *secret.Ring) (*tenant.Client, error) {
	var id, doc, credentials string
	var sealed []byte
	var head tenant.Client
	if err := row.Scan(&id, &sealed, &doc, &credentials, &head.Managed, millis{&head.CreatedAt}, millis{&head.UpdatedAt}); err != nil {
		return nil, err
	}
	c, err := settings.Client([]byte(doc))
	if err != nil {
		return nil, err
	}
	if c.Credentials, err = decodeCredentials(credentials); err != nil {
		return nil, err
	}
	if len(sealed) > 0 {
		plain, err := keys.Open(secret.AtRest, sealed, secretPlace(id))
		if err != nil {
			return nil, fmt.Errorf("open secret of %s: %w", id, err)
		}
		c.Secret = string(plain)
	}
	c.ID, c.Managed, c.CreatedAt, c.UpdatedAt = tenant.ClientID(id), head.Managed, head.CreatedAt, head.UpdatedAt
	return &c, nil
}

func secretPlace(id string) string { return "clients/" + id + "/secret" }

// ListClients implements manage.Clients.
func (s *Store) ListClients(ctx context.Context, w manage.Window, keep func(*tenant.Client) bool) (manage.List[*tenant.Client], error) {
	at, id := start(w)
	rows, err := s.read.query(ctx, `SELECT `+clientColumns+` FROM clients
		WHERE created_at > $1 OR (created_at = $1 AND id > $2) ORDER BY created_at, id`, at, id)
	if err != nil {
		return manage.List[*tenant.Client]{}, fmt.Errorf("read clients: %w", err)
	}
	defer rows.Close()
	g := newGathering[*tenant.Client](w)
	for rows.Next() {
		c, err := scanClient(rows, s.secrets)
		if err != nil {
			return g.list, fmt.Errorf("read clients: %w", err)
		}
		if keep != nil && !keep(c) {
			continue
		}
		if g.add(c, manage.Place{At: c.CreatedAt, ID: string(c.ID)}) {
			return g.list, nil
		}
	}
	return g.list, rows.Err()
}

// start is where reading begins, as the sort key just before it.
func start(w manage.Window) (at int64, id string) {
	if w.After == nil {
		return -1, ""
	}
	return w.After.At.UnixMilli(), w.After.ID
}

// A gathering takes the part of a list that is asked for from items in order.
type gathering[T any] struct {
	w    manage.Window
	list manage.List[T]
	skip int
	last manage.Place
	seen string // id of the last row that was looked at
}

func newGathering[T any](w manage.Window) *gathering[T] {
	g := &gathering[T]{w: w, list: manage.List[T]{Items: []T{}}, skip: w.Offset}
	if w.After != nil {
		g.skip = 0
	}
	return g
}

// add takes the next item, and reports whether no more are needed.
func (g *gathering[T]) add(item T, p manage.Place) (full bool) {
	g.list.Total++
	switch {
	case g.list.Total <= g.skip:
	case len(g.list.Items) < g.w.Limit:
		g.list.Items, g.last = append(g.list.Items, item), p
	default:
		if g.w.Limit > 0 {
			g.list.Next = &g.last
		}
		return !g.w.Count
	}
	return false
}

// CreateClient implements manage.Clients.
func (s *Store) CreateClient(ctx context.Context, c tenant.Client, everywhere bool, e tenant.LogEvent) error {
	return s.edit(ctx, func(tx querier) error {
		var taken bool
		if err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM clients WHERE id = $1)`, c.ID).Scan(&taken); err != nil {
			return fmt.Errorf("store client: %w", err)
		}
		if taken {
			return manage.ErrClientID
		}
		if err := s.putClient(ctx, tx, &c); err != nil {
			return err
		}
		if everywhere {
			if _, err := tx.exec(ctx, `
				INSERT INTO connection_clients (connection_id, client_id) SELECT id, $1 FROM connections WHERE NOT clients_managed
				ON CONFLICT (connection_id, client_id) DO NOTHING`, string(c.ID)); err != nil {
				return fmt.Errorf("enable connections: %w", err)
			}
		}
		return insertLogs(ctx, tx, e)
	})
}

// ChangeClient implements manage.Clients.
func (s *Store) ChangeClient(ctx context.Context, id tenant.ClientID, change manage.ChangeClient) error {
	return s.edit(ctx, func(tx querier) error {
		c, e, err := s.changedClient(ctx, tx, id, change)
		if err != nil {
			return err
		}
		c.ID = id
		if err := s.putClient(ctx, tx, c); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

func (s *Store) changedClient(ctx context.Context, tx querier, id tenant.ClientID, change manage.ChangeClient) (*tenant.Client, tenant.LogEvent, error) {
	c, err := scanClient(tx.row(ctx, `SELECT `+clientColumns+` FROM clients WHERE id = $1`, id), s.secrets)
	if err != nil {
		return nil, tenant.LogEvent{}, fmt.Errorf("read client: %w", absent(err))
	}
	e, err := change(c)
	return c, e, err
}

// putClient stores an application. One with its id is replaced.
func (s *Store) putClient(ctx context.Context, tx querier, c *tenant.Client) error {
	sealed := []byte{}
	if c.Secret != "" {
		sealed = s.secrets.Seal(secret.AtRest, []byte(c.Secret), secretPlace(string(c.ID)))
	}
	if _, err := tx.exec(ctx, `
		INSERT INTO clients (id, name, secret, doc, credentials, managed, created_at, updated_at, backchannel)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret = excluded.secret, doc = excluded.doc,
			credentials = excluded.credentials, managed = excluded.managed, updated_at = excluded.updated_at,
			backchannel = excluded.backchannel`,
		c.ID, c.Name, sealed, string(c.Doc), encodeCredentials(c.Credentials), c.Managed, toMillis(c.CreatedAt), toMillis(c.UpdatedAt),
		c.Backchannel.URL != ""); err != nil {
		return fmt.Errorf("store client: %w", err)
	}
	return nil
}

// DeleteClient implements manage.Clients.
func (s *Store) DeleteClient(ctx context.Context, id tenant.ClientID, last manage.ChangeClient) error {
	return s.edit(ctx, func(tx querier) error {
		_, e, err := s.changedClient(ctx, tx, id, last)
		if err != nil {
			return err
		}
		for _, text := range []string{
			`DELETE FROM refresh_tokens WHERE grant_id IN (SELECT id FROM grants WHERE client_id = $1)`,
			`DELETE FROM grants WHERE client_id = $1`,
			`DELETE FROM client_grants WHERE client_id = $1`,
			`DELETE FROM connection_clients WHERE client_id = $1`,
			`DELETE FROM codes WHERE client_id = $1`,
			`DELETE FROM sends WHERE client_id = $1`,
			`DELETE FROM session_clients WHERE client_id = $1`,
			`DELETE FROM logout_tokens WHERE client_id = $1`,
			// Another application may come to have its id.
			`DELETE FROM consents WHERE client_id = $1`,
			`DELETE FROM clients WHERE id = $1`,
		} {
			if _, err := tx.exec(ctx, text, id); err != nil {
				return fmt.Errorf("delete client: %w", err)
			}
		}
		return insertLogs(ctx, tx, e)
	})
}

// CountGrants returns how many grants of an application live. It reads all
// grants: whoever asks is about to delete the application.
func (s *Store) CountGrants(ctx context.Context, id tenant.ClientID) (int, error) {
	var n int
	err := s.read.row(ctx, `SELECT COUNT(*) FROM grants WHERE client_id = $1 AND revoked_at = 0`, id).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count grants: %w", err)
	}
	return n, nil
}

// Origins returns the origins that any application allows to be asked from, by
// its lists of origins and by its callbacks.
func (s *Store) Origins(ctx context.Context) (map[string]bool, error) {
	return cached(&s.cache,
		func() (map[string]bool, bool) { return s.cache.origins, s.cache.origins != nil },
		func() (map[string]bool, error) { return s.readOrigins(ctx) },
		func(o map[string]bool) { s.cache.origins = o })
}

func (s *Store) readOrigins(ctx context.Context) (map[string]bool, error) {
	list, err := s.ListClients(ctx, manage.Window{Limit: 1 << 30}, nil)
	if err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for _, c := range list.Items {
		for _, o := range settings.Origins(c) {
			all[o] = true
		}
	}
	return all, nil
}

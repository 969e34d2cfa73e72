package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Connections = (*Store)(nil)

// edit runs fn in a transaction that changes settings. Such transactions come
// one after another, on every node, so that what one reads before it writes
// still holds when it does.
func (s *Store) edit(ctx context.Context, fn func(tx querier) error) error {
	return s.change(ctx, func(tx querier) error {
		if _, err := tx.exec(ctx, `UPDATE settings_version SET version = version WHERE id = 1`); err != nil {
			return fmt.Errorf("lock settings: %w", err)
		}
		return fn(tx)
	})
}

// Connection returns the connection that answers to name: by its own name, or
// else by one of its realms.
func (s *Store) Connection(ctx context.Context, name string) (*tenant.Connection, error) {
	all, err := s.connections(ctx)
	if err != nil {
		return nil, err
	}
	if c := all[name]; c != nil {
		return c, nil
	}
	// Few connections have realms of their own, and few names are unknown.
	var found *tenant.Connection
	for _, c := range all {
		if c.AnswersTo(name) && (found == nil || c.ID < found.ID) {
			found = c
		}
	}
	if found == nil {
		return nil, fmt.Errorf("read connection: %w", notFound)
	}
	return found, nil
}

// ConnectionByID returns a connection.
func (s *Store) ConnectionByID(ctx context.Context, id tenant.ConnectionID) (*tenant.Connection, error) {
	return cached(&s.cache,
		func() (*tenant.Connection, bool) { c := s.cache.byID[id]; return c, c != nil },
		func() (*tenant.Connection, error) {
			all, err := s.connections(ctx)
			if err != nil {
				return nil, err
			}
			for _, c := range all {
				if c.ID == id {
					return c, nil
				}
			}
			return nil, fmt.Errorf("read connection: %w", notFound)
		},
		func(c *tenant.Connection) { s.cache.byID[id] = c })
}

// AllConnections implements manage.Connections.
func (s *Store) AllConnections(ctx context.Context) ([]*tenant.Connection, error) {
	all, err := s.connections(ctx)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(all), byCreation), nil
}

func byCreation(a, b *tenant.Connection) int {
	if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
		return c
	}
	return cmp.Compare(a.ID, b.ID)
}

// connections returns all connections by name. They are read together: there
// are few, and a name that nobody has must not cost a query each time.
func (s *Store) connections(ctx context.Context) (map[string]*tenant.Connection, error) {
	return cached(&s.cache,
		func() (map[string]*tenant.Connection, bool) { return s.cache.connections, len(s.cache.connections) > 0 },
		func() (map[string]*tenant.Connection, error) {
			list, err := readConnections(ctx, s.read, s.secrets)
			if err != nil {
				return nil, err
			}
			all := make(map[string]*tenant.Connection, len(list))
			for _, c := range list {
				all[c.Name] = c
			}
			return all, nil
		},
		func(all map[string]*tenant.Connection) { s.cache.connections = all })
}

const connectionColumns = `id, secrets, doc, version, managed, clients_managed, created_at, updated_at`

// readConnections reads all connections with their clients.
func readConnections(ctx context.Context, q querier, keys *secret.Ring) ([]*tenant.Connection, error) {
	clients, err := readConnectionClients(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := q.query(ctx, `SELECT `+connectionColumns+` FROM connections ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	defer rows.Close()
	var list []*tenant.Connection
	for rows.Next() {
		c, err := scanConnection(rows, keys)
		if err != nil {
			return nil, fmt.Errorf("read connections: %w", err)
		}
		c.Clients = clients[c.ID]
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	return list, nil
}

func scanConnection(row scanner, keys *secret.Ring) (*tenant.Connection, error) {
	var id, doc string
	var sealed []byte
	var head tenant.Connection
	if err := row.Scan(&id, &sealed, &doc, &head.Version, &head.Managed, &head.ClientsManaged,
		millis{&head.CreatedAt}, millis{&head.UpdatedAt}); err != nil {
		return nil, err
	}
	var secrets map[string]string
	if len(sealed) > 0 {
		plain, err := keys.Open(secret.AtRest, sealed, secretsPlace(id))
		if err != nil {
			return nil, fmt.Errorf("open secrets of %s: %w", id, err)
		}
		if err := json.Unmarshal(plain, &secrets); err != nil {
			return nil, fmt.Errorf("read secrets of %s: %w", id, err)
		}
	}
	dates := takeDates(secrets)
	c, err := settings.Connection([]byte(doc), secrets)
	if err != nil {
		return nil, err
	}
	c.SecretsAt = dates
	c.ID, c.Version, c.Managed, c.ClientsManaged = tenant.ConnectionID(id), head.Version, head.Managed, head.ClientsManaged
	c.CreatedAt, c.UpdatedAt = head.CreatedAt, head.UpdatedAt
	return &c, nil
}

// dated begins the names of what stands beside the secrets: when each was last
// changed.
const dated = "@"

// takeDates takes the times at which secrets were changed out of them.
func takeDates(secrets map[string]string) map[string]time.Time {
	dates := map[string]time.Time{}
	for name, value := range secrets {
		if of, ok := strings.CutPrefix(name, dated); ok {
			if at, err := time.Parse(time.RFC3339, value); err == nil {
				dates[of] = at
			}
			delete(secrets, name)
		}
	}
	return dates
}

// withDates are secrets with the times at which they were changed.
func withDates(c *tenant.Connection) map[string]string {
	out := maps.Clone(c.Secrets)
	for name, at := range c.SecretsAt {
		if c.Secrets[name] != "" {
			out[dated+name] = at.UTC().Format(time.RFC3339)
		}
	}
	return out
}

func secretsPlace(id string) string { return "connections/" + id + "/secrets" }

func readConnectionClients(ctx context.Context, q querier) (map[tenant.ConnectionID][]tenant.ClientID, error) {
	rows, err := q.query(ctx, `SELECT connection_id, client_id FROM connection_clients ORDER BY connection_id, client_id`)
	if err != nil {
		return nil, fmt.Errorf("read clients of connections: %w", err)
	}
	defer rows.Close()
	all := map[tenant.ConnectionID][]tenant.ClientID{}
	for rows.Next() {
		var conn tenant.ConnectionID
		var client tenant.ClientID
		if err := rows.Scan(&conn, &client); err != nil {
			return nil, fmt.Errorf("read clients of connections: %w", err)
		}
		all[conn] = append(all[conn], client)
	}
	return all, rows.Err()
}

// CreateConnection implements manage.Connections.
func (s *Store) CreateConnection(ctx context.Context, c tenant.Connection, e tenant.LogEvent) error {
	return s.edit(ctx, func(tx querier) error {
		if err := s.putConnection(ctx, tx, &c); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

// ChangeConnection implements manage.Connections.
func (s *Store) ChangeConnection(ctx context.Context, id tenant.ConnectionID, change manage.ChangeConnection) error {
	return s.edit(ctx, func(tx querier) error {
		c, err := scanConnection(tx.row(ctx, `SELECT `+connectionColumns+` FROM connections WHERE id = $1`, id), s.secrets)
		if err != nil {
			return fmt.Errorf("read connection: %w", absent(err))
		}
		clients, err := readConnectionClients(ctx, tx)
		if err != nil {
			return err
		}
		c.Clients = clients[id]
		e, err := change(c)
		if err != nil {
			return err
		}
		c.ID = id
		if err := s.putConnection(ctx, tx, c); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

// putConnection stores a connection and the applications it is enabled for.
// One with its id is replaced.
func (s *Store) putConnection(ctx context.Context, tx querier, c *tenant.Connection) error {
	var sealed []byte
	if len(c.Secrets) > 0 {
		plain, err := json.Marshal(withDates(c))
		if err != nil {
			return fmt.Errorf("store connection: %w", err)
		}
		sealed = s.secrets.Seal(secret.AtRest, plain, secretsPlace(string(c.ID)))
	}
	if sealed == nil {
		sealed = []byte{}
	}
	taken := false
	err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM connections WHERE name = $1 AND id <> $2)`, c.Name, c.ID).Scan(&taken)
	if err != nil {
		return fmt.Errorf("store connection: %w", err)
	}
	if taken {
		return manage.ErrConnectionName
	}
	if _, err := tx.exec(ctx, `
		INSERT INTO connections (id, name, strategy, secrets, doc, version, managed, clients_managed, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET secrets = excluded.secrets, doc = excluded.doc, version = connections.version + 1,
			managed = excluded.managed, clients_managed = excluded.clients_managed, updated_at = excluded.updated_at`,
		c.ID, c.Name, c.Channel, sealed, string(c.Doc), c.Managed, c.ClientsManaged, toMillis(c.CreatedAt), toMillis(c.UpdatedAt)); err != nil {
		return fmt.Errorf("store connection: %w", err)
	}
	if _, err := tx.exec(ctx, `DELETE FROM connection_clients WHERE connection_id = $1`, c.ID); err != nil {
		return fmt.Errorf("store clients of connection: %w", err)
	}
	for _, client := range c.Clients {
		n, err := tx.exec(ctx, `
			INSERT INTO connection_clients (connection_id, client_id) SELECT $1, id FROM clients WHERE id = $2
			ON CONFLICT (connection_id, client_id) DO NOTHING`, c.ID, client)
		if err != nil {
			return fmt.Errorf("store clients of connection: %w", err)
		}
		if n == 0 && !slices.Contains(c.Clients[:slices.Index(c.Clients, client)], client) {
			return fault.New(fault.Invalid, "invalid_body", "The client "+string(client)+" does not exist.").Because(manage.ErrClient)
		}
	}
	return nil
}

// DeleteConnection implements manage.Connections. Ids of connections are never
// used again, so the count of deleted users goes with it.
func (s *Store) DeleteConnection(ctx context.Context, id tenant.ConnectionID, e tenant.LogEvent) error {
	// Users who can sign in by another connection stay.
	const only = `SELECT i.user_id FROM identities i WHERE i.connection_id = $1 AND NOT EXISTS
		(SELECT 1 FROM identities o WHERE o.user_id = i.user_id AND o.connection_id <> $1)`
	return s.edit(ctx, func(tx querier) error {
		var managed bool
		if err := tx.row(ctx, `SELECT managed FROM connections WHERE id = $1`, id).Scan(&managed); err != nil {
			return fmt.Errorf("delete connection: %w", absent(err))
		}
		if managed {
			return manage.ErrManaged
		}
		if err := endSessionsOf(ctx, tx, only, id, ending{now: e.At, why: tenant.AccountDeleted}); err != nil {
			return err
		}
		for _, text := range []string{
			`DELETE FROM refresh_tokens WHERE grant_id IN (SELECT id FROM grants WHERE user_id IN (` + only + `))`,
			`DELETE FROM grants WHERE user_id IN (` + only + `)`,
			`DELETE FROM user_roles WHERE user_id IN (` + only + `)`,
			`DELETE FROM user_permissions WHERE user_id IN (` + only + `)`,
			`DELETE FROM session_clients WHERE session_id IN (SELECT id FROM sessions WHERE user_id IN (` + only + `))`,
			`DELETE FROM sessions WHERE user_id IN (` + only + `)`,
			`DELETE FROM consents WHERE user_id IN (` + only + `)`,
			`DELETE FROM users WHERE id IN (` + only + `)`,
			`DELETE FROM identities WHERE connection_id = $1`,
			`DELETE FROM deleted_users WHERE connection_id = $1`,
			`DELETE FROM test_identities WHERE connection_id = $1`,
			`DELETE FROM codes WHERE connection_id = $1`,
			`DELETE FROM connection_clients WHERE connection_id = $1`,
			`DELETE FROM connections WHERE id = $1`,
		} {
			if _, err := tx.exec(ctx, text, id); err != nil {
				return fmt.Errorf("delete connection: %w", err)
			}
		}
		return insertLogs(ctx, tx, e)
	})
}

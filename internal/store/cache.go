package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/doorcode/doorcode/internal/tenant"
)

// cache keeps the settings that every request reads: connections,
// applications, APIs and the tenant's. All of it is dropped when any of it
// changes, here or in another process: changes are rare, requests are not.
type cache struct {
	mu          sync.RWMutex
	version     int64
	clients     map[tenant.ClientID]*tenant.Client
	connections map[string]*tenant.Connection // by name
	byID        map[tenant.ConnectionID]*tenant.Connection
	apis        map[string]*tenant.API // by identifier
	proofAPIs   []*tenant.API          // nil if not read
	settings    *tenant.Settings
	origins     map[string]bool
	email       *tenant.EmailProvider // nil if there is none
	emailRead   bool
	protection  *tenant.Protection
	tests       map[testKey]*tenant.TestIdentity // nil if not read
}

// maxCachedClients bounds the memory that look-ups can claim.
const maxCachedClients = 10_000

func (c *cache) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	c.clients = map[tenant.ClientID]*tenant.Client{}
	c.connections = map[string]*tenant.Connection{}
	c.byID = map[tenant.ConnectionID]*tenant.Connection{}
	c.apis = map[string]*tenant.API{}
	c.proofAPIs, c.settings = nil, nil
	c.origins = nil
	c.email, c.emailRead = nil, false
	c.protection = nil
	c.tests = nil
}

// cached returns what get finds, or what load reads, which put then keeps. A
// value read before a reset is not kept after it.
func cached[T any](c *cache, get func() (T, bool), load func() (T, error), put func(T)) (T, error) {
	c.mu.RLock()
	v, ok := get()
	version := c.version
	c.mu.RUnlock()
	if ok {
		return v, nil
	}
	v, err := load()
	if err != nil {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version == version {
		put(v)
	}
	return v, nil
}

// change runs fn in a transaction that changes settings: the version grows
// with it, and what was cached is dropped.
func (s *Store) change(ctx context.Context, fn func(tx querier) error) error {
	var version int64
	err := s.write(ctx, func(tx querier) error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.row(ctx, `UPDATE settings_version SET version = version + 1 WHERE id = 1 RETURNING version`).Scan(&version)
	})
	if err != nil {
		return err
	}
	s.version.Store(version)
	s.cache.reset()
	return nil
}

// Refresh drops what is cached when another process has changed settings
// since the last call, and reports whether it did.
func (s *Store) Refresh(ctx context.Context) (bool, error) {
	var version int64
	if err := s.read.row(ctx, `SELECT version FROM settings_version WHERE id = 1`).Scan(&version); err != nil {
		return false, fmt.Errorf("read settings version: %w", err)
	}
	if s.version.Swap(version) == version {
		return false, nil
	}
	s.cache.reset()
	return true, nil
}

package storetest_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Looking for a test identity costs a query once for each change of settings,
// and another process sees a new one, and the end of one, with the next look at
// the version.
func TestTestIdentityIsCached(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		one, two := storetest.Open(t, address), storetest.Open(t, address)
		db := storetest.SQL(t, address)
		seedTestIdentity(t, db)
		id := tenant.TestIdentity{
			ID: "tid_1", Connection: "con_sms", Channel: tenant.SMS, Identifier: "+15005550006", Clients: []tenant.ClientID{"app"},
			Digest: []byte("digest"), Digits: 6, CreatedAt: start, Expires: start.Add(time.Hour),
		}
		look := func(s *store.Store) bool {
			t.Helper()
			found, err := s.TestIdentity(t.Context(), "con_sms", "+15005550006")
			if err != nil {
				t.Fatal(err)
			}
			return found != nil && found.ID == "tid_1" && string(found.Digest) == "digest" && found.Serves("app", start)
		}
		refresh := func() {
			t.Helper()
			for _, s := range []*store.Store{one, two} {
				if _, err := s.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		refresh()
		if look(one) || look(two) {
			t.Fatal("there is one before it was made")
		}
		if _, err := one.CreateTestIdentity(t.Context(), id, event.New(event.ManagementWrite, start)); err != nil {
			t.Fatal(err)
		}
		if !look(one) || look(two) {
			t.Error("the process that makes one must see it, and another not before it looks")
		}
		refresh()
		if !look(two) {
			t.Error("another process does not see it")
		}
		// Without the table nothing can be read: what is found is in memory.
		storetest.Exec(t, db, `ALTER TABLE test_identities RENAME TO away`)
		if !look(one) || !look(two) {
			t.Error("looking costs a query")
		}
		storetest.Exec(t, db, `ALTER TABLE away RENAME TO test_identities`)
		if err := two.DeleteTestIdentity(t.Context(), "tid_1", event.New(event.ManagementWrite, start)); err != nil {
			t.Fatal(err)
		}
		refresh()
		if look(one) || look(two) {
			t.Error("it is there after it was deleted")
		}
	})
}

func seedTestIdentity(t *testing.T, db *sql.DB) {
	t.Helper()
	storetest.Exec(t, db, `INSERT INTO connections (id, name, strategy, secrets, doc, version, managed, created_at, updated_at)
		VALUES ('con_sms', 'sms', 'sms', $1, '{}', 1, FALSE, 0, 0)`, []byte{})
	storetest.Exec(t, db, `INSERT INTO clients (id, name, secret, doc, managed, created_at, updated_at)
		VALUES ('app', 'App', $1, '{}', FALSE, 0, 0)`, []byte{})
}

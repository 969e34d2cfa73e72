package storetest_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// resealClients is more than one transaction takes.
const resealClients = 230

// sealedFacts are the sealed facts of the tests with their places.
func sealedFacts() map[string]string { return map[string]string{"sealed_fact": "its place"} }

// under opens the database with the root keys made of these bytes.
func under(t *testing.T, address string, current byte, previous ...byte) *store.Store {
	t.Helper()
	var old [][]byte
	for _, p := range previous {
		old = append(old, bytes.Repeat([]byte{p}, secret.RootSize))
	}
	ring, err := secret.NewRing(bytes.Repeat([]byte{current}, secret.RootSize), old...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), address, ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

// fillSealed stores something of everything that is sealed, under the key of
// storetest.Keys, and returns how many values that are.
func fillSealed(t *testing.T, address string) int {
	t.Helper()
	s, keys, ctx := storetest.Open(t, address), storetest.Keys(t), t.Context()
	e := event.New(event.ManagementWrite, start)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range resealClients {
		id := fmt.Sprintf("client-%03d", n)
		e := event.New(event.ManagementWrite, start)
		check(s.CreateClient(ctx, tenant.Client{
			ID: tenant.ClientID(id), Name: "App", Secret: "secret of " + id, Doc: []byte(`{"name":"App"}`), CreatedAt: start, UpdatedAt: start,
		}, false, e))
	}
	check(s.CreateClient(ctx, tenant.Client{ID: "public", Name: "App", Doc: []byte(`{"name":"App"}`), CreatedAt: start, UpdatedAt: start}, false, e))
	check(s.CreateConnection(ctx, tenant.Connection{
		ID: "con_sms", Name: "sms", Channel: tenant.SMS, CreatedAt: start, UpdatedAt: start,
		Doc: []byte(`{"name":"sms","strategy":"sms","options":{}}`), Secrets: map[string]string{"twilio_token": "t"},
	}, event.New(event.ManagementWrite, start)))
	check(s.CreateEmailProvider(ctx, tenant.EmailProvider{
		Doc: []byte(`{"name":"smtp","enabled":true,"default_from_address":"a@example.com","credentials":{"smtp_host":"h","smtp_port":587}}`), Secrets: map[string]string{"smtp_pass": "p"},
	}, event.New(event.ManagementWrite, start)))
	check(s.AddSigningKeys(ctx, []tenant.SigningKey{{
		ID: "k", Alg: "RS256", State: tenant.KeyCurrent, Private: keys.Seal(secret.AtRest, []byte("private"), signing.Place("k")),
		Cert: []byte{1}, CreatedAt: start,
	}}))
	check(s.SetMeta(ctx, "sealed_fact", base64.StdEncoding.EncodeToString(keys.Seal(secret.AtRest, []byte("fact"), "its place"))))
	return resealClients + 4
}

// readSealed reads all of it with the key made of current alone.
func readSealed(t *testing.T, address string, current byte) {
	t.Helper()
	s, ctx := under(t, address, current), t.Context()
	ring, err := secret.NewRing(bytes.Repeat([]byte{current}, secret.RootSize))
	if err != nil {
		t.Fatal(err)
	}
	for n := range resealClients {
		id := fmt.Sprintf("client-%03d", n)
		if c, err := s.Client(ctx, tenant.ClientID(id)); err != nil || c.Secret != "secret of "+id {
			t.Fatalf("Client(%s) = %+v, %v", id, c, err)
		}
	}
	if c, err := s.Client(ctx, "public"); err != nil || c.Secret != "" {
		t.Errorf("the application without a secret: %+v, %v", c, err)
	}
	if c, err := s.Connection(ctx, "sms"); err != nil || c.Secrets["twilio_token"] != "t" {
		t.Errorf("Connection = %+v, %v", c, err)
	}
	if p, err := s.EmailProvider(ctx); err != nil || p.Secrets["smtp_pass"] != "p" {
		t.Errorf("EmailProvider = %+v, %v", p, err)
	}
	signers, err := s.SigningKeys(ctx)
	if err != nil || len(signers) != 1 {
		t.Fatal(signers, err)
	}
	if plain, err := ring.Open(secret.AtRest, signers[0].Private, signing.Place("k")); err != nil || string(plain) != "private" {
		t.Errorf("the signing key: %q, %v", plain, err)
	}
	fact, err := s.Meta(ctx, "sealed_fact")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := base64.StdEncoding.DecodeString(fact)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := ring.Open(secret.AtRest, sealed, "its place"); err != nil || string(plain) != "fact" {
		t.Errorf("the fact: %q, %v", plain, err)
	}
	if n, err := s.SealedElsewhere(ctx, sealedFacts()); n != 0 || err != nil {
		t.Errorf("SealedElsewhere = %d, %v", n, err)
	}
}

// TOK-10: three root keys after each other, each time with the one before it
// alone at hand, and everything sealed is read with the last.
func TestResealThreeTimes(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		all := fillSealed(t, address)
		for _, step := range [][2]byte{{8, 7}, {9, 8}, {10, 9}} {
			s := under(t, address, step[0], step[1])
			if n, err := s.SealedElsewhere(t.Context(), sealedFacts()); n != all || err != nil {
				t.Errorf("before key %d SealedElsewhere = %d, %v, want %d", step[0], n, err, all)
			}
			got, err := s.Reseal(t.Context(), sealedFacts())
			if want := (store.Resealed{Done: all}); got != want || err != nil {
				t.Fatalf("Reseal for key %d = %+v, %v, want %+v", step[0], got, err, want)
			}
			if again, err := s.Reseal(t.Context(), sealedFacts()); again != (store.Resealed{}) || err != nil {
				t.Errorf("Reseal again = %+v, %v", again, err)
			}
		}
		readSealed(t, address, 10)
	})
}

// TOK-10: of many processes that do it at once each value is renewed by one.
func TestResealAtOnce(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		all := fillSealed(t, address)
		var wg sync.WaitGroup
		done := make([]int, 4)
		stores := make([]*store.Store, len(done))
		for n := range stores {
			stores[n] = under(t, address, 8, 7)
		}
		begin := make(chan struct{})
		for n, s := range stores {
			wg.Go(func() {
				<-begin
				got, err := s.Reseal(t.Context(), sealedFacts())
				if err != nil || got.Unreadable != 0 {
					t.Errorf("Reseal = %+v, %v", got, err)
				}
				done[n] = got.Done
			})
		}
		close(begin)
		wg.Wait()
		sum := 0
		for _, n := range done {
			sum += n
		}
		if sum != all {
			t.Errorf("%v values were renewed, want %d together", done, all)
		}
		readSealed(t, address, 8)
	})
}

// TOK-10: cut off in the middle, part is under the one key and part under the
// other; begun anew, the rest follows. What neither key opens is left alone.
func TestResealCutOff(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		all := fillSealed(t, address)
		db := storetest.SQL(t, address)
		begin, end := cutOff(address)
		for _, text := range begin {
			storetest.Exec(t, db, text)
		}
		s := under(t, address, 8, 7)
		got, err := s.Reseal(t.Context(), sealedFacts())
		left, lerr := s.SealedElsewhere(t.Context(), sealedFacts())
		if err == nil || lerr != nil || left == 0 || left == all {
			t.Fatalf("cut off: %+v, %v, %d of %d left, %v", got, err, left, all, lerr)
		}
		storetest.Exec(t, db, end)
		var old []byte
		if err := db.QueryRowContext(t.Context(), `SELECT secret FROM clients WHERE id = 'client-229'`).Scan(&old); err != nil {
			t.Fatal(err)
		}
		storetest.Exec(t, db, `UPDATE clients SET secret = $1 WHERE id = 'client-229'`, append([]byte{old[0]}, "damaged"...))
		got, err = s.Reseal(t.Context(), sealedFacts())
		if want := (store.Resealed{Done: left - 1, Unreadable: 1}); got != want || err != nil {
			t.Fatalf("begun anew: %+v, %v, want %+v", got, err, want)
		}
		storetest.Exec(t, db, `UPDATE clients SET secret = $1 WHERE id = 'client-229'`, old)
		if _, err = s.Reseal(t.Context(), sealedFacts()); err != nil {
			t.Fatal(err)
		}
		readSealed(t, address, 8)
	})
}

// cutOff returns statements after which a value of the third transaction cannot
// be changed, and the one that ends that.
func cutOff(address string) (begin []string, end string) {
	if strings.HasPrefix(address, "sqlite:") {
		return []string{`CREATE TRIGGER cut BEFORE UPDATE ON clients WHEN NEW.id = 'client-210'
			BEGIN SELECT RAISE(ABORT, 'cut off'); END`}, `DROP TRIGGER cut`
	}
	return []string{
		`CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''cut off''; END'`,
		`CREATE TRIGGER cut BEFORE UPDATE ON clients FOR EACH ROW WHEN (NEW.id = 'client-210') EXECUTE FUNCTION cut()`,
	}, `DROP TRIGGER cut ON clients`
}

// A value that somebody else has replaced since it was read stays theirs.
func TestReplaceMeta(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, _ *sql.DB) {
		ctx := t.Context()
		if err := s.SetMeta(ctx, "name", "theirs"); err != nil {
			t.Fatal(err)
		}
		if did, err := s.ReplaceMeta(ctx, "name", "read before", "ours"); did || err != nil {
			t.Errorf("ReplaceMeta of another value = %v, %v", did, err)
		}
		if did, err := s.ReplaceMeta(ctx, "name", "theirs", "ours"); !did || err != nil {
			t.Errorf("ReplaceMeta = %v, %v", did, err)
		}
		if got, err := s.Meta(ctx, "name"); got != "ours" || err != nil {
			t.Errorf("Meta = %q, %v", got, err)
		}
	})
}

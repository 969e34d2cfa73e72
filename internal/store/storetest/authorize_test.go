package storetest_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// pending is a sign-in of app that waits for the code of p.
func pending(t *testing.T, s *store.Store, p someone, id string) tenant.Transaction {
	t.Helper()
	tx := tenant.Transaction{
		ID: id, Browser: []byte("browser of " + id), Step: tenant.StepIdentify, CreatedAt: start, Expires: start.Add(tenant.TransactionLifetime),
		Request: tenant.AuthorizeRequest{
			Client: p.client, RedirectURI: "https://app.example.com/cb", RedirectGiven: true, ResponseType: "code", ResponseMode: "query",
			Scope: "openid", Audience: "https://api", State: "s+t", Nonce: "n", Challenge: "c", Prompt: []string{"login"}, MaxAge: time.Minute,
			HasMaxAge: true, LoginHint: "+1", HintUser: "sms|1", Connection: "sms", ScreenHint: "signup", UILocales: "de", ACR: "a", Claims: "userinfo.name",
			Device: "d", DPoPKey: "k", Legacy: true,
		},
	}
	if _, err := s.AddTransaction(t.Context(), authorize.NewTransaction{Transaction: tx}); err != nil {
		t.Fatal(err)
	}
	choice := authorize.Choice{
		Now: start, ID: id, From: []tenant.TransactionStep{tenant.StepIdentify, tenant.StepCode}, To: tenant.StepCode,
		Connection: p.key().Connection, Channel: tenant.SMS, Identifier: p.number, Digits: 6, ResendAt: start.Add(30 * time.Second),
	}
	if err := s.ChooseIdentifier(t.Context(), choice); err != nil {
		t.Fatal(err)
	}
	tx.Step, tx.Connection, tx.Channel, tx.Identifier, tx.Digits = choice.To, choice.Connection, choice.Channel, choice.Identifier, 6
	tx.ResendAt = choice.ResendAt
	return tx
}

// arrival is p's sign-in on a page, in the sign-in under way with the id.
func (p someone) arrival(now time.Time, transaction, session, replaces string) passwordless.Complete {
	c := p.completion(now, "", "")
	c.Events, c.Refresh = c.Events[:1], nil
	c.Transaction, c.Replaces = transaction, replaces
	c.Session = &tenant.Session{
		ID: session, Digest: []byte("cookie of " + session), Connection: c.To.Connection, Channel: tenant.SMS,
		AuthTime: now, CreatedAt: now, UpdatedAt: now, LastUsed: now, IdleSpan: time.Hour, IdleEnds: now.Add(time.Hour),
		Expires: now.Add(3 * time.Hour), Persistent: true, FirstIP: "192.0.2.1", FirstAgent: "a", LastIP: "192.0.2.1", LastAgent: "a",
	}
	return c
}

// given is what the session is used for: a grant with an authorization code.
func given(now time.Time, client tenant.ClientID, session, transaction, id string) authorize.Granting {
	return authorize.Granting{
		Now: now, Session: session, Transaction: transaction, IP: "192.0.2.9", UserAgent: "b",
		Grant: tenant.Grant{ID: "grant " + id, Client: client, Audience: "https://api", Scope: "openid offline_access", Claims: "userinfo.name", CreatedAt: now},
		Code: &tenant.AuthorizationCode{
			Digest: []byte("code " + id), Grant: "grant " + id, Client: client, RedirectURI: "https://app.example.com/cb",
			RedirectGiven: true, Challenge: "c", AskedScope: "openid more", Nonce: "n", ACR: "r", Device: "d", DPoPKey: "k", Legacy: true,
			CreatedAt: now, Expires: now.Add(tenant.AuthorizationCodeLifetime),
		},
	}
}

// exchange redeems the code of given.
func exchange(now time.Time, client tenant.ClientID, id string) grant.CodeUse {
	digest := []byte("code " + id)
	event := func(typ string) tenant.LogEvent {
		return tenant.LogEvent{ID: fmt.Sprint(typ, id, now.UnixNano()), At: now, Type: typ}
	}
	return grant.CodeUse{
		Now: now, Digests: [][]byte{digest, digest}, Client: client, RedirectURI: "https://app.example.com/cb", Challenge: "c", Key: "k",
		Refresh: func(tenant.Grant, tenant.AuthorizationCode) *tenant.RefreshToken { return nil },
		Used:    event("seacft"), Failed: event("feacft"), Reused: event("feacft"),
	}
}

// arrived signs p in and gives them a code.
func arrived(t *testing.T, s *store.Store, p someone, id string) tenant.UserID {
	t.Helper()
	pending(t, s, p, "tx "+id)
	done := mustComplete(t, s, p.arrival(start, "tx "+id, "session "+id, ""))
	if _, _, err := s.GrantAuthorization(t.Context(), given(start, p.client, done.Session, "tx "+id, id)); err != nil {
		t.Fatal(err)
	}
	return done.User.ID
}

func isGone(err error) bool { return errors.Is(err, tenant.ErrTransaction) }

// A sign-in under way is stored as it was, and its steps come in their order.
func TestTransactionSteps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := someone{"+447700900123", "app"}
		want := pending(t, s, p, "tx")
		got, err := s.PendingTransaction(t.Context(), start, "tx")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if _, err := s.PendingTransaction(t.Context(), want.Expires, "tx"); !isGone(err) {
			t.Errorf("after its end: %v", err)
		}
		if _, err := s.PendingTransaction(t.Context(), start, "another"); !isGone(err) {
			t.Errorf("one that there is not: %v", err)
		}
		for id, client := range map[string]tenant.ClientID{"tx": "app", "another": ""} {
			if got, err := s.TransactionClient(t.Context(), id); err != nil || got != client {
				t.Errorf("the application of %s is %q, %v", id, got, err)
			}
		}
		// Nothing can be given before somebody has shown who they are.
		if _, _, err := s.GrantAuthorization(t.Context(), given(start, "app", "", "tx", "1")); !isGone(err) {
			t.Errorf("answered without a session: %v", err)
		}
		// A code for somebody else, or in another sign-in, takes it nowhere.
		other := someone{"+447700900999", "app"}
		for _, c := range []passwordless.Complete{other.arrival(start, "tx", "s0", ""), p.arrival(start, "another", "s0", ""), p.arrival(want.Expires, "tx", "s0", "")} {
			if _, err := s.Complete(t.Context(), c); !isGone(err) {
				t.Errorf("signed in by a foreign code: %v", err)
			}
		}
		done := mustComplete(t, s, p.arrival(start, "tx", "s1", ""))
		if _, err := s.Complete(t.Context(), p.arrival(start, "tx", "s2", "")); !isGone(err) {
			t.Errorf("signed in twice: %v", err)
		}
		if err := s.ChooseIdentifier(t.Context(), authorize.Choice{Now: start, ID: "tx", From: []tenant.TransactionStep{tenant.StepIdentify, tenant.StepCode}, To: tenant.StepCode}); !isGone(err) {
			t.Errorf("somebody else chosen after: %v", err)
		}
		if _, _, err := s.GrantAuthorization(t.Context(), given(start, "app", "s2", "tx", "1")); !isGone(err) {
			t.Errorf("answered by another session: %v", err)
		}
		user, proved, err := s.GrantAuthorization(t.Context(), given(start.Add(time.Second), "app", done.Session, "tx", "1"))
		if err != nil || user.ID != done.User.ID || !proved.Equal(start) {
			t.Fatalf("GrantAuthorization = %v, %v, %v", user.ID, proved, err)
		}
		for range 2 {
			if _, _, err := s.GrantAuthorization(t.Context(), given(start, "app", done.Session, "tx", "2")); !isGone(err) {
				t.Errorf("answered twice: %v", err)
			}
			if err := s.AbandonTransaction(t.Context(), start, "tx", tenant.LogEvent{ID: "l"}); !isGone(err) {
				t.Errorf("given up after its answer: %v", err)
			}
		}
	})
}

// One of many answers to a sign-in is the answer, on whatever nodes they come.
func TestOneAnswer(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		nodes := []*store.Store{storetest.Open(t, address), storetest.Open(t, address)}
		p := someone{"+447700900123", "app"}
		pending(t, nodes[0], p, "tx")
		var signedIn, answered atomic.Int32
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				done, err := nodes[i%2].Complete(t.Context(), p.arrival(start, "tx", fmt.Sprint("session ", i), ""))
				if isGone(err) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				signedIn.Add(1)
				var inner sync.WaitGroup
				for j := range 20 {
					inner.Go(func() {
						_, _, err := nodes[j%2].GrantAuthorization(t.Context(), given(start, "app", done.Session, "tx", fmt.Sprint(i, "/", j)))
						switch {
						case err == nil:
							answered.Add(1)
						case !isGone(err):
							t.Error(err)
						}
					})
				}
				inner.Wait()
			})
		}
		wg.Wait()
		if signedIn.Load() != 1 || answered.Load() != 1 {
			t.Errorf("%d sign-ins and %d answers, want one of each", signedIn.Load(), answered.Load())
		}
		db := storetest.SQL(t, address)
		for _, table := range []string{"sessions", "grants", "authorization_codes", "session_clients"} {
			if got := storetest.Value(t, db, `SELECT COUNT(*) FROM `+table); got != "1" {
				t.Errorf("%s rows in %s, want 1", got, table)
			}
		}
	})
}

// RAC-04: of a hundred exchanges of one code at once, one gets tokens, and the
// others revoke them.
func TestRAC04OneExchange(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		nodes := []*store.Store{storetest.Open(t, address), storetest.Open(t, address)}
		db := storetest.SQL(t, address)
		for round := range 5 {
			id := fmt.Sprint(round)
			arrived(t, nodes[0], someone{fmt.Sprint("+44770090010", round), "app"}, id)
			var redeemed, reused atomic.Int32
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() {
					u := exchange(start, "app", id)
					u.Used.ID, u.Failed.ID, u.Reused.ID = fmt.Sprint("u", id, i), fmt.Sprint("f", id, i), fmt.Sprint("r", id, i)
					u.Refresh = func(g tenant.Grant, _ tenant.AuthorizationCode) *tenant.RefreshToken {
						return &tenant.RefreshToken{Digest: []byte(fmt.Sprint("refresh ", id, i)), Grant: g.ID, Generation: 1, IssuedAt: start, LastUsed: start}
					}
					got, err := nodes[i%2].UseCode(t.Context(), u)
					if err != nil {
						t.Error(err)
						return
					}
					switch got.Outcome {
					case grant.CodeRedeemed:
						redeemed.Add(1)
					case grant.CodeReused:
						reused.Add(1)
					default:
						t.Errorf("an exchange gave %v", got.Outcome)
					}
				})
			}
			wg.Wait()
			if redeemed.Load() != 1 || reused.Load() != 99 {
				t.Errorf("round %d: %d redeemed and %d reused, want 1 and 99", round, redeemed.Load(), reused.Load())
			}
			for text, want := range map[string]string{
				`SELECT COUNT(*) FROM refresh_tokens WHERE grant_id = $1`:                          "1",
				`SELECT COUNT(*) FROM grants WHERE id = $1 AND revoked_at = 0`:                     "0",
				`SELECT COUNT(*) FROM authorization_codes WHERE redeemed_at > 0 AND grant_id = $1`: "1",
			} {
				if got := storetest.Value(t, db, text, "grant "+id); got != want {
					t.Errorf("round %d: %s = %s, want %s", round, text, got, want)
				}
			}
		}
	})
}

// OAU-08: a code is worth something to who asked for it, and a request that is
// not theirs leaves it as it was.
func TestOAU08CodeIsBound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		arrived(t, s, someone{"+447700900123", "app"}, "1")
		for name, c := range map[string]struct {
			change func(*grant.CodeUse)
			want   grant.CodeOutcome
		}{
			"another application":      {func(u *grant.CodeUse) { u.Client = "other" }, grant.CodeUnknown},
			"another redirect URI":     {func(u *grant.CodeUse) { u.RedirectURI = "https://app.example.com/cb2" }, grant.CodeUnknown},
			"no redirect URI":          {func(u *grant.CodeUse) { u.RedirectURI = "" }, grant.CodeUnknown},
			"another verifier":         {func(u *grant.CodeUse) { u.Challenge = "d" }, grant.CodeUnverified},
			"no verifier":              {func(u *grant.CodeUse) { u.Challenge = "" }, grant.CodeUnverified},
			"another key":              {func(u *grant.CodeUse) { u.Key = "l" }, grant.CodeUnknown},
			"no key":                   {func(u *grant.CodeUse) { u.Key = "" }, grant.CodeUnknown},
			"another code":             {func(u *grant.CodeUse) { u.Digests = [][]byte{[]byte("code 2"), []byte("code 2")} }, grant.CodeUnknown},
			"too late":                 {func(u *grant.CodeUse) { u.Now = start.Add(tenant.AuthorizationCodeLifetime) }, grant.CodeUnknown},
			"another app and verifier": {func(u *grant.CodeUse) { u.Client, u.Challenge = "other", "d" }, grant.CodeUnknown},
		} {
			u := exchange(start, "app", "1")
			u.Failed.ID = name
			c.change(&u)
			if got, err := s.UseCode(t.Context(), u); err != nil || got.Outcome != c.want {
				t.Errorf("%s: %v, %v, want %v", name, got.Outcome, err, c.want)
			}
		}
		bare := exchange(start, "app", "1")
		bare.Unproved = []string{"https://other", "https://api"}
		if _, err := s.UseCode(t.Context(), bare); !errors.Is(err, grant.ErrNoKey) {
			t.Errorf("for an API that wants a proof: %v", err)
		}
		elsewhere := exchange(start, "app", "1")
		elsewhere.Targets = []string{"", "https://other"}
		if _, err := s.UseCode(t.Context(), elsewhere); !errors.Is(err, oauth.TargetNotGranted()) {
			t.Errorf("for another API than it is for: %v", err)
		}
		u := exchange(start.Add(tenant.AuthorizationCodeLifetime-time.Millisecond), "app", "1")
		u.Digests[0], u.Targets = []byte("under another key"), []string{"https://other", "https://api"}
		got, err := s.UseCode(t.Context(), u)
		if err != nil || got.Outcome != grant.CodeRedeemed {
			t.Fatalf("the right exchange: %v, %v", got.Outcome, err)
		}
		want := *given(start, "app", "", "", "1").Code
		want.Digest = nil
		if d := cmp.Diff(want, got.Code); d != "" {
			t.Error(d)
		}
		if got.Grant.SessionID != "session 1" || got.Grant.Scope != "openid offline_access" || got.Grant.Claims != "userinfo.name" || !got.Grant.AuthTime.Equal(start) {
			t.Errorf("the grant is %+v", got.Grant)
		}
		// What does not match revokes nothing; the same once more does.
		foreign := exchange(start.Add(time.Second), "app", "1")
		foreign.Challenge = "d"
		if got, err := s.UseCode(t.Context(), foreign); err != nil || got.Outcome != grant.CodeUnknown {
			t.Errorf("a used code with another verifier: %v, %v", got.Outcome, err)
		}
		if _, _, err := s.GrantUser(t.Context(), "grant 1"); err != nil {
			t.Errorf("the grant is gone: %v", err)
		}
		if got, err := s.UseCode(t.Context(), exchange(start.Add(24*time.Hour-time.Minute), "app", "1")); err != nil || got.Outcome != grant.CodeReused {
			t.Errorf("a used code: %v, %v", got.Outcome, err)
		}
		if _, _, err := s.GrantUser(t.Context(), "grant 1"); !fault.Has(err, fault.NotFound) {
			t.Errorf("the grant of a reused code: %v", err)
		}
	})
}

// A code dies with what it stands for.
func TestCodeDiesWithItsSession(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		for i, text := range []string{
			`UPDATE sessions SET ended_at = 1 WHERE id = $1 OR id = 'session ' || $1`,
			`UPDATE users SET blocked = TRUE WHERE $1 <> ''`,
			`DELETE FROM users WHERE $1 <> ''`,
			`UPDATE grants SET revoked_at = 1 WHERE id = 'grant ' || $1`,
		} {
			id := fmt.Sprint(i)
			storetest.Exec(t, db, `UPDATE users SET blocked = FALSE`)
			arrived(t, s, someone{fmt.Sprint("+44770090010", i), "app"}, id)
			storetest.Exec(t, db, text, id)
			if got, err := s.UseCode(t.Context(), exchange(start, "app", id)); err != nil || got.Outcome != grant.CodeUnknown {
				t.Errorf("after %s: %v, %v", text, got.Outcome, err)
			}
		}
	})
}

// SES-01: who shows again who they are goes on under another cookie; who is
// somebody else begins anew, and what was before is over.
func TestSES01SessionIsReplaced(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p, q := someone{"+447700900123", "app"}, someone{"+447700900999", "app"}
		holds := func(session string) (tenant.Session, bool) {
			t.Helper()
			digest := []byte("cookie of " + session)
			got, err := s.LiveSession(t.Context(), start.Add(time.Minute), [][]byte{digest, digest})
			if err != nil && !fault.Has(err, fault.NotFound) {
				t.Fatal(err)
			}
			return got, err == nil
		}
		pending(t, s, p, "1")
		if done := mustComplete(t, s, p.arrival(start, "1", "a", "")); done.Session != "a" {
			t.Errorf("the first session is %q", done.Session)
		}
		pending(t, s, p, "2")
		again := mustComplete(t, s, p.arrival(start.Add(time.Second), "2", "b", "a"))
		if again.Session != "a" {
			t.Errorf("the same person goes on with session %q, want a", again.Session)
		}
		if _, ok := holds("a"); ok {
			t.Error("the cookie from before still opens the session")
		}
		got, ok := holds("b")
		if !ok || got.ID != "a" || !got.AuthTime.Equal(start.Add(time.Second)) || !got.CreatedAt.Equal(start) {
			t.Errorf("the new cookie opens %+v, %v", got, ok)
		}
		pending(t, s, q, "3")
		if done := mustComplete(t, s, q.arrival(start.Add(2*time.Second), "3", "c", "a")); done.Session != "c" {
			t.Errorf("somebody else goes on with session %q, want c", done.Session)
		}
		if _, ok := holds("b"); ok {
			t.Error("the session of who was there before goes on")
		}
		if got, ok := holds("c"); !ok || got.ID != "c" {
			t.Errorf("the session of who is there now is %+v, %v", got, ok)
		}
		// A session that has ended is not taken up again.
		pending(t, s, p, "4")
		if done := mustComplete(t, s, p.arrival(start.Add(3*time.Second), "4", "d", "a")); done.Session != "d" {
			t.Errorf("an ended session goes on as %q, want d", done.Session)
		}
	})
}

// SES-03: a session idles for so long, and lives for so long, whatever its
// browser says; and it is nobody's whose user is blocked or gone.
func TestSES03SessionEnds(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		arrived(t, s, someone{"+447700900123", "app"}, "1")
		digest := []byte("cookie of session 1")
		lives := func(at time.Duration) bool {
			t.Helper()
			_, err := s.LiveSession(t.Context(), start.Add(at), [][]byte{digest, digest})
			_, _, byID := s.LiveSessionUser(t.Context(), start.Add(at), "session 1")
			if (err == nil) != (byID == nil) {
				t.Errorf("by cookie: %v, by id: %v", err, byID)
			}
			return err == nil
		}
		if !lives(time.Hour-time.Millisecond) || lives(time.Hour) {
			t.Error("it does not idle for an hour")
		}
		for n, at := range []time.Duration{50 * time.Minute, 100 * time.Minute, 150 * time.Minute} {
			if _, _, err := s.GrantAuthorization(t.Context(), given(start.Add(at), "app", "session 1", "", fmt.Sprint("use", n))); err != nil {
				t.Fatalf("used after %v: %v", at, err)
			}
		}
		if !lives(3*time.Hour-time.Millisecond) || lives(3*time.Hour) {
			t.Error("it does not live for three hours")
		}
		if _, _, err := s.GrantAuthorization(t.Context(), given(start.Add(3*time.Hour), "app", "session 1", "", "late")); !isGone(err) {
			t.Errorf("used after its end: %v", err)
		}
		for _, text := range []string{`UPDATE users SET blocked = TRUE`, `DELETE FROM users`} {
			storetest.Exec(t, db, text)
			if lives(time.Minute) {
				t.Errorf("it lives after %s", text)
			}
			if _, _, err := s.GrantAuthorization(t.Context(), given(start.Add(time.Minute), "app", "session 1", "", text)); !isGone(err) {
				t.Errorf("used after %s: %v", text, err)
			}
		}
	})
}

func TestConsent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user := arrived(t, s, someone{"+447700900123", "app"}, "1")
		if got, found, err := s.Consent(t.Context(), user, "app", "https://api"); err != nil || found || got != "" {
			t.Errorf("before: %q, %v, %v", got, found, err)
		}
		for i, step := range [][2]string{{"", ""}, {"openid", "openid"}, {"", "openid"}, {"read:x openid", "openid read:x"}, {"read:y", "openid read:x read:y"}} {
			scope, all := step[0], step[1]
			g := given(start, "app", "session 1", "", fmt.Sprint("c", i))
			g.Consent = &tenant.Consent{Client: "app", Audience: "https://api", Scope: scope}
			if _, _, err := s.GrantAuthorization(t.Context(), g); err != nil {
				t.Fatal(err)
			}
			if got, found, err := s.Consent(t.Context(), user, "app", "https://api"); err != nil || !found || got != all {
				t.Errorf("after %q: %q, %v, %v", scope, got, found, err)
			}
		}
		for _, other := range [][2]string{{"app", ""}, {"other", "https://api"}} {
			if got, found, err := s.Consent(t.Context(), user, tenant.ClientID(other[0]), other[1]); err != nil || found || got != "" {
				t.Errorf("of %v: %q, %v, %v", other, got, found, err)
			}
		}
	})
}

// What has ended is swept away, and nothing before.
func TestSweepOfSignIns(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		arrived(t, s, someone{"+447700900123", "app"}, "1")
		left := func(at time.Duration) string {
			t.Helper()
			for {
				more, err := s.Sweep(t.Context(), start.Add(at))
				if err != nil {
					t.Fatal(err)
				}
				if !more {
					break
				}
			}
			var counts string
			for _, table := range []string{"transactions", "authorization_codes", "sessions", "session_clients"} {
				counts += storetest.Value(t, db, `SELECT COUNT(*) FROM `+table)
			}
			return counts
		}
		for _, c := range []struct {
			at   time.Duration
			want string
		}{
			{time.Minute, "1111"},
			{21 * time.Minute, "0111"},
			{3*time.Hour + time.Second, "0100"},
			{24*time.Hour + 61*time.Second, "0000"},
		} {
			if got := left(c.at); got != c.want {
				t.Errorf("after %v there are %s transactions, codes, sessions and applications of sessions, want %s", c.at, got, c.want)
			}
		}
	})
}

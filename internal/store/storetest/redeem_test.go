package storetest_test

import (
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

func mustRedeem(t *testing.T, s *store.Store, sp passwordless.Spend, c passwordless.Complete) (passwordless.SpendOutcome, passwordless.Completed) {
	t.Helper()
	spent, done, err := s.Redeem(t.Context(), sp, c)
	if err != nil {
		t.Fatal(err)
	}
	return spent.Outcome, done
}

// A right answer signs in whoever it is for, and a wrong one leaves nothing but a
// try less and a line in the log.
func TestRedeem(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		p := someone{"+447700900123", "app"}
		counts := func() string {
			return storetest.Value(t, db, `SELECT CAST((SELECT COUNT(*) FROM users) AS TEXT) || ' users, ' ||
				CAST((SELECT COUNT(*) FROM grants) AS TEXT) || ' grants, ' ||
				CAST((SELECT COUNT(*) FROM refresh_tokens) AS TEXT) || ' tokens, ' ||
				CAST((SELECT COUNT(*) FROM logs WHERE type IN ('s', 'ss', 'sepft')) AS TEXT) || ' good, ' ||
				CAST((SELECT COUNT(*) FROM logs WHERE type = 'fepotpft') AS TEXT) || ' bad'`)
		}
		for n, step := range []struct {
			name   string
			begin  bool
			change string
			guess  string
			closed bool
			want   passwordless.SpendOutcome
			done   passwordless.CompleteOutcome
			first  bool
			left   string
		}{
			{"nothing was sent", false, "", "right", false, passwordless.Wrong, 0, false, "0 users, 0 grants, 0 tokens, 0 good, 1 bad"},
			{"a wrong answer", true, "", "wrong", false, passwordless.Wrong, 0, false, "0 users, 0 grants, 0 tokens, 0 good, 2 bad"},
			{"sign-ups are closed", false, "", "right", true, passwordless.Redeemed, passwordless.SignUpDisabled, false, "0 users, 0 grants, 0 tokens, 0 good, 3 bad"},
			{"the first sign-in", true, "", "right", false, passwordless.Redeemed, 0, true, "1 users, 1 grants, 1 tokens, 3 good, 3 bad"},
			{"the same code again", false, "", "right", false, passwordless.Wrong, 0, false, "1 users, 1 grants, 1 tokens, 3 good, 4 bad"},
			{"the second sign-in", true, "", "right", false, passwordless.Redeemed, 0, false, "1 users, 2 grants, 2 tokens, 5 good, 4 bad"},
			{"known while sign-ups are closed", true, "", "right", true, passwordless.Redeemed, 0, false, "1 users, 3 grants, 3 tokens, 7 good, 4 bad"},
			{"blocked", true, `UPDATE users SET blocked = TRUE`, "right", false, passwordless.Redeemed, passwordless.UserBlocked, false, "1 users, 3 grants, 3 tokens, 7 good, 5 bad"},
			{"the identifier of somebody else before", true, `UPDATE identities SET identifier = 'another'`, "right", false, passwordless.Redeemed, 0, true, "2 users, 4 grants, 4 tokens, 10 good, 5 bad"},
		} {
			now, id := start.Add(time.Duration(n)*time.Minute), fmt.Sprint(n)
			if step.begin {
				mustBegin(t, s, p.begin(now, "right"))
			}
			if step.change != "" {
				storetest.Exec(t, db, step.change)
			}
			c := p.completion(now, id, id)
			c.NoSignUp = step.closed
			outcome, done := mustRedeem(t, s, p.spend(now, step.guess), c)
			if outcome != step.want || done.Outcome != step.done || done.First != step.first || counts() != step.left {
				t.Errorf("%s: %v, %v, new %v, leaving %s; want %v, %v, %v, %s", step.name,
					outcome, done.Outcome, done.First, counts(), step.want, step.done, step.first, step.left)
			}
			signedIn := outcome == passwordless.Redeemed && done.Outcome == passwordless.SignedIn
			if signedIn != (done.User.ID != "") || signedIn && done.User.Phone != p.number {
				t.Errorf("%s: the user is %+v", step.name, done.User)
			}
		}
	})
}

// OTP-03, RAC-07: of many right answers at once to the first code of an identifier,
// one signs in; of many first sign-ins by different applications, each its own,
// one makes the user.
func TestRAC07RedeemAtOnce(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		const apps, each = 10, 5
		number := "+447700900123"
		for a := range apps {
			p := someone{number, tenant.ClientID(fmt.Sprint("app", a))}
			mustBegin(t, s, p.begin(start, "right"))
		}
		var redeemed, first atomic.Int32
		var wg sync.WaitGroup
		for i := range apps * each {
			p := someone{number, tenant.ClientID(fmt.Sprint("app", i%apps))}
			wg.Go(func() {
				id := fmt.Sprint(i)
				spent, done, err := s.Redeem(t.Context(), p.spend(start, "right"), p.completion(start, id, id))
				switch {
				case err != nil:
					t.Error(err)
				case spent.Outcome == passwordless.Redeemed && done.Outcome == passwordless.SignedIn:
					redeemed.Add(1)
				}
				if done.First {
					first.Add(1)
				}
			})
		}
		wg.Wait()
		if redeemed.Load() != apps || first.Load() != 1 {
			t.Errorf("%d signed in, %d of them new; want %d and 1", redeemed.Load(), first.Load(), apps)
		}
		for text, want := range map[string]string{
			`SELECT COUNT(*) FROM users`:                fmt.Sprint(1),
			`SELECT logins_count FROM users`:            fmt.Sprint(apps),
			`SELECT COUNT(*) FROM grants`:               fmt.Sprint(apps),
			`SELECT COUNT(*) FROM refresh_tokens`:       fmt.Sprint(apps),
			`SELECT COUNT(*) FROM logs WHERE type='ss'`: fmt.Sprint(1),
			`SELECT COUNT(*) FROM logs WHERE type='s'`:  fmt.Sprint(apps),
		} {
			if got := storetest.Value(t, db, text); got != want {
				t.Errorf("%s = %s, want %s", text, got, want)
			}
		}
	})
}

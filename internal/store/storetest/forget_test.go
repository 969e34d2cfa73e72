package storetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// SEC-06: what is older than the operator keeps goes, in parts, and nothing else.
func TestSEC06Forget(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		for n := range 1200 {
			at := start.Add(-time.Duration(n) * time.Millisecond)
			storetest.Exec(t, db, `INSERT INTO logs (id, at, type, client_id, connection_id, user_id, doc) VALUES ($1, $2, 's', '', '', '', '{}')`,
				event.NewID(at), at.UnixMilli())
			if n < 3 {
				storetest.Exec(t, db, `INSERT INTO messages (id, state, channel, recipient, connection_id, client_id, user_id, language, send,
					transaction_id, salt, digits, code_expires_at, request_ip, user_agent, provider, provider_id, template_version, encoding,
					segments, error_code, error_text, attempts, next_at, lease_until, events, created_at)
					VALUES ($1, 'sent', 'sms', '+1', '', '', '', '', '', '', $2, 6, 0, '', '', '', '', 0, '', 0, '', '', 0, 0, 0, '', $3)`,
					event.NewMessageID(at), []byte{1}, at.UnixMilli())
			}
		}
		for i, want := range []string{"true 200 1", "false 1 1", "false 1 1"} {
			more, err := s.Forget(t.Context(), start)
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(more, " ", storetest.Value(t, db, `SELECT COUNT(*) FROM logs`), " ", storetest.Value(t, db, `SELECT COUNT(*) FROM messages`))
			if got != want {
				t.Errorf("step %d: %s, want %s", i+1, got, want)
			}
		}
	})
}

// A refresh token that was replaced is known for ninety days, though it never
// expires.
func TestSweepOfReplacedTokens(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		storetest.Exec(t, db, `INSERT INTO grants (id, user_id, client_id, sid, audience, scope, auth_time, created_at, revoked_at, offline)
			VALUES ('g', 'sms|1', 'app', 's', '', 'openid', $1, $1, 0, TRUE)`, start.UnixMilli())
		for i, replaced := range []int64{start.UnixMilli(), start.Add(24 * time.Hour).UnixMilli(), 0} {
			storetest.Exec(t, db, `INSERT INTO refresh_tokens (digest, grant_id, generation, rotating, issued_at, last_used_at,
				expires_at, idle_span, idle_ends_at, replaced_at) VALUES ($1, 'g', $2, TRUE, $3, $3, 0, 0, 0, $4)`,
				[]byte(fmt.Sprint("token ", i)), i+1, start.UnixMilli(), replaced)
		}
		const days = 24 * time.Hour
		for _, c := range []struct {
			after time.Duration
			want  string
		}{{90 * days, "3"}, {90*days + time.Second, "2"}, {92 * days, "1"}, {2000 * days, "1"}} {
			if _, err := s.Sweep(t.Context(), start.Add(c.after)); err != nil {
				t.Fatal(err)
			}
			if got := storetest.Value(t, db, `SELECT COUNT(*) FROM refresh_tokens`); got != c.want {
				t.Errorf("after %v: %s tokens, want %s", c.after, got, c.want)
			}
		}
	})
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// beginPostgresText is Begin without limits on requests and sends as one
// statement, which is one transaction and one round trip: what readStanding,
// beginCodeText, insertMessage and insertLogs do. All parts see the database
// as it was when the statement began, except that a code which another start
// stores meanwhile is waited for and then repeated.
var beginPostgresText = strings.ReplaceAll(`
	WITH st AS MATERIALIZED (
		SELECT i.user_id, COALESCE(u.blocked, FALSE) AS blocked,
			COALESCE(d.times, 0) AS times,
			COALESCE(t.wrong_at, $15::text) AS wrong_at, COALESCE(t.streak, 0) AS streak
		FROM (SELECT 1) one
		LEFT JOIN identities i ON i.connection_id = $1 AND i.identifier = $2
		LEFT JOIN users u ON u.id = i.user_id
		LEFT JOIN deleted_users d ON d.connection_id = $1 AND d.identifier = $14
		LEFT JOIN tries t ON t.identifier = $14
	), ok AS (
		SELECT COALESCE(user_id, '') AS user_id, CASE
			WHEN blocked THEN 1 WHEN user_id IS NULL AND $16::boolean THEN 2 ELSE 0 END AS why
		FROM st WHERE substr(wrong_at, 1, 13) <= $17 AND streak < $18
	), code AS (
		INSERT INTO codes (connection_id, identifier, client_id, transaction_id,
			salt, digest, digits, attempts, first_sent_at, expires_at, redeemed_at, spare)
		SELECT $1, $2, $3, $4, $5::bytea, $6::bytea, $7::bigint, 0, $8::bigint, $10::bigint, 0, FALSE FROM ok
		ON CONFLICT (connection_id, identifier, client_id, transaction_id) DO UPDATE SET
			salt          = CASE WHEN OPEN THEN codes.salt ELSE excluded.salt END,
			digest        = CASE WHEN OPEN THEN codes.digest ELSE excluded.digest END,
			attempts      = CASE WHEN OPEN THEN codes.attempts ELSE 0 END,
			first_sent_at = CASE WHEN OPEN THEN codes.first_sent_at ELSE excluded.first_sent_at END,
			expires_at    = CASE WHEN OPEN AND codes.first_sent_at + $13 < excluded.expires_at
				THEN codes.first_sent_at + $13 ELSE excluded.expires_at END,
			digits        = excluded.digits,
			spare         = excluded.spare,
			redeemed_at   = 0
		RETURNING salt, expires_at
	), msg AS (
		INSERT INTO messages (`+messageColumns+`)
		SELECT $19, CASE WHEN why = 0 THEN 'queued' ELSE 'suppressed' END, $20, $2, $1, $3, ok.user_id, $21, $22, $4,
			code.salt, $7::bigint, code.expires_at, $23, $24, '', '', $25::bigint, '', 0, '', '', 0,
			$8::bigint, $26::bigint, CASE why WHEN 0 THEN $27 WHEN 1 THEN $28 ELSE $29 END, $8::bigint, $36,
			$37::boolean, ''
		FROM ok, code
	), entry AS (
		INSERT INTO logs (id, at, type, client_id, connection_id, user_id, doc, identifier)
		SELECT $30, $8::bigint, CASE why WHEN 0 THEN $31 ELSE $32 END, $3, $1, ok.user_id,
			CASE why WHEN 0 THEN $33 WHEN 1 THEN $34 ELSE $35 END, CASE ok.user_id WHEN '' THEN $2 ELSE '' END
		FROM ok
	)
	SELECT st.user_id, st.blocked, st.times, st.wrong_at, st.streak, code.salt, code.expires_at
	FROM st LEFT JOIN code ON TRUE`, "OPEN", openCode)

func (s *Store) beginPostgres(ctx context.Context, b passwordless.Begin) (passwordless.Begun, error) {
	args, err := beginArgs(b)
	if err != nil {
		return passwordless.Begun{}, err
	}
	var st standing
	var salt []byte
	var expires sql.NullInt64
	out := passwordless.Begun{Message: b.Message}
	err = s.hot(ctx, statement{beginPostgresText, args, func(row scanner) error {
		return row.Scan(&st.user, &st.blocked, &st.deletions, &st.wrong, &st.streak, &salt, &expires)
	}})
	if err != nil {
		return out, fmt.Errorf("store code: %w", err)
	}
	if st.describe(b, &out) {
		return out, nil
	}
	out.Message.Salt, out.Message.CodeExpires = salt, fromMillis(expires.Int64)
	if _, detail := st.suppressed(b); detail != "" {
		suppress(&out, b.Now, detail)
		out.Event = b.Refused.Type
	} else {
		due(&out, b.Now)
		out.Event = b.Event.Type
	}
	return out, nil
}

// beginArgs are the arguments of beginPostgresText.
func beginArgs(b passwordless.Begin) ([]any, error) {
	docs := make([]string, 0, 3)
	timelines := make([]string, 0, 3)
	for _, v := range []struct{ entry, detail string }{{}, {blockedEntry, blockedDetail}, {closedEntry, closedDetail}} {
		e, state := b.Event, tenant.MessageRequested
		if v.entry != "" {
			e, state = b.Refused, tenant.MessageSuppressed
			e.Description = v.entry
		}
		doc, err := encodeLog(&e)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
		timelines = append(timelines, encodeEvents([]tenant.MessageEvent{{At: b.Now, State: state, Detail: v.detail}}))
	}
	c, m, now := b.Code, &b.Message, toMillis(b.Now)
	return []any{
		c.Key.Connection, c.Key.Identifier, c.Key.Client, c.Key.Transaction, c.Salt, c.Digest, c.Digits,
		now, now, toMillis(c.Expires), b.Repeat,
		toMillis(b.Now.Add(minRepeatLife - tenant.MaxLifetime)), tenant.MaxLifetime.Milliseconds(),
		b.Identifier, string(attack.NoTimes), b.NoSignUp,
		attack.Stamp(b.Now.Add(-attack.TriesWindow)), attack.MaxWrongStreak,
		m.ID, m.Channel, m.Language, m.Send, m.RequestIP, m.UserAgent, m.TemplateVersion, toMillis(m.LeaseUntil),
		timelines[0], timelines[1], timelines[2],
		b.Event.ID, b.Event.Type, b.Refused.Type, docs[0], docs[1], docs[2], m.AuthParams, m.Traced,
	}, nil
}

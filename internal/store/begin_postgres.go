package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// plainBegin reports whether beginPostgresText can do the start: it knows neither
// tries that the tenant sets, nor messages that are withheld, nor what is counted
// against fraud. A Challenge means nothing without Cells, and a Spare code is for
// those who have no tries left, whom the steps see to.
func plainBegin(b passwordless.Begin) bool {
	return b.Tries == attack.Tries{} && b.Withheld == passwordless.Withheld{} &&
		b.Spreads == nil && b.Budgets == nil && b.Cells == nil
}

// beginPostgresText is Begin as one statement, which is one transaction and one
// round trip: what takeRequest, readStanding, takeSend, beginCodeText,
// insertMessage and insertLogs do. All parts see the database as it was when the
// statement began, except for the rows that they count in or store a code in:
// another start that has one of those is waited for, and the row judged as it is
// then. Each part happens only if the one before it did, so that a start that
// has no request or no send left stores nothing after that.
var beginPostgresText = strings.ReplaceAll(`
	WITH request AS (
		INSERT INTO rates (name, tat) SELECT $38, $39::bigint + $40::bigint WHERE $38 <> ''`+shift(37, takeRequestAgain)+`
	), st AS MATERIALIZED (
		SELECT i.user_id, COALESCE(u.blocked, FALSE) AS blocked,
			COALESCE(del.times, 0) AS times, d.device IS NOT NULL AS known,
			COALESCE(d.wrong_at, t.wrong_at, $15::text) AS wrong_at, COALESCE(d.streak, t.streak, 0) AS streak
		FROM (SELECT 1) one
		LEFT JOIN identities i ON i.connection_id = $1 AND i.identifier = $2
		LEFT JOIN users u ON u.id = COALESCE(i.user_id, '')
		LEFT JOIN deleted_users del ON del.connection_id = $1 AND del.identifier = $14
		LEFT JOIN devices d ON d.device = $53 AND d.identifier = $14
		LEFT JOIN tries t ON t.identifier = $14
	), able AS (
		SELECT COALESCE(user_id, '') AS user_id, known, CASE
			WHEN blocked THEN 1 WHEN user_id IS NULL AND $16::boolean THEN 2 ELSE 0 END AS why
		FROM st WHERE substr(wrong_at, 1, 13) <= $17 AND streak < $18
			AND ($38 = '' OR EXISTS (SELECT 1 FROM request))
	), sent AS (
		INSERT INTO sends (identifier, client_id, sent_at, cleared_at)
		SELECT CASE WHEN known THEN $54::text ELSE $42::text END, $43, $44, 0 FROM able WHERE $52::boolean`+shift(41, takeSendAgain)+`
	), ok AS (
		SELECT user_id, why FROM able WHERE NOT $52::boolean OR EXISTS (SELECT 1 FROM sent)
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
	SELECT st.user_id, st.blocked, st.times, (SELECT tat FROM request), code.salt, code.expires_at, sent.sent_at, sent.cleared_at
	FROM st LEFT JOIN code ON TRUE LEFT JOIN sent ON TRUE`, "OPEN", openCode)

// beginPostgres begins a sign-in in one round trip. Of a start that a limit
// refuses the steps tell why.
func (s *Store) beginPostgres(ctx context.Context, b passwordless.Begin) (passwordless.Begun, error) {
	args, err := beginArgs(b)
	if err != nil {
		return passwordless.Begun{}, err
	}
	var st standing
	var salt []byte
	var tat, expires, cleared sql.NullInt64
	var sent sql.NullString
	// Many requests come from one address, not from one person: whoever waits for
	// the address's bucket must not have others wait.
	run := s.hot
	if b.Requests.Name != "" {
		run = s.alone
	}
	err = run(ctx, statement{beginPostgresText, args, func(row scanner) error {
		return row.Scan(&st.user, &st.blocked, &st.deletions, &tat, &salt, &expires, &sent, &cleared)
	}})
	switch {
	case err != nil:
		return passwordless.Begun{}, fmt.Errorf("store code: %w", err)
	case !expires.Valid:
		return s.beginRefused(ctx, b, tat)
	}
	out := passwordless.Begun{Message: b.Message}
	if tat.Valid {
		out.Left, out.Limit = b.Requests.Left(fromMillis(tat.Int64), b.Now), b.Requests.Burst
	}
	if sent.Valid {
		out.Wait, _ = attack.SendsWait(attack.Times(sent.String), time.UnixMilli(cleared.Int64), b.Now)
	}
	st.name(&out)
	out.Message.Salt, out.Message.Digits, out.Message.CodeExpires = salt, b.Code.Digits, fromMillis(expires.Int64)
	if _, detail := st.suppressed(b); detail != "" {
		suppress(&out, b.Now, detail)
		out.Event = b.Refused.Type
	} else {
		due(&out, b.Now)
		out.Event = b.Event.Type
	}
	return out, nil
}

// beginRefused judges a start again that beginPostgresText has stored nothing of
// but the request, if tat says that it was taken. The limit may be over by now.
func (s *Store) beginRefused(ctx context.Context, b passwordless.Begin, tat sql.NullInt64) (passwordless.Begun, error) {
	taken := b.Requests
	if tat.Valid {
		b.Requests = attack.Bucket{}
	}
	out, err := s.beginStepwise(ctx, b)
	if tat.Valid {
		out.Left = taken.Left(fromMillis(tat.Int64), b.Now)
		if out.Limit == 0 {
			out.Limit = taken.Burst
		}
	}
	return out, err
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
	args := []any{
		c.Key.Connection, c.Key.Identifier, c.Key.Client, c.Key.Transaction, c.Salt, c.Digest, c.Digits,
		now, now, toMillis(c.Expires), b.Repeat,
		toMillis(b.Now.Add(minRepeatLife - tenant.MaxLifetime)), tenant.MaxLifetime.Milliseconds(),
		b.Identifier, string(attack.NoTimes), b.NoSignUp,
		attack.Stamp(b.Now.Add(-attack.TriesWindow)), attack.MaxWrongStreak,
		m.ID, m.Channel, m.Language, m.Send, m.RequestIP, m.UserAgent, m.TemplateVersion, toMillis(m.LeaseUntil),
		timelines[0], timelines[1], timelines[2],
		b.Event.ID, b.Event.Type, b.Refused.Type, docs[0], docs[1], docs[2], m.AuthParams, m.Traced,
	}
	args = append(args, requestArgs(b.Requests, b.Now)...)
	args = append(args, sendArgs(b, b.Identifier)...)
	return append(args, b.Sends, b.Device, deviceSends(b.Device, b.Identifier)), nil
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ passwordless.Ledger = (*Store)(nil)

// minRepeatLife is the least life a repeated code must still have. A code near
// its ten minutes would arrive too late to be typed: a new one is made instead.
const minRepeatLife = 30 * time.Second

// Begin implements passwordless.Ledger.
func (s *Store) Begin(ctx context.Context, b passwordless.Begin) (passwordless.Begun, error) {
	if s.dialect == postgres && plainBegin(b) {
		return s.beginPostgres(ctx, b)
	}
	return s.beginStepwise(ctx, b)
}

// beginStepwise is Begin as a transaction of several statements.
func (s *Store) beginStepwise(ctx context.Context, b passwordless.Begin) (passwordless.Begun, error) {
	var out passwordless.Begun
	err := s.write(ctx, func(tx querier) error {
		out = passwordless.Begun{Message: b.Message}
		if b.Requests.Name != "" {
			tat, ok, err := takeRequest(ctx, tx, b.Requests, b.Now)
			if err != nil {
				return err
			}
			out.Left, out.Limit = b.Requests.Left(tat, b.Now), b.Requests.Burst
			if !ok {
				out.Outcome, out.Wait = passwordless.TooManyRequests, b.Requests.Wait(tat, b.Now)
				return noteLimit(ctx, tx, note{event.APILimit, b.Requests.Name, "Too many codes were asked for from one address"}, b.Limited, b.Now)
			}
		}
		st, err := readStanding(ctx, tx, b)
		if err != nil {
			return err
		}
		if st.describe(b, &out) {
			return noteLimit(ctx, tx, note{event.TooManyTries, b.Identifier, "A code was asked for while no tries are left"}, b.Limited, b.Now)
		}
		if done, err := takeSpreads(ctx, tx, b, &out); done || err != nil {
			return err
		}
		if b.Sends {
			name := b.Identifier
			if st.known {
				name = deviceSends(b.Device, b.Identifier)
			}
			if done, err := takeSend(ctx, tx, b, name, &out); done || err != nil {
				return err
			}
		}
		var cells []attack.Cell
		if b.Cells != nil {
			if cells, err = roomInCells(ctx, tx, &b, &st); err != nil {
				return err
			}
		}
		_, suppressed := st.suppressed(b)
		if done, err := takeBudgets(ctx, tx, b, suppressed == "", &out); done || err != nil {
			return err
		}
		if err := storeSend(ctx, tx, b, st.held, cells); err != nil {
			return err
		}
		return record(ctx, tx, b, st, &out)
	})
	if errors.Is(err, errUnproven) {
		return passwordless.Begun{Outcome: passwordless.Unproven}, nil
	}
	return out, err
}

// standing is what a start needs to know of the recipient.
type standing struct {
	user      sql.NullString
	blocked   bool
	deletions int64
	wrong     attack.Times
	streak    int
	address   attack.Times // wrong tries from the caller's address
	known     bool         // the caller's device is known: wrong and streak are its
	spare     bool         // the spare code is to be sent
	held      bool         // a cell has no room for the message
}

// name says in out who the recipient is.
func (st *standing) name(out *passwordless.Begun) {
	out.User, out.Deletions = tenant.UserID(st.user.String), st.deletions
	out.Message.User = out.User
}

// describe says in out who the recipient is. It reports true when they have no
// tries left, so that nothing is to be sent.
func (st *standing) describe(b passwordless.Begin, out *passwordless.Begun) bool {
	st.name(out)
	wait, limit := b.Tries.Wait(st.wrong, st.streak, b.Now), b.Tries.Day()
	if w := b.Tries.WaitAddress(st.address, b.Now); w > wait && !st.known {
		wait, limit = w, b.Tries.MaxAddress
	}
	switch {
	case wait <= 0:
		return false
	case b.Spare != nil:
		st.spare = true
		return false
	}
	out.Outcome, out.Wait, out.Limit = passwordless.TooManyTries, wait, limit
	return true
}

// suppressed says why nothing is to be sent to the recipient, to the tenant's
// log and on the message's timeline; both are empty if something is. A test
// identity's start may have no entry: it is logged as one that is sent.
func (st *standing) suppressed(b passwordless.Begin) (entry, detail string) {
	switch {
	case st.blocked:
		return blockedEntry, blockedDetail
	case b.Withheld.Detail != "":
		return b.Withheld.Entry, b.Withheld.Detail
	case !st.user.Valid && b.NoSignUp:
		return closedEntry, closedDetail
	case st.held:
		return cellEntry, cellDetail
	}
	return "", ""
}

const (
	blockedEntry  = "user is blocked"
	blockedDetail = "The user is blocked."
	closedEntry   = "Public signup is disabled"
	closedDetail  = "Sign-ups are disabled and nobody is known by this address."
)

// standingText looks for a user also where nobody is known, so that it takes as
// long.
const standingText = `
	SELECT i.user_id, COALESCE(u.blocked, FALSE), COALESCE(del.times, 0),
		COALESCE(d.wrong_at, t.wrong_at, $4), COALESCE(d.streak, t.streak, 0),
		COALESCE(a.wrong_at, $4), d.device IS NOT NULL
	FROM (SELECT 1 AS one) o
	LEFT JOIN identities i ON i.connection_id = $1 AND i.identifier = $2
	LEFT JOIN users u ON u.id = COALESCE(i.user_id, '')
	LEFT JOIN deleted_users del ON del.connection_id = $1 AND del.identifier = $3
	LEFT JOIN devices d ON d.device = $5 AND d.identifier = $3
	LEFT JOIN tries t ON t.identifier = $3
	LEFT JOIN address_tries a ON a.identifier = $3 AND a.address = $6`

func readStanding(ctx context.Context, tx querier, b passwordless.Begin) (standing, error) {
	var st standing
	err := tx.row(ctx, standingText, b.To.Connection, b.To.Identifier, b.Identifier, string(attack.NoTimes),
		b.Device, b.Tries.Address).
		Scan(&st.user, &st.blocked, &st.deletions, &st.wrong, &st.streak, &st.address, &st.known)
	if err != nil {
		return st, fmt.Errorf("read standing: %w", err)
	}
	return st, nil
}

// takeRequestText is the generic cell rate algorithm in one statement: the
// bucket's theoretical arrival time moves on unless it is too far ahead.
const (
	takeRequestText = `INSERT INTO rates (name, tat) VALUES ($1, CAST($2 AS BIGINT) + CAST($3 AS BIGINT))` + takeRequestAgain
	// takeRequestAgain is what takeRequestText does where the bucket exists.
	takeRequestAgain = `
	ON CONFLICT (name) DO UPDATE
		SET tat = CASE WHEN rates.tat > $2 THEN rates.tat ELSE $2 END + $3
		WHERE rates.tat <= $4
	RETURNING tat`
)

func requestArgs(b attack.Bucket, now time.Time) []any {
	return []any{b.Name, toMillis(now), b.Every.Milliseconds(), latest(b, now)}
}

// takeRequest takes one request out of a bucket. It reports false, with the
// bucket's time, when the bucket is empty.
func takeRequest(ctx context.Context, tx querier, b attack.Bucket, now time.Time) (time.Time, bool, error) {
	var tat int64
	err := tx.row(ctx, takeRequestText, requestArgs(b, now)...).Scan(&tat)
	if err == nil {
		return fromMillis(tat), true, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, false, fmt.Errorf("take request: %w", err)
	}
	if err := tx.row(ctx, `SELECT tat FROM rates WHERE name = $1`, b.Name).Scan(&tat); err != nil {
		return time.Time{}, false, fmt.Errorf("read rate: %w", err)
	}
	return fromMillis(tat), false, nil
}

// latest is the theoretical arrival time up to which the bucket takes a request.
func latest(b attack.Bucket, now time.Time) int64 {
	return toMillis(now.Add(time.Duration(b.Burst-1) * b.Every))
}

// nth is the SQL for the moment of the nth event from the newest in a column
// of attack.Times: thirteen digits, which compare as text as they do as
// numbers.
func nth(column string, n int) string {
	return fmt.Sprintf("substr(%s, %d, 13)", column, nthFrom(n))
}

// takeSendText appends a send unless the hour's or the day's are used up or
// the cooldown is running: after n sends in the last hour that no sign-in has
// cleared, the nth wait counts from the newest.
var takeSendText = `INSERT INTO sends (identifier, client_id, sent_at, cleared_at) VALUES ($1, $2, $3, 0)` + takeSendAgain

// takeSendAgain is what takeSendText does where there were sends before.
var takeSendAgain = `
	ON CONFLICT (identifier, client_id) DO UPDATE
		SET sent_at = substr(sends.sent_at, 14) || $4
		WHERE ` + nth("sends.sent_at", attack.MaxSendsHour) + ` <= $5
			AND ` + nth("sends.sent_at", attack.MaxSendsDay) + ` <= $6
			AND CASE
				WHEN ` + sentSince(4) + ` THEN ` + nth("sends.sent_at", 1) + ` <= $10
				WHEN ` + sentSince(3) + ` THEN ` + nth("sends.sent_at", 1) + ` <= $9
				WHEN ` + sentSince(2) + ` THEN ` + nth("sends.sent_at", 1) + ` <= $8
				WHEN ` + sentSince(1) + ` THEN ` + nth("sends.sent_at", 1) + ` <= $7
				ELSE TRUE END
	RETURNING sent_at, cleared_at`

func sentSince(n int) string {
	at := nth("sends.sent_at", n)
	return "(CAST(" + at + " AS BIGINT) > sends.cleared_at AND " + at + " > $5)"
}

func sendArgs(b passwordless.Begin, name string) []any {
	now := b.Now
	args := []any{
		name, b.Code.Key.Client, string(attack.NoTimes[13:]) + attack.Stamp(now), attack.Stamp(now),
		attack.Stamp(now.Add(-time.Hour)), attack.Stamp(now.Add(-24 * time.Hour)),
	}
	for _, d := range attack.Cooldowns() {
		args = append(args, attack.Stamp(now.Add(-d)))
	}
	return args
}

// takeSend counts the send under a name, and says in out how long it is until the
// next. It reports true when nothing is to be sent.
func takeSend(ctx context.Context, tx querier, b passwordless.Begin, name string, out *passwordless.Begun) (bool, error) {
	now := b.Now
	var sent attack.Times
	var cleared int64
	err := tx.row(ctx, takeSendText, sendArgs(b, name)...).Scan(&sent, &cleared)
	if err == nil {
		out.Wait, _ = attack.SendsWait(sent, time.UnixMilli(cleared), now)
		return false, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return true, fmt.Errorf("take send: %w", err)
	}
	if err := tx.row(ctx, `SELECT sent_at, cleared_at FROM sends WHERE identifier = $1 AND client_id = $2`,
		name, b.Code.Key.Client).Scan(&sent, &cleared); err != nil {
		return true, fmt.Errorf("read sends: %w", err)
	}
	wait, cooling := attack.SendsWait(sent, time.UnixMilli(cleared), now)
	out.Wait, out.Outcome, out.Limit = wait, passwordless.TooManySends, attack.MaxSendsHour
	if sent.Last(attack.MaxSendsDay).After(now.Add(-24 * time.Hour)) {
		out.Limit = attack.MaxSendsDay
	}
	if cooling || wait <= 0 { // or a sign-in has ended the wait just now
		out.Outcome = passwordless.Cooling
		out.Message.Digits, err = openDigits(ctx, tx, b.Code.Key, now)
		return true, err
	}
	return true, nil
}

// openDigits is how many digits the code has that may be tried now, or 0 if there
// is none.
func openDigits(ctx context.Context, tx querier, key tenant.CodeKey, now time.Time) (digits int, err error) {
	err = tx.row(ctx, `
		SELECT digits FROM codes WHERE connection_id = $1 AND identifier = $2 AND client_id = $3 AND transaction_id = $4
			AND redeemed_at = 0 AND attempts < 3 AND expires_at > $5`,
		key.Connection, key.Identifier, key.Client, key.Transaction, toMillis(now)).Scan(&digits)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read code: %w", err)
	}
	return digits, nil
}

// openCode is the condition that the code in the row is to be repeated.
const openCode = `$11 AND codes.redeemed_at = 0 AND codes.attempts < 3 AND codes.expires_at > $9
		AND codes.digits = excluded.digits AND codes.spare = excluded.spare AND codes.first_sent_at > $12`

// beginCodeText stores a new code, or repeats the one that is open: its
// salt, digest and tries stay, its expiry moves on, but not past ten minutes
// after it was first sent.
var beginCodeText = strings.ReplaceAll(`
	INSERT INTO codes (connection_id, identifier, client_id, transaction_id,
		salt, digest, digits, attempts, first_sent_at, expires_at, redeemed_at, spare)
	VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $10, 0, $14)
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
	RETURNING salt, expires_at`, "OPEN", openCode)

// record stores code, message and log event, and says in out what became of
// them.
func record(ctx context.Context, tx querier, b passwordless.Begin, st standing, out *passwordless.Begun) error {
	now, c := toMillis(b.Now), b.Code
	if st.spare {
		c = *b.Spare
	}
	out.Message.Digits = c.Digits
	var expires int64
	err := tx.row(ctx, beginCodeText,
		c.Key.Connection, c.Key.Identifier, c.Key.Client, c.Key.Transaction, c.Salt, c.Digest, c.Digits,
		now, now, toMillis(c.Expires), b.Repeat,
		toMillis(b.Now.Add(minRepeatLife-tenant.MaxLifetime)), tenant.MaxLifetime.Milliseconds(), st.spare,
	).Scan(&out.Message.Salt, &expires)
	if err != nil {
		return fmt.Errorf("store code: %w", err)
	}
	out.Message.CodeExpires = fromMillis(expires)
	entry := b.Event
	why, detail := st.suppressed(b)
	if detail != "" {
		suppress(out, b.Now, detail)
		if st.held {
			out.Outcome = passwordless.Held
		}
	} else {
		due(out, b.Now)
	}
	if why != "" {
		entry = b.Refused
		entry.Description = why
	}
	entry.User, out.Event = out.User, entry.Type
	if err := insertMessage(ctx, tx, &out.Message); err != nil {
		return err
	}
	return insertLogs(ctx, tx, entry)
}

func due(out *passwordless.Begun, now time.Time) {
	out.Outcome = passwordless.Due
	out.Message.Events = []tenant.MessageEvent{{At: now, State: tenant.MessageRequested}}
}

func suppress(out *passwordless.Begun, now time.Time, why string) {
	out.Outcome = passwordless.Suppressed
	out.Message.State = tenant.MessageSuppressed
	out.Message.Events = []tenant.MessageEvent{{At: now, State: tenant.MessageSuppressed, Detail: why}}
}

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
)

const (
	cellEntry  = "Too few of the codes sent to numbers like this one are used"
	cellDetail = "Too few of the codes sent to numbers like this one are used."
)

// lockCellText makes a cell if there is none and holds its row until the
// transaction ends: whoever changes a cell does so after whoever came first.
const lockCellText = `
	INSERT INTO cells (name, state, touched_at) VALUES ($1, '', $2)
	ON CONFLICT (name) DO UPDATE SET touched_at = excluded.touched_at
	RETURNING state`

// lockCells reads the cells, always in the same order, as they are now.
func lockCells(ctx context.Context, tx querier, scopes []attack.Scope, now time.Time) ([]attack.Cell, error) {
	cells := make([]attack.Cell, len(scopes))
	for i, s := range scopes {
		var state string
		if err := tx.row(ctx, lockCellText, s.Name, toMillis(now)).Scan(&state); err != nil {
			return nil, fmt.Errorf("lock cell: %w", err)
		}
		var err error
		if cells[i], err = decodeCell(s, state, now); err != nil {
			return nil, err
		}
	}
	return cells, nil
}

func storeCells(ctx context.Context, tx querier, scopes []attack.Scope, cells []attack.Cell) error {
	for i := range cells {
		state, err := json.Marshal(&cells[i])
		if err != nil {
			return fmt.Errorf("encode cell: %w", err)
		}
		if _, err := tx.exec(ctx, `UPDATE cells SET state = $2 WHERE name = $1`, scopes[i].Name, string(state)); err != nil {
			return fmt.Errorf("store cell: %w", err)
		}
	}
	return nil
}

// errUnproven undoes a start that a challenge has to be passed for.
var errUnproven = errors.New("a challenge has to be passed")

// roomInCells reads the cells of a message, and holds it back if one of them has
// no room. Where a page can challenge, it does so whoever the number belongs to
// and whether or not they are sent anything: the answer tells nothing about them.
// People who have signed in lately are neither held back nor counted.
func roomInCells(ctx context.Context, tx querier, b *passwordless.Begin, st *standing) ([]attack.Cell, error) {
	_, suppressed := st.suppressed(*b)
	counted := suppressed == ""
	if counted && st.user.Valid {
		var known bool
		err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE id = $1 AND last_login > $2)`,
			st.user.String, toMillis(b.Now.Add(-attack.KnownFor))).Scan(&known)
		if err != nil {
			return nil, fmt.Errorf("read last sign-in: %w", err)
		}
		counted = !known
	}
	if !counted && b.Challenge == nil {
		return nil, nil
	}
	cells, err := lockCells(ctx, tx, b.Cells, b.Now)
	if err != nil {
		return nil, err
	}
	verdict := attack.Judge(cells)
	if verdict == attack.Challenged && b.Challenge != nil {
		if err := takeProof(ctx, tx, b, st.known); err != nil {
			return nil, err
		}
		verdict = attack.Open
	}
	if !counted {
		return nil, nil
	}
	if verdict != attack.Open {
		st.held = true
		b.Refused.Type = event.PhoneLimit
	}
	return cells, nil
}

// takeProof uses the proof that a challenge was passed up, or fails with
// errUnproven. A browser that is known needs none.
func takeProof(ctx context.Context, tx querier, b *passwordless.Begin, known bool) error {
	if known {
		return nil
	}
	if b.Challenge.Proof == nil {
		return errUnproven
	}
	ok, err := useOnce(ctx, tx, b.Challenge.Proof, b.Challenge.Until, b.Now)
	if err == nil && !ok {
		err = errUnproven
	}
	return err
}

// ReadCells implements passwordless.Ledger.
func (s *Store) ReadCells(ctx context.Context, scopes []attack.Scope, now time.Time) ([]attack.Cell, error) {
	cells := make([]attack.Cell, len(scopes))
	for i, scope := range scopes {
		var state string
		err := s.read.row(ctx, `SELECT state FROM cells WHERE name = $1`, scope.Name).Scan(&state)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("read cell: %w", err)
		}
		if cells[i], err = decodeCell(scope, state, now); err != nil {
			return nil, err
		}
	}
	return cells, nil
}

// decodeCell is a cell as it is now, from its stored state, which is empty if
// nothing is known of it.
func decodeCell(s attack.Scope, state string, now time.Time) (attack.Cell, error) {
	c := s.New()
	if state != "" {
		if err := json.Unmarshal([]byte(state), &c); err != nil {
			return c, fmt.Errorf("read cell: %w", err)
		}
	}
	c.Expire(s, now)
	return c, nil
}

// storeSend counts a message in its cells unless it is held back.
func storeSend(ctx context.Context, tx querier, b passwordless.Begin, held bool, cells []attack.Cell) error {
	if cells == nil {
		return nil
	}
	if !held {
		for i := range cells {
			cells[i].Sent(b.Now)
		}
		if _, err := tx.exec(ctx, `INSERT INTO cell_sends (connection_id, identifier, sent_at) VALUES ($1, $2, $3)
			ON CONFLICT (connection_id, identifier) DO UPDATE SET sent_at = excluded.sent_at`,
			b.To.Connection, b.Identifier, toMillis(b.Now)); err != nil {
			return fmt.Errorf("store counted message: %w", err)
		}
	}
	return storeCells(ctx, tx, b.Cells, cells)
}

// verifyCells counts the right code of a message that storeSend has counted,
// once.
func verifyCells(ctx context.Context, tx querier, c passwordless.Complete) error {
	if c.Cells == nil {
		return nil
	}
	cells, err := lockCells(ctx, tx, c.Cells, c.Now) // before the message's row, as starts do
	if err != nil {
		return err
	}
	var sent int64
	err = tx.row(ctx, `DELETE FROM cell_sends WHERE connection_id = $1 AND identifier = $2 RETURNING sent_at`,
		c.To.Connection, c.Identifier).Scan(&sent)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find counted message: %w", err)
	}
	for i := range cells {
		cells[i].Verified(c.Cells[i], fromMillis(sent))
	}
	return storeCells(ctx, tx, c.Cells, cells)
}

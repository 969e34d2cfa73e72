package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// A codeUse is that the code of a key was redeemed.
type codeUse struct {
	key tenant.CodeKey
	at  time.Time
}

// maxUses bounds how many redeemed codes wait to be noted in the message log.
const maxUses = 1024

// A useLog notes in the message log whose code was used. Nobody who signs in
// waits for it. A process that is killed forgets the last of them, and so does
// one whose database fails just then: the message log is for people, and no rule
// reads it.
type useLog struct {
	uses  chan codeUse
	stop  chan struct{}
	ended chan struct{}
}

func (s *Store) startUses() {
	s.uses = &useLog{uses: make(chan codeUse, maxUses), stop: make(chan struct{}), ended: make(chan struct{})}
	go s.noteUses()
}

// used notes that a code was redeemed.
func (s *Store) used(key tenant.CodeKey, at time.Time) {
	if s.uses == nil {
		return // tests of what a sign-in costs
	}
	select {
	case s.uses.uses <- codeUse{key, at}:
	default: // more than can be noted: sign-ins matter more
	}
}

// useText marks the newest message of a key, which is the one that its code was
// last sent with before it was used, unless that is still being handed over.
const useText = `
	UPDATE messages SET state = 'used', events = events || $6
	WHERE id = (SELECT id FROM messages WHERE recipient = $1 AND id >= $5 AND id < $7 AND connection_id = $2 AND client_id = $3 AND transaction_id = $4
			AND state <> 'suppressed' ORDER BY id DESC LIMIT 1)
		AND state NOT IN ('requested', 'queued', 'used')`

// noteTimeout bounds one write, so that a database that hangs does not keep a
// process from ending.
const noteTimeout = 5 * time.Second

func (s *Store) noteUses() {
	defer close(s.uses.ended)
	for {
		batch := s.uses.next()
		if len(batch) == 0 {
			return
		}
		// Two processes lock rows in the same order.
		slices.SortFunc(batch, func(a, b codeUse) int { return strings.Compare(a.key.Identifier, b.key.Identifier) })
		ctx, cancel := context.WithTimeout(context.Background(), noteTimeout)
		note := func(tx querier) error {
			for _, u := range batch {
				line := encodeEvents([]tenant.MessageEvent{{At: u.at, State: tenant.MessageUsed}})
				if _, err := tx.exec(ctx, useText, u.key.Identifier, u.key.Connection, u.key.Client, u.key.Transaction,
					messageIDAt(u.at.Add(-tenant.MaxLifetime)), line, messageIDAt(u.at.Add(time.Millisecond))); err != nil {
					return err
				}
			}
			return nil
		}
		if w, ok := s.writer.(*groupWriter); ok {
			_ = w.writeLater(ctx, note)
		} else {
			_ = s.write(ctx, note)
		}
		cancel()
	}
}

// next waits for codes that were redeemed and returns those there are, up to a
// batch; none when it was closed and all are noted.
func (u *useLog) next() (batch []codeUse) {
	select {
	case one := <-u.uses:
		batch = append(batch, one)
	case <-u.stop:
	}
	for len(batch) < maxBatch {
		select {
		case one := <-u.uses:
			batch = append(batch, one)
		default:
			return batch
		}
	}
	return batch
}

func (u *useLog) close() {
	if u == nil {
		return
	}
	close(u.stop)
	<-u.ended
}

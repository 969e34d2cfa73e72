package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Database is the store, as far as a doctor looks at it.
type Database interface {
	// Condition looks at the database. It writes nothing that lasts.
	Condition(ctx context.Context) (Condition, error)
}

// Condition is how a database is.
type Condition struct {
	Kind    string // "SQLite" or "PostgreSQL"
	Version string
	// Pending counts the steps of the schema that are still to be made,
	// Unknown those that a newer program made.
	Pending, Unknown int
	// WriteError says why nothing can be written.
	WriteError error
	// Free is how many bytes are left on the disk; negative if not known.
	Free int64
	// Unsafe are settings of the server with which acknowledged writes can be
	// lost, such as "fsync = off".
	Unsafe []string
	// Clock is the database's own clock; zero if it has none of its own.
	Clock time.Time
	// LastEvent is when the newest log event was written; zero if there is none.
	LastEvent time.Time
}

const (
	lowDisk  = 1 << 30   // 1 GiB
	fullDisk = 100 << 20 // 100 MiB
	// skewed clocks make codes expire early or late; with badly skewed ones
	// nobody gets in.
	skewed      = 2 * time.Second
	badlySkewed = 30 * time.Second
)

func (e *examination) database(ctx context.Context) {
	const check = "database"
	c, err := e.Database.Condition(ctx)
	if err != nil {
		e.fail(check, "The database does not answer: "+err.Error()+".", "Look whether it runs and whether --database names it.")
		return
	}
	name := c.Kind + " " + c.Version
	switch {
	case c.Pending > 0:
		e.fail(check, fmt.Sprintf("%s: %d steps of the schema are missing.", name, c.Pending), `Run "doorcode migrate", or start the server.`)
		return // there may be nothing yet to write to
	case c.Unknown > 0:
		e.warn(check, fmt.Sprintf("%s: a newer version of the program has changed the schema.", name), "Run that version everywhere soon.")
	default:
		e.ok(check, name+": the schema is up to date.")
	}
	if c.WriteError != nil {
		e.fail(check, "Nothing can be written: "+c.WriteError.Error()+".", "Look at the disk, the owner of the files, and whether the server is a read-only copy.")
	} else {
		e.ok(check, "It can be written.")
	}
	for _, setting := range c.Unsafe {
		e.fail(check, "The setting "+setting+" lets acknowledged writes be lost, and used codes be used again.", "Change it in the configuration of PostgreSQL.")
	}
	switch {
	case c.Free < 0:
	case c.Free < fullDisk:
		e.fail(check, fmt.Sprintf("The disk has %d MiB left.", c.Free>>20), "Make room.")
	case c.Free < lowDisk:
		e.warn(check, fmt.Sprintf("The disk has %d MiB left.", c.Free>>20), "Make room.")
	default:
		e.ok(check, fmt.Sprintf("The disk has %.1f GiB left.", float64(c.Free)/(1<<30)))
	}
	e.clock(c)
}

func (e *examination) clock(c Condition) {
	const check, fix = "clock", "Let the machines keep time with NTP."
	now := e.Now() // not when the examination began
	if !c.Clock.IsZero() {
		switch off := now.Sub(c.Clock).Abs(); {
		case off > badlySkewed:
			e.fail(check, fmt.Sprintf("This machine's clock and the database's differ by %v.", off.Round(time.Second)), fix)
			return
		case off > skewed:
			e.warn(check, fmt.Sprintf("This machine's clock and the database's differ by %v.", off.Round(time.Second)), fix)
			return
		}
	}
	switch ahead := c.LastEvent.Sub(now); {
	case ahead > badlySkewed:
		e.fail(check, fmt.Sprintf("The newest log event is %v in the future: this clock is behind, or was ahead.", ahead.Round(time.Second)), fix)
	case ahead > skewed:
		e.warn(check, fmt.Sprintf("The newest log event is %v in the future.", ahead.Round(time.Second)), fix)
	default:
		e.ok(check, "The clock fits the database.")
	}
}

// keyAge is how long a signing key may be used before it should be changed.
const keyAge = 365 * 24 * time.Hour

func (e *examination) keys(ctx context.Context) {
	const check = "signing_keys"
	list, err := e.Keys.List(ctx)
	if err != nil {
		e.unread(check, err)
		return
	}
	has := map[string]map[tenant.KeyState]signing.Key{}
	for _, k := range list {
		if has[k.Alg] == nil {
			has[k.Alg] = map[tenant.KeyState]signing.Key{}
		}
		has[k.Alg][k.State] = k
	}
	for _, alg := range []string{signing.RS256, signing.ES256} {
		current, signs := has[alg][tenant.KeyCurrent]
		_, next := has[alg][tenant.KeyNext]
		since := current.CurrentSince
		if since.IsZero() {
			since = current.CreatedAt
		}
		age := e.now.Sub(since)
		switch {
		case !signs:
			e.fail(check, "There is no key that signs with "+alg+".", "Start the server once: it makes what is missing.")
		case !next:
			e.warn(check, alg+": there is no next key, so that a change of keys would surprise applications.", "Start the server once: it makes what is missing.")
		case age > keyAge:
			e.warn(check, fmt.Sprintf("%s: the current key has signed for %d days.", alg, int(age.Hours()/24)), `Run "doorcode keys rotate --alg `+alg+`".`)
		default:
			e.add(check, delivery.OK, fmt.Sprintf("%s: current key %d days old, next key published.", alg, max(0, int(age.Hours()/24))), "")
		}
	}
}

package attack

import (
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

const (
	// CellWait is how long a message may stay without its code being used
	// before it counts as one that nobody asked for.
	CellWait = 300 * time.Second
	// cellBlock is how long nothing is sent to a cell with too high a score.
	cellBlock = 6 * time.Hour
	// cellStep is how exactly it is known when a message was sent.
	cellStep = 30 * time.Second
	// KnownFor is how long after a sign-in a person is not counted.
	KnownFor = 90 * 24 * time.Hour

	cellRight = 1.54 // ln(.70/.15): of people 70 % use the code, of robots 15 %
	cellWrong = 1.04 // ln(.85/.30)
	cellProof = 20   // codes used before a window shrinks by one, not by half
	cellLeast = 1.0 / 3
)

// A Scope names a cell and bounds it: its first and its largest window, and the
// score above which it is blocked; 0 is never.
type Scope struct {
	Name              string
	First, Max, Score float64
}

// prefixDigits are what the numbers of one block have in common.
const prefixDigits = 7

// Scopes are the cells of a number: its first seven digits, its country, and
// the connection as a whole.
func Scopes(c tenant.ConnectionID, number, country string) []Scope {
	prefix := number[:min(len(number), 1+prefixDigits)] // after the plus
	return []Scope{
		{string(c) + "/prefix/" + prefix, 3, 60, 9.2},
		{string(c) + "/country/" + country, 10, 600, 18},
		{string(c), 60, 5000, 0},
	}
}

// A Batch is how many messages were sent in the 30 seconds from At.
type Batch struct {
	At time.Time
	N  int
}

// A Cell is what is known of the messages to some numbers. Its window grows by
// one with each code that is used and shrinks with each that is not (AIMD); its
// score is the sum of the evidence that robots ask for them (CUSUM).
type Cell struct {
	Window, Score float64
	Conversions   int
	Blocked       time.Time // until when
	Pending       []Batch   // messages whose codes may still be used, oldest first
}

// New is the cell of a scope before anything is sent.
func (s Scope) New() Cell { return Cell{Window: s.First} }

// Waiting is how many codes may still be used.
func (c *Cell) Waiting() int {
	n := 0
	for _, b := range c.Pending {
		n += b.N
	}
	return n
}

// Expire counts the messages whose time is over, at the moment that it was, and
// opens by half a cell whose block is over: to one message, of which the next
// failure blocks it again.
func (c *Cell) Expire(s Scope, now time.Time) {
	for len(c.Pending) > 0 {
		b := c.Pending[0]
		over := b.At.Add(cellStep + CellWait)
		if over.After(now) {
			break
		}
		c.reopen(s, over)
		for range b.N {
			c.fail(s, over)
		}
		c.Pending = c.Pending[1:]
	}
	c.reopen(s, now)
}

func (c *Cell) reopen(s Scope, now time.Time) {
	if !c.Blocked.IsZero() && !c.Blocked.After(now) {
		c.Blocked, c.Window, c.Score = time.Time{}, 1, min(c.Score, s.Score)
	}
}

func (c *Cell) fail(s Scope, at time.Time) {
	if c.Conversions > cellProof {
		c.Window = max(cellLeast, c.Window-1)
	} else {
		c.Window = max(cellLeast, c.Window/2)
	}
	c.Score += cellWrong
	if s.Score > 0 && c.Score > s.Score && c.Blocked.IsZero() {
		c.Blocked = at.Add(cellBlock)
	}
}

// Allows reports whether one more message may be sent. Expire comes before it.
func (c *Cell) Allows() bool { return c.Blocked.IsZero() && float64(c.Waiting()) < c.Window }

// A Verdict is what becomes of a message.
type Verdict uint8

// The verdicts. A message that is challenged is sent if whoever asks for it shows
// that they are no robot, and held back otherwise.
const (
	Open Verdict = iota
	Challenged
	Closed
)

const (
	warmCountry = 50 // codes used before people of a country are challenged, not refused
	warmPrefix  = 5  // and of a block of numbers, should it be blocked
)

// Judge says what becomes of one more message, by the cells of Scopes in their
// order. Expire comes before it. Where many codes have been used, most of those
// who ask are people: they are asked to show it.
func Judge(cells []Cell) Verdict {
	verdict := Open
	for i := range cells {
		if !cells[i].Allows() {
			verdict = Challenged
		}
	}
	if verdict == Open {
		return Open
	}
	prefix, country := &cells[0], &cells[1]
	if country.Conversions <= warmCountry || !prefix.Blocked.IsZero() && prefix.Conversions < warmPrefix {
		return Closed
	}
	return Challenged
}

// Sent counts a message.
func (c *Cell) Sent(now time.Time) {
	at := now.UTC().Truncate(cellStep)
	if n := len(c.Pending); n > 0 && !c.Pending[n-1].At.Before(at) {
		c.Pending[n-1].N++
		return
	}
	c.Pending = append(c.Pending, Batch{at, 1})
}

// Verified counts a code that was used, of a message sent at a time. Expire comes
// before it; a message that it has counted already was not what it seemed.
func (c *Cell) Verified(s Scope, sent time.Time) {
	at := sent.UTC().Truncate(cellStep)
	for i := range c.Pending {
		if c.Pending[i].At.Equal(at) {
			if c.Pending[i].N--; c.Pending[i].N == 0 {
				c.Pending = append(c.Pending[:i:i], c.Pending[i+1:]...)
			}
			break
		}
	}
	c.Window = min(s.Max, c.Window+1)
	c.Score = max(0, c.Score-cellRight)
	c.Conversions++
}

package attack

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// SMS-03: the rules by themselves.
func TestSMS03Cell(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := Scopes("con_1", "+447700900123", "GB")[0]
	if s.Name != "con_1/prefix/+4477009" {
		t.Errorf("the prefix is %s", s.Name)
	}
	c, sends, now := s.New(), 0, t0
	for ; now.Before(t0.Add(5 * time.Hour)); now = now.Add(time.Second) {
		if c.Expire(s, now); c.Allows() {
			c.Sent(now)
			sends++
		}
		if c.Waiting() > 3 {
			t.Fatalf("%d are pending", c.Waiting())
		}
	}
	if c.Blocked.IsZero() || sends != 9 {
		t.Errorf("blocked until %v after %d messages, want 9", c.Blocked, sends)
	}
	now = c.Blocked
	if c.Expire(s, now); !c.Allows() || c.Window != 1 {
		t.Errorf("after the block: %+v", c)
	}
	c.Sent(now)
	if c.Allows() {
		t.Error("half open for more than one")
	}
	again := c
	if again.Expire(s, now.Add(CellWait+cellStep)); again.Blocked.IsZero() {
		t.Error("a failure while half open does not block")
	}
	c.Verified(s, now)
	if c.Waiting() != 0 || c.Window != 2 || c.Conversions != 1 || c.Score >= s.Score {
		t.Errorf("after a code that was used: %+v", c)
	}
}

// A trial is three days of people who sign in and, from the second, an attack.
type trial struct {
	r     *rand.Rand
	cells map[string]*Cell
	due   verdicts
	sent  int // to the attacker
	asked int // by people
	first int // of whom so many were refused at first
	lost  int // and so many in the end
}

type verdict struct {
	at, sent time.Time
	scopes   []Scope
}

type verdicts []verdict

func (v verdicts) Len() int           { return len(v) }
func (v verdicts) Less(i, j int) bool { return v[i].at.Before(v[j].at) }
func (v verdicts) Swap(i, j int)      { v[i], v[j] = v[j], v[i] }
func (v *verdicts) Push(x any)        { *v = append(*v, x.(verdict)) }
func (v *verdicts) Pop() any {
	last := (*v)[len(*v)-1]
	*v = (*v)[:len(*v)-1]
	return last
}

func (w *trial) cell(s Scope, now time.Time) *Cell {
	c := w.cells[s.Name]
	if c == nil {
		n := s.New()
		c = &n
		w.cells[s.Name] = c
	}
	c.Expire(s, now)
	return c
}

// ask asks for a message to a number; used says whether its code will be, and
// passes how likely it is that whoever asks passes a challenge.
func (w *trial) ask(now time.Time, number, country string, used bool, passes float64) bool {
	for len(w.due) > 0 && !w.due[0].at.After(now) {
		v := heap.Pop(&w.due).(verdict)
		for _, s := range v.scopes {
			w.cell(s, v.at).Verified(s, v.sent)
		}
	}
	scopes := Scopes("con", number, country)
	var cells []Cell
	for _, s := range scopes {
		cells = append(cells, *w.cell(s, now))
	}
	if v := Judge(cells); v == Closed || v == Challenged && w.r.Float64() >= passes {
		return false
	}
	for _, s := range scopes {
		w.cell(s, now).Sent(now)
	}
	if used {
		heap.Push(&w.due, verdict{now.Add(time.Duration(10+w.r.IntN(50)) * time.Second), now, scopes})
	}
	return true
}

// SMS-03: the six attacks of the matrix are replayed against the rules as the
// login pages apply them: people who signed in within ninety days pass, and of
// those who are challenged, 95 % of people do and 2 % of robots. Who fails is
// shown another puzzle, and half of the people try that one. In A5 everybody new
// is challenged for two of three days: a fifth of people, of whom 5 % fail at
// first, are 0.67 % of all, and half of them give up.
func TestSMS03Traces(t *testing.T) {
	cold := func(i, prefixes int) (string, string) {
		country := i % 8
		return fmt.Sprintf("+2%d1%04d%05d", country, i/8%prefixes, i), fmt.Sprint("cold ", country)
	}
	one := func(int) (string, string) { return "+992123456789", "TJ" }
	for _, a := range []struct {
		name   string
		minute int     // messages asked for
		fake   float64 // of which the codes are used
		to     func(i int) (number, country string)
		most   int
		people float64 // refused at most
	}{
		{"none", 0, 0, nil, 0, .005},
		{"A1", 30, 0, one, 40, .005},
		{"A2", 60, 0, func(i int) (string, string) { return cold(i, 20) }, 700, .005},
		{"A3", 10, 0, func(i int) (string, string) { return fmt.Sprintf("+447999%06d", i), "GB" }, 50, .005},
		{"A4", 60, .2, func(i int) (string, string) { return cold(i, 20) }, 1300, .005},
		{"A5", 30, 0, func(i int) (string, string) { return fmt.Sprintf("+447%03d%06d", i%500, i), "GB" }, 2500, .005},
		{"A6", 30, .5, one, 2800, .005},
	} {
		for seed := range uint64(3) {
			w := trial{r: rand.New(rand.NewPCG(seed, 3)), cells: map[string]*Cell{}}
			t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			n := 0
			for sec := range 3 * 24 * 3600 {
				now := t0.Add(time.Duration(sec) * time.Second)
				if w.r.Float64() < 2000.0/86400 {
					w.asked++
					known := w.r.Float64() < .8
					number := fmt.Sprintf("+447%03d%06d", w.r.IntN(500), w.r.IntN(1e6))
					used := w.r.Float64() < .88
					if known || w.ask(now, number, "GB", used, .95) {
						continue
					}
					w.first++
					if w.r.Float64() < .5 || !w.ask(now, number, "GB", used, .95) {
						w.lost++
					}
				}
				if a.minute > 0 && sec >= 86400 && sec%(60/a.minute) == 0 {
					number, country := a.to(n)
					if n++; w.ask(now, number, country, w.r.Float64() < a.fake, .02) {
						w.sent++
					}
				}
			}
			lost := float64(w.lost) / float64(w.asked)
			t.Logf("%s, seed %d: of %d messages %d were sent; of %d people %.2f %% were refused at first and %.2f %% in the end",
				a.name, seed, n, w.sent, w.asked, 100*float64(w.first)/float64(w.asked), 100*lost)
			if w.sent > a.most || lost > a.people {
				t.Errorf("%s: %d messages, want at most %d; %.4f of people refused, want at most %.4f", a.name, w.sent, a.most, lost, a.people)
			}
		}
	}
}

// A message that finds no room is challenged where many codes have been used, and
// held back elsewhere, and in a block of numbers that is blocked.
func TestSMS06Judge(t *testing.T) {
	full := Cell{Pending: []Batch{{N: 9}}}
	blocked := Cell{Blocked: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	with := func(c Cell, conversions int) Cell {
		c.Conversions = conversions
		return c
	}
	open := Cell{Window: 1}
	for name, test := range map[string]struct {
		prefix, country, all Cell
		want                 Verdict
	}{
		"room in all":                         {open, open, open, Open},
		"cold country":                        {open, with(full, 50), open, Closed},
		"warm country":                        {open, with(full, 51), open, Challenged},
		"warm country, full block":            {full, with(open, 51), open, Challenged},
		"warm country, full connection":       {open, with(open, 51), full, Challenged},
		"warm country, new block is blocked":  {with(blocked, 4), with(open, 51), open, Closed},
		"warm country, known block is so too": {with(blocked, 5), with(open, 51), open, Challenged},
		"cold country, full block":            {full, with(open, 50), open, Closed},
	} {
		if got := Judge([]Cell{test.prefix, test.country, test.all}); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

package delivery

import (
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// lanes share attempts and memory among connections, so that one whose provider
// is slow cannot take all there is.
//
// A lane may begin an attempt while it runs fewer than three times as many as
// there would be free, and hold a message while it holds fewer than there is
// room for. Whatever a lane does, something is therefore left for the next: of
// 64 attempts one lane alone takes 48, two take 27 each, and so on. (Choudhury
// and Hahne's dynamic thresholds, from the buffers of switches.)
type lanes struct {
	byID    map[tenant.ConnectionID]*lane
	waiting int
	running int
}

// lane is the messages of one connection. A connection has one account at one
// provider.
type lane struct {
	waiting []*job
	running int
}

// share is how many times what is free a lane may run.
const share = 3

// add puts the message at the end of its lane, unless that has no room.
func (ls *lanes) add(j *job, capacity int) bool {
	l := ls.byID[j.m.Connection]
	if l == nil {
		l = &lane{}
	}
	if len(l.waiting) >= capacity-ls.waiting {
		return false
	}
	if ls.byID == nil {
		ls.byID = map[tenant.ConnectionID]*lane{}
	}
	ls.byID[j.m.Connection] = l
	l.waiting = append(l.waiting, j)
	ls.waiting++
	return true
}

// next takes the message whose attempt is to begin, or nil. Lanes that run the
// least come first.
func (ls *lanes) next(capacity int) *job {
	var best *lane
	free := capacity - ls.running
	for _, l := range ls.byID {
		if len(l.waiting) == 0 || l.running >= share*free || best != nil && best.running <= l.running {
			continue
		}
		best = l
	}
	if best == nil {
		return nil
	}
	j := best.waiting[0]
	best.waiting[0] = nil
	best.waiting = best.waiting[1:]
	best.running++
	ls.waiting--
	ls.running++
	return j
}

// done ends the attempt that next began.
func (ls *lanes) done(j *job) {
	l := ls.byID[j.m.Connection]
	l.running--
	ls.running--
	if l.running == 0 && len(l.waiting) == 0 {
		delete(ls.byID, j.m.Connection)
	}
}

// stale takes out the messages whose lease ends before t.
func (ls *lanes) stale(t time.Time) []*job {
	var out []*job
	for id, l := range ls.byID {
		l.waiting = slices.DeleteFunc(l.waiting, func(j *job) bool {
			old := j.m.LeaseUntil.Before(t)
			if old {
				out = append(out, j)
			}
			return old
		})
		if l.running == 0 && len(l.waiting) == 0 {
			delete(ls.byID, id)
		}
	}
	ls.waiting -= len(out)
	return out
}

// drain takes out everything that waits.
func (ls *lanes) drain() []*job {
	var out []*job
	for id, l := range ls.byID {
		out = append(out, l.waiting...)
		l.waiting = nil
		if l.running == 0 {
			delete(ls.byID, id)
		}
	}
	ls.waiting = 0
	return out
}

// room returns how many more messages fit, and the lanes that have enough.
func (ls *lanes) room(capacity int) (n int, full []tenant.ConnectionID) {
	n = capacity - ls.waiting
	for id, l := range ls.byID {
		if len(l.waiting) >= min(claimAtOnce, n/2) {
			full = append(full, id)
		}
	}
	slices.Sort(full)
	return n, full
}

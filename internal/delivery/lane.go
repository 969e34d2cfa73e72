package delivery

import (
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// lanes share attempts and memory among accounts, so that one whose provider is
// slow cannot take all there is.
//
// A lane may begin an attempt while it runs fewer than three times as many as
// there would be free, and hold a message while it holds fewer than there is
// room for. Whatever a lane does, something is therefore left for the next.
// (Choudhury and Hahne's dynamic thresholds, from the buffers of switches.)
type lanes struct {
	byKey map[laneKey]*lane
	// accounts are those of the connections through which something was sent.
	accounts map[tenant.ConnectionID]string
	waiting  int
	running  int
}

// laneKey names a lane: the account, once an attempt has shown which that is,
// and until then the connection.
type laneKey struct {
	account    string
	connection tenant.ConnectionID
}

// lane is the messages of one account.
type lane struct {
	key     laneKey
	waiting []*job
	running int
	// more says that the lane had enough when the store was last asked, where
	// there may be more for it.
	more bool
}

const (
	// share is how many times what is free a lane may run.
	share = 3
	// most is how many attempts run at once at one account, and mostMail the
	// same where it is a mail server: those allow few conversations.
	most     = 128
	mostMail = 32
	// low is when a lane for which there may be more in the store is filled up.
	low = claimAtOnce / 2
)

// learn notes which account a connection has. Its lane becomes the account's.
func (ls *lanes) learn(c tenant.ConnectionID, account string) {
	if ls.accounts[c] == account {
		return
	}
	old := ls.byKey[ls.key(c)]
	if ls.accounts == nil {
		ls.accounts = map[tenant.ConnectionID]string{}
	}
	ls.accounts[c] = account
	if old == nil || old.key.connection == "" {
		return // it was another account's, which has messages of others too
	}
	delete(ls.byKey, old.key)
	key := ls.key(c)
	if l := ls.byKey[key]; l != nil {
		for _, j := range old.waiting {
			j.lane = l
		}
		l.waiting = append(l.waiting, old.waiting...)
		old.waiting = nil
		return // what it runs comes to its end
	}
	old.key = key
	ls.byKey[key] = old
}

// key is the lane of the connection's messages.
func (ls *lanes) key(c tenant.ConnectionID) laneKey {
	if account, ok := ls.accounts[c]; ok {
		return laneKey{account: account}
	}
	return laneKey{connection: c}
}

// full reports whether the lane may begin nothing more just now.
func (l *lane) full(free int) bool {
	limit := most
	if l.waiting[0].m.Channel == tenant.Email {
		limit = mostMail
	}
	return l.running >= min(limit, share*free)
}

// add puts the message at the end of its lane, unless that has no room.
func (ls *lanes) add(j *job, capacity int) bool {
	key := ls.key(j.m.Connection)
	l := ls.byKey[key]
	if l == nil {
		l = &lane{key: key}
	}
	if len(l.waiting) >= capacity-ls.waiting {
		return false
	}
	if ls.byKey == nil {
		ls.byKey = map[laneKey]*lane{}
	}
	ls.byKey[key], j.lane = l, l
	l.waiting = append(l.waiting, j)
	ls.waiting++
	return true
}

// next takes the message whose attempt is to begin, or nil. Lanes that run the
// least come first.
func (ls *lanes) next(capacity int) *job {
	var best *lane
	free := capacity - ls.running
	for _, l := range ls.byKey {
		if len(l.waiting) == 0 || l.full(free) || best != nil && best.running <= l.running {
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
	l := j.lane
	l.running--
	ls.running--
	if l.running == 0 && len(l.waiting) == 0 && ls.byKey[l.key] == l {
		delete(ls.byKey, l.key)
	}
}

// runsLow reports whether it is time to look in the store for more for the lane.
// It does so once.
func (l *lane) runsLow() bool {
	if !l.more || len(l.waiting) >= low {
		return false
	}
	l.more = false
	return true
}

// stale takes out the messages whose lease ends before t.
func (ls *lanes) stale(t time.Time) []*job {
	var out []*job
	for key, l := range ls.byKey {
		l.waiting = slices.DeleteFunc(l.waiting, func(j *job) bool {
			old := j.m.LeaseUntil.Before(t)
			if old {
				out = append(out, j)
			}
			return old
		})
		if l.running == 0 && len(l.waiting) == 0 {
			delete(ls.byKey, key)
		}
	}
	ls.waiting -= len(out)
	return out
}

// drain takes out everything that waits.
func (ls *lanes) drain() []*job {
	var out []*job
	for key, l := range ls.byKey {
		out = append(out, l.waiting...)
		l.waiting = nil
		if l.running == 0 {
			delete(ls.byKey, key)
		}
	}
	ls.waiting = 0
	return out
}

// room returns how many more messages fit, and the connections whose lanes have
// enough.
func (ls *lanes) room(capacity int) (n int, full []tenant.ConnectionID) {
	n = capacity - ls.waiting
	enough := func(l *lane) bool { return l != nil && len(l.waiting) >= min(claimAtOnce, n/2) }
	for c, account := range ls.accounts {
		if enough(ls.byKey[laneKey{account: account}]) {
			full = append(full, c)
		}
	}
	for key, l := range ls.byKey {
		l.more = enough(l) && len(l.waiting) >= low
		if key.connection != "" && enough(l) {
			full = append(full, key.connection)
		}
	}
	slices.Sort(full)
	return n, slices.Compact(full)
}

package kills

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// What is known of a request that may be made once.
type known int

const (
	not      known = iota // not made
	unknown               // made, and the answer was lost
	answered              // made and answered
)

// A login is what one person has done and been told.
type login struct {
	mu           sync.Mutex
	tag          string // the language of the message, by which it is found
	to           string
	acknowledged bool // the start
	code         string
	began        time.Time
	use          known
	refresh      string
	refreshed    known // answered: refresh is the newest
}

func (l *login) set(fn func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn()
}

// A journal is everything that was asked and answered.
type journal struct {
	mu       sync.Mutex
	logins   []*login
	old      int // how many of them takeNew has returned
	underWay *sync.WaitGroup
}

func (j *journal) add(to string) *login {
	j.mu.Lock()
	defer j.mu.Unlock()
	l := &login{tag: fmt.Sprintf("x-%d", len(j.logins)), to: to, began: time.Now()}
	j.logins = append(j.logins, l)
	return l
}

// takeNew returns the logins since the last call.
func (j *journal) takeNew() []*login {
	j.mu.Lock()
	defer j.mu.Unlock()
	fresh := j.logins[j.old:]
	j.old = len(j.logins)
	return fresh
}

func (j *journal) count(is func(l *login) bool) (n int) {
	for _, l := range j.logins {
		if is(l) {
			n++
		}
	}
	return n
}

func (j *journal) acknowledged() int {
	return j.count(func(l *login) bool { return l.acknowledged })
}

func (j *journal) used() int {
	return j.count(func(l *login) bool { return l.use == answered })
}

// leases is how long the messages that a killed process had in hand stay out of
// reach of others, with time to spare.
const leases = 90 * time.Second

// settle waits until every acknowledged start has an end, and returns how many
// have which.
func (k *killer) settle() map[string]int {
	deadline := time.Now().Add(leases)
	for {
		found := k.messages()
		ends, open, lost := map[string]int{}, 0, 0
		for _, l := range k.journal.logins {
			state, ok := found[l.tag]
			switch {
			case !ok && l.acknowledged:
				lost++
			case ok && !ended(state):
				open++
			case ok && l.acknowledged:
				ends[state]++
			}
		}
		if lost > 0 {
			k.Errorf("%d acknowledged starts have no message", lost)
			return ends
		}
		if open == 0 {
			return ends
		}
		if time.Now().After(deadline) {
			k.Errorf("%d messages have no end %v after the last kill", open, leases)
			return ends
		}
		time.Sleep(time.Second)
	}
}

// ended reports whether nothing more is to be done about a message.
func ended(state string) bool {
	switch state {
	case "accepted", "sent", "delivered", "undelivered", "failed", "expired", "suppressed", "used":
		return true
	}
	return false
}

// messages reads the state of every message, by the login's tag.
func (k *killer) messages() map[string]string {
	manager := k.server.Manage(k.Context())
	states := map[string]string{}
	from := ""
	for {
		var page struct {
			Messages []struct {
				Language string `json:"language"`
				State    string `json:"state"`
			} `json:"messages"`
			Next string `json:"next"`
		}
		path := "/api/doorcode/v1/messages?take=100"
		if from != "" {
			path += "&from=" + url.QueryEscape(from)
		}
		manager.Must(k.Context(), http.MethodGet, path, nil, &page)
		for _, m := range page.Messages {
			states[m.Language] = m.State
		}
		if page.Next == "" || len(page.Messages) == 0 {
			return states
		}
		from = page.Next
	}
}

// useLateCodes uses codes that were not used so far, also those that came late
// because their process was killed. Codes live three minutes.
func (k *killer) useLateCodes() {
	const live = 2 * time.Minute
	tried := 0
	for _, l := range k.journal.logins {
		if l.use != not || tried >= 200 {
			continue
		}
		if l.code == "" {
			arrived := k.inbox.To(l.to)
			if len(arrived) == 0 {
				continue
			}
			l.code = arrived[0].Code
		}
		if m := k.inbox.To(l.to); m[0].Code != m[len(m)-1].Code {
			k.Errorf("one start sent two different codes")
		}
		if time.Since(l.began) > live {
			continue
		}
		tried++
		a := k.app.Token(k.Context(), binary.Code{To: l.to, Code: l.code, Scope: "-"})
		if !a.OK() {
			k.Errorf("a code that had arrived was refused after the kills: %v", a)
		}
		k.mustBeUsed(l)
	}
	k.Logf("%d codes were used after the last kill", tried)
}

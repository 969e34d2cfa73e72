package manage

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The bounds of the story of one sign-in: a code lives ten minutes, and an
// application fetches its tokens at once.
const (
	storyGap   = 15 * time.Minute // between one event and the next
	storyReach = time.Hour        // to both sides of an event
	storySize  = 100
)

// Stories sorts events, which come in any order, into those that belong to one
// sign-in each. Stories are in the order of their last event, newest first; the
// events of one are in the order they happened in.
//
// No event carries an id of the sign-in, since most ways of signing in have none:
// an application asks for a code in one request and brings it in another. So
// events belong together that are steps of a sign-in, of the same person, for the
// same application or none, with no more than 15 minutes between one and the
// next. A code that is sent after a success begins the next story, and so does a
// second success of the same type. Every other event is a story of its own.
//
// The events must be of one person.
func Stories(events []tenant.LogEvent) [][]tenant.LogEvent {
	events = slices.Clone(events)
	rank := map[string]int{}
	for i, w := range event.Types() {
		rank[w.Type] = i
	}
	slices.SortFunc(events, func(a, b tenant.LogEvent) int {
		// Those of one moment have ids in any order.
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(rank[a.Type], rank[b.Type]), cmp.Compare(a.ID, b.ID))
	})
	var all []*story
	for _, e := range events {
		if !event.Tell(e.Type).Step {
			all = append(all, &story{events: []tenant.LogEvent{e}, whole: true})
			continue
		}
		var to *story
		for _, s := range slices.Backward(all) {
			if s.takes(&e) {
				to = s
				break
			}
		}
		if to == nil {
			to = &story{}
			all = append(all, to)
		}
		to.add(e)
	}
	slices.SortStableFunc(all, func(a, b *story) int { return cmp.Compare(b.last().ID, a.last().ID) })
	out := make([][]tenant.LogEvent, len(all))
	for i, s := range all {
		out[i] = s.events
	}
	return out
}

// A story is the steps of one sign-in so far.
type story struct {
	events []tenant.LogEvent
	client tenant.ClientID
	done   bool // somebody is signed in
	whole  bool // takes no more
}

func (s *story) last() *tenant.LogEvent { return &s.events[len(s.events)-1] }

// takes reports whether an event goes on with the story.
func (s *story) takes(e *tenant.LogEvent) bool {
	switch {
	case s.whole, e.At.Sub(s.last().At) > storyGap, s.client != "" && e.Client != "" && s.client != e.Client:
		return false
	case !s.done:
		return true
	case event.Tell(e.Type).Kind != event.Good:
		return false
	}
	return !slices.ContainsFunc(s.events, func(o tenant.LogEvent) bool { return o.Type == e.Type })
}

func (s *story) add(e tenant.LogEvent) {
	s.events = append(s.events, e)
	if s.client == "" {
		s.client = e.Client
	}
	s.done = s.done || event.Tell(e.Type).Kind == event.Good
}

// Story returns an event and the sign-in that it is a step of, in order; of an
// event that is no step, or of nobody, the event alone. The fault is ErrLog if
// there is no such event.
func (s *Service) Story(ctx context.Context, id string) (tenant.LogEvent, []tenant.LogEvent, error) {
	e, err := s.Log(ctx, id)
	if err != nil {
		return e, nil, err
	}
	alone := []tenant.LogEvent{e}
	if !event.Tell(e.Type).Step || e.User == "" && e.UserName == "" {
		return e, alone, nil
	}
	people, err := s.sameSignIn(ctx, &e)
	if err != nil {
		return e, nil, err
	}
	found, err := s.Logs.SearchLogs(ctx, LogSearch{
		People: people, From: e.At.Add(-storyReach), To: e.At.Add(storyReach), Limit: storySize, Reach: nearReach,
	})
	if err != nil {
		return e, nil, err
	}
	for _, one := range Stories(found.Items) {
		if slices.ContainsFunc(one, func(o tenant.LogEvent) bool { return o.ID == id }) {
			return e, one, nil
		}
	}
	return e, alone, nil
}

// sameSignIn is who an event is of: by the user, and by the numbers and addresses
// that stand in what failed.
func (s *Service) sameSignIn(ctx context.Context, e *tenant.LogEvent) ([]LogPerson, error) {
	people := []LogPerson{{User: e.User, Identifier: e.UserName}}
	if e.User != "" {
		u, err := s.User(ctx, e.User)
		if fault.Has(err, fault.NotFound) {
			return people, nil // somebody who was deleted
		}
		if err != nil {
			return nil, err
		}
		return peopleOf(u), nil
	}
	all := UserSearch{Exact: []string{e.UserName}, Limit: 2}
	if e.ConnectionID != "" {
		all.Connections = []tenant.ConnectionID{e.ConnectionID}
	}
	found, err := s.Users.SearchUsers(ctx, all)
	if err != nil {
		return nil, err
	}
	for _, u := range found.Items {
		people = append(people, LogPerson{User: u.ID})
	}
	return people, nil
}

// peopleOf are the ways to all events of a user.
func peopleOf(u *tenant.User) []LogPerson {
	people := []LogPerson{{User: u.ID}}
	for _, i := range u.Identities {
		people = append(people, LogPerson{Identifier: i.Identifier})
	}
	return people
}

// UserHistory returns what happened to a user, newest first, sorted into stories.
// Next is the id that the rest is before, or empty. A story that is cut off by the
// page goes on on the next.
func (s *Service) UserHistory(ctx context.Context, u *tenant.User, before string, n int) (stories [][]tenant.LogEvent, next string, err error) {
	if before != "" && !isLogID(before) {
		return nil, "", ErrLog
	}
	found, err := s.Logs.SearchLogs(ctx, LogSearch{People: peopleOf(u), Before: before, Limit: n, Reach: n + 1})
	if err != nil {
		return nil, "", err
	}
	return Stories(found.Items), found.Next, nil
}

// UserMessages returns the newest messages to a user, newest first, as far back as
// the n newest starts of theirs in the log.
func (s *Service) UserMessages(ctx context.Context, u *tenant.User, n int) ([]tenant.Message, error) {
	found, err := s.Logs.SearchLogs(ctx, LogSearch{
		Types: []string{event.CodeSent, event.CodeLinkSent}, People: peopleOf(u), Limit: n, Reach: nearReach,
	})
	if err != nil {
		return nil, err
	}
	var list []tenant.Message
	seen := map[string]bool{}
	for _, e := range found.Items {
		id, _ := e.Details["message_id"].(string)
		if id == "" || seen[id] {
			continue
		}
		seen[id] = true
		m, err := s.Message(ctx, id)
		if fault.Has(err, fault.NotFound) {
			continue // it is not kept any more
		}
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

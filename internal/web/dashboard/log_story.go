package dashboard

import (
	"slices"
	"strconv"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A toldStory is a sign-in, or an event of its own, in plain words.
type toldStory struct {
	Title  string
	Where  string // the application, and what it was by
	Good   bool
	Bad    bool
	At     time.Time
	Events []toldEvent
}

// A toldEvent is a step of one.
type toldEvent struct {
	ID, Address string
	Words       event.Words
	What        string
	At          time.Time
	Clock       string
	IP          string
	Good, Bad   bool
}

// tell puts a story into words.
func tell(story []tenant.LogEvent) toldStory {
	s := toldStory{At: story[len(story)-1].At}
	wrong, last := 0, event.Words{}
	var types []string
	for i := range story {
		e := &story[i]
		w := event.Tell(e.Type)
		bad := w.Kind == event.Bad || w.Kind == event.Stopped
		s.Events = append(s.Events, toldEvent{
			ID: e.ID, Address: pathLogs + "/" + e.ID, Words: w, What: e.Description, At: e.At, Clock: e.At.UTC().Format("15:04:05.000"), IP: e.IP,
			Good: w.Kind == event.Good, Bad: bad,
		})
		types = append(types, e.Type)
		last = w
		if e.Type == event.ExchangeOTPFailed || e.Type == event.CrossOriginFailed {
			wrong++
		}
		if s.Where == "" {
			s.Where = whereOf(e)
		}
	}
	has := func(list ...string) bool {
		return slices.ContainsFunc(list, func(t string) bool { return slices.Contains(types, t) })
	}
	switch {
	case !last.Step:
		s.Title, s.Good, s.Bad = last.Name, last.Kind == event.Good, last.Kind == event.Bad || last.Kind == event.Stopped
	case has(event.Login, event.CrossOrigin, event.ExchangePasswordless, event.ExchangeDevice):
		s.Title, s.Good = "Signed in", true
		if has(event.SignUp) {
			s.Title = "Signed in for the first time"
		}
	case has(event.TooManyTries, event.TooManyFailures):
		s.Title, s.Bad = "Held back by a limit", true
	case has(event.NotificationFailed):
		s.Title, s.Bad = "The message could not be delivered", true
	case wrong > 0:
		s.Title, s.Bad = "Not signed in", true
	case has(event.CodeSent, event.CodeLinkSent) && len(story) == 1:
		s.Title = "A code was sent and not used"
	default:
		s.Title, s.Good, s.Bad = last.Name, last.Kind == event.Good, last.Kind == event.Bad || last.Kind == event.Stopped
	}
	switch wrong {
	case 0:
	case 1:
		s.Title += ", after 1 wrong code"
	default:
		s.Title += ", after " + strconv.Itoa(wrong) + " wrong codes"
	}
	return s
}

func whereOf(e *tenant.LogEvent) string {
	switch {
	case e.ClientName != "" && e.Connection != "":
		return e.ClientName + ", by " + e.Connection
	case e.ClientName != "":
		return e.ClientName
	}
	return e.Connection
}

package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// ErrSession is the fault of a session that there is not, or not any more.
var ErrSession = fault.New(fault.NotFound, "inexistent_session", "The session does not exist.")

// Sessions keeps the browsers that people are signed in in. Sessions that have
// ended are not there.
type Sessions interface {
	// Session returns a session with its applications.
	Session(ctx context.Context, now time.Time, id string) (*tenant.Session, error)
	// UserSessions returns a user's sessions, each with its applications, in
	// the order they began in.
	UserSessions(ctx context.Context, now time.Time, user tenant.UserID, w Window) (List[*tenant.Session], error)
	// EndSessions ends sessions and stores the event if there were any, in one
	// transaction. It returns how many there were.
	EndSessions(ctx context.Context, e EndSessions) (int64, error)
}

// EndSessions is what Sessions.EndSessions is given: one session by its id, or
// all of a user.
type EndSessions struct {
	Now    time.Time
	ID     string
	User   tenant.UserID
	Tokens bool // and ends what was granted by them
	Event  tenant.LogEvent
}

// Session returns a session. The fault is ErrSession if there is none.
func (s *Service) Session(ctx context.Context, id string) (*tenant.Session, error) {
	have, err := s.Sessions.Session(ctx, s.Now(), id)
	return have, as(err, ErrSession)
}

// UserSessions returns the sessions of a user. The fault is ErrUser if there is
// no such user.
func (s *Service) UserSessions(ctx context.Context, user tenant.UserID, w Window) (List[*tenant.Session], error) {
	if err := checkReach(w); err != nil {
		return List[*tenant.Session]{}, err
	}
	if _, err := s.User(ctx, user); err != nil {
		return List[*tenant.Session]{}, err
	}
	return s.Sessions.UserSessions(ctx, s.Now(), user, w)
}

// EndSession ends a session, if there is one. What applications were given by it
// goes on (Auth0).
func (s *Service) EndSession(ctx context.Context, by Actor, id string) error {
	_, err := s.Sessions.EndSessions(ctx, EndSessions{
		Now: s.Now(), ID: id, Event: s.record(by, outcome{what: "Delete a session", status: http.StatusAccepted}),
	})
	return err
}

// RevokeSession ends a session with all that was granted by it. The fault is
// ErrSession if there is none.
func (s *Service) RevokeSession(ctx context.Context, by Actor, id string) error {
	n, err := s.Sessions.EndSessions(ctx, EndSessions{
		Now: s.Now(), ID: id, Tokens: true,
		Event: s.record(by, outcome{what: "Revoke a session", status: http.StatusAccepted, before: map[string]any{"session_id": id}}),
	})
	if err == nil && n == 0 {
		return ErrSession
	}
	return err
}

// EndUserSessions ends all sessions of a user. The fault is ErrUser if there is
// no such user.
func (s *Service) EndUserSessions(ctx context.Context, by Actor, user tenant.UserID) error {
	if _, err := s.User(ctx, user); err != nil {
		return err
	}
	_, err := s.Sessions.EndSessions(ctx, EndSessions{
		Now: s.Now(), User: user, Event: s.record(by, outcome{what: "Delete a user's sessions", status: http.StatusAccepted}),
	})
	return err
}

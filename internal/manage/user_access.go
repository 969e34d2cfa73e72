package manage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Holdings are what a user has that ends with them: in numbers.
type Holdings struct {
	Sessions int64 // browsers that are signed in
	Tokens   int64 // what applications were granted
}

// SignOutUser is what Users.SignOutUser is given.
type SignOutUser struct {
	ID    tenant.UserID
	Now   time.Time
	Event func(Holdings) tenant.LogEvent
}

// Holdings counts the sessions of a user and the refresh tokens that can still be
// used.
func (s *Service) Holdings(ctx context.Context, id tenant.UserID) (Holdings, error) {
	sessions, err := s.Sessions.UserSessions(ctx, s.Now(), id, Window{Limit: 1, Count: true})
	if err != nil {
		return Holdings{}, err
	}
	devices, err := s.Devices.DeviceCredentials(ctx, DeviceQuery{Now: s.Now(), User: id}, Window{Limit: 1, Count: true})
	return Holdings{Sessions: int64(sessions.Total), Tokens: int64(devices.Total)}, err
}

// SignOutUser signs a user out everywhere: their sessions end, and so does all
// that applications were granted. The fault is ErrUser if there is none.
func (s *Service) SignOutUser(ctx context.Context, by Actor, id tenant.UserID) (Holdings, error) {
	if id == "" || len(id) > maxUserID {
		return Holdings{}, ErrUser
	}
	had, err := s.Users.SignOutUser(ctx, SignOutUser{ID: id, Now: s.Now(), Event: func(had Holdings) tenant.LogEvent {
		e := s.record(by, outcome{what: "Sign a user out everywhere", status: http.StatusOK, body: map[string]any{
			"user_id": id, "sessions": had.Sessions, "grants": had.Tokens,
		}})
		e.User = id
		return e
	}})
	return had, as(err, ErrUser)
}

// maxRevealed is how many users are revealed at once: those of a page.
const maxRevealed = 100

// Reveal notes that an administrator was shown the numbers and addresses of
// users, or those in an event of the log. They are to be shown only if it returns
// no error.
func (s *Service) Reveal(ctx context.Context, by Actor, users []tenant.UserID, logID string) error {
	if len(users) > maxRevealed {
		return settings.Invalid("", "Too many users at once")
	}
	body := map[string]any{"user_ids": users}
	if logID != "" {
		body = map[string]any{"log_id": logID}
	}
	e := s.entry(event.ManagementSecret, by, outcome{what: "Reveal numbers and addresses", status: http.StatusOK, body: body})
	if len(users) == 1 {
		e.User = users[0]
	}
	if err := s.Logs.AddLogs(ctx, e); err != nil {
		return fmt.Errorf("log what is revealed: %w", err)
	}
	return nil
}

// Metadata are both kinds of a user's metadata, as JSON objects.
type Metadata struct {
	User, App string
	// Was is the Mark of the metadata that they take the place of.
	Was string
}

// MetadataOf returns the metadata of a user, written for people.
func MetadataOf(u *tenant.User) Metadata {
	return Metadata{User: indented(u.UserMetadata), App: indented(u.AppMetadata), Was: mark(u)}
}

func indented(m map[string]any) string {
	if len(m) == 0 {
		return "{}"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return "{}" // they came from JSON
	}
	return strings.TrimSpace(b.String())
}

// mark tells the metadata of a user from what they were before.
func mark(u *tenant.User) string {
	sum := sha256.Sum256([]byte(indented(u.UserMetadata) + "\x00" + indented(u.AppMetadata)))
	return hex.EncodeToString(sum[:16])
}

// SetMetadata replaces the metadata of a user as a whole. The fault is ErrStale
// if they are not any more what they were, and ErrUser if there is no such user.
func (s *Service) SetMetadata(ctx context.Context, by Actor, id tenant.UserID, m Metadata) error {
	if id == "" || len(id) > maxUserID {
		return ErrUser
	}
	wanted, err := settings.NewMetadata(m.User, m.App)
	if err != nil {
		return err
	}
	_, err = s.Users.ChangeUser(ctx, UserChange{ID: id, Now: s.Now(), Change: func(u *tenant.User) (*Move, []tenant.LogEvent, error) {
		if mark(u) != m.Was {
			return nil, nil, ErrStale
		}
		before := metadataNames(u)
		u.UserMetadata, u.AppMetadata, u.UpdatedAt = wanted.User, wanted.App, s.Now()
		e := s.record(by, outcome{what: "Update a User", status: http.StatusOK, before: before, after: metadataNames(u), body: map[string]any{
			"user_id": u.ID, "changed": "user_metadata, app_metadata",
		}})
		e.User, e.Test = u.ID, u.Test
		return nil, []tenant.LogEvent{e}, nil
	}})
	return as(err, ErrUser)
}

// metadataNames are the names in the metadata of a user, for the log. What stands
// under them is the person's own.
func metadataNames(u *tenant.User) map[string]any {
	names := func(m map[string]any) []string { return slices.AppendSeq([]string{}, maps.Keys(m)) }
	user, app := names(u.UserMetadata), names(u.AppMetadata)
	slices.Sort(user)
	slices.Sort(app)
	return map[string]any{"user_metadata": user, "app_metadata": app}
}

// SetBlocked blocks a user or lets them in again. The fault is ErrUser if there
// is none.
func (s *Service) SetBlocked(ctx context.Context, by Actor, id tenant.UserID, blocked bool) error {
	raw := fmt.Appendf(nil, `{"blocked":%t}`, blocked)
	body, err := settings.ParseObject(raw)
	if err != nil {
		return fmt.Errorf("write change: %w", err)
	}
	wanted, err := settings.ChangeUser(body)
	if err != nil {
		return err
	}
	by.Body = raw
	_, err = s.ChangeUser(ctx, by, id, wanted)
	return err
}

// EndUserSession ends one session of a user with what was granted by it. The
// fault is ErrSession if it is not theirs.
func (s *Service) EndUserSession(ctx context.Context, by Actor, user tenant.UserID, id string) error {
	have, err := s.Session(ctx, id)
	if err != nil {
		return err
	}
	if have.User != user {
		return ErrSession
	}
	return s.RevokeSession(ctx, by, id)
}

// EndUserDevice ends one refresh token of a user. The fault is ErrSession if it is
// not theirs.
func (s *Service) EndUserDevice(ctx context.Context, by Actor, user tenant.UserID, grant string) error {
	list, err := s.Devices.DeviceCredentials(ctx, DeviceQuery{Now: s.Now(), User: user}, Window{Limit: maxReach})
	if err != nil {
		return err
	}
	for _, d := range list.Items {
		if d.ID == grant {
			return s.RevokeDevice(ctx, by, grant)
		}
	}
	return ErrSession
}

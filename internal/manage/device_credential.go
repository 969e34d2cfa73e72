package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// Devices keeps refresh tokens by what they are for. Those that can be used no
// more are not there.
type Devices interface {
	// DeviceCredentials returns them in the order they were given in.
	DeviceCredentials(ctx context.Context, q DeviceQuery, w Window) (List[tenant.DeviceCredential], error)
	// RevokeGrant ends a grant and stores the event if there was one, in one
	// transaction.
	RevokeGrant(ctx context.Context, now time.Time, id string, e tenant.LogEvent) error
}

// A DeviceQuery says which device credentials are asked for. Empty fields stand
// for all.
type DeviceQuery struct {
	Now    time.Time
	User   tenant.UserID
	Client tenant.ClientID
	// Rotating, if it is not nil, asks for those that are replaced with each
	// use, or for those that are not.
	Rotating *bool
}

// DeviceCredentials lists refresh tokens.
func (s *Service) DeviceCredentials(ctx context.Context, q DeviceQuery, w Window) (List[tenant.DeviceCredential], error) {
	if err := checkReach(w); err != nil {
		return List[tenant.DeviceCredential]{}, err
	}
	q.Now = s.Now()
	return s.Devices.DeviceCredentials(ctx, q, w)
}

// RevokeDevice ends a refresh token and all that was granted with it. It is no
// error if there is none (Auth0).
func (s *Service) RevokeDevice(ctx context.Context, by Actor, grant string) error {
	return s.Devices.RevokeGrant(ctx, s.Now(), grant, s.record(by, outcome{
		what: "Delete a device credential", status: http.StatusNoContent, before: map[string]any{"id": grant},
	}))
}

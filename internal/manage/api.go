package manage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// ListAPIs returns APIs with one of the identifiers, or all, in the order of
// creation.
func (s *Service) ListAPIs(ctx context.Context, identifiers []string, w Window) (List[*tenant.API], error) {
	all, err := s.APIs.AllAPIs(ctx)
	if err != nil {
		return List[*tenant.API]{}, err
	}
	if len(identifiers) > 0 {
		all = slices.DeleteFunc(all, func(a *tenant.API) bool { return !slices.Contains(identifiers, a.Identifier) })
	}
	return cut(all, w, func(a *tenant.API) Place { return Place{a.CreatedAt, a.ID} }), nil
}

// API returns an API by its id or identifier. The fault is ErrAPI if there is
// none.
func (s *Service) API(ctx context.Context, id string) (*tenant.API, error) {
	all, err := s.APIs.AllAPIs(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.ID == id || a.Identifier == id {
			return a, nil
		}
	}
	return nil, ErrAPI
}

// CreateAPI creates the API that a body describes.
func (s *Service) CreateAPI(ctx context.Context, by Actor, body *settings.Object) (*tenant.API, error) {
	a, err := settings.NewAPI(secret.Hex(12), body)
	if err != nil {
		return nil, err
	}
	if slices.Contains(s.Management, a.Identifier) || a.Identifier == s.ManagementAudience {
		return nil, ErrIdentifier
	}
	a.CreatedAt = s.Now()
	a.UpdatedAt = a.CreatedAt
	doc, err := settings.ParseObject(a.Doc)
	if err != nil {
		return nil, err
	}
	e := s.record(by, outcome{what: "Create a resource server", status: http.StatusCreated, body: doc})
	if err := s.APIs.CreateAPI(ctx, a, e); err != nil {
		return nil, err
	}
	return &a, nil
}

// ChangeAPI changes an API, found by its id or identifier, as a patch asks.
func (s *Service) ChangeAPI(ctx context.Context, by Actor, id string, p Patch) (*tenant.API, error) {
	found, err := s.API(ctx, id)
	if err != nil {
		return nil, err
	}
	var after tenant.API
	err = s.APIs.ChangeAPI(ctx, found.ID, func(a *tenant.API) (tenant.LogEvent, error) {
		if a.Managed {
			return tenant.LogEvent{}, ErrManaged
		}
		if p.outdated(a.UpdatedAt) {
			return tenant.LogEvent{}, ErrStale
		}
		before, err := settings.ParseObject(a.Doc)
		if err != nil {
			return tenant.LogEvent{}, err
		}
		changed, err := settings.ChangeAPI(a, p.Body)
		if err != nil {
			return tenant.LogEvent{}, err
		}
		changed.CreatedAt, changed.UpdatedAt = a.CreatedAt, s.after(a.UpdatedAt)
		*a, after = changed, changed
		doc, err := settings.ParseObject(a.Doc)
		return s.record(by, outcome{what: "Update a resource server", status: http.StatusOK, body: doc, before: before}), err
	})
	return &after, as(err, ErrAPI)
}

// DeleteAPI deletes an API, found by its id or identifier. It is no fault if
// there is none.
func (s *Service) DeleteAPI(ctx context.Context, by Actor, id string) error {
	found, err := s.API(ctx, id)
	if err != nil {
		return gone(err)
	}
	return gone(s.APIs.DeleteAPI(ctx, found.ID, func(a *tenant.API) (tenant.LogEvent, error) {
		if a.Managed {
			return tenant.LogEvent{}, ErrManaged
		}
		return s.record(by, outcome{what: "Delete a resource server", status: http.StatusNoContent, before: json.RawMessage(a.Doc)}), nil
	}))
}

// A GrantQuery picks client grants. Empty fields pick all.
type GrantQuery struct {
	Client   tenant.ClientID
	Audience string
}

// ListClientGrants returns client grants in the order of their ids.
func (s *Service) ListClientGrants(ctx context.Context, q GrantQuery, w Window) (List[tenant.ClientGrant], error) {
	all, err := s.Grants.AllClientGrants(ctx)
	if err != nil {
		return List[tenant.ClientGrant]{}, err
	}
	all = slices.DeleteFunc(all, func(g tenant.ClientGrant) bool {
		return q.Client != "" && g.Client != q.Client || q.Audience != "" && g.Audience != s.stored(q.Audience)
	})
	return cut(all, w, func(g tenant.ClientGrant) Place { return Place{ID: g.ID} }), nil
}

// ClientGrant returns a client grant. The fault is ErrClientGrant if there is
// none.
func (s *Service) ClientGrant(ctx context.Context, id string) (tenant.ClientGrant, error) {
	all, err := s.Grants.AllClientGrants(ctx)
	if err != nil {
		return tenant.ClientGrant{}, err
	}
	for _, g := range all {
		if g.ID == id {
			return g, nil
		}
	}
	return tenant.ClientGrant{}, ErrClientGrant
}

// CreateClientGrant creates the grant that a body describes.
func (s *Service) CreateClientGrant(ctx context.Context, by Actor, body *settings.Object) (*tenant.ClientGrant, error) {
	g, err := settings.NewGrant(body)
	if err != nil {
		return nil, err
	}
	g.ID = NewGrantID()
	if !s.isManagement(g.Audience) {
		if _, err := s.API(ctx, g.Audience); fault.Has(err, fault.NotFound) {
			return nil, fault.New(fault.Invalid, "invalid_body", "There is no resource server with that audience.").Because(err)
		} else if err != nil {
			return nil, err
		}
	}
	shown := s.ShownAudience(g.Audience)
	g.Audience = s.stored(g.Audience)
	e := s.record(by, outcome{
		what: "Create client grant", status: http.StatusCreated, body: settings.GrantAnswer(&g, shown),
	})
	if err := s.Grants.CreateClientGrant(ctx, g, e); err != nil {
		return nil, err
	}
	return &g, nil
}

// ChangeClientGrant changes a client grant as a body asks.
func (s *Service) ChangeClientGrant(ctx context.Context, by Actor, id string, body *settings.Object) (*tenant.ClientGrant, error) {
	var after tenant.ClientGrant
	err := s.Grants.ChangeClientGrant(ctx, id, func(g *tenant.ClientGrant) (tenant.LogEvent, error) {
		if g.Managed {
			return tenant.LogEvent{}, ErrManaged
		}
		before := settings.GrantAnswer(g, s.ShownAudience(g.Audience))
		changed, err := settings.ChangeGrant(*g, body)
		if err != nil {
			return tenant.LogEvent{}, err
		}
		*g, after = changed, changed
		return s.record(by, outcome{
			what: "Update client grant", status: http.StatusOK, body: settings.GrantAnswer(g, s.ShownAudience(g.Audience)), before: before,
		}), nil
	})
	return &after, as(err, ErrClientGrant)
}

// DeleteClientGrant deletes a client grant. It is no fault if there is none.
func (s *Service) DeleteClientGrant(ctx context.Context, by Actor, id string) error {
	return gone(s.Grants.DeleteClientGrant(ctx, id, func(g *tenant.ClientGrant) (tenant.LogEvent, error) {
		if g.Managed {
			return tenant.LogEvent{}, ErrManaged
		}
		return s.record(by, outcome{
			what: "Delete client grant", status: http.StatusNoContent, before: settings.GrantAnswer(g, s.ShownAudience(g.Audience)),
		}), nil
	}))
}

// SettingsState names a state of the tenant's settings: no two have the same.
func SettingsState(set *tenant.Settings) string { return stateOf(set.Doc) }

func stateOf(doc []byte) string {
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:16])
}

// ChangeSettings changes the tenant's settings as a body asks. seen is the state
// that was looked at, or empty if it does not matter; the fault is ErrStale if
// they have changed since.
func (s *Service) ChangeSettings(ctx context.Context, by Actor, body *settings.Object, seen string) (*settings.Object, error) {
	if body.Len() == 0 {
		return nil, settings.Invalid("", "Too few properties defined (0), minimum 1")
	}
	var after *settings.Object
	err := s.Tenant.ChangeSettings(ctx, func(doc []byte) ([]byte, tenant.LogEvent, error) {
		if seen != "" && seen != stateOf(doc) {
			return nil, tenant.LogEvent{}, ErrStale
		}
		before, err := settings.TenantAnswer(doc)
		if err != nil {
			return nil, tenant.LogEvent{}, err
		}
		changed, err := settings.ChangeTenant(doc, body)
		if err != nil {
			return nil, tenant.LogEvent{}, err
		}
		if after, err = settings.TenantAnswer(changed); err != nil {
			return nil, tenant.LogEvent{}, err
		}
		return changed, s.record(by, outcome{what: "Update tenant settings", status: http.StatusOK, body: after, before: before}), nil
	})
	return after, err
}

// NewGrantID returns an id for a client grant.
func NewGrantID() string { return "cgr_" + secret.Alphanumeric(16) }

func (s *Service) isManagement(audience string) bool {
	return audience == s.ManagementAudience || slices.Contains(s.Management, audience)
}

// stored is the name an audience is kept under.
func (s *Service) stored(audience string) string {
	if s.isManagement(audience) {
		return s.ManagementAudience
	}
	return audience
}

// ShownAudience is the name that clients know an audience by.
func (s *Service) ShownAudience(audience string) string {
	if audience == s.ManagementAudience && len(s.Management) > 0 {
		return s.Management[0]
	}
	return audience
}

// Settings returns the tenant's settings.
func (s *Service) Settings(ctx context.Context) (*tenant.Settings, error) {
	return s.Clients.Settings(ctx)
}

package manage

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The faults of test identities.
var (
	ErrTestIdentity = fault.New(fault.NotFound, "inexistent_test_identity", "The test identity does not exist.")
	ErrTestExists   = fault.New(fault.Conflict, "conflict", "There is a test identity for this number or address already. Delete it first.")
	ErrTestTaken    = fault.New(fault.Conflict, "identifier_has_user",
		"Somebody signs in with this number or address. Only one that is nobody's can be a test identity.")
	ErrTooManyTests = fault.New(fault.Conflict, "too_many_test_identities", "There are 100 test identities already. Delete those that have ended.")
	ErrTestClient   = fault.New(fault.Invalid, "invalid_body", "One of the clients does not exist.").Because(ErrClient)
)

// TestIdentities keeps test identities.
type TestIdentities interface {
	// AllTestIdentities returns every one in the order of creation.
	AllTestIdentities(ctx context.Context) ([]*tenant.TestIdentity, error)
	// CreateTestIdentity stores a new one, its user and the event, and ends
	// the codes that were asked for with its identifier. The fault is
	// ErrTestExists or ErrTestTaken if the identifier is not free on its
	// connection, ErrTestClient if an application is not there, and
	// ErrTooManyTests.
	CreateTestIdentity(ctx context.Context, t tenant.TestIdentity, e tenant.LogEvent) (tenant.UserID, error)
	// DeleteTestIdentity removes one with its user and everything that was
	// given to that user. The fault is ErrManaged if the configuration file
	// manages it.
	DeleteTestIdentity(ctx context.Context, id string, e tenant.LogEvent) error
}

// ListTestIdentities returns test identities in the order of creation.
func (s *Service) ListTestIdentities(ctx context.Context, w Window) (List[*tenant.TestIdentity], error) {
	all, err := s.TestIdentities.AllTestIdentities(ctx)
	if err != nil {
		return List[*tenant.TestIdentity]{}, err
	}
	return cut(all, w, func(t *tenant.TestIdentity) Place { return Place{t.CreatedAt, t.ID} }), nil
}

// TestIdentity returns a test identity. The fault is ErrTestIdentity if there
// is none.
func (s *Service) TestIdentity(ctx context.Context, id string) (*tenant.TestIdentity, error) {
	all, err := s.TestIdentities.AllTestIdentities(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.ID == id {
			return t, nil
		}
	}
	return nil, ErrTestIdentity
}

// A NewTest is a test identity that was just made. Its code is told once.
type NewTest struct {
	*tenant.TestIdentity
	Code string
	User tenant.UserID
}

// CreateTestIdentity creates the test identity that a body describes, with the
// code it gives or one that is made up.
func (s *Service) CreateTestIdentity(ctx context.Context, by Actor, body *settings.Object) (NewTest, error) {
	wanted, err := settings.NewTestIdentity(body)
	if err != nil {
		return NewTest{}, err
	}
	c, err := s.connectionNamed(ctx, wanted.Connection)
	if err != nil {
		return NewTest{}, err
	}
	now := s.Now()
	if wanted.Expires.IsZero() {
		wanted.Expires = now.Add(tenant.DefaultTestLife)
	}
	if !wanted.Expires.After(now) {
		return NewTest{}, settings.Invalid("expires_at", "The time has passed")
	}
	t, code, err := s.testIdentity(c, wanted, now)
	if err != nil {
		return NewTest{}, err
	}
	for _, id := range wanted.Clients {
		t.Clients = append(t.Clients, tenant.ClientID(id))
	}
	e := s.record(by, outcome{what: "Create a test identity", status: http.StatusCreated, body: map[string]any{
		"id": t.ID, "connection": c.Name, "clients": t.Clients, "expires_at": t.Expires,
	}})
	e.Connection, e.ConnectionID, e.Strategy, e.Test = c.Name, c.ID, c.Channel, true
	user, err := s.TestIdentities.CreateTestIdentity(ctx, t, e)
	if err != nil {
		return NewTest{}, as(err, noTestConnection)
	}
	return NewTest{&t, code, user}, nil
}

var noTestConnection = fault.New(fault.Invalid, "invalid_body", "The connection does not exist.").Because(ErrConnection)

// connectionNamed finds a connection by its name or id.
func (s *Service) connectionNamed(ctx context.Context, name string) (*tenant.Connection, error) {
	all, err := s.Connections.AllConnections(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Name == name || string(c.ID) == name {
			return c, nil
		}
	}
	return nil, noTestConnection
}

// testIdentity makes a test identity without its applications. The code is the
// one that is wanted, or made up.
func (s *Service) testIdentity(c *tenant.Connection, wanted settings.TestIdentity, now time.Time) (tenant.TestIdentity, string, error) {
	t := tenant.TestIdentity{
		ID: "tid_" + secret.Alphanumeric(16), Connection: c.ID, Channel: c.Channel, Note: wanted.Note,
		CreatedAt: now, Expires: wanted.Expires,
	}
	var err error
	switch {
	case c.Channel == tenant.SMS && wanted.Phone == "":
		return t, "", settings.Invalid("phone_number", "The connection %s takes phone numbers", c.Name)
	case c.Channel == tenant.SMS:
		if t.Identifier, err = address.Phone(wanted.Phone); err != nil {
			return t, "", settings.Invalid("phone_number", "%s", err.Error())
		}
	case c.Channel == tenant.Email && wanted.Email == "":
		return t, "", settings.Invalid("email", "The connection %s takes addresses", c.Name)
	case c.Channel == tenant.Email:
		if t.Identifier, err = address.Email(wanted.Email); err != nil {
			return t, "", settings.Invalid("email", "%s", err.Error())
		}
	default:
		return t, "", settings.Invalid("connection", "The connection %s is not passwordless", c.Name)
	}
	if wanted.Expires.After(now.Add(tenant.MaxTestLife)) {
		return t, "", settings.Invalid("expires_at", "A test identity lasts 90 days at most")
	}
	code := wanted.Code
	switch {
	case code == "":
		for code = secret.Digits(c.Code.Digits); tenant.WeakCode(code); {
			code = secret.Digits(c.Code.Digits)
		}
	case len(code) < c.Code.Digits:
		return t, "", settings.Invalid("code", "The code has %d digits, and those of the connection have %d", len(code), c.Code.Digits)
	case tenant.WeakCode(code):
		return t, "", settings.Invalid("code", "The code is easy to guess: use more different digits, in no order")
	}
	t.Digest, t.Digits = s.Codes.TestDigest(c.ID, t.Identifier, code), len(code)
	return t, code, nil
}

// DeleteTestIdentity deletes a test identity and its user.
func (s *Service) DeleteTestIdentity(ctx context.Context, by Actor, id string) error {
	e := s.record(by, outcome{what: "Delete a test identity", status: http.StatusNoContent})
	e.Test = true
	return as(s.TestIdentities.DeleteTestIdentity(ctx, id, e), ErrTestIdentity)
}

// testIdentities plans the test identities of the file. Their codes are given
// there, and so is the end: a file is read at every start, and must not make
// them last for ever.
func (p *planner) testIdentities() error {
	for _, d := range p.file.TestIdentities {
		body, err := p.read(d)
		if err != nil {
			return err
		}
		wanted, err := settings.NewTestIdentity(body)
		if err != nil {
			return p.at(d, err)
		}
		switch {
		case wanted.Code == "":
			return p.bad(d, "", "a test identity of the file must have a code: code: \"##MY_TEST_CODE##\"")
		case wanted.Expires.IsZero():
			return p.bad(d, "", "a test identity of the file must have an end: expires_at: %s", p.now.Add(tenant.DefaultTestLife).UTC().Format(time.RFC3339))
		}
		t, err := p.testIdentity(d, wanted)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.plan.TestIdentities, func(o tenant.TestIdentity) bool {
			return o.Connection == t.Connection && o.Identifier == t.Identifier
		}) {
			return p.bad(d, "", "there is a test identity for this number or address in this file already")
		}
		p.plan.TestIdentities = append(p.plan.TestIdentities, t)
	}
	return nil
}

func (p *planner) testIdentity(d config.Document, wanted settings.TestIdentity) (tenant.TestIdentity, error) {
	c := p.connectionNamed(wanted.Connection)
	if c == nil {
		return tenant.TestIdentity{}, p.bad(d, "connection", "there is no connection %q", wanted.Connection)
	}
	t, _, err := p.s.testIdentity(c, wanted, p.now)
	if err != nil {
		return t, p.at(d, err)
	}
	for i, name := range wanted.Clients {
		id, err := p.clientNamed(d, "clients", name)
		if err != nil {
			return t, err
		}
		if i == 0 || !slices.Contains(t.Clients, id) {
			t.Clients = append(t.Clients, id)
		}
	}
	t.Managed = true
	return t, nil
}

// connectionNamed finds a connection as it will be, by its name or id.
func (p *planner) connectionNamed(name string) *tenant.Connection {
	for i := range p.plan.Connections {
		if c := &p.plan.Connections[i]; c.Name == name || string(c.ID) == name {
			return c
		}
	}
	for _, c := range p.all.Connections {
		if c.Name == name || string(c.ID) == name {
			return c
		}
	}
	return nil
}

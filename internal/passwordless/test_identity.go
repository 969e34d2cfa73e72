package passwordless

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// Withheld says why nothing is sent to a recipient whoever they are: it is a
// test identity. Both are empty if it is not.
type Withheld struct {
	// Detail goes onto the message's timeline.
	Detail string
	// Entry is for the tenant's log, where nobody can sign in with the code.
	Entry string
}

// The three reasons. Who asks learns none of them.
const (
	testDetail     = "A test identity: its code is known, so nothing is sent."
	testEnded      = "The test identity has ended"
	testElsewhere  = "The test identity is not for this application"
	testNobodyKnow = ": nothing is sent, and nobody knows the code."
)

// withheld judges a start for a test identity.
func withheld(t *tenant.TestIdentity, client tenant.ClientID, now time.Time) Withheld {
	switch {
	case t == nil:
		return Withheld{}
	case !t.Active(now):
		return Withheld{Detail: testEnded + testNobodyKnow, Entry: testEnded}
	case !t.Serves(client, now):
		return Withheld{Detail: testElsewhere + testNobodyKnow, Entry: testElsewhere}
	}
	return Withheld{Detail: testDetail}
}

// testIdentity returns the test identity that the recipient is, or nil. It is
// answered from memory.
func (s *Service) testIdentity(ctx context.Context, to tenant.Recipient) (*tenant.TestIdentity, error) {
	if s.TestIdentities == nil {
		return nil, nil
	}
	return s.TestIdentities(ctx, to.Connection, to.Identifier)
}

package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Blocks keeps what was counted against people and addresses. Identifiers are
// as account.Key makes them.
type Blocks interface {
	// WrongTries returns what was counted against an identifier.
	WrongTries(ctx context.Context, identifier string) (WrongTries, error)
	// Unblock takes back all wrong tries at the identifiers, from wherever they
	// came, in one transaction, and stores the event done; also released, if
	// there were any.
	Unblock(ctx context.Context, identifiers []string, done, released tenant.LogEvent) error
	// Blocked reports whether one of the buckets is empty.
	Blocked(ctx context.Context, buckets []attack.Bucket, now time.Time) (bool, error)
	// Refill fills the buckets with these names and stores the event.
	Refill(ctx context.Context, names []string, done tenant.LogEvent) error
}

// WrongTries are those at one identifier.
type WrongTries struct {
	Times  attack.Times
	Streak int
	// Addresses are counted where the tenant wants so.
	Addresses []AddressTries
}

// AddressTries are the wrong tries from one address.
type AddressTries struct {
	Address string
	Times   attack.Times
}

// A Block says that wrong tries at an identifier are used up: from an address,
// or from everywhere if it is empty.
type Block struct {
	Identifier string
	IP         string
}

// BlocksOf returns the blocks of whoever has the number or address. An
// identifier that nobody can have has none.
func (s *Service) BlocksOf(ctx context.Context, identifier string) ([]Block, error) {
	return s.blocks(ctx, identifiers(identifier))
}

// BlocksOfUser returns the blocks of a user, over all identities. The fault is
// ErrUser if there is none.
func (s *Service) BlocksOfUser(ctx context.Context, id tenant.UserID) ([]Block, error) {
	u, err := s.User(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.blocks(ctx, identifiersOf(u))
}

// Enforced reports whether the tenant wants wrong tries to have consequences.
func (s *Service) Enforced(ctx context.Context) (bool, error) {
	p, err := s.Protections.Protection(ctx)
	return err == nil && p.BruteForce.Blocks, err
}

// Unblock takes back the wrong tries at a number or address.
func (s *Service) Unblock(ctx context.Context, by Actor, identifier string) error {
	return s.unblock(ctx, by, identifiers(identifier), "")
}

// UnblockUser takes back the wrong tries at all identities of a user. The
// fault is ErrUser if there is none.
func (s *Service) UnblockUser(ctx context.Context, by Actor, id tenant.UserID) error {
	u, err := s.User(ctx, id)
	if err != nil {
		return err
	}
	return s.unblock(ctx, by, identifiersOf(u), id)
}

// An identifier is a number or address of a channel.
type identifier struct {
	channel tenant.Channel
	text    string
}

// identifiers are what a text can be: a number, an address, or nothing.
func identifiers(text string) []identifier {
	if phone, err := address.Phone(text); err == nil {
		return []identifier{{tenant.SMS, phone}}
	}
	if mail, err := address.Email(text); err == nil {
		return []identifier{{tenant.Email, mail}}
	}
	return nil
}

func identifiersOf(u *tenant.User) []identifier {
	var out []identifier
	for _, id := range u.Identities {
		out = append(out, identifier{id.Channel, id.Identifier})
	}
	return out
}

func (s *Service) blocks(ctx context.Context, ids []identifier) ([]Block, error) {
	p, err := s.Protections.Protection(ctx)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	out := []Block{}
	for _, id := range ids {
		tried, err := s.Blocks.WrongTries(ctx, account.Key(s.Keys, id.channel, id.text))
		if err != nil {
			return nil, err
		}
		// No address is exempt here: somebody else may still be blocked.
		limit := attack.TriesFor(tenant.BruteForce{
			Blocks: p.BruteForce.Blocks, PerAddress: p.BruteForce.PerAddress, MaxAttempts: p.BruteForce.MaxAttempts,
		}, "")
		if limit.Wait(tried.Times, tried.Streak, now) > 0 {
			out = append(out, Block{Identifier: id.text})
		}
		for _, a := range tried.Addresses {
			if limit.WaitAddress(a.Times, now) > 0 {
				out = append(out, Block{Identifier: id.text, IP: a.Address})
			}
		}
	}
	return out, nil
}

func (s *Service) unblock(ctx context.Context, by Actor, ids []identifier, user tenant.UserID) error {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = account.Key(s.Keys, id.channel, id.text)
	}
	by.Query = nil // the number or address is in it
	done := s.record(by, outcome{what: "Unblock a user", status: http.StatusNoContent})
	done.User = user
	released := event.New(event.Unblocked, s.Now())
	released.User, released.IP, released.UserAgent, released.Client = user, by.IP, by.UserAgent, by.Client
	released.Description = "Wrong tries were taken back"
	if len(ids) > 0 {
		released.UserName = ids[0].text
	}
	return s.Blocks.Unblock(ctx, keys, done, released)
}

// The faults of addresses.
var (
	ErrNotBlocked = fault.New(fault.NotFound, "", "Not Found")
	errAddress    = fault.New(fault.Invalid, "invalid_uri", "Path validation error: 'Object didn't pass validation for format ip' on property id (the IP address).")
)

// AddressBlocked reports whether sign-ins or sign-ups from the address are
// refused because of earlier ones.
func (s *Service) AddressBlocked(ctx context.Context, ip string) (bool, error) {
	buckets, err := s.buckets(ctx, ip)
	if err != nil {
		return false, err
	}
	return s.Blocks.Blocked(ctx, buckets, s.Now())
}

// UnblockAddress forgets the failures and sign-ups of an address.
func (s *Service) UnblockAddress(ctx context.Context, by Actor, ip string) error {
	if !attack.IsAddress(ip) {
		return errAddress
	}
	done := s.record(by, outcome{what: "Unblock an IP address", status: http.StatusNoContent})
	return s.Blocks.Refill(ctx, attack.SuspiciousNames(ip), done)
}

func (s *Service) buckets(ctx context.Context, ip string) ([]attack.Bucket, error) {
	if !attack.IsAddress(ip) {
		return nil, errAddress
	}
	p, err := s.Protections.Protection(ctx)
	if err != nil {
		return nil, err
	}
	return []attack.Bucket{attack.Failures(p.SuspiciousIP, ip), attack.SignUps(p.SuspiciousIP, ip)}, nil
}

package passwordless

import "github.com/doorcode/doorcode/internal/tenant"

// A Counter is told what came of starts and verifies, for metrics. Its methods
// return at once.
type Counter interface {
	// Started is called with one of the words below once a start was decided.
	Started(ch tenant.Channel, outcome string)
	// Verified is called with one of the words below once a code was judged.
	Verified(ch tenant.Channel, outcome string)
}

// word is how metrics name the outcome of a start.
func (o BeginOutcome) word() string {
	switch o {
	case Due:
		return "sent"
	case Suppressed:
		return "suppressed"
	case Cooling:
		return "cooling"
	case TooManyRequests:
		return "too_many_requests"
	case TooManySends:
		return "too_many_sends"
	case TooManyTries:
		return "too_many_tries"
	case TooManyNumbers:
		return "too_many_numbers"
	case BudgetSpent:
		return "budget_spent"
	case Held:
		return "held"
	case Unproven:
		return "unproven"
	}
	return "other"
}

// verdictWord is how metrics name the outcome of a verify.
func verdictWord(spent SpendOutcome, done CompleteOutcome) string {
	switch spent {
	case Redeemed:
		return done.word()
	case Wrong:
		return "wrong"
	case Late:
		return "expired"
	case Dead:
		return "code_dead"
	case NoTries:
		return "too_many_tries"
	case TooManyFailures:
		return "too_many_failures"
	}
	return "other"
}

// word is how metrics name what became of somebody with the right code.
func (o CompleteOutcome) word() string {
	switch o {
	case SignedIn:
		return "right"
	case UserBlocked:
		return "blocked"
	case SignUpDisabled:
		return "no_sign_up"
	case TooManySignUps:
		return "too_many_sign_ups"
	}
	return "other"
}

// How metrics name starts that are refused for the number.
const (
	refusedCountry = "country"
	refusedLine    = "line_type"
)

func (s *Service) countRefusal(ch tenant.Channel, why string) {
	if s.Counts != nil {
		s.Counts.Started(ch, why)
	}
}

func (s *Service) countStart(ch tenant.Channel, o BeginOutcome) {
	if s.Counts != nil {
		s.Counts.Started(ch, o.word())
	}
}

func (s *Service) countVerify(ch tenant.Channel, spent SpendOutcome, done CompleteOutcome) {
	if s.Counts != nil {
		s.Counts.Verified(ch, verdictWord(spent, done))
	}
}

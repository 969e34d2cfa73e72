package delivery

import "context"

// A Checker is a Sender that can find out whether it could send, without
// sending anything: does the provider know the credentials, may the account
// send, is the sender's number its own.
type Checker interface {
	// Check asks the provider and returns what it found, in the order in which
	// it was looked at. A step that failed ends the checks that need it; those
	// are left out. It returns when ctx ends at the latest, with a finding that
	// says what was not found out, and never returns nothing.
	//
	// Nothing secret and no whole number of a person is in a finding: they are
	// printed and shown.
	Check(ctx context.Context) []Finding
}

// An Inspector is a sender that can tell from its settings alone, without asking
// anybody, that no message will ever be sent.
type Inspector interface {
	// Inspect returns what is wrong, and nothing if nothing is. What holds for a
	// Checker's findings holds for these.
	Inspect() []Finding
}

// A Finding is one thing that was looked at.
type Finding struct {
	// Name is what was looked at, in a word or two: "credentials", "account".
	Name    string
	Verdict Verdict
	Detail  string // what was found, as a sentence
	Fix     string // what to do about it, in plain words; empty for OK
}

// Verdict is how a finding is to be taken.
type Verdict string

// The verdicts. Warn is for what works today, or for some messages only, and
// for what could not be found out.
const (
	OK   Verdict = "ok"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
)

// Check asks the sender, if it is a Checker. Of one that is not, the single
// finding says honestly that nothing can be asked.
func Check(ctx context.Context, s Sender) []Finding {
	if c, ok := s.(Checker); ok {
		return c.Check(ctx)
	}
	return []Finding{{
		Name: "provider", Verdict: Warn,
		Detail: "The settings are complete. The provider " + s.Provider() + " cannot be asked without sending a message.",
		Fix:    "Send a message to a phone or mailbox of yours.",
	}}
}

// Failed is the finding for an error that says why there is no answer to a
// check. It is a warning if the provider can be reached and trying again may
// help.
func Failed(name string, err error) Finding {
	e := sendError(err)
	f := Finding{Name: name, Verdict: Fail, Detail: e.Text, Fix: e.Fix}
	if e.Class == Temporary && e.Code != CodeUnreachable {
		f.Verdict = Warn
	}
	if f.Fix == "" {
		f.Fix = "Check again later."
	}
	return f
}

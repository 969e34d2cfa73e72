// Package doctor looks at a server's settings, keys, database and senders, and
// says what is wrong with them and how to mend it. The command line and our own
// API ask the same doctor.
//
// It promises to change nothing, to send nothing, and to ask nobody outside
// unless that is wanted (Checks.Network). No secret and no person's number or
// address is in what it says.
package doctor

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A Finding is one thing that was looked at.
type Finding struct {
	// Check is what kind of thing it is: "public_url", "database".
	Check   string
	Verdict delivery.Verdict
	Detail  string // what was found, as a sentence
	Fix     string // what to do about it; empty for OK
}

// A Report is everything that was found, in the order in which it was looked at.
type Report struct {
	At       time.Time
	Findings []Finding
}

// Worst is the worst verdict of the report.
func (r Report) Worst() delivery.Verdict {
	worst := delivery.OK
	for _, f := range r.Findings {
		if f.Verdict == delivery.Fail || f.Verdict == delivery.Warn && worst == delivery.OK {
			worst = f.Verdict
		}
	}
	return worst
}

// Checks are what to look at beyond what is at hand.
type Checks struct {
	// Network asks providers whether they know the credentials, and looks
	// whether the server answers at its public URL.
	Network bool
}

// A Doctor looks at one server. All fields but Accounts must be set.
type Doctor struct {
	Place    Place
	Database Database
	Keys     interface {
		List(ctx context.Context) ([]signing.Key, error)
	}
	Settings Settings
	// Sealed counts what the database has that needs another root key than the
	// current one.
	Sealed func(ctx context.Context) (int, error)
	// Sender returns who sends for a connection; nil if nothing is configured.
	Sender func(ctx context.Context, c *tenant.Connection) (delivery.Sender, error)
	// Accounts returns the provider accounts that the running server holds
	// back; nil where none runs.
	Accounts func() []delivery.AccountState
	// Reach asks a server for the issuer it says it is.
	Reach func(ctx context.Context, url string) (issuer string, err error)
	Now   func() time.Time
}

// Settings is what the tenant has set up. What is returned is shared and not to
// be changed.
type Settings interface {
	// AllConnections returns every connection.
	AllConnections(ctx context.Context) ([]*tenant.Connection, error)
	// AllClients returns every application.
	AllClients(ctx context.Context) ([]*tenant.Client, error)
	// AllTestIdentities returns every test identity, ended ones too.
	AllTestIdentities(ctx context.Context) ([]*tenant.TestIdentity, error)
	// Settings returns the tenant's settings.
	Settings(ctx context.Context) (*tenant.Settings, error)
}

// networkWait bounds all that is asked of others.
const networkWait = 30 * time.Second

// Examine looks at everything.
func (d *Doctor) Examine(ctx context.Context, checks Checks) Report {
	e := &examination{Doctor: d, now: d.Now(), checks: checks}
	e.place()
	e.rootKey(ctx)
	e.database(ctx)
	e.keys(ctx)
	if checks.Network {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, networkWait)
		defer cancel()
		e.reach(ctx)
	}
	e.connections(ctx)
	e.accounts()
	e.applications(ctx)
	e.tenant(ctx)
	e.testIdentities(ctx)
	return Report{At: e.now, Findings: e.findings}
}

// OfDatabase looks at the database alone, for one that nothing else can be
// asked of.
func (d *Doctor) OfDatabase(ctx context.Context) Report {
	e := &examination{Doctor: d, now: d.Now()}
	e.database(ctx)
	return Report{At: e.now, Findings: e.findings}
}

// An examination is one run.
type examination struct {
	*Doctor
	now      time.Time
	checks   Checks
	findings []Finding
}

func (e *examination) ok(check, detail string) { e.add(check, delivery.OK, detail, "") }

func (e *examination) warn(check, detail, fix string) { e.add(check, delivery.Warn, detail, fix) }

func (e *examination) fail(check, detail, fix string) { e.add(check, delivery.Fail, detail, fix) }

func (e *examination) add(check string, v delivery.Verdict, detail, fix string) {
	e.findings = append(e.findings, Finding{Check: check, Verdict: v, Detail: detail, Fix: fix})
}

// unread says that something could not be looked at because the database did
// not answer. Why is in the text: it is the database's own error.
func (e *examination) unread(check string, err error) {
	e.fail(check, "It could not be read: "+err.Error()+".", "Mend what the lines about the database say, and look again.")
}

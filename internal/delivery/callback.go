package delivery

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/outbound"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A Listener understands what a provider sends about messages it took: that
// the carrier has one, that a phone received it, that it was lost.
type Listener interface {
	// Listen checks that the callback comes from the provider, for an account
	// that is the connection's, and returns what it says. It returns ErrForged
	// if it does not, and a fault of the kind Invalid if it is the provider's
	// and says nothing about a message. It compares secrets in constant time
	// and calls nobody.
	Listen(c *tenant.Connection, cb Callback) (Report, error)
}

// ErrForged is returned for a callback that is not proven to be the provider's.
var ErrForged = errors.New("the callback is not signed by the provider")

// A Callback is a request of a provider's as it came in.
type Callback struct {
	// URL is the address that the provider was given, as it was given: with the
	// public URL in front, whatever name the request came by.
	URL    string
	Header http.Header
	Body   []byte
}

// A Report is what a provider says about a message.
type Report struct {
	// ProviderID is the provider's name for the message, Status its word for
	// what happened. Together with the code they tell a report from its
	// repetition.
	ProviderID string
	Status     string
	// State is what that means here: accepted, sent, delivered, undelivered or
	// failed.
	State tenant.MessageState

	ErrorCode string // the provider's number, if something went wrong
	Text      string // what that means
	Fix       string // and what to do about it
}

// A Reported message is one that a report is about.
type Reported struct {
	Message    string // its id
	Connection tenant.ConnectionID
	Provider   string
	At         time.Time
	Report     Report
	// Event is stored with the report if it is news that moves the message's
	// state; not if it is nil. Client and user are filled in from the message.
	Event *tenant.LogEvent
}

// Line is what the message's timeline has for the report.
func (r Reported) Line() tenant.MessageEvent {
	return tenant.MessageEvent{
		At: r.At, State: r.Report.State, Fix: r.Report.Fix,
		Detail: strings.TrimSpace("The provider reports: " + r.Report.Status + ". " + r.Report.Text),
	}
}

// Reports is where reports are kept.
type Reports interface {
	// Report adds the report to the message's timeline, unless it is there
	// already, and moves the message's state on if the report is news: reports
	// come late, twice, and in any order, and a state never goes back. Both are
	// one atomic statement. The fault is NotFound if the connection has no such
	// message, or another provider took it.
	Report(ctx context.Context, r Reported) error
}

// callbackPath is where callbacks arrive.
const callbackPath = "/hooks/"

// CallbackURL is the address for reports about a message. base is a public URL
// that CallbackBase let through.
func CallbackURL(base, provider string, c tenant.ConnectionID, message string) string {
	return base + callbackPath + url.PathEscape(provider) + "/" + url.PathEscape(string(c)) + "/" + url.PathEscape(message)
}

// CallbackBase is the public URL without a slash at its end, if a provider can
// deliver reports there, and "" if not: it must be https and lead out of the
// operator's own network.
func CallbackBase(public string) string {
	u, err := url.Parse(public)
	if err != nil || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return ""
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		if !outbound.Public(ip) {
			return ""
		}
		return strings.TrimRight(public, "/")
	}
	labels := strings.Split(host, ".")
	// RFC 6761, RFC 6762, RFC 8375 and ICANN's "internal": names that mean
	// something inside of a network only. An underscore is no part of a host's
	// name, and providers refuse it.
	inside := []string{"localhost", "local", "internal", "test", "invalid", "onion"}
	if len(labels) < 2 || slices.Contains(inside, labels[len(labels)-1]) ||
		strings.HasSuffix(host, ".home.arpa") || strings.Contains(host, "_") {
		return ""
	}
	return strings.TrimRight(public, "/")
}

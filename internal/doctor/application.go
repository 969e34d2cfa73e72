package doctor

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/tenant"
)

// applications looks at where applications have people sent back to.
func (e *examination) applications(ctx context.Context) {
	const check = "callbacks"
	all, err := e.Settings.AllClients(ctx)
	if err != nil {
		e.unread(check, err)
		return
	}
	bad := 0
	for _, c := range all {
		for _, callback := range c.Callbacks {
			if why, fix := e.callback(callback); why != "" {
				bad++
				e.warn(check, fmt.Sprintf("Application %q: the callback %s %s.", c.Name, printable(callback), why), fix)
			}
		}
	}
	if bad == 0 {
		e.ok(check, "No application has a callback that others could get hold of.")
	}
}

// callback says what is wrong with one.
func (e *examination) callback(callback string) (why, fix string) {
	u, err := url.Parse(strings.ReplaceAll(callback, "*", "x"))
	switch {
	case strings.Contains(callback, "*"):
		return "has a wildcard: whoever gets a name under it gets people's codes", "Name each callback in full."
	case err != nil:
		return "is no address", "Correct it."
	case u.Scheme == "http" && !isLocal(u.Hostname()):
		return "is plain http: what is sent there can be read on its way", "Use https."
	case u.Scheme == "http" && !e.Place.Dev:
		return "is on the machine of whoever signs in, which is for development", "Take it away from applications that people use, unless it is a native one."
	}
	return "", ""
}

// printable bounds what a client has written.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 200)]
}

func (e *examination) testIdentities(ctx context.Context) {
	const check = "test_identities"
	all, err := e.Settings.AllTestIdentities(ctx)
	if err != nil {
		e.unread(check, err)
		return
	}
	connections, err := e.Settings.AllConnections(ctx)
	if err != nil {
		e.unread(check, err)
		return
	}
	for _, t := range all {
		name := t.ID
		if t.Note != "" {
			name += " (" + printable(t.Note) + ")"
		}
		at := slices.IndexFunc(connections, func(c *tenant.Connection) bool { return c.ID == t.Connection })
		switch {
		case !t.Active(e.now):
			e.warn(check, fmt.Sprintf("The test identity %s has ended on %s. Nothing is sent to its number or address.", name, t.Expires.UTC().Format("2006-01-02")),
				"Delete it: DELETE /api/doorcode/v1/test-identities/"+t.ID+".")
		case at >= 0 && t.Digits < connections[at].Code.Digits:
			e.warn(check, fmt.Sprintf("The code of the test identity %s is shorter than those of its connection.", name), "Make it anew.")
		default:
			e.warn(check, fmt.Sprintf("The test identity %s signs in with a fixed code until %s.", name, t.Expires.UTC().Format("2006-01-02")),
				"Nothing, while it is needed. Else delete it.")
		}
	}
	if len(all) == 0 {
		e.ok(check, "There is no test identity.")
	}
}

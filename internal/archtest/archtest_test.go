package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/doorcode/doorcode"

// layers lists every package, lowest first. A package may import packages from
// the layers below its own, and nothing beside or above it. Circles between
// features are thereby ruled out before anybody can write one.
var layers = [][]string{
	// Leaves: nothing of ours below them.
	{"fault", "liquid", "config", "observe", "outbound", "testkit/twiliotest", "testkit/gatewaytest", "testkit/smtptest", "testkit/jwttest", "testkit/binary", "testkit/textbrowser"},
	{"testkit/standin", "testkit/awstest"},
	{"secret", "testkit/vonagetest", "testkit/snstest", "testkit/sestest", "testkit/sendgridtest"},
	// What there is.
	{"tenant"},
	// What can be done to it: engines that do not know each other.
	{
		"address", "otp", "oauth", "signing", "settings", "message",
		"delivery", "attack", "event", "account", "session",
	},
	// What people do: use cases, which introduce the engines to each other.
	{"token", "passwordless", "admin"},
	{"grant", "manage", "doctor"},
	{"authorize", "logout"},
	// How it is stored, sent and served.
	{"delivery/call", "delivery/aws", "delivery/envelope"},
	{
		"store", "delivery/twilio", "delivery/vonage", "delivery/sns", "delivery/gateway", "delivery/backchannel", "delivery/smtp", "delivery/ses", "delivery/sendgrid",
		"delivery/outbox", "web",
	},
	{
		"web/authapi", "web/mgmtapi", "web/ops", "web/dashboard", "web/outbox", "web/hosted", "web/hooks",
		"store/storetest", "delivery/deliverytest",
	},
	// What builds the whole, and what runs it.
	{"app"},
	{"cli", "testkit", "testkit/chromium"},
	{"cmd/doorcode"},
	{"archtest"},
}

// reserved names the only packages that may import each of these, though the
// layers would let others. An entry also covers what lies below its path. Every
// module that is not ours has an entry, so each has an owner.
var reserved = map[string][]string{
	"database/sql":             {"store", "store/storetest"},
	module + "/internal/store": {"app", "store/storetest"},
	module + "/internal/app":   {"cli", "testkit"},
	module + "/internal/cli":   {"cmd/doorcode"},

	"github.com/alecthomas/kong":          {"cli"},
	"github.com/aws/aws-sdk-go-v2":        {"delivery/aws"},
	"github.com/chromedp/cdproto":         {"testkit/chromium"},
	"github.com/chromedp/chromedp":        {"testkit/chromium"},
	"github.com/emersion/go-sasl":         {"testkit/smtptest"},
	"github.com/emersion/go-smtp":         {"testkit/smtptest"},
	"github.com/go-jose/go-jose/v4":       {"signing"},
	"github.com/jackc/pgx/v5":             {"store"},
	"github.com/nyaruka/phonenumbers/v2":  {"address"},
	"github.com/pressly/goose/v3":         {"store"},
	"github.com/prometheus/client_golang": {"observe"},
	"github.com/wneessen/go-mail":         {"delivery/smtp"},
	"github.com/yuin/goldmark":            {"message"},
	"go.yaml.in/yaml/v3":                  {"config"},
	"golang.org/x/net/html":               {"testkit/textbrowser"},
	"golang.org/x/term":                   {"cli"},
	"golang.org/x/text":                   {"address"},
	"modernc.org/sqlite":                  {"store"},
}

// narrow names all that these packages may import of ours.
var narrow = map[string][]string{
	"tenant":       {"fault"},
	"web/ops":      {"fault", "observe", "web"},
	"cmd/doorcode": {"cli"},
}

// never names what these packages must not import, of ours or of the standard
// library, though the layers would let them.
var never = map[string][]string{
	"tenant":  {"database/sql", "encoding/json", "net/http"},
	"otp":     {"net/http"},
	"message": {"net/http"},
}

func TestImports(t *testing.T) {
	level := map[string]int{}
	for i, layer := range layers {
		for _, pkg := range layer {
			level[pkg] = i
		}
	}
	for name, p := range packages(t) {
		at, ok := level[name]
		if !ok {
			t.Errorf("%s is in no layer: add it here and to docs/architecture.md", name)
			continue
		}
		for _, imp := range p.imports() {
			for _, broken := range brokenRules(name, at, imp, level) {
				t.Errorf("%s must not import %s: %s", name, imp, broken)
			}
		}
	}
}

// brokenRules says which rules the import of imp by the package name, which is
// in layer at, breaks.
func brokenRules(name string, at int, imp string, level map[string]int) []string {
	var broken []string
	below, ours := strings.CutPrefix(imp, module+"/internal/")
	if ours {
		if l, ok := level[below]; !ok || l >= at {
			broken = append(broken, "it is not below")
		}
		if may, ok := narrow[name]; ok && !slices.Contains(may, below) {
			broken = append(broken, fmt.Sprintf("of ours it may import only %v", may))
		}
	}
	owners, owned := ownersOf(imp)
	if owned && !slices.Contains(owners, name) {
		broken = append(broken, fmt.Sprintf("only %v may", owners))
	}
	if foreign(imp) && !owned {
		broken = append(broken, "the module has no owner: name one here and in docs/decisions/0006-dependencies.md")
	}
	if slices.Contains(never[name], imp) || ours && slices.Contains(never[name], below) {
		broken = append(broken, "see never in this file")
	}
	return broken
}

// foreign reports whether the import path is of a module that is neither ours
// nor the standard library, whose paths have no dot in their first element.
func foreign(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return strings.Contains(first, ".") && !within(imp, module)
}

// ownersOf returns the packages that imp is reserved for.
func ownersOf(imp string) ([]string, bool) {
	for path, owners := range reserved {
		// Our own packages below a reserved one have rows of their own.
		if imp == path || foreign(imp) && within(imp, path) {
			return owners, true
		}
	}
	return nil, false
}

// within reports whether the import path is root or below it.
func within(imp, root string) bool {
	return imp == root || strings.HasPrefix(imp, root+"/")
}

// The lists above speak only of packages in layers, each of which is listed
// once: a misspelt name would be a rule that never applies.
func TestListsAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, layer := range layers {
		for _, pkg := range layer {
			if seen[pkg] {
				t.Errorf("%s is in two layers", pkg)
			}
			seen[pkg] = true
		}
	}
	found := packages(t)
	for pkg := range seen {
		if found[pkg] == nil {
			t.Logf("%s is in a layer, but there is no such package", pkg)
		}
	}
	for imp, owners := range reserved {
		for _, pkg := range owners {
			if !seen[pkg] {
				t.Errorf("reserved[%q] names %s, which is in no layer", imp, pkg)
			}
		}
	}
	for pkg := range narrow {
		if !seen[pkg] {
			t.Errorf("narrow names %s, which is in no layer", pkg)
		}
	}
	for pkg := range never {
		if !seen[pkg] {
			t.Errorf("never names %s, which is in no layer", pkg)
		}
	}
}

// docs/architecture.md shows the same packages to people.
func TestPlanNamesEveryPackage(t *testing.T) {
	plan, err := os.ReadFile(filepath.Join(root, "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range packages(t) {
		if !strings.Contains(string(plan), "`"+name+"`") {
			t.Errorf("docs/architecture.md has no row for `%s`", name)
		}
	}
}

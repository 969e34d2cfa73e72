package dashboard_test

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// An audit goes through everything that the Dashboard can be told to do, on a
// server of its own.
type audit struct {
	*world
	database string
	other    *textbrowser.Browser // of an administrator who signs in and out
	secrets  []string             // none of which may be in the log

	mailed  outbox.Message
	code    *textbrowser.Form // that takes the code
	shop    tenant.ClientID
	api     string // address of its pages
	person  tenant.UserID
	removed tenant.AdministratorID
}

// A change is one press of a button.
type change struct {
	route string // the pattern that serves it
	form  func(a *audit) *textbrowser.Form
	told  string // of the event in the tenant's log
	has   string // what the event has: "before", "after", "both", or "answer" for what was made
	// quiet says why there is no event, where there is none.
	quiet string
}

// second is the administrator who signs in and out.
const second = "second@mail.example"

func newAudit(t *testing.T) *audit {
	address := storetest.SQLite(t)
	a := &audit{database: address}
	a.world = newWorld(t, func(c *config.Config) {
		c.Ephemeral, c.Database, c.Key = false, address, base64.StdEncoding.EncodeToString(secret.Bytes(secret.RootSize))
	})
	a.other = a.newBrowser()
	a.developer()
	a.secrets = append(a.secrets, a.Ready.ClientSecret, a.Ready.ManagementClientSecret, token)
	return a
}

// of is a form of a page of the developer's, with a button pressed: the first if
// none is named.
func (a *audit) of(path, button string, fields ...string) *textbrowser.Form {
	a.t.Helper()
	return a.in(a.browser, path, button, fields...)
}

func (a *audit) in(b *textbrowser.Browser, path, button string, fields ...string) *textbrowser.Form {
	a.t.Helper()
	p := a.get(b, path)
	for _, f := range p.Forms() {
		if f.Method != http.MethodPost || slices.ContainsFunc(fields, func(name string) bool { return !f.Has(name) }) {
			continue
		}
		if button == "" {
			button = cmp.Or(f.Buttons[0].Value, f.Buttons[0].Text)
		}
		if f.Press(button) != nil {
			return f
		}
	}
	a.t.Fatalf("%s (%d) has no form with %v and a button %q:\n%s", path, p.Status, fields, button, p.Text())
	return nil
}

// elsewhere is a form whose button sends it to another page.
func elsewhere(f *textbrowser.Form, path string) *textbrowser.Form {
	f.Action.Path, f.Action.RawQuery = path, ""
	f.Values.Del("action")
	return f
}

func (a *audit) con(tab string) string {
	return passwordless + "/" + string(a.connection("sms").ID) + "/" + tab
}

func (a *audit) app(tab string) string {
	return "/dashboard/applications/" + string(a.shop) + "/" + tab
}

func (a *audit) user(tab string) string {
	return users + "/" + strings.TrimSuffix(strings.ReplaceAll(string(a.person), "|", "%7C")+"/"+tab, "/")
}

// row is the form that gives the second administrator a role.
func (a *audit) row() *textbrowser.Form {
	a.t.Helper()
	for _, f := range a.get(a.browser, administrators).Forms() {
		if f.Values.Get("id") == string(a.removed) && f.Press("role") != nil {
			return f
		}
	}
	a.t.Fatal("the administrator has no form")
	return nil
}

// asked asks for a code for the second administrator.
func (a *audit) asked() {
	a.t.Helper()
	var p *textbrowser.Page
	a.arrived(second, 1) // what the change before asked for
	p, a.mailed = a.ask(a.other, "/dashboard/login?again=1", second)
	a.code = p.Form("code")
	_, proof, _ := strings.Cut(a.mailed.Link, "#")
	a.secrets = append(a.secrets, a.mailed.Code, proof)
}

// changes are all, in an order in which each finds what it needs. The second
// administrator's are done in their own browser.
func changes() []change {
	return slices.Concat(administratorChanges(), connectionChanges(), applicationChanges(), apiChanges(), userChanges(), otherChanges())
}

func administratorChanges() []change {
	const signIn = "/dashboard/login"
	return []change{
		{signIn + "/dev", func(a *audit) *textbrowser.Form {
			return a.of("/dashboard/login?again=1", "Continue as the developer")
		}, "Sign in a developer", "after", ""},
		{"/dashboard/administrators", func(a *audit) *textbrowser.Form {
			return a.of(administrators, "add", "email").Set("email", second).Set("role", "editor")
		}, "Add an administrator", "after", ""},
		{"/dashboard/setup", func(a *audit) *textbrowser.Form {
			all, err := a.Store.Administrators(a.t.Context())
			if err != nil {
				a.t.Fatal(err)
			}
			a.removed = all[slices.IndexFunc(all, func(a tenant.Administrator) bool { return a.Email == second })].ID
			links := admin.Service{Ledger: a.Store, Keys: a.Secrets, Now: a.Clock.Now}
			link, err := links.NewLink(a.t.Context(), second, tenant.Editor, false)
			if err != nil {
				a.t.Fatal(err)
			}
			a.secrets = append(a.secrets, link)
			return a.in(a.other, "/dashboard/setup", "go").Set("email", second).Set("secret", link)
		}, "Sign in an administrator by a link", "after", ""},
		{signIn, func(a *audit) *textbrowser.Form {
			return a.in(a.other, "/dashboard/login?again=1", "send").Set("email", second)
		}, "", "", "whoever asks is nobody yet"},
		{signIn + "/link", func(a *audit) *textbrowser.Form {
			a.asked()
			return a.in(a.other, emailed, "go").Set("secret", strings.SplitN(a.mailed.Link, "#", 2)[1])
		}, "Sign in an administrator by an e-mailed link", "after", ""},
		{signIn + "/code", func(a *audit) *textbrowser.Form {
			a.asked()
			return a.code.Set("code", a.mailed.Code)
		}, "Sign in an administrator", "after", ""},
		{"/dashboard/logout", func(a *audit) *textbrowser.Form {
			return a.in(a.other, home, "Sign out")
		}, "Sign out an administrator", "before", ""},
		{"/dashboard/administrators", func(a *audit) *textbrowser.Form {
			return a.row().Set("role", "viewer")
		}, "Change an administrator", "both", ""},
		{"/dashboard/administrators/{id}/remove", func(a *audit) *textbrowser.Form {
			return a.of(administrators+"/"+string(a.removed)+"/remove", "Remove", "name").Set("name", second)
		}, "Remove an administrator", "before", ""},
	}
}

func connectionChanges() []change {
	const one = passwordless + "/{id}"
	return []change{
		{one + "/settings", func(a *audit) *textbrowser.Form {
			return a.of(a.con("settings"), "save", "twilio_sid").Set("twilio_sid", sid).Set("twilio_token", token).Set("from", "+15555550100")
		}, "Update a connection", "both", ""},
		{one + "/preview", func(a *audit) *textbrowser.Form {
			return elsewhere(a.of(a.con("settings"), "save", "twilio_sid").Set("twilio_token", token), a.con("preview"))
		}, "", "", "it only shows"},
		{one + "/code", func(a *audit) *textbrowser.Form {
			return elsewhere(a.of(a.con("settings"), "save", "twilio_sid").Set("twilio_token", token), a.con("code"))
		}, "", "", "it only shows"},
		{passwordless, func(a *audit) *textbrowser.Form {
			return a.of(passwordless, "", "connection").Set("connection", string(a.connection("sms").ID))
		}, "Update enabled clients for a connection", "both", ""},
		{passwordless + "/on", func(a *audit) *textbrowser.Form {
			return a.of(passwordless+"/on?connection="+string(a.connection("sms").ID), "Continue").Set("client."+a.Ready.ClientID, "on")
		}, "Update enabled clients for a connection", "both", ""},
		{one + "/applications", func(a *audit) *textbrowser.Form {
			return a.of(a.con("applications"), "", "client", "to").Set("client", a.Ready.SPAClientID).Set("to", "on")
		}, "Update enabled clients for a connection", "both", ""},
		{one + "/try", func(a *audit) *textbrowser.Form {
			return a.of(a.con("try"), "send").Set("to", "+447700900199").Set("client", a.Ready.ClientID)
		}, "Try a connection: send a code", "", ""},
		{one + "/try", func(a *audit) *textbrowser.Form {
			list, err := a.manage().ListMessages(a.t.Context(), "", 10)
			if err != nil || len(list) == 0 {
				a.t.Fatal(list, err)
			}
			code := a.world.code("+447700900199")
			a.secrets = append(a.secrets, code)
			return a.of(a.con("try")+"?message="+list[0].ID, "exchange", "code").Set("code", code)
		}, "Try a connection: exchange a code", "", ""},
		{"/dashboard/messages/{id}", func(a *audit) *textbrowser.Form {
			list, err := a.manage().ListMessages(a.t.Context(), "", 10)
			if err != nil || len(list) == 0 {
				a.t.Fatal(list, err)
			}
			return a.of("/dashboard/messages/"+list[0].ID, "reveal")
		}, "Read the recipient of a message", "", ""},
		{"/dashboard/logs/{id}", func(a *audit) *textbrowser.Form {
			list, err := a.Store.ListLogs(a.t.Context(), manage.LogQuery{Type: event.CodeSent}, manage.Window{Limit: 1})
			if err != nil || len(list.Items) == 0 {
				a.t.Fatal(list, err)
			}
			return a.of("/dashboard/logs/"+list.Items[0].ID, "reveal")
		}, "Reveal numbers and addresses", "", ""},
	}
}

func applicationChanges() []change {
	const one = applications + "/{id}"
	return []change{
		{applications + "/new", func(a *audit) *textbrowser.Form {
			return a.of("/dashboard/applications/new", "Create", "name").Set("name", "Audited").Set("app_type", "regular_web")
		}, "Create a client", "answer", ""},
		{one + "/settings", func(a *audit) *textbrowser.Form {
			all, err := a.manage().ListClients(a.t.Context(), manage.ClientQuery{}, manage.Window{Limit: 100})
			if err != nil {
				a.t.Fatal(err)
			}
			c := all.Items[slices.IndexFunc(all.Items, func(c *tenant.Client) bool { return c.Name == "Audited" })]
			a.shop, a.secrets = c.ID, append(a.secrets, c.Secret)
			return a.of(a.app("settings"), "save", "callbacks").Set("callbacks", "https://shop.example.com/callback")
		}, "Update a client", "both", ""},
		{one + "/callbacks", func(a *audit) *textbrowser.Form {
			f := a.of(a.app("settings"), "save", "callbacks")
			seen := f.Values.Get("seen")
			elsewhere(f, a.app("callbacks")).Values = url.Values{"seen": {seen}, "callback": {"https://shop.example.com/other"}}
			return f
		}, "Update a client", "both", ""},
		{one + "/connections", func(a *audit) *textbrowser.Form {
			return a.of(a.app("connections"), "", "connection", "to")
		}, "Update enabled clients for a connection", "both", ""},
		{one + "/secret", func(a *audit) *textbrowser.Form { return a.of(a.app("secret"), "show") }, "Read the secret of a client", "", ""},
		{one + "/secret", func(a *audit) *textbrowser.Form {
			return a.of(a.app("secret"), "rotate").Set("sure", "on")
		}, "Rotate a client secret", "answer", ""},
		{one + "/delete", func(a *audit) *textbrowser.Form {
			a.secrets = append(a.secrets, a.client(a.shop).Secret)
			return a.of(a.app("delete"), "Delete", "name").Set("name", "Audited")
		}, "Delete a client", "before", ""},
	}
}

func apiChanges() []change {
	const one = "/dashboard/apis/{id}"
	const identifier = "https://audited.example.com"
	return []change{
		{"/dashboard/apis/new", func(a *audit) *textbrowser.Form {
			return a.of("/dashboard/apis/new", "Create", "identifier").Set("name", "Audited").Set("identifier", identifier)
		}, "Create a resource server", "answer", ""},
		{one + "/settings", func(a *audit) *textbrowser.Form {
			a.api = "/dashboard/apis/" + a.world.api(identifier).ID
			return a.of(a.api+"/settings", "save", "token_lifetime").Set("token_lifetime", "600")
		}, "Update a resource server", "both", ""},
		{one + "/permissions", func(a *audit) *textbrowser.Form {
			return a.of(a.api+"/permissions", "add", "value", "description").Set("value", "read:audits")
		}, "Update a resource server", "both", ""},
		{one + "/applications", func(a *audit) *textbrowser.Form {
			return a.of(a.api+"/applications", "authorize", "client")
		}, "Create client grant", "answer", ""},
		{one + "/applications", func(a *audit) *textbrowser.Form {
			return a.of(a.api+"/applications", "scopes", "grant").Set("scope.read:audits", "on")
		}, "Update client grant", "both", ""},
		{one + "/applications", func(a *audit) *textbrowser.Form {
			return a.of(a.api+"/applications", "revoke", "grant")
		}, "Delete client grant", "before", ""},
		{one + "/delete", func(a *audit) *textbrowser.Form {
			return a.of(a.api+"/delete", "Delete", "name").Set("name", "Audited")
		}, "Delete a resource server", "before", ""},
	}
}

func userChanges() []change {
	const one = users + "/{id}"
	return []change{
		{users + "/new", func(a *audit) *textbrowser.Form {
			return a.of(users+"/new", "create", "identifier").Set("connection", "sms").Set("identifier", "+447700900188").Set("name", "Ada Ash")
		}, "Create a User", "answer", ""},
		{users, func(a *audit) *textbrowser.Form {
			a.person = a.signedIn("sms", "+447700900188")
			a.secrets = append(a.secrets, a.world.code("+447700900188"))
			return a.of(users+"?q=%2B447700900188", "reveal")
		}, "Reveal numbers and addresses", "", ""},
		{one + "/reveal", func(a *audit) *textbrowser.Form { return a.to(a.user(""), "/reveal") }, "Reveal numbers and addresses", "", ""},
		{one + "/sessions", func(a *audit) *textbrowser.Form {
			return a.of(a.user("sessions"), "", "device")
		}, "Delete a device credential", "before", ""},
		{one + "/sign-out", func(a *audit) *textbrowser.Form { return a.to(a.user(""), "/sign-out") }, "Sign a user out everywhere", "answer", ""},
		{one + "/metadata", func(a *audit) *textbrowser.Form {
			return a.of(a.user("metadata"), "save", "user_metadata").Set("user_metadata", `{"plan":"canary-of-a-person"}`)
		}, "Update a User", "both", ""},
		{one + "/block", func(a *audit) *textbrowser.Form { return a.of(a.user(""), "blocked") }, "Update a User", "both", ""},
		{one + "/delete", func(a *audit) *textbrowser.Form {
			return a.of(a.user("delete"), "delete", "confirm").Set("confirm", string(a.person[len(a.person)-6:]))
		}, "Delete a User", "", ""},
	}
}

// to is the form of a page whose address ends so.
func (a *audit) to(path, end string) *textbrowser.Form {
	a.t.Helper()
	for _, f := range a.get(a.browser, path).Forms() {
		if strings.HasSuffix(f.Action.Path, end) {
			return f
		}
	}
	a.t.Fatalf("%s has no form to %s", path, end)
	return nil
}

// inTheBrowser is why a change is in no log.
const inTheBrowser = "only the browser has another cookie"

func otherChanges() []change {
	return []change{
		{"/dashboard/settings", func(a *audit) *textbrowser.Form {
			return a.of("/dashboard/settings", "save", "friendly_name").Set("friendly_name", "Audited")
		}, "Update tenant settings", "both", ""},
		{"/dashboard/settings/code", func(a *audit) *textbrowser.Form {
			return a.of("/dashboard/settings/code", "Download doorcode.yaml")
		}, "Export the configuration", "", ""},
		{"/dashboard/theme", func(a *audit) *textbrowser.Form {
			return a.of(home, "dark")
		}, "", "", inTheBrowser},
	}
}

// whose is the browser that a change is done in.
func (a *audit) whose(c change) *textbrowser.Browser {
	if strings.HasPrefix(c.route, "/dashboard/login") && !strings.HasSuffix(c.route, "/dev") || c.route == "/dashboard/setup" || c.route == "/dashboard/logout" {
		return a.other
	}
	return a.browser
}

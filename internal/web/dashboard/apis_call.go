package dashboard

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

const tabTest = "test"

// apiTestPage shows how an application that is authorized for an API gets a
// token for it, and calls it.
type apiTestPage struct {
	apiFrame
	Applications []link // those that are authorized
	Client       *tenant.Client
	ByKey        bool // it proves itself by a key, which no command of one line can
	Token, Call  string
}

func (d *Dashboard) apiTest(w http.ResponseWriter, q *request) error {
	a, f, err := d.api(q, tabTest)
	if err != nil {
		return err
	}
	clients, err := d.Manage.ListClients(q.Context(), manage.ClientQuery{}, everything())
	if err != nil {
		return err
	}
	grants, err := d.Manage.ListClientGrants(q.Context(), manage.GrantQuery{Audience: a.Identifier}, everything())
	if err != nil {
		return err
	}
	p := apiTestPage{apiFrame: f}
	may := slices.DeleteFunc(clients.Items, func(c *tenant.Client) bool {
		return c.Public() || !c.MayUse(tenant.GrantClientCredentials) || grantOf(grants.Items, c.ID) < 0
	})
	wanted := tenant.ClientID(q.URL.Query().Get("application"))
	for _, c := range may {
		if p.Client == nil || c.ID == wanted {
			p.Client = c
		}
	}
	for _, c := range may {
		address := "?" + url.Values{"application": {string(c.ID)}}.Encode()
		p.Applications = append(p.Applications, link{Name: c.Name, Address: address, Here: c == p.Client})
	}
	if p.Client != nil {
		p.ByKey = p.Client.AuthMethod == tenant.AuthPrivateKeyJWT || p.Client.AuthMethod == tenant.AuthTLS
		p.Token = d.tokenCommand(p.Client, a)
		to := d.callAddress(a, grants.Items[grantOf(grants.Items, p.Client.ID)])
		p.Call = "curl -sS --fail-with-body " + quoted(to) + " \\\n  -H \"Authorization: Bearer $ACCESS_TOKEN\""
	}
	return d.show(w, q, "api-test", view{Title: a.Name, Body: p})
}

// grantOf is where an application's grant is in a list, or -1.
func grantOf(list []tenant.ClientGrant, id tenant.ClientID) int {
	return slices.IndexFunc(list, func(g tenant.ClientGrant) bool { return g.Client == id })
}

// tokenCommand asks for a token with the secret where the application sends it.
func (d *Dashboard) tokenCommand(c *tenant.Client, a *tenant.API) string {
	proof := "  --data-urlencode " + quoted("client_id="+string(c.ID)) + " \\\n  --data-urlencode \"client_secret=$CLIENT_SECRET\""
	if c.AuthMethod == tenant.AuthSecretBasic {
		proof = "  -u " + quoted(string(c.ID)) + ":\"$CLIENT_SECRET\""
	}
	return "curl -sS --fail-with-body " + quoted(d.URL+"/oauth/token") + " \\\n  -d grant_type=client_credentials \\\n" +
		proof + " \\\n  --data-urlencode " + quoted("audience="+a.Identifier)
}

// callAddress is what may be asked of an API: of our own, something that the
// permissions allow; of another, its identifier where that is an address.
func (d *Dashboard) callAddress(a *tenant.API, g tenant.ClientGrant) string {
	if a.ID == systemAPI {
		for _, name := range []string{"clients", "connections", "users", "logs", "roles"} {
			if g.AllScopes || slices.Contains(g.Scopes, "read:"+name) {
				return d.URL + "/api/v2/" + name
			}
		}
		return d.URL + "/api/v2/clients"
	}
	if u, err := url.Parse(a.Identifier); err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
		return a.Identifier
	}
	return "https://api.example.com"
}

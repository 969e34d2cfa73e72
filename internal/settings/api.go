package settings

import (
	"fmt"
	"slices"

	"github.com/doorcode/doorcode/internal/tenant"
)

// apiRule is what a body may say of an API (Auth0: resource server).
func apiRule(required ...string) rule {
	scope := rule{kinds: []string{"object"}, required: []string{"value"}, members: map[string]rule{
		"value": text(1, 280), "description": text(0, 500).orNull(),
	}}
	return rule{kinds: []string{"object"}, required: required, members: map[string]rule{
		"name":                 {kinds: []string{"string"}, max: 200, pattern: clientName},
		"identifier":           text(1, 600),
		"scopes":               listOf(scope, 1000),
		"signing_alg":          oneOf(tenant.AccessTokenAlgs()...),
		"allow_offline_access": flag, "allow_online_access": flag,
		"token_lifetime": whole(0, 2592000), "token_lifetime_for_web": whole(0, 2592000),
		"token_dialect": oneOf("access_token", "access_token_authz", "rfc9068_profile", "rfc9068_profile_authz"),
		"skip_consent_for_verifiable_first_party_clients": flag,
		"enforce_policies": flag, "consent_policy": text(0, 64).orNull(),
		"subject_type_authorization": object, "authorization_details": {kinds: []string{"array", "null"}},
		"token_encryption": object.orNull(), "proof_of_possession": rule{
			kinds: []string{"object"}, required: []string{"mechanism", "required"}, members: map[string]rule{
				"mechanism": oneOf("mtls", "dpop"), "required": flag,
				"required_for": oneOf(string(tenant.ProofOfPublic), string(tenant.ProofOfAll)),
			},
		}.orNull(),
	}}
}

// NewAPI makes the API that a body asks for, with the defaults of what it
// leaves out.
func NewAPI(id string, body *Object) (tenant.API, error) {
	if err := apiRule("identifier").checkMembers("", body); err != nil {
		return tenant.API{}, err
	}
	doc := &Object{}
	doc.Set("id", id)
	for _, m := range body.members {
		doc.SetRaw(m.name, m.value)
	}
	doc.SetDefault("name", body.Text("identifier"))
	doc.SetDefault("is_system", false)
	doc.SetDefault("allow_offline_access", false)
	doc.SetDefault("skip_consent_for_verifiable_first_party_clients", false)
	doc.SetDefault("token_lifetime", 86400)
	doc.SetDefault("token_lifetime_for_web", 7200)
	doc.SetDefault("signing_alg", "RS256")
	return API(doc.Bytes())
}

// ChangeAPI makes of a stored API what a body asks for. The identifier stays.
func ChangeAPI(a *tenant.API, body *Object) (tenant.API, error) {
	r := apiRule()
	delete(r.members, "identifier")
	if err := r.checkMembers("", body); err != nil {
		return tenant.API{}, err
	}
	doc, err := ParseObject(a.Doc)
	if err != nil {
		return tenant.API{}, fmt.Errorf("read API: %w", err)
	}
	for _, m := range body.members {
		if kindOf(m.value) == "null" {
			doc.Remove(m.name)
		} else {
			doc.SetRaw(m.name, m.value)
		}
	}
	return API(doc.Bytes())
}

// API is the view of an API's document.
func API(doc []byte) (tenant.API, error) {
	var d struct {
		ID         string  `json:"id"`
		Identifier string  `json:"identifier"`
		Name       string  `json:"name"`
		Alg        string  `json:"signing_alg"`
		Lifetime   float64 `json:"token_lifetime"`
		ForWeb     float64 `json:"token_lifetime_for_web"`
		Offline    bool    `json:"allow_offline_access"`
		Dialect    string  `json:"token_dialect"`
		Policies   bool    `json:"enforce_policies"`
		Skip       bool    `json:"skip_consent_for_verifiable_first_party_clients"`
		Proof      struct {
			Mechanism string `json:"mechanism"`
			Required  bool   `json:"required"`
			For       string `json:"required_for"`
		} `json:"proof_of_possession"`
		Scopes []struct {
			Value string `json:"value"`
		} `json:"scopes"`
	}
	if err := lenient(doc, &d); err != nil {
		return tenant.API{}, fmt.Errorf("read API: %w", err)
	}
	a := tenant.API{
		ID: d.ID, Identifier: d.Identifier, Name: d.Name, SigningAlg: d.Alg,
		TokenLifetime: seconds(d.Lifetime), WebTokenLifetime: seconds(d.ForWeb), AllowOfflineAccess: d.Offline, Profile: d.Dialect,
		Policies: d.Policies, SkipConsent: d.Skip, Doc: doc,
	}
	if d.Proof.Mechanism == "dpop" && d.Proof.Required {
		a.Proof = tenant.ProofOfAll
		if d.Proof.For == string(tenant.ProofOfPublic) {
			a.Proof = tenant.ProofOfPublic
		}
	}
	if a.SigningAlg == "" {
		a.SigningAlg = tenant.AccessTokenAlgs()[0]
	}
	for _, s := range d.Scopes {
		if s.Value != "" && !slices.Contains(a.Scopes, s.Value) {
			a.Scopes = append(a.Scopes, s.Value)
		}
	}
	return a, nil
}

// grantRule is what a body may say of a client grant.
func grantRule() rule {
	usage := oneOf("deny", "allow", "require").orNull()
	return rule{kinds: []string{"object"}, members: map[string]rule{
		"scope": listOf(text(1, 280), 1000).orNull(), "organization_usage": usage,
		"allow_any_organization":      flag.orNull(),
		"authorization_details_types": listOf(text(1, 255), 100), "allow_all_scopes": flag.orNull(),
	}}
}

// NewGrant checks what a body says of a client grant.
func NewGrant(body *Object) (tenant.ClientGrant, error) {
	r := grantRule()
	r.required = []string{"client_id", "audience"}
	r.members["client_id"], r.members["audience"] = text(1, 64), text(1, 600)
	r.members["subject_type"] = oneOf("client")
	if err := r.checkMembers("", body); err != nil {
		return tenant.ClientGrant{}, err
	}
	g := tenant.ClientGrant{Client: tenant.ClientID(body.Text("client_id")), Audience: body.Text("audience")}
	return withGrant(g, &Object{}, body), nil
}

// ChangeGrant makes of a client grant what a body asks for. Whose it is and for
// which API stays.
func ChangeGrant(g tenant.ClientGrant, body *Object) (tenant.ClientGrant, error) {
	r := grantRule()
	r.min = 1
	if err := r.checkMembers("", body); err != nil {
		return g, err
	}
	doc, err := ParseObject(g.Doc)
	if err != nil {
		return g, fmt.Errorf("read client grant: %w", err)
	}
	return withGrant(g, doc, body), nil
}

// withGrant is a client grant with what a body says of it: doc keeps what no
// rule reads.
func withGrant(g tenant.ClientGrant, doc, body *Object) tenant.ClientGrant {
	for _, m := range body.members {
		switch {
		case m.name == "client_id" || m.name == "audience" || m.name == "subject_type":
		case m.name == "scope":
			g.Scopes = Texts(m.value)
		case kindOf(m.value) == "null":
			doc.Remove(m.name)
		default:
			doc.SetRaw(m.name, m.value)
		}
	}
	g.Doc = doc.Bytes()
	g.AllScopes = AllScopes(g.Doc)
	return g
}

// AllScopes reports whether a client grant's document says that it is for all
// scopes.
func AllScopes(doc []byte) bool {
	o, err := ParseObject(doc)
	return err == nil && string(o.Raw("allow_all_scopes")) == "true"
}

// GrantAnswer is a client grant as the Management API shows it, with the name
// its audience is known by.
func GrantAnswer(g *tenant.ClientGrant, audience string) *Object {
	o := &Object{}
	o.Set("id", g.ID)
	o.Set("client_id", string(g.Client))
	o.Set("audience", audience)
	o.Set("scope", append([]string{}, g.Scopes...))
	o.Set("subject_type", "client")
	if doc, err := ParseObject(g.Doc); err == nil {
		for _, m := range doc.members {
			o.SetRaw(m.name, m.value)
		}
	}
	return o
}

// ScopeDescriptions returns what an API's document says of its scopes.
func ScopeDescriptions(doc []byte) map[string]string {
	var d struct {
		Scopes []struct {
			Value       string `json:"value"`
			Description string `json:"description"`
		} `json:"scopes"`
	}
	out := map[string]string{}
	if lenient(doc, &d) != nil {
		return out
	}
	for _, s := range d.Scopes {
		out[s.Value] = s.Description
	}
	return out
}

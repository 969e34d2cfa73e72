package settings

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/doorcode/doorcode/internal/tenant"
)

var clientName = regexp.MustCompile(`^[^<>]+$`)

// clientMembers are the members of an application that clients may set.
func clientMembers() map[string]rule {
	// What engines read has a rule of its own; the rest is stored as it came.
	members := map[string]rule{}
	for _, name := range []string{
		"session_transfer", "encryption_key", "addons", "mobile",
		"native_social_login", "default_organization", "signed_request_object",
		"token_exchange", "token_quota", "express_configuration", "my_organization_configuration",
	} {
		members[name] = object.orNull()
	}
	for _, name := range []string{
		"is_token_endpoint_ip_header_trusted", "is_first_party", "oidc_conformant", "sso", "sso_disabled",
		"cross_origin_authentication", "cross_origin_auth", "custom_login_page_on",
		"require_pushed_authorization_requests", "require_proof_of_possession",
		"skip_non_verifiable_callback_uri_confirmation_prompt",
	} {
		members[name] = flag
	}
	for _, name := range []string{
		"cross_origin_loc", "custom_login_page", "custom_login_page_preview", "form_template",
		"organization_usage", "organization_require_behavior", "compliance_level", "resource_server_identifier",
		"third_party_security_mode", "redirection_policy",
	} {
		members[name] = text(0, 0).orNull()
	}
	for _, name := range []string{"client_aliases", "allowed_clients", "organization_discovery_methods", "async_approval_notification_channels"} {
		members[name] = listOf(text(1, 600), 1000).orNull()
	}
	origin := rule{kinds: []string{"string"}, min: 1, max: 2048, format: &format{"url-with-placeholders", plainAddress}}
	callback := rule{kinds: []string{"string"}, min: 1, max: 2048, format: &format{"callback-url", plainAddress}}
	for _, name := range []string{"allowed_origins", "web_origins", "allowed_logout_urls"} {
		members[name] = listOf(origin, 1000)
	}
	members["callbacks"] = listOf(callback, 1000)
	members["name"] = rule{kinds: []string{"string"}, min: 1, pattern: clientName}
	members["description"] = text(0, 140)
	members["logo_uri"] = rule{kinds: []string{"string"}, max: 2048, format: &format{"absolute-uri-or-empty", webAddressOrEmpty}}
	members["initiate_login_uri"] = rule{kinds: []string{"string"}, max: 2048, format: &format{"absolute-https-uri-with-placeholders-or-empty", secureAddressOrEmpty}}
	members["grant_types"] = listOf(text(1, 255), 100)
	members["token_endpoint_auth_method"] = oneOf("none", "client_secret_post", "client_secret_basic").orNull()
	members["client_authentication_methods"] = authMethods()
	members["app_type"] = oneOf("native", "spa", "regular_web", "non_interactive", "resource_server",
		"express_configuration", "rms", "box", "cloudbees", "concur", "dropbox", "mscrm", "echosign", "egnyte", "newrelic",
		"office365", "salesforce", "sentry", "sharepoint", "slack", "springcm", "zendesk", "zoom", "sso_integration", "oag")
	members["client_metadata"] = metadata()
	members["oidc_logout"], members["oidc_backchannel_logout"] = backchannelRule(), backchannelRule()
	members["client_secret"] = text(1, 1024)
	members["par_request_expiry"] = whole(10, 600).orNull()
	members["jwt_configuration"] = rule{kinds: []string{"object"}, open: true, members: map[string]rule{
		"lifetime_in_seconds": whole(0, maxSeconds), "secret_encoded": flag,
		"alg": oneOf(tenant.IDTokenAlgs()...),
	}}
	members["refresh_token"] = rule{kinds: []string{"object", "null"}, open: true, members: map[string]rule{
		"rotation_type":   oneOf("rotating", "non-rotating"),
		"expiration_type": oneOf("expiring", "non-expiring"),
		"leeway":          whole(0, maxSeconds), "token_lifetime": whole(1, maxSeconds), "idle_token_lifetime": whole(1, maxSeconds),
		"infinite_token_lifetime": flag, "infinite_idle_token_lifetime": flag,
		"policies": refreshPolicies(),
	}}
	return members
}

// refreshPolicies are the APIs that refresh tokens of an application are good
// for (Auth0: multi-resource refresh tokens).
func refreshPolicies() rule {
	scopes := listOf(text(1, 280), 1000)
	scopes.min = 1
	list := listOf(rule{kinds: []string{"object"}, required: []string{"audience", "scope"}, members: map[string]rule{
		"audience": text(1, 600), "scope": scopes,
	}}, 100).orNull()
	list.min = 1
	return list
}

var clientID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// plainAddress takes addresses that a browser may be sent to, with wildcards,
// but none that would run in our own pages.
func plainAddress(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || strings.ContainsFunc(s, unicode.IsControl) || strings.Contains(s, " ") {
		return false
	}
	switch strings.ToLower(scheme) {
	case "javascript", "data", "vbscript", "blob", "about", "file":
		return false
	}
	return schemeText.MatchString(scheme)
}

var schemeText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.*-]*$`)

func webAddressOrEmpty(s string) bool {
	u, err := url.Parse(s)
	return s == "" || err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

func secureAddressOrEmpty(s string) bool {
	return s == "" || strings.HasPrefix(s, "https://") && plainAddress(s)
}

// A ClientChange is what a body asks of an application. Secret is the one that
// was sent, if any.
type ClientChange struct {
	Client tenant.Client
	Secret string
}

// NewClient makes the application that a body asks for, with the defaults of
// what it leaves out.
func NewClient(id tenant.ClientID, body *Object) (ClientChange, error) {
	r := rule{kinds: []string{"object"}, members: clientMembers(), required: []string{"name"}}
	if err := r.checkMembers("", body); err != nil {
		return ClientChange{}, err
	}
	doc := body.Clone()
	for _, m := range body.members {
		if kindOf(m.value) == "null" {
			doc.Remove(m.name)
		}
	}
	doc.Remove("client_secret")
	doc.Set("client_id", string(id))
	doc.SetDefault("is_first_party", true)
	doc.SetDefault("is_token_endpoint_ip_header_trusted", false)
	doc.SetDefault("sso_disabled", false)
	doc.SetDefault("cross_origin_authentication", false)
	doc.SetDefault("grant_types", defaultGrants(body.Text("app_type")))
	doc.SetDefault("custom_login_page_on", true)
	completeClient(doc)
	return clientChange(doc, body)
}

// ChangeClient makes of a stored application what a body asks for: null
// removes a member, any other value replaces it, except that the members of
// jwt_configuration and client_metadata are set one by one.
func ChangeClient(c *tenant.Client, body *Object) (ClientChange, error) {
	r := rule{kinds: []string{"object"}, members: clientMembers(), min: 1}
	if err := r.checkMembers("", body); err != nil {
		return ClientChange{}, err
	}
	doc, err := ParseObject(c.Doc)
	if err != nil {
		return ClientChange{}, fmt.Errorf("read application: %w", err)
	}
	for _, m := range body.members {
		before, change := doc.Object(m.name), body.Object(m.name)
		merged := m.name == "jwt_configuration" || m.name == "client_metadata"
		switch {
		case m.name == "client_secret":
		case kindOf(m.value) == "null":
			doc.Remove(m.name)
		case merged && before != nil && change != nil:
			doc.SetRaw(m.name, mergeInto(before, change).Bytes())
		default:
			doc.SetRaw(m.name, m.value)
		}
	}
	// One says how an application authenticates, the other replaces it.
	if body.Object("client_authentication_methods") != nil {
		doc.Remove("token_endpoint_auth_method")
	} else if body.Text("token_endpoint_auth_method") != "" {
		doc.Remove("client_authentication_methods")
	}
	completeClient(doc)
	return clientChange(doc, body)
}

func clientChange(doc, body *Object) (ClientChange, error) {
	c, err := Client(doc.Bytes())
	if err != nil {
		return ClientChange{}, err
	}
	return ClientChange{Client: c, Secret: body.Text("client_secret")}, nil
}

func defaultGrants(appType string) []string {
	switch appType {
	case "native", "spa":
		return []string{tenant.GrantAuthorizationCode, "implicit", tenant.GrantRefreshToken}
	case "non_interactive":
		return []string{tenant.GrantClientCredentials}
	case "resource_server":
		return []string{}
	}
	return []string{tenant.GrantAuthorizationCode, "implicit", tenant.GrantRefreshToken, tenant.GrantClientCredentials}
}

// completeClient fills in the two objects that are always answered whole.
func completeClient(doc *Object) {
	jwt := doc.Object("jwt_configuration")
	if jwt == nil {
		jwt = &Object{}
	}
	jwt.SetDefault("lifetime_in_seconds", 36000)
	jwt.SetDefault("secret_encoded", false)
	doc.SetRaw("jwt_configuration", jwt.Bytes())
	refresh := doc.Object("refresh_token")
	if refresh == nil {
		refresh = &Object{}
	}
	refresh.SetDefault("rotation_type", "non-rotating")
	refresh.SetDefault("expiration_type", "non-expiring")
	endless := refresh.Text("expiration_type") == "non-expiring"
	refresh.SetDefault("leeway", 0)
	refresh.SetDefault("token_lifetime", 2592000)
	refresh.SetDefault("infinite_token_lifetime", endless)
	refresh.SetDefault("infinite_idle_token_lifetime", endless)
	refresh.SetDefault("idle_token_lifetime", 1296000)
	doc.SetRaw("refresh_token", refresh.Bytes())
}

// clientDoc is what engines read of an application's document.
type clientDoc struct {
	ID          tenant.ClientID `json:"client_id"`
	Name        string          `json:"name"`
	AppType     string          `json:"app_type"`
	AuthMethod  string          `json:"token_endpoint_auth_method"`
	AuthMethods struct {
		PrivateKeyJWT *struct {
			Credentials []struct {
				ID string `json:"id"`
			} `json:"credentials"`
		} `json:"private_key_jwt"`
		TLS        *struct{} `json:"tls_client_auth"`
		SelfSigned *struct{} `json:"self_signed_tls_client_auth"`
	} `json:"client_authentication_methods"`
	GrantTypes  []string       `json:"grant_types"`
	FirstParty  *bool          `json:"is_first_party"`
	Conformant  *bool          `json:"oidc_conformant"`
	Resource    string         `json:"resource_server_identifier"`
	Pushed      bool           `json:"require_pushed_authorization_requests"`
	PushedLife  float64        `json:"par_request_expiry"`
	NeedsProof  bool           `json:"require_proof_of_possession"`
	TrustsIP    bool           `json:"is_token_endpoint_ip_header_trusted"`
	CrossOrigin bool           `json:"cross_origin_authentication"`
	CrossAuth   bool           `json:"cross_origin_auth"` // as deprecated tools call it
	LogoURI     string         `json:"logo_uri"`
	LoginURI    string         `json:"initiate_login_uri"`
	Callbacks   []string       `json:"callbacks"`
	WebOrigins  []string       `json:"web_origins"`
	Origins     []string       `json:"allowed_origins"`
	LogoutURLs  []string       `json:"allowed_logout_urls"`
	Logout      backchannelDoc `json:"oidc_logout"`
	OldLogout   backchannelDoc `json:"oidc_backchannel_logout"` // as it was called before
	JWT         struct {
		Lifetime float64 `json:"lifetime_in_seconds"`
		Alg      string  `json:"alg"`
	} `json:"jwt_configuration"`
	Refresh struct {
		Rotation     string  `json:"rotation_type"`
		Expiration   string  `json:"expiration_type"`
		Leeway       float64 `json:"leeway"`
		Lifetime     float64 `json:"token_lifetime"`
		Idle         float64 `json:"idle_token_lifetime"`
		Infinite     bool    `json:"infinite_token_lifetime"`
		InfiniteIdle bool    `json:"infinite_idle_token_lifetime"`
		Policies     []struct {
			Audience string   `json:"audience"`
			Scope    []string `json:"scope"`
		} `json:"policies"`
	} `json:"refresh_token"`
}

// Client is the view of an application's document. The secret is not in it.
func Client(doc []byte) (tenant.Client, error) {
	var d clientDoc
	if err := lenient(doc, &d); err != nil {
		return tenant.Client{}, fmt.Errorf("read application: %w", err)
	}
	c := tenant.Client{
		ID: d.ID, Name: d.Name, AppType: d.AppType, AuthMethod: d.AuthMethod, GrantTypes: d.GrantTypes,
		FirstParty: d.FirstParty == nil || *d.FirstParty, SaysLegacy: d.Conformant != nil && !*d.Conformant,
		SaysConformant: d.Conformant != nil && *d.Conformant, CrossOrigin: d.CrossOrigin || d.CrossAuth,
		IDTokenLifetime: seconds(d.JWT.Lifetime), IDTokenAlg: d.JWT.Alg, TrustsIPHeader: d.TrustsIP, NeedsProof: d.NeedsProof,
		ResourceServer: d.Resource, NeedsPushed: d.Pushed, PushedLife: seconds(d.PushedLife),
		LogoURI: d.LogoURI, LoginURI: d.LoginURI, Callbacks: d.Callbacks, WebOrigins: d.WebOrigins, AllowedOrigins: d.Origins, Doc: doc,
		LogoutURLs: d.LogoutURLs, Backchannel: backchannel(d.Logout, d.OldLogout),
	}
	m := &d.AuthMethods
	switch {
	case m.PrivateKeyJWT != nil:
		c.AuthMethod = tenant.AuthPrivateKeyJWT
		for _, k := range m.PrivateKeyJWT.Credentials {
			c.AssertionKeys = append(c.AssertionKeys, k.ID)
		}
	case m.TLS != nil, m.SelfSigned != nil:
		c.AuthMethod = tenant.AuthTLS
	case c.AuthMethod == "" && slices.Contains([]string{"native", "spa"}, c.AppType):
		c.AuthMethod = tenant.AuthNone
	}
	if c.IDTokenAlg == "" {
		c.IDTokenAlg = tenant.IDTokenAlgs()[0]
	}
	r := &d.Refresh
	c.Refresh = tenant.RefreshPolicy{Rotating: r.Rotation == "rotating", Leeway: seconds(r.Leeway)}
	for _, p := range r.Policies {
		c.Refresh.Resources = append(c.Refresh.Resources, tenant.RefreshResource{Audience: p.Audience, Scopes: p.Scope})
	}
	// The two flags decide; the type is how people say both at once.
	if !r.Infinite && r.Expiration != "" {
		c.Refresh.Lifetime = seconds(r.Lifetime)
	}
	if !r.InfiniteIdle && r.Expiration != "" {
		c.Refresh.Idle = seconds(r.Idle)
	}
	return c, nil
}

// ClientAnswer is an application as the Management API shows it. The secret is
// shown unless it is empty.
func ClientAnswer(c *tenant.Client, tenantName, secret string) (*Object, error) {
	doc, err := ParseObject(c.Doc)
	if err != nil {
		return nil, fmt.Errorf("read application: %w", err)
	}
	out := &Object{}
	out.Set("tenant", tenantName)
	out.Set("global", false)
	for _, m := range doc.members {
		out.SetRaw(m.name, m.value)
	}
	if secret != "" {
		out.insertAfter("client_id", "client_secret", secret)
	}
	// Auth0 says false of an application that was created without it; the
	// document says nothing, so that one which asked for it can be told apart.
	out.SetDefault("oidc_conformant", false)
	out.Set("callback_url_template", false)
	return out, nil
}

// isType is errors.As for the one type of error that views forgive.
func isType[T error](err error, into *T) bool { return errors.As(err, into) }

// Origins lists where pages of an application are: the origins it names, and
// those of its callbacks.
func Origins(c *tenant.Client) []string {
	out := append(slices.Clone(c.WebOrigins), c.AllowedOrigins...)
	for _, callback := range c.Callbacks {
		u, err := url.Parse(callback)
		if err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
			out = append(out, u.Scheme+"://"+strings.ToLower(u.Host))
		}
	}
	return out
}

// CheckClientID checks the id that the configuration file may give an
// application.
func CheckClientID(body *Object) error {
	if !body.Has("client_id") {
		return nil
	}
	return rule{kinds: []string{"string"}, pattern: clientID}.check("client_id", body.Raw("client_id"))
}

package settings

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// maxCredentials is how many keys an application may prove itself by (Auth0:
// 2, so that one can follow the other).
const maxCredentials = 2

var (
	keyIDText = regexp.MustCompile(`^([0-9a-zA-Z-_]{10,64})$`)
	moment    = &format{"date-time", func(s string) bool { _, err := time.Parse(time.RFC3339, s); return err == nil }}
)

// credentialRule is what a body may say of a key (Auth0: client credential).
func credentialRule() rule {
	kid := text(10, 64)
	kid.pattern = keyIDText
	when := text(0, 64)
	when.format = moment
	return rule{kinds: []string{"object"}, required: []string{"credential_type"}, members: map[string]rule{
		"credential_type": oneOf("public_key", "x509_cert"), "name": text(0, 128).orNull(),
		"pem": text(1, 16<<10), "alg": oneOf("RS256", "RS384", "PS256", "ES256", "ES384"),
		"kid": kid, "parse_expiry_from_cert": flag, "expires_at": when.orNull(),
	}}
}

// authMethods is what a body may say of how an application proves itself: by
// keys that it has, named by their ids, or by new ones.
func authMethods() rule {
	given := credentialRule()
	given.required = nil
	given.members["id"] = text(1, 64)
	keys := listOf(given, maxCredentials)
	return rule{kinds: []string{"object", "null"}, min: 1, max: 1, members: map[string]rule{
		"private_key_jwt": {kinds: []string{"object"}, required: []string{"credentials"}, members: map[string]rule{"credentials": keys}},
		"tls_client_auth": object, "self_signed_tls_client_auth": object,
	}}
}

// A KeyRequest is a key that a body brings, or the id of one that is there.
type KeyRequest struct {
	ID   string // of one that is there; the rest is empty then
	Name string
	PEM  string
	Alg  string // "RS256" if nothing else was said
	// KeyID is empty if a name is to be made.
	KeyID          string
	Expires        time.Time
	ExpiryFromCert bool
}

// NewCredential reads the key that a body brings for an application.
func NewCredential(body *Object) (KeyRequest, error) {
	r := credentialRule()
	r.required = append(r.required, "pem")
	if err := r.checkMembers("", body); err != nil {
		return KeyRequest{}, err
	}
	return keyRequest(body), nil
}

func keyRequest(o *Object) KeyRequest {
	k := KeyRequest{
		ID: o.Text("id"), Name: o.Text("name"), PEM: o.Text("pem"), Alg: o.Text("alg"), KeyID: o.Text("kid"),
		ExpiryFromCert: string(o.Raw("parse_expiry_from_cert")) == "true",
	}
	k.Expires, _ = time.Parse(time.RFC3339, o.Text("expires_at")) // checked by the rule
	return k
}

// CredentialExpiry reads the one thing about a key that can be changed. Zero is
// never.
func CredentialExpiry(body *Object) (time.Time, error) {
	r := credentialRule()
	r.required, r.min = nil, 1
	r.members = map[string]rule{"expires_at": r.members["expires_at"]}
	if err := r.checkMembers("", body); err != nil {
		return time.Time{}, err
	}
	return keyRequest(body).Expires, nil
}

// RequestedKeys lists the keys that an application's document says it proves
// itself by, in their order.
func RequestedKeys(c *tenant.Client) ([]KeyRequest, error) {
	doc, err := ParseObject(c.Doc)
	if err != nil {
		return nil, fmt.Errorf("read application: %w", err)
	}
	methods := doc.Object("client_authentication_methods")
	if methods == nil || methods.Object(tenant.AuthPrivateKeyJWT) == nil {
		return nil, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(methods.Object(tenant.AuthPrivateKeyJWT).Raw("credentials"), &raw); err != nil {
		return nil, fmt.Errorf("read application: %w", err)
	}
	keys := make([]KeyRequest, len(raw))
	for i := range raw {
		o, err := ParseObject(raw[i])
		if err != nil {
			return nil, fmt.Errorf("read application: %w", err)
		}
		keys[i] = keyRequest(o)
	}
	return keys, nil
}

// WithKeys is the application with ids in its document in place of the keys
// that were sent.
func WithKeys(c tenant.Client, ids []string) (tenant.Client, error) {
	doc, err := ParseObject(c.Doc)
	if err != nil {
		return c, fmt.Errorf("read application: %w", err)
	}
	list := make([]map[string]string, len(ids))
	for i, id := range ids {
		list[i] = map[string]string{"id": id}
	}
	doc.Set("client_authentication_methods", map[string]any{
		tenant.AuthPrivateKeyJWT: map[string]any{"credentials": list},
	})
	// The two say the same thing; only one of them is ever there.
	doc.Remove("token_endpoint_auth_method")
	return Client(doc.Bytes())
}

// CredentialAnswer is a key as the Management API shows it: all but the key.
func CredentialAnswer(k *tenant.Credential) *Object {
	o := &Object{}
	o.Set("id", k.ID)
	o.Set("name", k.Name)
	o.Set("kid", k.KeyID)
	o.Set("alg", k.Alg)
	o.Set("credential_type", "public_key")
	if k.Certificate != "" {
		o.Set("thumbprint_sha256", k.Certificate)
	}
	o.Set("created_at", isoTime(k.CreatedAt))
	o.Set("updated_at", isoTime(k.UpdatedAt))
	if !k.Expires.IsZero() {
		o.Set("expires_at", isoTime(k.Expires))
	}
	return o
}

func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

package tenant

import "time"

// A Credential is a public key that an application proves itself by (Auth0:
// client credential).
type Credential struct {
	ID          string // "cred_…"
	Name        string
	KeyID       string // "kid", as the application's assertions name it
	Alg         string
	PEM         string // a public key or a certificate
	Certificate string // SHA-256 of the certificate in hexadecimal, or empty
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Expires     time.Time // zero: never
}

// Credential returns a credential of the application, or nil.
func (c *Client) Credential(id string) *Credential {
	for i := range c.Credentials {
		if c.Credentials[i].ID == id {
			return &c.Credentials[i]
		}
	}
	return nil
}

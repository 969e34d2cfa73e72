package manage

import (
	"context"
	"net/http"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// maxKept is how many keys an application may have: those in use and those to
// follow them.
const maxKept = 10

// The faults of keys.
var (
	ErrCredential      = fault.New(fault.NotFound, "inexistent_client_credential", "The client credential does not exist.")
	ErrCredentialInUse = fault.New(fault.Conflict, "client_credential_in_use",
		"The application authenticates with this credential. Take it out of client_authentication_methods first.")
	errKeyID     = fault.New(fault.Conflict, "conflict", "The application has a credential with this kid already.")
	errKeyAlg    = settings.Invalid("alg", "The key is not one for this algorithm")
	errTooMany   = fault.New(fault.Conflict, "conflict", "The application has as many credentials as it may have. Delete one first.")
	errNoPEM     = settings.Invalid("client_authentication_methods", "A credential needs an id or a pem")
	errNoSuchKey = settings.Invalid("client_authentication_methods", "There is no such credential of this application")
)

// newCredential makes a key that can be used of what was sent.
func newCredential(k settings.KeyRequest, now time.Time) (tenant.Credential, error) {
	public, err := signing.ParsePEM(k.PEM)
	if err != nil {
		return tenant.Credential{}, err
	}
	if k.Alg == "" {
		k.Alg = signing.RS256
		if !public.Takes(k.Alg) {
			k.Alg = signing.ES256
		}
	}
	if !public.Takes(k.Alg) {
		return tenant.Credential{}, errKeyAlg
	}
	if k.KeyID == "" {
		k.KeyID = public.Thumbprint
	}
	if k.ExpiryFromCert && k.Expires.IsZero() {
		k.Expires = public.CertificateEnds
	}
	return tenant.Credential{
		ID: "cred_" + secret.Alphanumeric(22), Name: k.Name, KeyID: k.KeyID, Alg: k.Alg, PEM: k.PEM,
		Certificate: public.Certificate, CreatedAt: now, UpdatedAt: now, Expires: k.Expires,
	}, nil
}

// adoptKeys makes credentials of the keys in an application's document and
// leaves their ids there. A key that the application has already stays the one
// it is, so that a file can be applied again and again.
func adoptKeys(c tenant.Client, now time.Time) (tenant.Client, error) {
	requests, err := settings.RequestedKeys(&c)
	if err != nil || len(requests) == 0 {
		return c, err
	}
	kept := c.Credentials
	ids := make([]string, len(requests))
	for i, k := range requests {
		if ids[i], kept, err = adoptKey(kept, k, now); err != nil {
			return c, err
		}
	}
	out, err := settings.WithKeys(c, ids)
	out.Credentials, out.Secret = kept, c.Secret
	out.Managed, out.CreatedAt, out.UpdatedAt = c.Managed, c.CreatedAt, c.UpdatedAt
	return out, err
}

func adoptKey(kept []tenant.Credential, k settings.KeyRequest, now time.Time) (string, []tenant.Credential, error) {
	if k.ID != "" {
		for _, have := range kept {
			if have.ID == k.ID {
				return k.ID, kept, nil
			}
		}
		return "", kept, errNoSuchKey
	}
	if k.PEM == "" {
		return "", kept, errNoPEM
	}
	made, err := newCredential(k, now)
	if err != nil {
		return "", kept, err
	}
	for _, have := range kept {
		if have.KeyID == made.KeyID && have.PEM == made.PEM && have.Alg == made.Alg {
			return have.ID, kept, nil
		}
	}
	kept, err = addKey(kept, made)
	return made.ID, kept, err
}

// addKey adds a key to those of an application. Names of keys are not used
// twice: it would not be clear which is meant.
func addKey(kept []tenant.Credential, k tenant.Credential) ([]tenant.Credential, error) {
	if len(kept) >= maxKept {
		return kept, errTooMany
	}
	for _, have := range kept {
		if have.KeyID == k.KeyID {
			return kept, errKeyID
		}
	}
	return append(kept[:len(kept):len(kept)], k), nil
}

// Credentials lists the keys of an application.
func (s *Service) Credentials(ctx context.Context, id tenant.ClientID) ([]tenant.Credential, error) {
	c, err := s.Client(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.Credentials, nil
}

// Credential returns a key of an application. The fault is ErrCredential if
// there is none.
func (s *Service) Credential(ctx context.Context, id tenant.ClientID, key string) (*tenant.Credential, error) {
	c, err := s.Client(ctx, id)
	if err != nil {
		return nil, err
	}
	if k := c.Credential(key); k != nil {
		return k, nil
	}
	return nil, ErrCredential
}

// CreateCredential gives an application a key. It proves nothing by it until
// its client_authentication_methods name it.
func (s *Service) CreateCredential(ctx context.Context, by Actor, id tenant.ClientID, body *settings.Object) (*tenant.Credential, error) {
	request, err := settings.NewCredential(body)
	if err != nil {
		return nil, err
	}
	made, err := newCredential(request, s.Now())
	if err != nil {
		return nil, err
	}
	_, err = s.changeClient(ctx, id, func(c *tenant.Client) (tenant.LogEvent, error) {
		var err error
		if c.Credentials, err = addKey(c.Credentials, made); err != nil {
			return tenant.LogEvent{}, err
		}
		return s.recordCredential(by, outcome{what: "Create a client credential", status: http.StatusCreated}, &made), nil
	})
	return &made, err
}

func (s *Service) recordCredential(by Actor, o outcome, k *tenant.Credential) tenant.LogEvent {
	o.body = settings.CredentialAnswer(k)
	return s.record(by, o)
}

// ChangeCredential changes when a key ends.
func (s *Service) ChangeCredential(ctx context.Context, by Actor, id tenant.ClientID, key string, body *settings.Object) (*tenant.Credential, error) {
	expires, err := settings.CredentialExpiry(body)
	if err != nil {
		return nil, err
	}
	var after tenant.Credential
	_, err = s.changeClient(ctx, id, func(c *tenant.Client) (tenant.LogEvent, error) {
		k := c.Credential(key)
		if k == nil {
			return tenant.LogEvent{}, ErrCredential
		}
		k.Expires, k.UpdatedAt = expires, s.Now()
		after = *k
		return s.recordCredential(by, outcome{what: "Update a client credential", status: http.StatusOK}, k), nil
	})
	return &after, err
}

// DeleteCredential takes a key from an application. It is no fault if it has
// none by that id, and ErrCredentialInUse if the application proves itself by
// it.
func (s *Service) DeleteCredential(ctx context.Context, by Actor, id tenant.ClientID, key string) error {
	_, err := s.changeClient(ctx, id, func(c *tenant.Client) (tenant.LogEvent, error) {
		for _, used := range c.AssertionKeys {
			if used == key {
				return tenant.LogEvent{}, ErrCredentialInUse
			}
		}
		kept := make([]tenant.Credential, 0, len(c.Credentials))
		for _, k := range c.Credentials {
			if k.ID != key {
				kept = append(kept, k)
			}
		}
		c.Credentials = kept
		return s.record(by, outcome{what: "Delete a client credential", status: http.StatusNoContent}), nil
	})
	return err
}

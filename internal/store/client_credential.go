package store

import (
	"encoding/json"
	"fmt"

	"github.com/doorcode/doorcode/internal/tenant"
)

// credential is a public key of an application as it is stored, in the row of
// the application: who reads one reads the other.
type credential struct {
	ID          string `json:"id"`
	Name        string `json:"name,omitempty"`
	KeyID       string `json:"kid"`
	Alg         string `json:"alg"`
	PEM         string `json:"pem"`
	Certificate string `json:"certificate,omitempty"`
	CreatedAt   int64  `json:"created_at"`
	UpdatedAt   int64  `json:"updated_at"`
	Expires     int64  `json:"expires_at,omitempty"`
}

func encodeCredentials(list []tenant.Credential) string {
	out := make([]credential, len(list))
	for i, k := range list {
		out[i] = credential{
			ID: k.ID, Name: k.Name, KeyID: k.KeyID, Alg: k.Alg, PEM: k.PEM, Certificate: k.Certificate,
			CreatedAt: toMillis(k.CreatedAt), UpdatedAt: toMillis(k.UpdatedAt), Expires: toMillis(k.Expires),
		}
	}
	doc, _ := json.Marshal(out) // texts and numbers always can be
	return string(doc)
}

func decodeCredentials(doc string) ([]tenant.Credential, error) {
	var list []credential
	if err := json.Unmarshal([]byte(doc), &list); err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	out := make([]tenant.Credential, len(list))
	for i, k := range list {
		out[i] = tenant.Credential{
			ID: k.ID, Name: k.Name, KeyID: k.KeyID, Alg: k.Alg, PEM: k.PEM, Certificate: k.Certificate,
			CreatedAt: fromMillis(k.CreatedAt), UpdatedAt: fromMillis(k.UpdatedAt), Expires: fromMillis(k.Expires),
		}
	}
	return out, nil
}

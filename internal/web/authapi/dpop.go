package authapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/signing"
)

var errTwoProofs = errors.New("more than one DPoP header")

// proof reads the DPoP header (RFC 9449 §4.1), and tells who sends one the
// nonce for the next (RFC 9449 §8.2). It is there to be checked: nothing in it
// is to be believed.
func (a *API) proof(w http.ResponseWriter, r *http.Request) (grant.Proof, error) {
	p := grant.Proof{Method: r.Method, URL: strings.TrimSuffix(a.Issuer, "/") + r.URL.Path}
	headers := r.Header["Dpop"]
	if len(headers) == 0 {
		return p, nil
	}
	w.Header().Set("DPoP-Nonce", a.Grants.Nonce())
	if len(headers) > 1 {
		return p, grant.ErrProof.Because(errTwoProofs)
	}
	if p.Text = strings.TrimSpace(headers[0]); p.Text == "" {
		return p, grant.ErrProof.Because(signing.ErrMalformed)
	}
	return p, nil
}

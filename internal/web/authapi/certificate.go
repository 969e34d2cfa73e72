package authapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/web"
)

// A certificateForm is one form of the certificate of the RSA key that signs now.
// There is one certificate in each: whoever keeps it has to get another when keys
// are rotated, which the JWKS document spares them.
type certificateForm struct {
	mediaType string
	file      string // under which browsers save it; empty shows it
	write     func(signing.Key) ([]byte, error)
}

// certificateForms are the forms by their paths (Auth0).
func certificateForms() map[string]certificateForm {
	asPEM := func(k signing.Key) ([]byte, error) { return []byte(k.PEM()), nil }
	return map[string]certificateForm{
		"/pem":    {"application/x-pem-file", "doorcode.pem", asPEM},
		"/rawpem": {"text/plain; charset=utf-8", "", asPEM},
		"/cer":    {"application/pkix-cert", "doorcode.cer", func(k signing.Key) ([]byte, error) { return k.Cert, nil }}, // RFC 2585 §4.1
		"/pb7": {"application/x-pkcs7-certificates", "doorcode.p7b", func(k signing.Key) ([]byte, error) {
			text, err := k.PKCS7()
			return []byte(text), err
		}},
		"/fingerprint": {"text/plain; charset=utf-8", "", func(k signing.Key) ([]byte, error) { return []byte(k.Fingerprint()), nil }},
	}
}

// certificate serves one form: GET /pem and its like, for set-ups that take a
// file and no JWKS document.
func (a *API) certificate(form certificateForm) web.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) error {
		doc, err := form.write(a.Keys.Published()[0]) // the first is the current RSA key
		if err != nil {
			return err
		}
		h := w.Header()
		h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(signing.CacheLife/time.Second)))
		h.Set("Content-Type", form.mediaType)
		if form.file != "" {
			h.Set("Content-Disposition", `attachment; filename="`+form.file+`"`)
		}
		w.WriteHeader(http.StatusOK)
		_, err = w.Write(doc)
		return err
	}
}

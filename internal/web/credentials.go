package web

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/fault"
)

const (
	maxBasic  = 4 << 10  // characters of Basic credentials
	maxBearer = 16 << 10 // characters of a token
)

// The faults of an Authorization header that cannot be read. Their causes tell
// why, to the log only.
var (
	ErrBasic  = fault.New(fault.Denied, "invalid_client", "The Authorization header is not valid.")
	ErrBearer = fault.New(fault.Denied, "invalid_token", "The Authorization header is not valid.")
)

// Credentials are how a client proves who it is in a request header.
type Credentials struct {
	ID, Secret string
}

// BasicCredentials returns what a client sent by HTTP Basic authentication. It
// reports false if the request uses no Basic authentication, and ErrBasic if it
// does so wrongly: then it must not be taken for a client without a secret.
// Both parts are form-encoded inside, as RFC 6749 §2.3.1 demands.
func BasicCredentials(r *http.Request) (Credentials, bool, error) {
	value, found, err := authorization(r, "basic")
	if err != nil || !found {
		return Credentials{}, found, because(ErrBasic, err)
	}
	if len(value) > maxBasic {
		return Credentials{}, true, ErrBasic.Because(errors.New("too long"))
	}
	plain, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return Credentials{}, true, ErrBasic.Because(errors.New("not base64"))
	}
	before, after, ok := strings.Cut(string(plain), ":")
	if !ok {
		return Credentials{}, true, ErrBasic.Because(errors.New("no colon"))
	}
	id, err1 := decoded(before)
	secret, err2 := decoded(after)
	if err := errors.Join(err1, err2); err != nil {
		return Credentials{}, true, ErrBasic.Because(err)
	}
	return Credentials{ID: id, Secret: secret}, true, nil
}

// decoded undoes the form encoding of an identifier or secret. The error does
// not quote it.
func decoded(s string) (string, error) {
	t, err := url.QueryUnescape(s)
	if err != nil {
		return "", errors.New("not form-encoded")
	}
	if !utf8.ValidString(t) || strings.ContainsFunc(t, unicode.IsControl) {
		return "", errors.New("characters that cannot be")
	}
	return t, nil
}

// BearerToken returns the token in the Authorization header, with the scheme in
// any case (RFC 9110 §11.1). It reports false if the request has none there,
// and ErrBearer if what is there cannot be a token. Tokens in the URL are not
// taken (RFC 6750 §5.3): it ends up in logs.
func BearerToken(r *http.Request) (string, bool, error) { return headerToken(r, "bearer") }

// DPoPToken is BearerToken for a token that is bound to a key (RFC 9449 §7.1).
func DPoPToken(r *http.Request) (string, bool, error) { return headerToken(r, "dpop") }

func headerToken(r *http.Request, scheme string) (string, bool, error) {
	value, found, err := authorization(r, scheme)
	if err != nil || !found {
		return "", found, because(ErrBearer, err)
	}
	if err := CheckToken(value); err != nil {
		return "", true, err
	}
	return value, true, nil
}

// CheckToken returns ErrBearer unless s has the size and the characters of a
// token (RFC 6750 §2.1), so that nothing is parsed which is too large to be
// one. It is meant for tokens in bodies; BearerToken has done it.
func CheckToken(s string) error {
	if len(s) == 0 || len(s) > maxBearer {
		return ErrBearer.Because(errors.New("too long or empty"))
	}
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		c := body[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			continue
		}
		if strings.IndexByte("-._~+/", c) < 0 {
			return ErrBearer.Because(errors.New("characters that cannot be"))
		}
	}
	if body == "" {
		return ErrBearer.Because(errors.New("only padding"))
	}
	return nil
}

// authorization returns the credentials of the Authorization header if it names
// the scheme. Two such headers are refused, because a proxy in front of us may
// have gone by the other one.
func authorization(r *http.Request, scheme string) (value string, found bool, err error) {
	headers := r.Header["Authorization"]
	switch len(headers) {
	case 0:
		return "", false, nil
	case 1:
	default:
		return "", true, errors.New("more than one Authorization header")
	}
	name, value, _ := strings.Cut(strings.Trim(headers[0], " "), " ")
	if !strings.EqualFold(name, scheme) {
		return "", false, nil
	}
	return strings.TrimLeft(value, " "), true, nil
}

// because is f with the cause err, or nil without one.
func because(f *fault.Error, err error) error {
	if err == nil {
		return nil
	}
	return f.Because(err)
}

package signing

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// MaxToken is the size of the longest token that is read, in bytes. A token for
// the Management API with all of its 251 scopes has 8,100 of them.
const MaxToken = 16 << 10

// maxHeader is the same for an encoded header. Ours have about 100.
const maxHeader = 512

// parsed is a token in its parts. Nothing in it is to be believed yet.
type parsed struct {
	alg, kid, typ string
	payload       []byte
	signed        string // what the signature is over
	signature     []byte
}

// parse takes a token apart. It reads our own tokens only, so it is as strict
// as their maker: three parts, the alphabet of RFC 4648 §5 without padding or
// stray bits, and a header of "alg", "typ" and "kid" and nothing else. A header
// that brings a key or points to one (jwk, jku, x5c, x5u), or asks for anything
// special (crit, b64, zip), is refused before it is looked at (RFC 8725 §3.10).
func parse(token string) (parsed, error) {
	if len(token) > MaxToken {
		return parsed{}, fmt.Errorf("%w: too long", ErrMalformed)
	}
	head, rest, ok := strings.Cut(token, ".")
	body, tail, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || head == "" || body == "" || tail == "" {
		return parsed{}, fmt.Errorf("%w: not of three parts", ErrMalformed)
	}
	if len(head) > maxHeader {
		return parsed{}, fmt.Errorf("%w: header too long", ErrMalformed)
	}
	header, err := decode(head)
	if err != nil {
		return parsed{}, err
	}
	p := parsed{signed: token[:len(head)+1+len(body)]}
	if err := p.readHeader(header); err != nil {
		return parsed{}, err
	}
	if p.signature, err = decode(tail); err != nil {
		return parsed{}, err
	}
	p.payload, err = decode(body)
	return p, err
}

func (p *parsed) readHeader(header []byte) error {
	members, err := object(header)
	if err != nil {
		return fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	for _, m := range members {
		value, err := text(m.value)
		if err != nil {
			return fmt.Errorf("%w: header: %w", ErrMalformed, err)
		}
		switch m.name {
		case "alg":
			p.alg = value
		case "typ":
			p.typ = value
		case "kid":
			p.kid = value
		default:
			return fmt.Errorf("%w: header has more than alg, typ and kid", ErrMalformed)
		}
	}
	return nil
}

// decode reads base64url. The standard decoder passes over line breaks, which
// would let one token be written in many ways.
func decode(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("%w: not base64url", ErrMalformed)
	}
	out, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%w: not base64url", ErrMalformed)
	}
	return out, nil
}

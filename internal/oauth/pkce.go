package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// MethodS256 is the only way of making a challenge that is taken. With "plain"
// the challenge is the verifier, and whoever sees one has the other.
const MethodS256 = "S256"

// unreserved are the characters of verifiers and challenges (RFC 7636 §4.1).
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

func between43And128(s string) bool {
	return len(s) >= 43 && len(s) <= 128 && strings.Trim(s, unreserved) == ""
}

// Challenge returns the challenge that belongs to a verifier, and false if it is
// no verifier (RFC 7636 §4.1, §4.2). The challenge of no verifier is empty, as
// is that of a request without one: the two match each other and nothing else.
func Challenge(verifier string) (string, bool) {
	if verifier == "" {
		return "", true
	}
	if !between43And128(verifier) {
		return "", false
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:]), true
}

// checkChallenge refuses what is not the challenge of any verifier.
func checkChallenge(challenge, method string, required bool) error {
	switch {
	case challenge == "" && method != "":
		return MissingParameter("code_challenge")
	case challenge == "" && required:
		return InvalidRequest("Parameter code_challenge is required for this application (PKCE).")
	case challenge == "":
		return nil
	case method != MethodS256: // RFC 7636 §4.3: none means plain
		return InvalidRequest("Parameter code_challenge_method must be S256.")
	case len(challenge) != 43 || strings.Trim(challenge, unreserved) != "":
		return InvalidRequest("Parameter code_challenge is not the S256 form of a verifier.")
	}
	return nil
}

package delivery

import (
	"crypto/sha256"
	"strings"
)

// AccountKey makes of an account's address and credentials what Accounted
// returns: equal for equal parts, and no way back to them.
func AccountKey(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return string(sum[:16])
}

package attack

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// PuzzleBits is how hard a puzzle is: a browser tries 2^18 numbers on average,
// which takes a phone about a second, and whoever wants a million messages some
// days of processor time.
const PuzzleBits = 18

// maxAnswer bounds an answer: with the seed it fits into one block of SHA-256.
const maxAnswer = 16

// A Puzzle is the first rung of the ladder for those who are challenged: a number
// is looked for by trying, and found right by one hash. The seed belongs to one
// sign-in and one recipient, so that an answer is of no use elsewhere.
type Puzzle struct {
	Seed string
	Bits int
}

// Solved reports whether SHA-256 of the seed, a full stop and the answer begins
// with that many zero bits.
func (p Puzzle) Solved(answer string) bool {
	if answer == "" || len(answer) > maxAnswer {
		return false
	}
	sum := sha256.Sum256([]byte(p.Seed + "." + answer))
	return bits.LeadingZeros64(binary.BigEndian.Uint64(sum[:8])) >= p.Bits
}

package authorize

import (
	"encoding/hex"
	"strings"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/secret"
)

const (
	nonceDigits = 16
	seedDigits  = 16
)

// unproven asks the browser to solve a puzzle. Nothing is stored for whoever does
// not: the seed is random, and a keyed digest of that, the sign-in and the
// recipient.
func (s *Service) unproven(in sendTo) Step {
	nonce := hex.EncodeToString(secret.Bytes(nonceDigits / 2))
	step := at(in.Transaction)
	step.Puzzle = &attack.Puzzle{Seed: nonce + seedsOf(s.Secrets, nonce, in)[0], Bits: attack.PuzzleBits}
	return step
}

// proof is what an answer proves, nil if nothing: an answer is the seed of a
// puzzle of this sign-in and recipient, a full stop and what was found. Whether
// it was used before, the ledger knows.
func (s *Service) proof(in sendTo) []byte {
	seed, found, ok := strings.Cut(in.answer, ".")
	if !ok || len(seed) != nonceDigits+seedDigits {
		return nil
	}
	nonce := seed[:nonceDigits]
	for _, ours := range seedsOf(s.Secrets, nonce, in) { // of the root key before, too
		p := attack.Puzzle{Seed: nonce + ours, Bits: attack.PuzzleBits}
		if secret.Equal(p.Seed, seed) && p.Solved(found) {
			return s.Secrets.MAC(secret.Identifiers, "puzzle", seed)
		}
	}
	return nil
}

func seedsOf(keys *secret.Ring, nonce string, in sendTo) []string {
	macs := keys.MACs(secret.Browsers, "puzzle", nonce, in.ID, string(in.connection.ID), in.to)
	seeds := make([]string, len(macs))
	for i, m := range macs {
		seeds[i] = hex.EncodeToString(m[:seedDigits/2])
	}
	return seeds
}

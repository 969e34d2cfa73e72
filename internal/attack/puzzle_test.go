package attack

import (
	"strconv"
	"testing"
)

// SMS-06: an answer is right for its own puzzle alone, and is found after about
// as many tries as the puzzle says.
func TestSMS06Puzzle(t *testing.T) {
	solve := func(p Puzzle) (string, int) {
		for n := 0; ; n++ {
			if answer := strconv.FormatInt(int64(n), 36); p.Solved(answer) {
				return answer, n
			}
		}
	}
	total := 0
	for i := range 64 {
		p := Puzzle{Seed: "seed" + strconv.Itoa(i), Bits: 10}
		answer, tries := solve(p)
		total += tries
		if other := (Puzzle{Seed: "other" + strconv.Itoa(i), Bits: 16}); other.Solved(answer) {
			t.Errorf("%q solves two puzzles", answer)
		}
		for _, bad := range []string{"", answer + " ", "." + answer, answer + "00000000000000000"} {
			if p.Solved(bad) {
				t.Errorf("%q is taken for %q", bad, answer)
			}
		}
	}
	if mean := total / 64; mean < 512 || mean > 2048 {
		t.Errorf("%d tries on average, want about 1024", mean)
	}
}

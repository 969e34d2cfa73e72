package passwordless

import "testing"

// Every outcome has a word of its own in the metrics.
func TestOutcomesHaveWords(t *testing.T) {
	seen := map[string]bool{}
	check := func(what, word string, last bool) {
		t.Helper()
		if (word == "other") != last || seen[what+word] {
			t.Errorf("%s is called %q", what, word)
		}
		seen[what+word] = true
	}
	for o := Due; o <= Unproven+1; o++ {
		check("start", o.word(), o > Unproven)
	}
	for o := Wrong; o <= TooManyFailures+1; o++ {
		if o != Redeemed {
			check("verify", verdictWord(o, SignedIn), o > TooManyFailures)
		}
	}
	for o := SignedIn; o <= TooManySignUps+1; o++ {
		check("sign-in", verdictWord(Redeemed, o), o > TooManySignUps)
	}
}

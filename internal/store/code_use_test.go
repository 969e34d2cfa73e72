package store

import (
	"testing"
	"time"
)

// A log that is closed gives out all codes that were put into it before, and then
// says that it has ended.
func TestUseLogEnds(t *testing.T) {
	const n = 2*maxBatch + 3
	u := &useLog{uses: make(chan codeUse, n), stop: make(chan struct{})}
	for i := range n {
		u.uses <- codeUse{at: time.Unix(int64(i), 0)}
	}
	close(u.stop)
	var got []codeUse
	for {
		batch := u.next()
		if len(batch) > maxBatch {
			t.Errorf("%d at once", len(batch))
		}
		if len(batch) == 0 {
			break
		}
		got = append(got, batch...)
	}
	if len(got) != n {
		t.Fatalf("%d of %d are left", len(got), n)
	}
	for i, one := range got {
		if one.at.Unix() != int64(i) {
			t.Fatalf("at %d is %v", i, one.at)
		}
	}
}

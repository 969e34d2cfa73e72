package tenant

import (
	"fmt"
	"testing"
	"time"
)

func TestWeakCode(t *testing.T) {
	weak := []string{
		"0000", "1111", "1212", "1234", "4321", "0246", "1122", "12345", "000000", "111111", "123456", "654321", "012345",
		"890123", "098765", "246802", "135791", "121212", "112233", "123123", "123321", "147258", "159753", "224466", "100000",
		"111222", "131313", "999999", "1234567890", "0101010101",
	}
	for _, code := range weak {
		if !WeakCode(code) {
			t.Errorf("%s is taken for a good code", code)
		}
	}
	for _, code := range []string{"1935", "8402", "49218", "482913", "305118", "71940262", "9182736450"} {
		if WeakCode(code) {
			t.Errorf("%s is taken for a weak code", code)
		}
	}
	// The share that the comment tells, and that generating has to pass over.
	n := 0
	for i := range 1_000_000 {
		if WeakCode(fmt.Sprintf("%06d", i)) {
			n++
		}
	}
	if n < 70_000 || n > 85_000 {
		t.Errorf("%d codes of six digits are weak, which is not one in thirteen", n)
	}
}

func TestTestIdentityServes(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	id := TestIdentity{Clients: []ClientID{"a", "b"}, Expires: now.Add(time.Hour)}
	for _, tt := range []struct {
		client ClientID
		at     time.Duration
		want   bool
	}{{"a", 0, true}, {"b", time.Hour - 1, true}, {"c", 0, false}, {"", 0, false}, {"a", time.Hour, false}, {"a", 2 * time.Hour, false}} {
		if got := id.Serves(tt.client, now.Add(tt.at)); got != tt.want {
			t.Errorf("Serves(%q) after %v = %v", tt.client, tt.at, got)
		}
	}
}

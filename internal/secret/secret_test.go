package secret

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func ring(t testing.TB, current byte, previous ...byte) *Ring {
	t.Helper()
	var old [][]byte
	for _, p := range previous {
		old = append(old, bytes.Repeat([]byte{p}, RootSize))
	}
	r, err := NewRing(bytes.Repeat([]byte{current}, RootSize), old...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TOK-10: a root key of another size is refused, wherever it stands.
func TestTOK10RootKeysOfAnotherSize(t *testing.T) {
	good := bytes.Repeat([]byte{7}, RootSize)
	for _, n := range []int{0, 1, 16, 24, 31, 33, 64} {
		bad := make([]byte, n)
		if _, err := NewRing(bad); err == nil {
			t.Errorf("NewRing took a current key of %d bytes", n)
		}
		if _, err := NewRing(good, bad); err == nil {
			t.Errorf("NewRing took a previous key of %d bytes", n)
		}
		if _, err := NewRing(bad); err != nil && !strings.Contains(err.Error(), fmt.Sprint(n)) {
			t.Errorf("NewRing of %d bytes does not say how many there are: %v", n, err)
		}
	}
}

// TOK-10: a sealed value opens where and as it was sealed, and not otherwise.
func TestTOK10SealedValueOpensOnlyInItsPlace(t *testing.T) {
	const plain, place = "a Twilio token", "connections/con_x/twilio_token"
	r := ring(t, 7)
	sealed := r.Seal(AtRest, []byte(plain), place)
	if got, err := r.Open(AtRest, sealed, place); err != nil || string(got) != plain {
		t.Fatalf("Open = %q, %v, want %q", got, err, plain)
	}
	if bytes.Contains(sealed, []byte(plain)) {
		t.Error("the sealed value shows what is in it")
	}
	if again := r.Seal(AtRest, []byte(plain), place); bytes.Equal(again, sealed) {
		t.Error("sealing twice gave the same bytes: the nonce is not random")
	}
	for _, other := range []string{"", "connections/con_y/twilio_token", place + " ", place[1:]} {
		if _, err := r.Open(AtRest, sealed, other); !errors.Is(err, ErrSealed) {
			t.Errorf("Open in place %q = %v, want ErrSealed", other, err)
		}
	}
	for _, p := range []Purpose{Codes, UserIDs, Identifiers, Refresh, Opaque, Check} {
		if _, err := r.Open(p, sealed, place); !errors.Is(err, ErrSealed) {
			t.Errorf("Open for %s = %v, want ErrSealed", p, err)
		}
	}
	for n := range sealed {
		if _, err := r.Open(AtRest, sealed[:n], place); !errors.Is(err, ErrSealed) {
			t.Errorf("Open of the first %d bytes = %v, want ErrSealed", n, err)
		}
		for _, bit := range []byte{1, 0x80} {
			changed := bytes.Clone(sealed)
			changed[n] ^= bit
			if _, err := r.Open(AtRest, changed, place); !errors.Is(err, ErrSealed) {
				t.Errorf("Open with byte %d changed = %v, want ErrSealed", n, err)
			}
		}
	}
	if _, err := r.Open(AtRest, append(bytes.Clone(sealed), 0), place); !errors.Is(err, ErrSealed) {
		t.Errorf("Open with a byte too many = %v, want ErrSealed", err)
	}
	if got, err := r.Open(AtRest, r.Seal(AtRest, nil, place), place); err != nil || len(got) != 0 {
		t.Errorf("Open of an empty value = %q, %v", got, err)
	}
}

// A new root key opens what the one before has sealed; the other way round, or
// when the old key is gone, nothing opens.
func TestKeyChange(t *testing.T) {
	before, during, after := ring(t, 7), ring(t, 8, 7), ring(t, 8)
	old := before.Seal(AtRest, []byte("old"), "p")
	fresh := during.Seal(AtRest, []byte("new"), "p")
	tests := []struct {
		name   string
		ring   *Ring
		sealed []byte
		want   string
	}{
		{"the old key opens its own", before, old, "old"},
		{"the old key does not open the new one's", before, fresh, ""},
		{"during the change the old value opens", during, old, "old"},
		{"during the change the new value opens", during, fresh, "new"},
		{"after the change the old value is lost", after, old, ""},
		{"after the change the new value opens", after, fresh, "new"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.ring.Open(AtRest, tt.sealed, "p")
			if string(got) != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("Open = %q, %v, want %q", got, err, tt.want)
			}
		})
	}

	mac := before.MAC(Codes, "a", "b")
	all := during.MACs(Codes, "a", "b")
	if len(all) != 2 || !bytes.Equal(all[0], during.MAC(Codes, "a", "b")) || !bytes.Equal(all[1], mac) {
		t.Errorf("MACs = %x, want the current one and then %x", all, mac)
	}
	if got, ok := during.MACWith(before.KeyID(), Codes, "a", "b"); !ok || !bytes.Equal(got, mac) {
		t.Errorf("MACWith(old id) = %x, %v, want %x", got, ok, mac)
	}
	if _, ok := after.MACWith(before.KeyID(), Codes, "a", "b"); ok {
		t.Error("MACWith found a key that is not in the ring")
	}
}

// No two lists of parts, no two purposes and no two keys give the same MAC.
func TestMACKeepsPartsApart(t *testing.T) {
	lists := [][]string{
		{},
		{""},
		{"", ""},
		{"a"},
		{"a", ""},
		{"", "a"},
		{"ab"},
		{"a", "b"},
		{"b", "a"},
		{"abc"},
		{"ab", "c"},
		{"a", "bc"},
		{"a", "b", "c"},
		{"\x00\x00\x00\x01a"},
		{"\x00\x00\x00\x01a", "\x00\x00\x00\x01b"},
		{"a\x00\x00\x00\x01b"},
	}
	r := ring(t, 7)
	seen := map[string]string{}
	note := func(mac []byte, what string) {
		if len(mac) != 32 {
			t.Errorf("the MAC of %s has %d bytes, want 32", what, len(mac))
		}
		if other, ok := seen[string(mac)]; ok {
			t.Errorf("%s and %s have the same MAC", what, other)
		}
		seen[string(mac)] = what
	}
	for _, l := range lists {
		note(r.MAC(Codes, l...), fmt.Sprintf("codes %q", l))
		note(r.MAC(Refresh, l...), fmt.Sprintf("refresh %q", l))
		note(ring(t, 8).MAC(Codes, l...), fmt.Sprintf("another key %q", l))
	}
	// What is stored depends on these bytes: they must never change.
	const golden = "9ee6956343ced1e409646c630afbc8c362dbf1ee7ac4c04b4316314e6f11b1d5"
	if got := hex.EncodeToString(r.MAC(Check, "doorcode")); got != golden {
		t.Errorf("MAC(Check, %q) = %s, want %s: databases made so far would be refused", "doorcode", got, golden)
	}
}

// MACs made at the same moment do not disturb each other.
func TestMACAtOnce(t *testing.T) {
	r := ring(t, 7)
	var want [20][]byte
	for i := range want {
		want[i] = r.MAC(Codes, fmt.Sprint(i))
	}
	var wg sync.WaitGroup
	for i := range want {
		wg.Go(func() {
			for range 200 {
				if got := r.MAC(Codes, fmt.Sprint(i)); !bytes.Equal(got, want[i]) {
					t.Errorf("MAC(%d) = %x, want %x", i, got, want[i])
					return
				}
			}
		})
	}
	wg.Wait()
}

// Every letter and digit is as likely as any other. The threshold is that of
// chi-squared with 61 degrees of freedom at p = 0.001; a run of bad luck is
// measured once more.
func TestAlphanumericIsEven(t *testing.T) {
	const total, threshold = 62 * 5000, 100.9
	measure := func() float64 {
		counts := map[rune]int{}
		for _, c := range Alphanumeric(total) {
			counts[c]++
		}
		if len(counts) != 62 {
			t.Fatalf("%d different characters, want 62", len(counts))
		}
		var chi float64
		for _, c := range alphanumeric {
			d := float64(counts[c]) - total/62
			chi += d * d / (total / 62)
		}
		return chi
	}
	chi := measure()
	if chi > threshold {
		chi = measure()
	}
	if chi > threshold {
		t.Errorf("chi-squared = %.1f, want at most %.1f", chi, threshold)
	}
}

// TOK-07: random values have the length they are asked for and do not repeat.
func TestTOK07RandomValues(t *testing.T) {
	tests := []struct {
		name string
		make func() string
		want int
	}{
		{"Alphanumeric(24)", func() string { return Alphanumeric(24) }, 24},
		{"Token(32)", func() string { return Token(32) }, 43},
		{"Hex(12)", func() string { return Hex(12) }, 24},
		{"Bytes(16)", func() string { return string(Bytes(16)) }, 16},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := map[string]bool{}
			for range 10_000 {
				v := tt.make()
				if len(v) != tt.want {
					t.Fatalf("%s = %q, %d characters, want %d", tt.name, v, len(v), tt.want)
				}
				if seen[v] {
					t.Fatalf("%s gave %q twice", tt.name, v)
				}
				seen[v] = true
			}
		})
	}
	for _, n := range []int{0, 1, 7, 63, 1000} {
		if got := Alphanumeric(n); len(got) != n {
			t.Errorf("Alphanumeric(%d) has %d characters", n, len(got))
		}
	}
	for range 100 {
		if v := Token(32); strings.ContainsAny(v, "+/=") {
			t.Errorf("Token(32) = %q, which is not safe in a URL", v)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"secret", "secret", true},
		{"secret", "Secret", false},
		{"secret", "secret ", false},
		{"secret", "secre", false},
		{"", "secret", false},
		{"secret\x00", "secret", false},
	} {
		if got := Equal(tt.a, tt.b); got != tt.want {
			t.Errorf("Equal(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func BenchmarkMAC(b *testing.B) {
	r := ring(b, 7)
	b.ReportAllocs()
	for b.Loop() {
		r.MAC(Codes, "digest", "con_4wZ1kQ", "+15550100", "app", "", "123456")
	}
}

func BenchmarkSealOpen(b *testing.B) {
	r := ring(b, 7)
	plain := []byte("an auth token of 32 characters..")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Open(AtRest, r.Seal(AtRest, plain, "place"), "place"); err != nil {
			b.Fatal(err)
		}
	}
}

// What Pin is given makes the MACs of its purpose, of no other, under every
// root key that follows.
func TestPin(t *testing.T) {
	before := ring(t, 7)
	want := before.MAC(Identifiers, "a")
	key, err := before.Pinnable(Identifiers, 0)
	if err != nil {
		t.Fatal(err)
	}
	late, err := ring(t, 8, 7).Pinnable(Identifiers, 1)
	if err != nil || !bytes.Equal(late, key) {
		t.Errorf("a ring that was never pinned offers another key once the root key has changed: %v", err)
	}
	after := ring(t, 8, 7)
	other := after.MAC(Codes, "a")
	after.Pin(Identifiers, key)
	if !bytes.Equal(after.MAC(Identifiers, "a"), want) || !bytes.Equal(after.MACs(Identifiers, "a")[0], want) {
		t.Error("the pinned key makes other MACs under the next root key")
	}
	if !bytes.Equal(after.MAC(Codes, "a"), other) {
		t.Error("pinning one purpose has changed another")
	}
}

// Reseal leaves what is under the current key, renews what is under the one
// before, and makes nothing of what it cannot open.
func TestReseal(t *testing.T) {
	before, during, after := ring(t, 7), ring(t, 8, 7), ring(t, 8)
	old := before.Seal(AtRest, []byte("plain"), "p")
	renewed, changed, err := during.Reseal(AtRest, old, "p")
	if err != nil || !changed {
		t.Fatalf("Reseal = %v, %v", changed, err)
	}
	if got, err := after.Open(AtRest, renewed, "p"); err != nil || string(got) != "plain" {
		t.Errorf("the new key alone opens %q, %v", got, err)
	}
	if again, changed, err := during.Reseal(AtRest, renewed, "p"); err != nil || changed || !bytes.Equal(again, renewed) {
		t.Errorf("Reseal of a renewed value = %v, %v", changed, err)
	}
	for name, bad := range map[string][]byte{"nothing": nil, "a value of another place": before.Seal(AtRest, nil, "q")} {
		if _, changed, err := during.Reseal(AtRest, bad, "p"); !errors.Is(err, ErrSealed) || changed {
			t.Errorf("Reseal of %s = %v, %v, want ErrSealed", name, changed, err)
		}
	}
}

package otp

import (
	"bytes"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

var aKey = tenant.CodeKey{Connection: "con_sms", Identifier: "+15550100", Client: "app", Transaction: "tx"}

func maker(t testing.TB, current byte, previous ...byte) Maker {
	t.Helper()
	var old [][]byte
	for _, p := range previous {
		old = append(old, bytes.Repeat([]byte{p}, secret.RootSize))
	}
	ring, err := secret.NewRing(bytes.Repeat([]byte{current}, secret.RootSize), old...)
	if err != nil {
		t.Fatal(err)
	}
	return Maker{Keys: ring}
}

func digits(t testing.TB, m Maker, salt []byte, key tenant.CodeKey, n int) string {
	t.Helper()
	code, err := m.Digits(salt, key, n)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// OTP-01: codes of fresh salts are uniform in each of their six places, have
// the right length, and keep their leading zeros. The threshold is that of
// chi-squared with nine degrees of freedom at p = 0.001. Six places would
// cross it by chance in one run of 170, so a place that does is measured once
// more; digits that are not uniform (a remainder modulo ten gives about 370
// here) cross it every time.
func TestOTP01DigitsAreUniform(t *testing.T) {
	codes := 1_000_000
	if testing.Short() {
		codes = 100_000
	}
	const places, threshold = 6, 27.877
	m := maker(t, 7)
	worst := func() (chi [places]float64) {
		counts, zeros := tally(t, m, codes, places)
		if want := codes / 10; zeros < want*9/10 || zeros > want*11/10 {
			t.Errorf("%d of %d codes begin with 0, want about %d", zeros, codes, want)
		}
		for place := range places {
			for d := range 10 {
				diff := float64(counts[place][d]) - float64(codes)/10
				chi[place] += diff * diff / (float64(codes) / 10)
			}
		}
		return chi
	}
	first := worst()
	var again [places]float64
	for place, chi := range first {
		if chi <= threshold {
			continue
		}
		if again == ([places]float64{}) {
			again = worst()
		}
		if again[place] > threshold {
			t.Errorf("place %d: chi-squared = %.1f and %.1f, want at most %.1f", place, chi, again[place], threshold)
		}
	}
}

// tally counts the digits of many codes, on two processors.
func tally(t *testing.T, m Maker, codes, places int) (counts [6][10]int, zeros int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var mine [6][10]int
			for range codes / 2 {
				code, err := m.Digits(m.New(), aKey, places)
				if err != nil || len(code) != places {
					t.Errorf("Digits = %q, %v, want %d digits", code, err, places)
					return
				}
				for place := range places {
					mine[place][code[place]-'0']++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for place := range places {
				for d := range 10 {
					counts[place][d] += mine[place][d]
				}
			}
			zeros += mine[0][0]
		})
	}
	wg.Wait()
	return counts, zeros
}

// OTP-01: nothing in the package comes from a generator that can be predicted.
func TestOTP01NoMathRand(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range syntax.Imports {
			if strings.HasPrefix(imp.Path.Value, `"math/rand`) {
				t.Errorf("%s imports %s", f.Name(), imp.Path.Value)
			}
		}
	}
}

func TestSaltsAreFresh(t *testing.T) {
	m, seen := maker(t, 7), map[string]bool{}
	for range 10_000 {
		salt := m.New()
		if len(salt) != 1+saltSize || seen[string(salt)] {
			t.Fatalf("New() = %x: wrong length or seen before", salt)
		}
		seen[string(salt)] = true
	}
}

// A code is made again from its salt, in any process with the same key, at
// every length a connection may ask for.
func TestDigitsAreMadeAgain(t *testing.T) {
	m := maker(t, 7)
	salt := m.New()
	long := digits(t, m, salt, aKey, tenant.MaxDigits)
	for n := tenant.MinDigits; n <= tenant.MaxDigits; n++ {
		a, b := digits(t, m, salt, aKey, n), digits(t, maker(t, 7), salt, aKey, n)
		if a != b || len(a) != n || strings.Trim(a, "0123456789") != "" {
			t.Errorf("Digits(%d) = %q and %q, want the same %d digits twice", n, a, b, n)
		}
		if !strings.HasPrefix(long, a) {
			t.Errorf("Digits(%d) = %q, which %q does not begin with", n, a, long)
		}
	}
	// More digits than one block gives.
	if n := 400; len(digits(t, m, salt, aKey, n)) != n {
		t.Errorf("Digits(%d) has another length", n)
	}
	// Codes that are on their way while the program is replaced depend on this.
	salt = append([]byte{m.Keys.KeyID()}, bytes.Repeat([]byte{1}, saltSize)...)
	if got, want := digits(t, m, salt, aKey, 10), "6020829240"; got != want {
		t.Errorf("Digits of a fixed salt = %q, want %q", got, want)
	}
}

// OTP-06: every part of what a code is bound to changes code and digest.
func TestOTP06CodesAreBound(t *testing.T) {
	m := maker(t, 7)
	salt := m.New()
	const n = 20 // so many that no two are equal by chance
	changes := map[string]func(k *tenant.CodeKey){
		"nothing":         func(*tenant.CodeKey) {},
		"the connection":  func(k *tenant.CodeKey) { k.Connection = "con_email" },
		"the identifier":  func(k *tenant.CodeKey) { k.Identifier = "+15550101" },
		"the application": func(k *tenant.CodeKey) { k.Client = "other" },
		"the transaction": func(k *tenant.CodeKey) { k.Transaction = "" },
		"the border between identifier and application": func(k *tenant.CodeKey) {
			k.Identifier, k.Client = k.Identifier+string(k.Client), ""
		},
		"the border between connection and identifier": func(k *tenant.CodeKey) {
			k.Connection, k.Identifier = k.Connection+"+", k.Identifier[1:]
		},
	}
	codes, sums := map[string]string{}, map[string]string{}
	for what, change := range changes {
		key := aKey
		change(&key)
		code, sum := digits(t, m, salt, key, n), string(m.Digest(key, "123456"))
		if other, ok := codes[code]; ok {
			t.Errorf("changing %s and changing %s give the same code", what, other)
		}
		if other, ok := sums[sum]; ok {
			t.Errorf("changing %s and changing %s give the same digest", what, other)
		}
		codes[code], sums[sum] = what, what
	}
	for _, at := range []int{1, 8, saltSize} {
		other := bytes.Clone(salt)
		other[at] ^= 1
		if digits(t, m, other, aKey, n) == digits(t, m, salt, aKey, n) {
			t.Errorf("changing byte %d of the salt does not change the code", at)
		}
	}
	if digits(t, maker(t, 8), maker(t, 8).New(), aKey, n) == digits(t, m, salt, aKey, n) {
		t.Error("another root key gives the same code")
	}
	if bytes.Equal(m.Digest(aKey, "123456"), m.Digest(aKey, "123457")) || bytes.Equal(m.Digest(aKey, "0123"), m.Digest(aKey, "123")) {
		t.Error("two codes have the same digest")
	}
	if bytes.Equal(m.Digest(aKey, "123456"), maker(t, 8).Digest(aKey, "123456")) {
		t.Error("the digest does not depend on the root key")
	}
}

// A code that was sent before the root key changed can still be made again and
// redeemed, while the old key is in the ring.
func TestKeyChange(t *testing.T) {
	before, during, after := maker(t, 7), maker(t, 8, 7), maker(t, 8)
	salt := before.New()
	code := digits(t, before, salt, aKey, 6)
	if got := digits(t, during, salt, aKey, 6); got != code {
		t.Errorf("during the change the code is %q, want %q", got, code)
	}
	if got, err := after.Digits(salt, aKey, 6); !errors.Is(err, ErrNoKey) {
		t.Errorf("without the old key Digits = %q, %v, want ErrNoKey", got, err)
	}
	current, previous := during.Digests(aKey, code)
	if !bytes.Equal(previous, before.Digest(aKey, code)) || !bytes.Equal(current, during.Digest(aKey, code)) {
		t.Error("Digests during the change are not those of the new and the old key")
	}
	current, previous = after.Digests(aKey, code)
	if !bytes.Equal(current, previous) || !bytes.Equal(current, after.Digest(aKey, code)) {
		t.Error("Digests with one key are not twice the same")
	}
	if during.New()[0] != after.Keys.KeyID() {
		t.Error("a new salt during the change does not name the new key")
	}
}

func TestDigitsRefusesWhatIsNoSalt(t *testing.T) {
	m := maker(t, 7)
	for _, salt := range [][]byte{nil, {}, m.New()[:saltSize], append(m.New(), 0), m.New()[:1]} {
		if got, err := m.Digits(salt, aKey, 6); !errors.Is(err, ErrNoKey) {
			t.Errorf("Digits(salt of %d bytes) = %q, %v, want ErrNoKey", len(salt), got, err)
		}
	}
}

func BenchmarkDigits(b *testing.B) {
	m := maker(b, 7)
	salt := m.New()
	for _, n := range []int{6, 40} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Digits(salt, aKey, n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDigests(b *testing.B) {
	m := maker(b, 7)
	b.ReportAllocs()
	for b.Loop() {
		m.Digests(aKey, "123456")
	}
}

package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// startLimits are what a start is given for the limits that hold for it: none, as
// "doorcode dev" has them, and those of "doorcode serve", which are strict unless
// it is told otherwise, for a server, an app and the login pages.
var startLimits = map[string]func(b *passwordless.Begin){
	"no limits":             func(*passwordless.Begin) {},
	"strict, from a server": func(b *passwordless.Begin) { b.Sends = true },
	"strict, from an app":   func(b *passwordless.Begin) { b.Sends, b.Requests = true, attack.Starts("192.0.2.1") },
	"strict, from a page": func(b *passwordless.Begin) {
		b.Sends, b.Requests, b.Device, b.Spare, b.Challenge = true, attack.Starts("192.0.2.1"), "device", &b.Code, &passwordless.Challenge{}
	},
}

// P1: a start is one statement on PostgreSQL and one transaction on SQLite, and
// so is a right answer, a wrong one too; for somebody nobody has heard of as for
// everybody else, and with the limits that a server in production has.
func TestRoundTrips(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s := storetest.Open(t, address)
		s.StopUses() // nobody waits for that
		statements, transactions := s.Count()
		want := [2]int64{1, 0}
		if !strings.HasPrefix(address, "postgres") {
			want = [2]int64{0, 1}
		}
		n := 0
		for name, limit := range startLimits {
			trip := trip{s: s, identifier: fmt.Sprint("+44770090012", n), limit: limit}
			for _, step := range []struct {
				name string
				do   func(t *testing.T, n int)
			}{
				{"the first start", trip.begin},
				{"a wrong answer", func(t *testing.T, n int) { trip.redeem(t, n, "wrong", passwordless.Wrong, false) }},
				{"the first right answer", func(t *testing.T, n int) { trip.redeem(t, n, "right", passwordless.Redeemed, true) }},
				{"another start", trip.begin},
				{"another right answer", func(t *testing.T, n int) { trip.redeem(t, n, "right", passwordless.Redeemed, false) }},
			} {
				n++
				before := [2]int64{statements.Load(), transactions.Load()}
				step.do(t, n)
				if got := [2]int64{statements.Load() - before[0], transactions.Load() - before[1]}; got != want {
					t.Errorf("%s: %s took %d statements and %d transactions, want %d and %d", name, step.name, got[0], got[1], want[0], want[1])
				}
			}
		}
	})
}

// What the one statement of PostgreSQL knows nothing of, it is not given: a field
// of a start that is not on this list leads to the steps, which know them all.
func TestOneStatementKnowsTheStart(t *testing.T) {
	known := []string{
		"Now", "To", "Identifier", "NoSignUp", "Requests", "Sends", "Device", "Code", "Life", "Repeat",
		"Message", "Event", "Refused", "Limited",
		"Spare",     // is for those whom the steps see to
		"Challenge", // means nothing without Cells
	}
	if !store.PlainBegin(passwordless.Begin{}) {
		t.Error("a start without limits takes the steps")
	}
	typ := reflect.TypeFor[passwordless.Begin]()
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		t.Run(name, func(t *testing.T) {
			for _, value := range notZero(t, typ.Field(i).Type) {
				b := reflect.New(typ).Elem()
				b.Field(i).Set(value)
				if plain := store.PlainBegin(b.Interface().(passwordless.Begin)); plain != slices.Contains(known, name) {
					t.Errorf("with %s = %+v: one statement %v, want %v", name, value, plain, !plain)
				}
			}
		})
	}
}

// notZero returns values of a type, one for each part of it, in which that part
// alone is not zero.
func notZero(t *testing.T, typ reflect.Type) []reflect.Value {
	t.Helper()
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(typ, 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(typ))
	case reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
	case reflect.Struct:
		if typ == reflect.TypeFor[time.Time]() {
			return []reflect.Value{reflect.ValueOf(tripTime)}
		}
		var all []reflect.Value
		for i := range typ.NumField() {
			for _, part := range notZero(t, typ.Field(i).Type) {
				whole := reflect.New(typ).Elem()
				whole.Field(i).Set(part)
				all = append(all, whole)
			}
		}
		return all
	default:
		t.Fatalf("no value of %v is known that is not zero", typ)
	}
	return []reflect.Value{v}
}

// A trip is the sign-ins of one person, with the limits that their starts have.
type trip struct {
	s          *store.Store
	identifier string
	limit      func(b *passwordless.Begin)
}

var tripTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (p trip) to() tenant.Recipient {
	return tenant.Recipient{Connection: "con_sms", Channel: tenant.SMS, Identifier: p.identifier}
}

func (p trip) key() tenant.CodeKey {
	return tenant.CodeKey{Connection: "con_sms", Identifier: p.identifier, Client: "app"}
}

func (p trip) begin(t *testing.T, n int) {
	t.Helper()
	now := tripTime
	b := passwordless.Begin{
		Now: now, To: p.to(), Identifier: "key of " + p.identifier,
		Code:    tenant.Code{Key: p.key(), Salt: []byte("salt"), Digest: []byte("right"), Digits: 6, FirstSent: now, Expires: now.Add(time.Minute)},
		Message: tenant.Message{ID: fmt.Sprint("msg_", n), Channel: tenant.SMS, To: p.identifier, Connection: "con_sms", Client: "app"},
		Event:   event.New(event.CodeSent, now), Refused: event.New(event.LoginFailed, now),
	}
	p.limit(&b)
	if begun, err := p.s.Begin(t.Context(), b); err != nil || begun.Outcome != passwordless.Due {
		t.Fatalf("a start gave %v, %v", begun.Outcome, err)
	}
}

func (p trip) redeem(t *testing.T, n int, guess string, want passwordless.SpendOutcome, first bool) {
	t.Helper()
	now := tripTime
	spent, done, err := p.s.Redeem(t.Context(), passwordless.Spend{
		Now: now, Key: p.key(), Identifier: "key of " + p.identifier, Digest: []byte(guess), Previous: []byte(guess),
		Wrong: event.New(event.ExchangeOTPFailed, now),
	}, passwordless.Complete{
		Now: now, To: p.to(), Identifier: "key of " + p.identifier, Sends: true,
		NewUser: func(int64) tenant.User { return account.New(p.to(), "sms", fmt.Sprint("abc", n), now) },
		Grant:   tenant.Grant{ID: fmt.Sprint("g", n), Client: "app", AuthTime: now, CreatedAt: now},
		Events:  []tenant.LogEvent{event.New(event.Login, now), event.New(event.ExchangePasswordless, now)},
		SignUp:  event.New(event.SignUp, now), Refused: event.New(event.ExchangeOTPFailed, now),
	})
	if err != nil || spent.Outcome != want || done.First != first {
		t.Fatalf("%q gave %v, a new user %v, %v; want %v, %v", guess, spent.Outcome, done.First, err, want, first)
	}
}

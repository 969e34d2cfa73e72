package account

import (
	"bytes"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

var (
	now   = time.Date(2026, 3, 29, 1, 59, 0, 0, time.UTC)
	phone = tenant.Recipient{Connection: "con_sms", Channel: tenant.SMS, Identifier: "+15550100"}
	mail  = tenant.Recipient{Connection: "con_email", Channel: tenant.Email, Identifier: "jo@example.com"}
)

func keys(t *testing.T, b byte, previous ...byte) *secret.Ring {
	t.Helper()
	var old [][]byte
	for _, p := range previous {
		old = append(old, bytes.Repeat([]byte{p}, secret.RootSize))
	}
	r, err := secret.NewRing(bytes.Repeat([]byte{b}, secret.RootSize), old...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// R7: the id of somebody without a user is 24 hexadecimal digits, the same in
// every process, and different for whoever comes after a deleted user.
func TestExternalID(t *testing.T) {
	r := keys(t, 7)
	// People were told this id; it must not change.
	const golden = "c23c1df2b99363d8c340154e"
	if got := ExternalID(r, phone, 0); got != golden || got != ExternalID(keys(t, 7), phone, 0) {
		t.Errorf("ExternalID = %q, want %q", got, golden)
	}
	other := phone
	other.Identifier = "+15550101"
	elsewhere := phone
	elsewhere.Connection = "con_sms2"
	seen := map[string]string{}
	for what, id := range map[string]string{
		"the first user":            ExternalID(r, phone, 0),
		"the user after one":        ExternalID(r, phone, 1),
		"the user after two":        ExternalID(r, phone, 2),
		"the user after ten":        ExternalID(r, phone, 10),
		"another number":            ExternalID(r, other, 0),
		"another connection":        ExternalID(r, elsewhere, 0),
		"an address":                ExternalID(r, mail, 0),
		"the number of another key": ExternalID(keys(t, 8), phone, 0),
	} {
		if !regexp.MustCompile(`^[0-9a-f]{24}$`).MatchString(id) {
			t.Errorf("the id of %s is %q, want 24 hexadecimal digits", what, id)
		}
		if twin, ok := seen[id]; ok {
			t.Errorf("%s and %s have the same id", what, twin)
		}
		seen[id] = what
	}
}

// R4: the counters of a number are the same for every connection of its
// channel, and tell nobody the number.
func TestKey(t *testing.T) {
	r := keys(t, 7)
	a := Key(r, tenant.SMS, phone.Identifier)
	if a != Key(r, tenant.SMS, phone.Identifier) || len(a) != 64 {
		t.Errorf("Key = %q", a)
	}
	for what, b := range map[string]string{
		"another channel": Key(r, tenant.Email, phone.Identifier),
		"another number":  Key(r, tenant.SMS, "+15550101"),
		"another key":     Key(keys(t, 8), tenant.SMS, phone.Identifier),
	} {
		if a == b {
			t.Errorf("%s has the same Key", what)
		}
	}
}

func TestIDs(t *testing.T) {
	tests := []struct {
		id   tenant.UserID
		want string
	}{
		{ID(tenant.SMS, "58fa3bd1c7eae3e1b2a6b1c1"), "58fa3bd1c7eae3e1b2a6b1c1"},
		{ID(tenant.Email, "x"), "x"},
		{"auth0|some|thing", "some|thing"},
		{"nobar", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := External(tt.id); got != tt.want {
			t.Errorf("External(%q) = %q, want %q", tt.id, got, tt.want)
		}
	}
	if got := ID(tenant.SMS, "58fa"); got != "sms|58fa" {
		t.Errorf("ID = %q", got)
	}
}

// behaviour.md 8.3: what a user looks like at the first right code.
func TestNewUser(t *testing.T) {
	tests := []struct {
		name string
		to   tenant.Recipient
		conn string
		want tenant.User
	}{
		{"known by a number", phone, "sms", tenant.User{
			ID: "sms|58fa", Phone: "+15550100", PhoneVerified: true, Name: "+15550100", CreatedAt: now, UpdatedAt: now,
			Identities: []tenant.Identity{{Connection: "con_sms", Name: "sms", Channel: tenant.SMS, UserID: "58fa", Identifier: "+15550100"}},
		}},
		{"known by an address", mail, "email", tenant.User{
			ID: "email|58fa", Email: "jo@example.com", EmailVerified: true, Name: "jo@example.com", Nickname: "jo",
			Picture:   Picture("jo@example.com"),
			CreatedAt: now, UpdatedAt: now,
			Identities: []tenant.Identity{{Connection: "con_email", Name: "email", Channel: tenant.Email, UserID: "58fa", Identifier: "jo@example.com"}},
		}},
		{"of a connection with a name of its own", phone, "my-phones", tenant.User{
			ID: "sms|58fa", Phone: "+15550100", PhoneVerified: true, Name: "+15550100", CreatedAt: now, UpdatedAt: now,
			Identities: []tenant.Identity{{Connection: "con_sms", Name: "my-phones", Channel: tenant.SMS, UserID: "58fa", Identifier: "+15550100"}},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := New(tt.to, tt.conn, "58fa", now)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("New(%v) =\n%+v, want\n%+v", tt.to, got, tt.want)
			}
		})
	}
}

// The pictures that the real system was recorded to give.
func TestPicture(t *testing.T) {
	tests := []struct{ email, want string }{
		{"chuck@example.com", "https://s.gravatar.com/avatar/0b79e7da7bc7877560620cf8f2cc93ae?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fch.png"},
		{"testaccuser@acceptance.test.com", "https://s.gravatar.com/avatar/324ad113b0ef6dabbb2c2c4cf8a8d108?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fte.png"},
		{"testaccdatasourceuserorganizations@auth0.com", "https://s.gravatar.com/avatar/dee3a8ddc49cdb6462cc83cc26e61816?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fte.png"},
		{"change.username.terra@acceptance.test.com", "https://s.gravatar.com/avatar/62acb990858a2c9075eb1d3beb6f5baa?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fch.png"},
	}
	for _, tt := range tests {
		if got := Picture(tt.email); got != tt.want {
			t.Errorf("Picture(%q) = %q, want %q", tt.email, got, tt.want)
		}
	}
	// Whatever the address, the result is one URL.
	for _, email := range []string{"a@b.c", "x", "", "#?@x.y", "a/b@c.d", "&d=@x.y"} {
		if got := Picture(email); !regexp.MustCompile(`^https://s\.gravatar\.com/avatar/[0-9a-f]{32}\?s=480&r=pg&d=https%3A%2F%2Fcdn\.auth0\.com%2Favatars%2F[A-Za-z0-9%._~-]*\.png$`).MatchString(got) {
			t.Errorf("Picture(%q) = %q", email, got)
		}
	}
}

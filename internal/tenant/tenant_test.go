package tenant

import (
	"slices"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
)

// R3, OTP-02: 4 to 40 digits, a minute or more; whatever the connection says,
// a code is dead ten minutes after it was sent.
func TestOTP02CodePolicy(t *testing.T) {
	tests := []struct {
		name   string
		policy CodePolicy
		ok     bool
		life   time.Duration
	}{
		{"the default", CodePolicy{DefaultDigits, DefaultLifetime}, true, 180 * time.Second},
		{"the shortest", CodePolicy{4, 60 * time.Second}, true, 60 * time.Second},
		{"the longest that is kept", CodePolicy{40, 600 * time.Second}, true, 600 * time.Second},
		{"longer than is kept", CodePolicy{6, 601 * time.Second}, true, 600 * time.Second},
		{"a quarter of an hour", CodePolicy{6, 900 * time.Second}, true, 600 * time.Second},
		{"too few digits", CodePolicy{3, 180 * time.Second}, false, 0},
		{"too many digits", CodePolicy{41, 180 * time.Second}, false, 0},
		{"no digits", CodePolicy{0, 180 * time.Second}, false, 0},
		{"too short a life", CodePolicy{6, 59 * time.Second}, false, 0},
		{"no life", CodePolicy{6, 0}, false, 0},
		{"a negative life", CodePolicy{6, -time.Minute}, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.policy.Validate()
			if (err == nil) != tt.ok || err != nil && !fault.Has(err, fault.Invalid) {
				t.Errorf("Validate(%+v) = %v, want ok = %v", tt.policy, err, tt.ok)
			}
			if got := tt.policy.Life(); tt.ok && got != tt.life {
				t.Errorf("Life(%+v) = %v, want %v", tt.policy, got, tt.life)
			}
		})
	}
}

func TestConnectionAdmitsWhomItLists(t *testing.T) {
	c := Connection{Name: "sms", Realms: []string{"phones"}, Clients: []ClientID{"a", "b"}}
	for id, want := range map[ClientID]bool{"a": true, "b": true, "c": false, "": false, "A": false} {
		if got := c.Admits(id); got != want {
			t.Errorf("Admits(%q) = %v, want %v", id, got, want)
		}
	}
	if (&Connection{}).Admits("") {
		t.Error("a connection without applications admits one without an id")
	}
	for name, want := range map[string]bool{"sms": true, "phones": true, "SMS": false, "": false} {
		if got := c.AnswersTo(name); got != want {
			t.Errorf("AnswersTo(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestClient(t *testing.T) {
	c := Client{AuthMethod: "none", GrantTypes: []string{GrantOTP}}
	if !c.Public() || (&Client{AuthMethod: "client_secret_post"}).Public() || (&Client{}).Public() {
		t.Error("only a client whose authentication is none is public")
	}
	if !c.MayUse(GrantOTP) || c.MayUse(GrantRefreshToken) || c.MayUse("") {
		t.Error("a client may use what it lists and nothing else")
	}
}

func TestMessageStateOver(t *testing.T) {
	for _, s := range []MessageState{MessageRequested, MessageQueued} {
		if s.Over() {
			t.Errorf("%s is over", s)
		}
	}
	for _, s := range []MessageState{
		MessageAccepted, MessageSent, MessageDelivered, MessageUndelivered,
		MessageFailed, MessageExpired, MessageSuppressed, MessageUsed,
	} {
		if !s.Over() {
			t.Errorf("%s is not over", s)
		}
	}
}

// R2: the scope that shows secrets is never given with the others.
func TestSecretsScopeIsApart(t *testing.T) {
	all := ManagementScopes()
	if slices.Contains(all, SecretsScope) {
		t.Errorf("ManagementScopes has %s", SecretsScope)
	}
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Errorf("ManagementScopes has %d scopes, %d different ones", len(all), n)
	}
}

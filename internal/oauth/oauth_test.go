package oauth

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

func TestParseScopes(t *testing.T) {
	tests := []struct {
		name string
		in   []string
		want string
	}{
		{"one", []string{"openid"}, "openid"},
		{"order is kept and each comes once", []string{"b a b c a"}, "b a c"},
		{"more space than needed", []string{"  a\t b\r\n c "}, "a b c"},
		{"nothing", []string{""}, ""},
		{"only space", []string{" \t"}, ""},
		{"a list", []string{"a b", "c", "a"}, "a b c"},
		{"case matters", []string{"a A"}, "a A"},
		{"other white space is no separator", []string{"a\u00a0b"}, "a\u00a0b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ParseScopes(tt.in...).String(); got != tt.want {
				t.Errorf("ParseScopes(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
	t.Run("as many as a request can hold", func(t *testing.T) {
		var many strings.Builder
		for i := range 16000 {
			many.WriteString(string(rune('a'+i%26)) + string(rune('0'+i/26%1000)) + " ")
		}
		s := ParseScopes(many.String())
		if s.Without(s) != nil || !s.Same(s.Intersect(s)) {
			t.Error("a list differs from itself")
		}
	})
}

func TestGrantable(t *testing.T) {
	refresh := &tenant.Client{GrantTypes: []string{tenant.GrantRefreshToken}}
	plain := &tenant.Client{}
	offline := &tenant.API{Scopes: []string{"read:a", "write:a"}, AllowOfflineAccess: true}
	online := &tenant.API{Scopes: []string{"read:a"}}
	tests := []struct {
		name  string
		rule  ScopeRule
		asked string
		want  string
	}{
		{"OpenID Connect's are always granted", ScopeRule{Client: plain, API: online}, "openid profile email phone address", "openid profile email phone address"},
		{"an API's own are", ScopeRule{Client: plain, API: offline}, "write:a openid", "write:a openid"},
		{"an API has no more than its own", ScopeRule{Client: plain, API: online}, "read:a write:a", "read:a"},
		{"without an API there are none", ScopeRule{Client: plain}, "openid read:a", "openid"},
		{"unknown ones are dropped", ScopeRule{Client: plain}, "openid favorite_color", "openid"},
		{"attributes in the legacy pipeline", ScopeRule{Client: plain, Attributes: true}, "openid favorite_color", "openid favorite_color"},
		{"offline access without an API", ScopeRule{Client: refresh}, "openid offline_access", "openid offline_access"},
		{"offline access that the API allows", ScopeRule{Client: refresh, API: offline}, "offline_access", "offline_access"},
		{"offline access that the API does not allow", ScopeRule{Client: refresh, API: online}, "openid offline_access", "openid"},
		{"offline access without the grant type", ScopeRule{Client: plain, API: offline}, "openid offline_access", "openid"},
		{"offline access is no attribute", ScopeRule{Client: plain, Attributes: true}, "offline_access", ""},
		{"offline access is not an API's to give", ScopeRule{Client: refresh, API: &tenant.API{Scopes: []string{"offline_access"}}}, "offline_access", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.rule.Grantable(ParseScopes(tt.asked)).String(); got != tt.want {
				t.Errorf("asked %q, granted %q, want %q", tt.asked, got, tt.want)
			}
		})
	}
}

func TestClientScopes(t *testing.T) {
	api := &tenant.API{Scopes: []string{"a", "b", "c"}}
	grant := tenant.ClientGrant{Scopes: []string{"b", "a", "gone"}}
	for _, tt := range []struct{ asked, want, refused string }{
		{"", "b a", ""}, {"a", "a", ""}, {"a b", "a b", ""}, {"a c d", "", "c d"}, {"gone", "", "gone"}, {"openid", "", "openid"},
	} {
		got, err := ClientScopes(ParseScopes(tt.asked), api, grant)
		if tt.refused != "" {
			if !fault.Has(err, fault.Denied) || !strings.HasSuffix(fault.Of(err).Message, ": "+tt.refused) {
				t.Errorf("asked %q: %v, want %q refused", tt.asked, err, tt.refused)
			}
			continue
		}
		if err != nil || got.String() != tt.want {
			t.Errorf("asked %q: %q, %v, want %q", tt.asked, got, err, tt.want)
		}
	}
}

// OAU-10: a refresh never widens.
func TestNarrow(t *testing.T) {
	granted := ParseScopes("openid email offline_access")
	for _, tt := range []struct{ asked, want string }{
		{"", "openid email offline_access"},
		{"email", "email"},
		{"email openid", "email openid"},
		{"email admin", "email"},
		{"admin", ""},
	} {
		if got := Narrow(granted, ParseScopes(tt.asked)).String(); got != tt.want {
			t.Errorf("asked %q: %q, want %q", tt.asked, got, tt.want)
		}
	}
}

func TestAnswer(t *testing.T) {
	for _, tt := range []struct{ granted, asked, want string }{
		{"a b", "a b", ""}, {"a b", "b a", ""}, {"a", "a b", "a"}, {"a b", "a", "a b"}, {"", "", ""}, {"", "a", ""}, {"a", "", "a"},
	} {
		if got := Answer(ParseScopes(tt.granted), ParseScopes(tt.asked)); got != tt.want {
			t.Errorf("granted %q, asked %q: %q, want %q", tt.granted, tt.asked, got, tt.want)
		}
	}
}

// The strings and statuses of behaviour.md §3.2 and §3.3, and of RFC 6749 §5.2.
func TestErrors(t *testing.T) {
	tests := []struct {
		err           *fault.Error
		auth0, strict int
		text          string
	}{
		{MissingParameter("username"), 400, 400, "invalid_request: Missing required parameter: username"},
		{RepeatedParameter("scope"), 400, 400, "invalid_request: Parameter sent more than once: scope"},
		{InvalidScope(), 400, 400, "invalid_scope: Scope must be an array or a string"},
		{InvalidClient(), 401, 401, "invalid_client: Client authentication failed."},
		{WrongCode(tenant.SMS), 403, 400, "invalid_grant: Wrong phone number or verification code."},
		{WrongCode(tenant.Email), 403, 400, "invalid_grant: Wrong email or verification code."},
		{TooManyTries(), 403, 400, "invalid_grant: You've reached the maximum number of attempts. Please try to login again."},
		{CodeExpired(), 403, 400, "invalid_grant: The verification code has expired. Please try to login again."},
		{InvalidCode(), 403, 400, "invalid_grant: Invalid authorization code"},
		{InvalidVerifier(), 403, 400, "invalid_grant: Failed to verify code verifier"},
		{InvalidRefreshToken(), 403, 400, "invalid_grant: Unknown or invalid refresh token."},
		{GrantNotAllowed("x"), 403, 400, "unauthorized_client: Grant type 'x' not allowed for the client."},
		{UnsupportedGrantType("x"), 403, 400, "unsupported_grant_type: Unsupported grant type: x"},
		{ServiceNotFound("https://a"), 403, 400, "access_denied: Service not found: https://a"},
		{AudienceNotGranted("https://a"), 403, 400, "access_denied: The client has no grant for https://a. Create a client grant for this API first."},
		{ScopesNotGranted(Scopes{"a", "b"}), 403, 400, "access_denied: The client was not granted: a b"},
		{AccessDenied("No."), 403, 400, "access_denied: No."},
		{fault.New(fault.Denied, CodeInvalidToken, "x"), 401, 401, "invalid_token: x"},
		{fault.New(fault.Denied, CodeSlowDown, "x"), 429, 400, "slow_down: x"},
		{fault.New(fault.Denied, CodeAuthorizationPending, "x"), 403, 400, "authorization_pending: x"},
		{fault.New(fault.Denied, CodeExpiredToken, "x"), 403, 400, "expired_token: x"},
		{fault.New(fault.Denied, CodeMFARequired, "x"), 403, 403, "mfa_required: x"},
		{fault.New(fault.TooMany, CodeTooManyAttempts, "x"), 429, 429, "too_many_attempts: x"},
		{fault.New(fault.NotFound, CodeEndpointDisabled, "x"), 404, 404, "endpoint_disabled: x"},
		{fault.New(fault.Invalid, CodeMethodNotAllowed, "x"), 405, 405, "method_not_allowed: x"},
		{fault.New(fault.Invalid, CodeUnsupportedResponse, "x"), 501, 400, "unsupported_response_type: x"},
		{fault.New(fault.Unavailable, CodeUnavailable, "x"), 503, 503, "temporarily_unavailable: x"},
		{fault.New(fault.Invalid, "bad.connection", "x"), 400, 400, "bad.connection: x"},
		{fault.New(fault.Denied, CodeUnauthorized, "x"), 403, 403, "unauthorized: x"},
		{fault.New(fault.Gone, "gone", "x"), 403, 403, "gone: x"},
		{fault.New(fault.NotFound, "no", "x"), 404, 404, "no: x"},
		{fault.New(fault.Conflict, "clash", "x"), 409, 409, "clash: x"},
		{fault.New(fault.TooMany, "many", "x"), 429, 429, "many: x"},
		{fault.New(fault.Unavailable, "down", "x"), 503, 503, "down: x"},
		{fault.Of(errors.New("x")), 500, 500, "server_error: Something went wrong on our side.: x"},
		{nil, 200, 200, ""},
	}
	for _, tt := range tests {
		if tt.err != nil && tt.err.Error() != tt.text {
			t.Errorf("error is %q, want %q", tt.err, tt.text)
		}
		got := [2]int{Status(tt.err, false), Status(tt.err, true)}
		if !reflect.DeepEqual(got, [2]int{tt.auth0, tt.strict}) {
			t.Errorf("%s: statuses %v, want %d and %d", tt.text, got, tt.auth0, tt.strict)
		}
	}
}

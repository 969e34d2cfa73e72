package settings

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every member of the tenant's settings that does nothing is told, and none that
// does something.
func TestIdleTenant(t *testing.T) {
	for doc, want := range map[string][]IdleMember{
		`{}`:                   nil,
		``:                     nil,
		`{"foo":1}`:            {{Path: "foo"}},
		`{"foo":null}`:         {{Path: "foo"}},
		`{"freindly_name":""}`: {{Path: "freindly_name", Meant: "friendly_name"}},
		`{"sandbox_version":"22","enable_ai_guide":false,"mtls":null,"default_directory":""}`: {{Path: "sandbox_version", Known: true}},
		`{"flags":{"enable_sso":true,"genai_trial":false,"standards_strict":true,"standard_strict":true}}`: {
			{Path: "flags.enable_sso", Known: true}, {Path: "flags.standard_strict", Meant: "flags.standards_strict"},
		},
		`{"friendly_name":"Acme","support_email":"a@mail.example","support_url":"https://x","default_audience":"a","enabled_locales":["en"],
			"session_lifetime":1,"idle_session_lifetime":1,"session_cookie":{"mode":"persistent"},"error_page":{"url":"https://x"},
			"universal_login":{"passwordless":{}},"picture_url":"https://x","default_redirection_uri":"https://x","allowed_logout_urls":["https://x"],
			"sessions":{},"oidc_logout":{},"resource_parameter_profile":"audience","device_flow":{},"country_codes":{"mode":"allow","list":["GB"]},
			"doorcode":{"sms_per_day":1},"flags":{"enable_legacy_pipeline":true,"confirm_logout":true}}`: nil,
	} {
		if diff := cmp.Diff(want, IdleTenant([]byte(doc))); diff != "" {
			t.Errorf("of %s:\n%s", doc, diff)
		}
	}
	for _, m := range []struct {
		IdleMember
		want string
	}{
		{IdleMember{Path: "foo"}, `"foo" is not known here and does nothing`},
		{IdleMember{Path: "freindly_name", Meant: "friendly_name"}, `"freindly_name" is not known here and does nothing; did you mean "friendly_name"?`},
		{IdleMember{Path: "sandbox_version", Known: true}, `"sandbox_version" is kept, and not used by this version`},
	} {
		if got := m.Warning(); got != m.want {
			t.Errorf("Warning() = %s, want %s", got, m.want)
		}
	}
}

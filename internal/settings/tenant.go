package settings

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/doorcode/doorcode/internal/tenant"
)

// tenantDoc is what engines read of the tenant's document. Flags of ours stand
// beside Auth0's.
type tenantDoc struct {
	FriendlyName    string   `json:"friendly_name"`
	SupportEmail    string   `json:"support_email"`
	SupportURL      string   `json:"support_url"`
	DefaultAudience string   `json:"default_audience"`
	EnabledLocales  []string `json:"enabled_locales"`
	Lifetime        float64  `json:"session_lifetime"`      // hours
	Idle            float64  `json:"idle_session_lifetime"` // hours
	Cookie          struct {
		Mode string `json:"mode"`
	} `json:"session_cookie"`
	ErrorPage struct {
		URL string `json:"url"`
	} `json:"error_page"`
	Login struct {
		Passwordless struct {
			AnyBrowser *bool `json:"allow_magiclink_verify_without_session"`
		} `json:"passwordless"`
	} `json:"universal_login"`
	PictureURL string   `json:"picture_url"`
	LoginURI   string   `json:"default_redirection_uri"`
	LogoutURLs []string `json:"allowed_logout_urls"`
	Sessions   struct {
		Prompt *bool `json:"oidc_logout_prompt_enabled"`
	} `json:"sessions"`
	Logout struct {
		Discovery *bool `json:"rp_logout_end_session_endpoint_discovery"`
	} `json:"oidc_logout"`
	Resources  string `json:"resource_parameter_profile"`
	DeviceFlow struct {
		Charset string `json:"charset"`
		Mask    string `json:"mask"`
	} `json:"device_flow"`
	Countries *countriesDoc `json:"country_codes"`
	Own       struct {
		SMSHour int `json:"sms_per_hour"`
		SMSDay  int `json:"sms_per_day"`
	} `json:"doorcode"`
	Flags struct {
		ClientAuth        *bool `json:"enforce_client_authentication_on_passwordless_start"`
		RevealSignUp      bool  `json:"passwordless_start_reveals_signup_disabled"`
		StandardsStrict   bool  `json:"standards_strict"`
		LegacyPipeline    bool  `json:"enable_legacy_pipeline"`
		LegacyOwner       *bool `json:"allow_legacy_ro_grant_types"`
		LegacyDelegation  *bool `json:"allow_legacy_delegation_grant_types"`
		LegacyTokenInfo   *bool `json:"allow_legacy_tokeninfo_endpoint"`
		Verify            *bool `json:"allow_passwordless_verify"`
		LegacyProfile     bool  `json:"enable_legacy_profile"`
		RevokeGrant       bool  `json:"revoke_refresh_token_grant"`
		ConfirmLogout     bool  `json:"confirm_logout"`
		ClientConnections *bool `json:"enable_client_connections"`
	} `json:"flags"`
}

// Tenant is the view of the tenant's document.
func Tenant(doc []byte) (tenant.Settings, error) {
	var d tenantDoc
	if err := lenient(doc, &d); err != nil {
		return tenant.Settings{}, fmt.Errorf("read tenant settings: %w", err)
	}
	on := func(b *bool) bool { return b == nil || *b }
	return tenant.Settings{
		FriendlyName: d.FriendlyName, SupportEmail: d.SupportEmail, SupportURL: d.SupportURL,
		DefaultAudience: d.DefaultAudience, EnabledLocales: d.EnabledLocales, ResourceParameter: d.Resources == "compatibility",
		DeviceFlow: tenant.UserCodeForm{Charset: d.DeviceFlow.Charset, Mask: d.DeviceFlow.Mask},
		Sessions: tenant.SessionPolicy{
			Lifetime: seconds(d.Lifetime * 3600), Idle: seconds(d.Idle * 3600), Transient: d.Cookie.Mode == "non-persistent",
		},
		ErrorPage:  d.ErrorPage.URL,
		LoginURI:   d.LoginURI,
		PictureURL: d.PictureURL,
		LogoutURLs: d.LogoutURLs, SilentLogout: !on(d.Sessions.Prompt), HiddenLogout: !on(d.Logout.Discovery),
		Countries:        d.Countries.countries(),
		SMSBudget:        tenant.Budget{Hour: d.Own.SMSHour, Day: d.Own.SMSDay},
		LinksNeedBrowser: !on(d.Login.Passwordless.AnyBrowser),
		Flags: tenant.Flags{
			ClientAuthOnStart: on(d.Flags.ClientAuth), RevealSignUpDisabled: d.Flags.RevealSignUp,
			StandardsStrict: d.Flags.StandardsStrict, LegacyPipeline: d.Flags.LegacyPipeline,
			RevokeDeletesGrant: d.Flags.RevokeGrant, ConfirmLogout: d.Flags.ConfirmLogout, ClientConnections: on(d.Flags.ClientConnections),
			NoLegacyOwner: !on(d.Flags.LegacyOwner), NoLegacyDelegation: !on(d.Flags.LegacyDelegation),
			NoLegacyTokenInfo: !on(d.Flags.LegacyTokenInfo), LegacyProfile: d.Flags.LegacyProfile,
			NoVerify: !on(d.Flags.Verify),
		},
		Doc: doc,
	}, nil
}

// ChangeTenant makes of the tenant's document what a body asks for: null
// removes, flags are set one by one, anything else is replaced.
func ChangeTenant(doc []byte, body *Object) ([]byte, error) {
	flags := rule{kinds: []string{"object"}, each: &flag}
	loginURI := text(0, 2048)
	loginURI.format = &format{"absolute-https-uri-or-empty", secureAddressOrEmpty}
	r := rule{kinds: []string{"object"}, open: true, members: map[string]rule{
		"friendly_name": text(0, 200).orNull(), "picture_url": text(0, 2048).orNull(),
		"support_email": text(0, 320).orNull(), "support_url": text(0, 2048).orNull(),
		"default_audience": text(0, 600).orNull(), "default_directory": text(0, 128).orNull(),
		"default_redirection_uri": loginURI.orNull(),
		"enabled_locales":         listOf(text(1, 32), 100), "flags": flags.orNull(),
		"allowed_logout_urls": listOf(text(0, 2048), 100),
		"sessions":            switches("oidc_logout_prompt_enabled"), "oidc_logout": switches("rp_logout_end_session_endpoint_discovery"),
		"device_flow": deviceFlow(), "resource_parameter_profile": oneOf("audience", "compatibility"),
		"country_codes": countriesRule().orNull(),
		"doorcode": rule{kinds: []string{"object"}, members: map[string]rule{
			"sms_per_hour": whole(0, 100_000_000).orNull(), "sms_per_day": whole(0, 100_000_000).orNull(),
		}}.orNull(),
		"session_lifetime": {kinds: []string{"number"}}, "idle_session_lifetime": {kinds: []string{"number"}},
	}}
	if err := r.checkMembers("", body); err != nil {
		return nil, err
	}
	out, err := ParseObject(doc)
	if err != nil {
		return nil, fmt.Errorf("read tenant settings: %w", err)
	}
	for _, m := range body.members {
		before, change := out.Object(m.name), body.Object(m.name)
		switch {
		case kindOf(m.value) == "null":
			out.Remove(m.name)
		case m.name == "flags" && before != nil && change != nil:
			out.SetRaw(m.name, mergeInto(before, change).Bytes())
		default:
			out.SetRaw(m.name, m.value)
		}
	}
	return out.Bytes(), nil
}

// switches is an object with members that are on or off, which may be null.
func switches(names ...string) rule {
	r := rule{kinds: []string{"object", "null"}, open: true, members: map[string]rule{}}
	for _, name := range names {
		r.members[name] = flag
	}
	return r
}

// deviceFlow is what a body may say of the codes that people type for a device
// (Auth0: device_flow).
func deviceFlow() rule {
	mask := text(0, 20)
	mask.format = &format{"device-flow-mask", func(s string) bool { return s == "" || tenant.UserCodeForm{Mask: s}.Check() }}
	return rule{kinds: []string{"object", "null"}, members: map[string]rule{"charset": oneOf("base20", "digits"), "mask": mask}}
}

// TenantAnswer is the tenant's document with the flags it does not name.
func TenantAnswer(doc []byte) (*Object, error) {
	out, err := ParseObject(doc)
	if err != nil {
		return nil, fmt.Errorf("read tenant settings: %w", err)
	}
	out.SetDefault("allowed_logout_urls", []string{})
	out.SetDefault("enabled_locales", []string{"en"})
	flags := out.Object("flags")
	if flags == nil {
		flags = &Object{}
	}
	flags.SetDefault("enforce_client_authentication_on_passwordless_start", true)
	flags.SetDefault("enable_client_connections", true)
	flags.SetDefault("revoke_refresh_token_grant", false)
	flags.SetDefault("universal_login", true)
	out.SetRaw("flags", flags.Bytes())
	return out, nil
}

// Texts reads a list of texts and leaves out what is none, and repetitions.
func Texts(raw json.RawMessage) []string {
	var list []any
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// TextList reads a list that has nothing but texts in it.
func TextList(raw json.RawMessage) (list []string, ok bool) {
	var items []*string
	if kindOf(raw) != "array" || json.Unmarshal(raw, &items) != nil {
		return nil, false
	}
	for _, item := range items {
		if item == nil {
			return nil, false
		}
		list = append(list, *item)
	}
	return list, true
}

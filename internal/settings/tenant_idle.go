package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/config"
)

// An IdleMember is a member of the tenant's settings that is kept, and that
// nothing is done with.
type IdleMember struct {
	Path  string // such as "sandbox_version", "flags.enable_sso"
	Known bool   // Auth0 has it
	Meant string // for one that nobody knows: the member that it resembles, or ""
}

// Warning says it, as the end of a sentence whose beginning is where it is.
func (m IdleMember) Warning() string {
	switch {
	case m.Known:
		return fmt.Sprintf("%q is kept, and not used by this version", m.Path)
	case m.Meant != "":
		return fmt.Sprintf("%q is not known here and does nothing; did you mean %q?", m.Path, m.Meant)
	}
	return fmt.Sprintf("%q is not known here and does nothing", m.Path)
}

// IdleTenant returns the members of the tenant's document that nothing is done
// with, in its order: those that nobody knows, and those of Auth0's that say
// something. Auth0's tools send many that say nothing: null, false, empty.
func IdleTenant(doc []byte) []IdleMember {
	whole, err := ParseObject(doc)
	if err != nil {
		return nil
	}
	used := memberNames(reflect.TypeFor[tenantDoc]())
	flags, _ := reflect.TypeFor[tenantDoc]().FieldByName("Flags")
	list := idleMembers(whole, "", used, auth0Tenant())
	if o := whole.Object("flags"); o != nil {
		list = append(list, idleMembers(o, "flags.", memberNames(flags.Type), auth0Flags())...)
	}
	return list
}

func idleMembers(o *Object, path string, used, auth0 []string) (list []IdleMember) {
	for _, m := range o.members {
		silent := slices.Contains([]string{"null", "false", `""`, "{}", "[]"}, string(m.value))
		switch {
		case slices.Contains(used, m.name):
		case slices.Contains(auth0, m.name):
			if !silent {
				list = append(list, IdleMember{Path: path + m.name, Known: true})
			}
		default:
			idle := IdleMember{Path: path + m.name}
			if meant := config.Nearest(m.name, slices.Concat(used, auth0)); meant != "" {
				idle.Meant = path + meant
			}
			list = append(list, idle)
		}
	}
	return list
}

// memberNames are the names under which a struct's fields are in JSON.
func memberNames(t reflect.Type) []string {
	names := make([]string, 0, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// auth0Tenant are the members that Auth0's tenant settings have (Management API:
// tenants/settings), those that are used here among them.
func auth0Tenant() []string {
	return []string{
		"acr_values_supported", "allow_organization_name_in_authentication_api", "allowed_logout_urls",
		"authorization_response_iss_parameter_supported", "change_password", "client_id_metadata_document_supported", "country_codes",
		"customize_mfa_in_postlogin_action", "default_audience", "default_directory", "default_redirection_uri", "default_token_quota",
		"device_flow", "dynamic_client_registration_security_mode", "enable_ai_guide", "enabled_locales", "ephemeral_session_lifetime",
		"error_page", "flags", "friendly_name", "guardian_mfa_page", "idle_ephemeral_session_lifetime", "idle_session_lifetime",
		"legacy_sandbox_version", "mtls", "oidc_logout", "phone_consolidated_experience", "picture_url",
		"pushed_authorization_requests_supported", "resource_parameter_profile", "sandbox_version", "sandbox_versions_available",
		"session_cookie", "session_lifetime", "sessions", "skip_non_verifiable_callback_uri_confirmation_prompt", "support_email",
		"support_url", "universal_login",
	}
}

// auth0Flags are the same for its flags.
func auth0Flags() []string {
	return []string{
		"allow_changing_enable_sso", "allow_legacy_delegation_grant_types", "allow_legacy_ro_grant_types",
		"allow_legacy_tokeninfo_endpoint", "change_pwd_flow_v1", "custom_domains_provisioning", "dashboard_insights_view",
		"dashboard_log_streams_next", "disable_clickjack_protection_headers", "disable_fields_map_fix", "disable_impersonation",
		"disable_management_api_sms_obfuscation", "enable_adfs_waad_email_verification", "enable_apis_section",
		"enable_client_connections", "enable_dynamic_client_registration", "enable_idtoken_api2", "enable_legacy_profile",
		"enable_pipeline2", "enable_public_signup_user_exists_error", "enable_sso",
		"enforce_client_authentication_on_passwordless_start", "genai_trial", "improved_signup_bot_detection_in_classic",
		"mfa_show_factor_list_on_enrollment", "no_disclose_enterprise_connections", "remove_alg_from_jwks",
		"revoke_refresh_token_grant", "trust_azure_adfs_email_verified_connection_property", "universal_login",
	}
}

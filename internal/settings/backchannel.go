package settings

import "github.com/doorcode/doorcode/internal/tenant"

// backchannelDoc is what an application's document says of logout tokens.
type backchannelDoc struct {
	URLs       []string `json:"backchannel_logout_urls"`
	Initiators struct {
		Mode     string             `json:"mode"`
		Selected []tenant.Initiator `json:"selected_initiators"`
	} `json:"backchannel_logout_initiators"`
}

// backchannel reads it. Only one address is used (Auth0).
func backchannel(now, before backchannelDoc) tenant.Backchannel {
	if len(now.URLs) == 0 {
		now = before
	}
	if len(now.URLs) == 0 {
		return tenant.Backchannel{}
	}
	return tenant.Backchannel{URL: now.URLs[0], Chosen: now.Initiators.Mode == "custom", Initiators: now.Initiators.Selected}
}

// backchannelRule is what a body may say of it. Plain http is for networks that
// the operator names, and refused when it is called elsewhere.
func backchannelRule() rule {
	address := rule{kinds: []string{"string"}, max: 2048, format: &format{"absolute-https-uri-with-placeholders-or-empty", webAddressOrEmpty}}
	return rule{kinds: []string{"object", "null"}, open: true, members: map[string]rule{
		"backchannel_logout_urls": listOf(address, 1),
		"backchannel_logout_initiators": {kinds: []string{"object"}, open: true, members: map[string]rule{
			"mode": oneOf("all", "custom"),
			"selected_initiators": listOf(oneOf("rp-logout", "idp-logout", "password-changed", "session-expired", "session-revoked",
				"account-deleted", "email-identifier-changed", "mfa-phone-unenrolled", "account-deactivated"), 20),
		}},
	}}
}

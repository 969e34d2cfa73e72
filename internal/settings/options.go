package settings

import (
	"encoding/json"
	"regexp"

	"github.com/doorcode/doorcode/internal/tenant"
)

// The secrets among the options of a connection, by the names they are stored
// under. A dot leads into an object.
const (
	SecretTwilio    = "twilio_token"
	SecretTwilioKey = own + ".twilio_api_secret"
	SecretGateway   = "gateway_authentication.secret"
)

// own is the member of options that holds the keys of ours.
const own = "doorcode"

// A Merge says what a change of options does to those it does not name.
type Merge string

// The ways. Auto goes by what the change carries.
const (
	Auto    Merge = ""
	Replace Merge = "replace"
	Keep    Merge = "merge"
)

// MergeOptions returns the stored options of a connection as changed by patch.
// Auth0 replaces all of them; people who send one option mean that one. So a
// change that carries the message and says whose account it is sent from
// replaces, as every known tool's does; anything less is merged: null removes
// an option, and objects are merged one level deep.
//
// Options of ours under "doorcode" survive a replacement that does not name
// them. Secrets are not among the stored options: see KeepSecrets.
func MergeOptions(stored, patch *Object, channel tenant.Channel, how Merge) *Object {
	if how == Replace || how == Auto && replaces(patch, channel) {
		out := patch.Clone()
		if before := stored.Object(own); before != nil && !patch.Null(own) {
			out.SetRaw(own, mergeInto(before, patch.Object(own)).Bytes())
		} else if patch.Null(own) {
			out.Remove(own)
		}
		return out
	}
	out := stored.Clone()
	for _, m := range patch.members {
		before, change := out.Object(m.name), patch.Object(m.name)
		switch {
		case kindOf(m.value) == "null":
			out.Remove(m.name)
		case before != nil && change != nil:
			out.SetRaw(m.name, mergeInto(before, change).Bytes())
		default:
			out.SetRaw(m.name, m.value)
		}
	}
	return out
}

// mergeInto sets the members of change in before; null removes.
func mergeInto(before, change *Object) *Object {
	out := before.Clone()
	if change == nil {
		return out
	}
	for _, m := range change.members {
		if kindOf(m.value) == "null" {
			out.Remove(m.name)
		} else {
			out.SetRaw(m.name, m.value)
		}
	}
	return out
}

func replaces(patch *Object, channel tenant.Channel) bool {
	carries := func(name string) bool { return patch.Has(name) && !patch.Null(name) }
	message := carries("template") || channel == tenant.Email && carries("email")
	account := carries("name") || carries("twilio_sid") || carries("gateway_url") || carries("provider")
	return message && account
}

// SplitSecrets takes the secrets out of options, which are not changed. An
// empty secret counts as left out.
func SplitSecrets(options *Object) (rest *Object, secrets map[string]string) {
	rest, secrets = options.Clone(), map[string]string{}
	if s := rest.Text(SecretTwilio); s != "" {
		secrets[SecretTwilio] = s
	}
	rest.Remove(SecretTwilio)
	if gateway := rest.Object("gateway_authentication"); gateway != nil {
		if s := gateway.Text("secret"); s != "" {
			secrets[SecretGateway] = s
		}
		gateway.Remove("secret")
		rest.SetRaw("gateway_authentication", gateway.Bytes())
	}
	if ours := rest.Object(own); ours.Has("twilio_api_secret") {
		if s := ours.Text("twilio_api_secret"); s != "" {
			secrets[SecretTwilioKey] = s
		}
		ours.Remove("twilio_api_secret")
		rest.SetRaw(own, ours.Bytes())
	}
	return rest, secrets
}

// JoinSecrets puts secrets back where SplitSecrets found them. Options are not
// changed.
func JoinSecrets(options *Object, secrets map[string]string) *Object {
	out := options.Clone()
	if s := secrets[SecretTwilio]; s != "" {
		out.insertAfter("twilio_sid", SecretTwilio, s)
	}
	if gateway := out.Object("gateway_authentication"); gateway != nil && secrets[SecretGateway] != "" {
		gateway.insertAfter("audience", "secret", secrets[SecretGateway])
		out.SetRaw("gateway_authentication", gateway.Bytes())
	}
	if ours := out.Object(own); ours != nil && secrets[SecretTwilioKey] != "" {
		ours.insertAfter("twilio_api_key", "twilio_api_secret", secrets[SecretTwilioKey])
		out.SetRaw(own, ours.Bytes())
	}
	return out
}

// KeepSecrets returns the secrets that hold after a change: those that were
// sent, and those stored ones whose account is the same as before. A secret
// goes with the account it was entered for: it must not follow the address of
// a gateway to somebody else. before and after have no secrets in them; patch
// is what was sent.
func KeepSecrets(before, after, patch *Object, stored, sent map[string]string) map[string]string {
	out := map[string]string{}
	keep := func(name string, same, cleared bool) {
		switch {
		case sent[name] != "":
			out[name] = sent[name]
		case stored[name] != "" && same && !cleared:
			out[name] = stored[name]
		}
	}
	same := func(account string) bool { return before.Text(account) == after.Text(account) }
	keep(SecretTwilio, same("twilio_sid"), patch.Null(SecretTwilio))
	keep(SecretTwilioKey, before.Object(own).Text("twilio_api_key") == after.Object(own).Text("twilio_api_key"),
		patch.Object(own).Null("twilio_api_secret"))
	gateway := patch.Object("gateway_authentication")
	keep(SecretGateway, same("gateway_url"),
		after.Object("gateway_authentication") == nil || gateway.Null("secret"))
	return out
}

// Twilio's regions and the edges at which they are reached, such as "ie1" and
// "dublin".
var (
	twilioRegion = regexp.MustCompile(`^(?:[a-z]{2}[0-9]{1,2})?$`)
	twilioEdge   = regexp.MustCompile(`^(?:[a-z]{2,20}(?:-[a-z]{2,20})?)?$`)
)

// optionRules are the rules for options that this server reads. Others are
// kept and answered as they came. Shapes of account numbers are not checked:
// Auth0 takes any, and the Dashboard warns.
func optionRules() rule {
	maybe := func(r rule) rule { return r.orNull() }
	totp := rule{kinds: []string{"object"}, members: map[string]rule{
		"length": whole(tenant.MinDigits, tenant.MaxDigits), "time_step": whole(60, 0),
	}}
	mail := rule{kinds: []string{"object"}, open: true, members: map[string]rule{
		"from": maybe(text(0, 1024)), "subject": maybe(text(0, 1024)),
		"body": maybe(text(0, 20480)), "syntax": maybe(text(0, 64)),
	}}
	gateway := rule{kinds: []string{"object"}, required: []string{"method", "audience"}, members: map[string]rule{
		"method": text(1, 20), "audience": text(1, 128), "subject": maybe(text(0, 64)),
		"secret": maybe(text(0, 5120)), "secret_base64_encoded": maybe(flag),
	}}
	ours := rule{kinds: []string{"object"}, members: map[string]rule{
		"autofill": maybe(flag), "resend": maybe(oneOf("", "new", "repeat")),
		"numbers":              maybe(oneOf("", "possible", "valid")),
		"wait_for_provider_ms": maybe(whole(0, 10_000)), "default_country": maybe(text(0, 2)),
		"twilio_api_key": maybe(text(0, 255)), "twilio_api_secret": maybe(text(0, 2048)),
		// They become part of a host's name.
		"twilio_region": maybe(matching(twilioRegion)), "twilio_edge": maybe(matching(twilioEdge)),
	}}
	return rule{kinds: []string{"object"}, open: true, members: map[string]rule{
		"name": maybe(text(0, 255)), "strategy": maybe(text(0, 255)),
		"from": maybe(text(0, 128)), "template": maybe(text(0, 5120)),
		"syntax": maybe(oneOf("", "liquid", "md_with_macros")), "totp": maybe(totp),
		"twilio_sid": maybe(text(0, 255)), SecretTwilio: maybe(text(0, 2048)),
		"messaging_service_sid": maybe(text(0, 255)), "provider": maybe(oneOf("", "twilio", "sms_gateway")),
		"gateway_url": maybe(text(0, 255)), "gateway_authentication": maybe(gateway),
		"forward_req_info": {kinds: []string{"boolean", "string", "null"}},
		"disable_signup":   maybe(flag), "brute_force_protection": maybe(flag),
		"request_language": maybe(text(0, 255)),
		"authParams":       {kinds: []string{"object", "string", "null"}},
		"email":            maybe(mail), own: maybe(ours),
	}}
}

// asObject reads authParams, which Auth0 takes as an object and as its text.
func asObject(raw json.RawMessage) map[string]any {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		raw = json.RawMessage(s)
	}
	var m map[string]any
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

package settings

import (
	"encoding/json"
	"regexp"

	"github.com/doorcode/doorcode/internal/tenant"
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
			out.SetRaw(own, mergeOwn(before, patch.Object(own)).Bytes())
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
		case change != nil:
			after := mergeInto(before, change)
			if m.name == own {
				after = mergeOwn(before, change)
			}
			// Nothing is there for a change that only removes.
			if before != nil || after.Len() > 0 || change.Len() == 0 {
				out.SetRaw(m.name, after.Bytes())
			}
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

// mergeOwn is mergeInto for the options of ours, where the accounts at providers
// are objects of their own: a change of one member leaves the others.
func mergeOwn(before, change *Object) *Object {
	out := mergeInto(before, change)
	if change == nil {
		return out
	}
	for _, m := range change.members {
		if was, is := before.Object(m.name), change.Object(m.name); is != nil {
			out.SetRaw(m.name, mergeInto(was, is).Bytes())
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
		"vonage": maybe(vonageRule()), "sns": maybe(snsRule()),
		"fraud":    maybe(fraudRule()),
		"autofill": maybe(flag), "resend": maybe(oneOf("", "new", "repeat")), "send": maybe(oneOf("", "code", "link")),
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
		"messaging_service_sid": maybe(text(0, 255)), "provider": maybe(oneOf("", "twilio", "sms_gateway", "vonage", "sns")),
		"gateway_url": maybe(text(0, 255)), "gateway_authentication": maybe(gateway),
		"forward_req_info": {kinds: []string{"boolean", "string", "null"}},
		"disable_signup":   maybe(flag), "brute_force_protection": maybe(flag),
		"request_language": maybe(text(0, 255)),
		"authParams":       {kinds: []string{"object", "string", "null"}},
		"email":            maybe(mail), own: maybe(ours),
	}}
}

// vonageRule is for an account at Vonage: an API key and its secret, or an
// application and its private key.
func vonageRule() rule {
	return rule{kinds: []string{"object"}, members: map[string]rule{
		"api_key": text(0, 64).orNull(), "api_secret": text(0, 512).orNull(),
		"application_id": text(0, 64).orNull(), "private_key": text(0, 8192).orNull(),
		"signature_secret": text(0, 512).orNull(),
		"api":              oneOf("", "messages", "sms").orNull(), "region": oneOf("", "eu", "us", "ap").orNull(),
	}}
}

// snsRule is for an account at Amazon. The region becomes part of a host.
func snsRule() rule {
	region := text(0, 32)
	region.pattern = awsRegion
	price := text(0, 12)
	price.pattern = decimal
	return rule{kinds: []string{"object"}, members: map[string]rule{
		"access_key_id": text(0, 128).orNull(), "secret_access_key": text(0, 512).orNull(),
		"region": region.orNull(), "max_price": price.orNull(),
	}}
}

var (
	awsRegion = regexp.MustCompile(`^([a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2})?$`)
	decimal   = regexp.MustCompile(`^([0-9]{1,4}(\.[0-9]{1,6})?)?$`)
)

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

package settings

import "strings"

// The secrets among the options of a connection, by the names they are stored
// under. A dot leads into an object.
const (
	SecretTwilio        = "twilio_token"
	SecretTwilioKey     = own + ".twilio_api_secret"
	SecretGateway       = "gateway_authentication.secret"
	SecretVonage        = own + ".vonage.api_secret"
	SecretVonagePrivate = own + ".vonage.private_key"
	SecretVonageSigned  = own + ".vonage.signature_secret"
	SecretSNS           = own + ".sns.secret_access_key"
)

// A secretOption is where a secret is among the options, and whose it is.
type secretOption struct {
	name    string
	account string // the option that it belongs to
	after   string // the member of the same object that it is shown behind
}

func secretOptions() []secretOption {
	return []secretOption{
		{SecretTwilio, "twilio_sid", "twilio_sid"},
		{SecretTwilioKey, own + ".twilio_api_key", "twilio_api_key"},
		{SecretGateway, "gateway_url", "audience"},
		{SecretVonage, own + ".vonage.api_key", "api_key"},
		{SecretVonagePrivate, own + ".vonage.application_id", "application_id"},
		{SecretVonageSigned, own + ".vonage.application_id", "application_id"},
		{SecretSNS, own + ".sns.access_key_id", "access_key_id"},
	}
}

// SecretNames are the names that secrets among the options are stored under.
func SecretNames() []string {
	var names []string
	for _, s := range secretOptions() {
		names = append(names, s.name)
	}
	return names
}

// parent returns the object that the last part of the path is in, nil if there
// is none, and that part.
func parent(o *Object, path string) (*Object, string) {
	first, rest, more := strings.Cut(path, ".")
	if !more {
		return o, first
	}
	if inner := o.Object(first); inner != nil {
		return parent(inner, rest)
	}
	return nil, ""
}

// textAt is the text at the path, "" for none.
func textAt(o *Object, path string) string {
	if o, name := parent(o, path); o != nil {
		return o.Text(name)
	}
	return ""
}

// edit calls change with the object that the last part of the path is in, if
// there is one, and puts it back.
func edit(o *Object, path string, change func(o *Object, name string)) {
	first, rest, more := strings.Cut(path, ".")
	if !more {
		change(o, first)
		return
	}
	if inner := o.Object(first); inner != nil {
		edit(inner, rest, change)
		o.SetRaw(first, inner.Bytes())
	}
}

// SplitSecrets takes the secrets out of options, which are not changed. An
// empty secret counts as left out.
func SplitSecrets(options *Object) (rest *Object, secrets map[string]string) {
	rest, secrets = options.Clone(), map[string]string{}
	for _, s := range secretOptions() {
		if text := textAt(rest, s.name); text != "" {
			secrets[s.name] = text
		}
		edit(rest, s.name, func(o *Object, name string) { o.Remove(name) })
	}
	return rest, secrets
}

// JoinSecrets puts secrets back where SplitSecrets found them. Options are not
// changed.
func JoinSecrets(options *Object, secrets map[string]string) *Object {
	out := options.Clone()
	for _, s := range secretOptions() {
		if secrets[s.name] != "" {
			edit(out, s.name, func(o *Object, name string) { o.insertAfter(s.after, name, secrets[s.name]) })
		}
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
	for _, s := range secretOptions() {
		inside, _ := parent(after, s.name)
		named, name := parent(patch, s.name)
		cleared := inside == nil || named != nil && named.Null(name)
		switch {
		case sent[s.name] != "":
			out[s.name] = sent[s.name]
		case stored[s.name] != "" && !cleared && textAt(before, s.account) == textAt(after, s.account):
			out[s.name] = stored[s.name]
		}
	}
	return out
}

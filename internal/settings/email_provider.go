package settings

import (
	"fmt"
	"maps"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/tenant"
)

// The providers that have rules of their own.
const (
	providerSMTP     = "smtp"
	providerSES      = "ses"
	providerSendGrid = "sendgrid"
)

// SecretSMTP is the name of the password among an e-mail provider's secrets.
const SecretSMTP = "smtp_pass"

// The secrets of the other e-mail providers that something is sent through. The
// access key is no secret, but Auth0 does not show it either.
const (
	SecretAPIKey    = "api_key"
	SecretAccessKey = "accessKeyId"
	SecretSES       = "secretAccessKey"
)

// neededCredentials are those without which a provider cannot be (Auth0: email
// provider).
func neededCredentials(provider string) []string {
	switch provider {
	case "mandrill", providerSendGrid, "sparkpost", "resend":
		return []string{SecretAPIKey}
	case "mailgun":
		return []string{SecretAPIKey, "domain"}
	case providerSES:
		return []string{SecretAccessKey, SecretSES, "region"}
	case "azure_cs":
		return []string{"connectionString"}
	case "ms365":
		return []string{"tenantId", "clientId", "clientSecret"}
	}
	return nil
}

// shownCredential reports whether a credential of an e-mail provider is one
// that names something, and is answered. All others are secrets.
func shownCredential(name string) bool {
	return slices.Contains([]string{"api_user", "domain", "region", "smtp_host", "smtp_port", "smtp_user"}, name)
}

var (
	mailHost = regexp.MustCompile(`^\[?[A-Za-z0-9][A-Za-z0-9.:-]*\]?$|^\[?::1\]?$`)
	// configurationSet is the form of the names of Amazon SES.
	configurationSet = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)
	headerLine       = regexp.MustCompile(`^[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}]*$`)
	mailSender       = &format{name: "email", ok: func(s string) bool {
		a, err := netmail.ParseAddress(s)
		return s == "" || err == nil && !strings.ContainsFunc(a.Address, func(r rune) bool { return r <= ' ' || r > '~' })
	}}
)

// emailProviderRule is what a body may say of the e-mail provider (Auth0:
// email provider).
func emailProviderRule() rule {
	credential := text(0, 4096).orNull()
	host := text(0, 255)
	host.pattern = mailHost
	credentials := rule{kinds: []string{"object"}, each: &credential, members: map[string]rule{
		"smtp_host": host.orNull(), "smtp_port": whole(1, 65535).orNull(), "smtp_user": text(1, 1024).orNull(),
		SecretSMTP: text(1, 1024).orNull(),
	}}
	value := text(0, 998)
	value.pattern = headerLine
	ours := rule{kinds: []string{"object"}, members: map[string]rule{
		"security": oneOf("", tenant.SecurityTLS, tenant.SecurityStartTLS, tenant.SecurityNone).orNull(),
	}}
	set := text(0, 64)
	set.pattern = configurationSet
	message := rule{kinds: []string{"object"}, open: true, members: map[string]rule{"configuration_set_name": set.orNull()}}
	more := rule{kinds: []string{"object"}, open: true, members: map[string]rule{
		"message": message.orNull(),
		"headers": rule{kinds: []string{"object"}, max: 20, each: &value}.orNull(), own: ours.orNull(),
	}}
	from := text(0, 320)
	from.format = mailSender
	return rule{kinds: []string{"object"}, min: 1, members: map[string]rule{
		"name":    oneOf("mailgun", "mandrill", "sendgrid", "resend", "ses", "sparkpost", providerSMTP, "azure_cs", "ms365", "custom"),
		"enabled": flag, "default_from_address": from.orNull(), "credentials": credentials, "settings": more.orNull(),
	}}
}

// NewEmailProvider makes the e-mail provider that a body asks for.
func NewEmailProvider(body *Object) (tenant.EmailProvider, error) {
	r := emailProviderRule()
	r.required = []string{"name", "credentials"}
	if err := r.checkMembers("", body); err != nil {
		return tenant.EmailProvider{}, err
	}
	return changedProvider(&tenant.EmailProvider{}, &Object{}, body)
}

// ChangeEmailProvider makes of the stored e-mail provider what a body asks for.
// Another name begins anew with its credentials. Replace keeps nothing of the
// same provider that the body does not say, except the secrets of the account.
func ChangeEmailProvider(p *tenant.EmailProvider, body *Object, how Merge) (tenant.EmailProvider, error) {
	if err := emailProviderRule().checkMembers("", body); err != nil {
		return tenant.EmailProvider{}, err
	}
	before, err := ParseObject(p.Doc)
	if err != nil {
		return tenant.EmailProvider{}, fmt.Errorf("read email provider: %w", err)
	}
	switch {
	case body.Has("name") && body.Text("name") != p.Name:
		if !body.Has("credentials") {
			return tenant.EmailProvider{}, Invalid("", "Missing required property: credentials")
		}
		// Nothing that was said to one provider means anything to another.
		before = before.Keep(func(name string) bool { return name == "enabled" || name == "default_from_address" })
		p = &tenant.EmailProvider{}
	case how == Replace:
		before = before.Keep(func(name string) bool { return name == "name" })
	}
	return changedProvider(p, before, body)
}

// changedProvider puts a change together. The secrets of p are kept while its
// account is the same: a password must not follow the address of a server to
// somebody else, nor onto a way that anybody can listen to.
func changedProvider(p *tenant.EmailProvider, before, body *Object) (tenant.EmailProvider, error) {
	doc := &Object{}
	for _, name := range []string{"name", "enabled", "default_from_address"} {
		raw := before.Raw(name)
		if body.Has(name) {
			raw = body.Raw(name)
		}
		if kindOf(raw) != "null" && raw != nil {
			doc.SetRaw(name, raw)
		} else if name == "enabled" {
			doc.Set(name, true)
		}
	}
	shown, sent := before.Object("credentials").Clone(), map[string]string{}
	cleared := map[string]bool{}
	if change := body.Object("credentials"); change != nil {
		for _, m := range change.members {
			switch {
			case kindOf(m.value) == "null":
				shown.Remove(m.name)
				cleared[m.name] = true
			case shownCredential(m.name):
				shown.SetRaw(m.name, m.value)
			default:
				sent[m.name] = change.Text(m.name)
			}
		}
	}
	doc.SetRaw("credentials", shown.Bytes())
	setProviderSettings(doc, before, body)
	after, err := EmailProvider(doc.Bytes(), map[string]string{})
	if err != nil {
		return after, err
	}
	if after.Server == p.Server && !otherAccessKey(p.Secrets, sent) {
		for name, value := range p.Secrets {
			if !cleared[name] {
				after.Secrets[name] = value
			}
		}
	}
	maps.Copy(after.Secrets, sent)
	if after.Name == providerSMTP {
		return after, checkMailServer(&after)
	}
	return after, checkCredentials(&after, shown)
}

// otherAccessKey reports whether another key of Amazon's was sent, which has a
// secret of its own.
func otherAccessKey(stored, sent map[string]string) bool {
	return sent[SecretAccessKey] != "" && sent[SecretAccessKey] != stored[SecretAccessKey]
}

// checkCredentials reports the first credential that the provider lacks.
func checkCredentials(p *tenant.EmailProvider, shown *Object) error {
	for _, name := range neededCredentials(p.Name) {
		if p.Secrets[name] == "" && shown.Text(name) == "" {
			return Invalid("credentials", "Missing required property: %s", name)
		}
	}
	if p.Name == providerSES && !awsRegion.MatchString(p.Region) {
		// It becomes part of a host.
		return Invalid("credentials.region", "String does not match pattern %s: %s", awsRegion, printable(p.Region))
	}
	return nil
}

// setProviderSettings sets what a change leaves of the settings. Our own
// survive a change that does not name them.
func setProviderSettings(doc, before, body *Object) {
	stored := before.Object("settings")
	if !body.Has("settings") {
		if stored != nil {
			doc.SetRaw("settings", stored.Bytes())
		}
		return
	}
	change := body.Object("settings")
	if change == nil {
		return // null
	}
	change = change.Clone()
	if mine := stored.Clone().Raw(own); mine != nil && !change.Has(own) {
		change.SetRaw(own, mine)
	}
	if change.Null(own) {
		change.Remove(own)
	}
	doc.SetRaw("settings", change.Bytes())
}

func checkMailServer(p *tenant.EmailProvider) error {
	switch {
	case p.Server.Host == "":
		return Invalid("credentials", "Missing required property: smtp_host")
	case p.Server.User != "" && p.Secrets[SecretSMTP] == "":
		return Invalid("credentials", "Missing required property: smtp_pass")
	}
	return nil
}

// EmailProvider is the view of the e-mail provider's document. Secrets are
// those of its credentials that are not in the document.
func EmailProvider(doc []byte, secrets map[string]string) (tenant.EmailProvider, error) {
	d := struct {
		Name        string `json:"name"`
		Enabled     bool   `json:"enabled"`
		From        string `json:"default_from_address"`
		Credentials struct {
			Host string  `json:"smtp_host"`
			Port float64 `json:"smtp_port"`
			User string  `json:"smtp_user"`

			Region string `json:"region"`
		} `json:"credentials"`
		Settings struct {
			Headers map[string]string `json:"headers"`
			Message struct {
				ConfigurationSet string `json:"configuration_set_name"`
			} `json:"message"`
			Doorcode struct {
				Security string `json:"security"`
			} `json:"doorcode"`
		} `json:"settings"`
	}{Enabled: true}
	if err := lenient(doc, &d); err != nil {
		return tenant.EmailProvider{}, fmt.Errorf("read email provider: %w", err)
	}
	p := tenant.EmailProvider{
		Name: d.Name, Enabled: d.Enabled, From: d.From, Headers: d.Settings.Headers, Doc: doc, Secrets: secrets,
		Region: d.Credentials.Region, ConfigurationSet: d.Settings.Message.ConfigurationSet,
	}
	if d.Name == providerSMTP {
		p.Server = tenant.MailServer{
			Host: d.Credentials.Host, Port: int(d.Credentials.Port), User: d.Credentials.User, Security: d.Settings.Doorcode.Security,
		}
		if p.Server.Port == 0 {
			p.Server.Port = tenant.DefaultMailPort
		}
	}
	return p, nil
}

// EmailProviderAnswer is the e-mail provider as the Management API shows it,
// with its secrets or without.
func EmailProviderAnswer(p *tenant.EmailProvider, withSecrets bool) (*Object, error) {
	doc, err := ParseObject(p.Doc)
	if err != nil {
		return nil, fmt.Errorf("read email provider: %w", err)
	}
	if withSecrets {
		credentials := doc.Object("credentials").Clone()
		for _, name := range slices.Sorted(maps.Keys(p.Secrets)) {
			credentials.Set(name, p.Secrets[name])
		}
		doc.SetRaw("credentials", credentials.Bytes())
	}
	return doc, nil
}

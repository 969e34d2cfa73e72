package settings

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

var connectionName = regexp.MustCompile(`^[a-zA-Z0-9](-[a-zA-Z0-9]|[a-zA-Z0-9])*$`)

// connectionMembers are the members of a connection that clients may set at
// any time.
func connectionMembers() map[string]rule {
	purpose := rule{kinds: []string{"object"}, open: true, members: map[string]rule{"active": flag}, required: []string{"active"}}
	return map[string]rule{
		"display_name":         text(0, 128),
		"options":              object.orNull(),
		"enabled_clients":      listOf(text(1, 64), 1000).orNull(),
		"is_domain_connection": flag,
		"show_as_button":       flag,
		"realms":               listOf(text(1, 255), 100),
		"metadata":             metadata(),
		"authentication":       purpose,
		"connected_accounts":   purpose,
	}
}

func newConnectionRule() rule {
	members := connectionMembers()
	members["name"] = rule{kinds: []string{"string"}, max: 128, min: 1, pattern: connectionName}
	members["strategy"] = oneOf(string(tenant.SMS), string(tenant.Email))
	members["options"] = object
	return rule{kinds: []string{"object"}, members: members, required: []string{"name", "strategy"}}
}

// A ConnectionChange is what a body asks of a connection: the connection with
// it, and the applications it is to be enabled for, unless the body does not
// name any.
type ConnectionChange struct {
	Connection  tenant.Connection
	Clients     []tenant.ClientID
	NameClients bool // Clients was sent
}

// NewConnection makes the connection that a body asks for, with the defaults of
// what it leaves out.
func NewConnection(id tenant.ConnectionID, body *Object) (ConnectionChange, error) {
	if err := newConnectionRule().checkMembers("", body); err != nil {
		return ConnectionChange{}, err
	}
	options := body.Object("options")
	if options == nil {
		options = &Object{}
		options.Set("brute_force_protection", true)
	}
	doc := &Object{}
	doc.Set("id", string(id))
	doc.Set("options", &Object{})
	for _, name := range []string{"strategy", "name", "display_name"} {
		if raw := body.Raw(name); raw != nil {
			doc.SetRaw(name, raw)
		}
	}
	doc.Set("is_domain_connection", false)
	setConnectionMembers(doc, body)
	channel := tenant.Channel(body.Text("strategy"))
	// Creating is replacing nothing: what is null stays so, as in Auth0.
	return changed(doc, body, MergeOptions(&Object{}, options, channel, Replace), nil)
}

// ChangeConnection makes of a stored connection what a body asks for. The
// connection that is passed is not changed.
func ChangeConnection(c *tenant.Connection, body *Object, how Merge) (ConnectionChange, error) {
	allowed := rule{kinds: []string{"object"}, members: connectionMembers(), min: 1}
	if err := allowed.checkMembers("", body); err != nil {
		return ConnectionChange{}, err
	}
	doc, err := ParseObject(c.Doc)
	if err != nil {
		return ConnectionChange{}, fmt.Errorf("read connection: %w", err)
	}
	setConnectionMembers(doc, body)
	stored := doc.Object("options")
	if stored == nil {
		stored = &Object{}
	}
	patch := body.Object("options")
	if patch == nil {
		return changed(doc, body, stored, c.Secrets)
	}
	after := MergeOptions(stored, patch, c.Channel, how)
	rest, sent := SplitSecrets(after)
	secrets := KeepSecrets(stored, rest, patch, c.Secrets, sent)
	return changed(doc, body, after, secrets)
}

// changed puts a change together and checks its options. Secrets nil means
// those among the options.
func changed(doc, body, options *Object, secrets map[string]string) (ConnectionChange, error) {
	if err := optionRules().checkMembers("options", options); err != nil {
		return ConnectionChange{}, err
	}
	rest, sent := SplitSecrets(options)
	if secrets == nil {
		secrets = sent
	}
	if rest.Object("gateway_authentication") != nil && secrets[SecretGateway] == "" {
		return ConnectionChange{}, Invalid("options.gateway_authentication", "Missing required property: secret")
	}
	doc.SetRaw("options", rest.Bytes())
	realms := doc.Raw("realms")
	doc.Remove("realms") // last, where Auth0 has it
	if string(realms) == "" || string(realms) == "[]" {
		realms = encode([]string{doc.Text("name")})
	}
	doc.SetRaw("realms", realms)
	c, err := Connection(doc.Bytes(), secrets)
	if err != nil {
		return ConnectionChange{}, err
	}
	out := ConnectionChange{Connection: c}
	if list := body.Raw("enabled_clients"); kindOf(list) == "array" {
		out.NameClients = true
		if err := json.Unmarshal(list, &out.Clients); err != nil {
			return ConnectionChange{}, Invalid("enabled_clients", "Expected type array")
		}
		slices.Sort(out.Clients)
		out.Clients = slices.Compact(out.Clients)
	}
	return out, nil
}

// setConnectionMembers copies what is stored as it was sent.
func setConnectionMembers(doc, body *Object) {
	for _, name := range []string{
		"display_name", "is_domain_connection", "show_as_button", "metadata",
		"authentication", "connected_accounts", "realms",
	} {
		if raw := body.Raw(name); raw != nil {
			doc.SetRaw(name, raw)
		}
	}
}

// connectionDoc is what engines read of a connection's document.
type connectionDoc struct {
	ID       tenant.ConnectionID `json:"id"`
	Name     string              `json:"name"`
	Strategy tenant.Channel      `json:"strategy"`
	Realms   []string            `json:"realms"`
	Options  struct {
		Totp struct {
			Length   float64 `json:"length"`
			TimeStep float64 `json:"time_step"`
		} `json:"totp"`
		DisableSignup   bool            `json:"disable_signup"`
		BruteForce      bool            `json:"brute_force_protection"`
		RequestLanguage string          `json:"request_language"`
		AuthParams      json.RawMessage `json:"authParams"`
		Template        string          `json:"template"`
		Syntax          string          `json:"syntax"`
		Email           struct {
			From    string `json:"from"`
			Subject string `json:"subject"`
			Body    string `json:"body"`
			Syntax  string `json:"syntax"`
		} `json:"email"`
		Provider            string `json:"provider"`
		TwilioSID           string `json:"twilio_sid"`
		From                string `json:"from"`
		MessagingServiceSID string `json:"messaging_service_sid"`
		GatewayURL          string `json:"gateway_url"`
		GatewayAuth         struct {
			Method         string `json:"method"`
			Audience       string `json:"audience"`
			Subject        string `json:"subject"`
			SecretIsBase64 bool   `json:"secret_base64_encoded"`
		} `json:"gateway_authentication"`
		ForwardRequestInfo any `json:"forward_req_info"`
		Doorcode           struct {
			Autofill bool      `json:"autofill"`
			Resend   string    `json:"resend"`
			Numbers  string    `json:"numbers"`
			WaitMS   float64   `json:"wait_for_provider_ms"`
			Fraud    *fraudDoc `json:"fraud"`
			Send     string    `json:"send"`

			DefaultCountry string `json:"default_country"`
			TwilioAPIKey   string `json:"twilio_api_key"`
			TwilioRegion   string `json:"twilio_region"`
			TwilioEdge     string `json:"twilio_edge"`
			Vonage         struct {
				APIKey        string `json:"api_key"`
				ApplicationID string `json:"application_id"`
				API           string `json:"api"`
				Region        string `json:"region"`
			} `json:"vonage"`
			SNS struct {
				AccessKey string `json:"access_key_id"`
				Region    string `json:"region"`
				MaxPrice  string `json:"max_price"`
			} `json:"sns"`
		} `json:"doorcode"`
	} `json:"options"`
}

// maxSeconds keeps times that clients send within what a time.Duration holds.
const maxSeconds = 1 << 31

// Connection is the view of a connection's document. Secrets are those that
// belong to it, by name; they are not in the document. An empty text of a
// message means the built-in one.
func Connection(doc []byte, secrets map[string]string) (tenant.Connection, error) {
	d := connectionDoc{}
	d.Options.BruteForce = true
	if err := lenient(doc, &d); err != nil {
		return tenant.Connection{}, fmt.Errorf("read connection: %w", err)
	}
	o := &d.Options
	c := tenant.Connection{
		ID: d.ID, Name: d.Name, Channel: d.Strategy, Realms: d.Realms,
		Code:     tenant.CodePolicy{Digits: tenant.DefaultDigits, Lifetime: tenant.DefaultLifetime},
		NoSignUp: o.DisableSignup, BruteForce: o.BruteForce, RequestLanguage: o.RequestLanguage,
		AuthParams: asObject(o.AuthParams),
		Autofill:   o.Doorcode.Autofill, Resend: o.Doorcode.Resend, HostedLinks: o.Doorcode.Send == "link", Numbers: o.Doorcode.Numbers,
		DefaultCountry:  country(o.Doorcode.DefaultCountry),
		WaitForProvider: time.Duration(min(max(o.Doorcode.WaitMS, 0), 10_000)) * time.Millisecond,
		Doc:             doc, Secrets: secrets,
	}
	if o.Totp.Length > 0 {
		c.Code.Digits = int(min(max(o.Totp.Length, tenant.MinDigits), tenant.MaxDigits))
	}
	if o.Totp.TimeStep > 0 {
		c.Code.Lifetime = max(seconds(o.Totp.TimeStep), tenant.MinLifetime)
	}
	if c.Channel == tenant.Email {
		c.Text = tenant.MessageText{From: o.Email.From, Subject: o.Email.Subject, Body: o.Email.Body, Syntax: o.Email.Syntax}
		return c, nil
	}
	c.Fraud = o.Doorcode.Fraud.fraud()
	c.Text = tenant.MessageText{Template: o.Template, Syntax: o.Syntax}
	c.Sender = tenant.SenderAccount{
		Provider: o.Provider, TwilioSID: o.TwilioSID, From: o.From, MessagingServiceSID: o.MessagingServiceSID,
		TwilioAPIKey: o.Doorcode.TwilioAPIKey, TwilioRegion: o.Doorcode.TwilioRegion, TwilioEdge: o.Doorcode.TwilioEdge,
		GatewayURL: o.GatewayURL, GatewayAuth: tenant.GatewayAuth(o.GatewayAuth),
		Vonage: tenant.VonageAccount(o.Doorcode.Vonage), SNS: tenant.SNSAccount(o.Doorcode.SNS),
		// Auth0's documents have it as a text, its tools as a boolean.
		ForwardRequestInfo: o.ForwardRequestInfo == true || o.ForwardRequestInfo == "true",
	}
	return c, nil
}

// ConnectionAnswer is a connection as the Management API shows it, with its
// secrets or without.
func ConnectionAnswer(c *tenant.Connection, withSecrets bool) (*Object, error) {
	doc, err := ParseObject(c.Doc)
	if err != nil {
		return nil, fmt.Errorf("read connection: %w", err)
	}
	if options := doc.Object("options"); options != nil && withSecrets {
		doc.SetRaw("options", JoinSecrets(options, c.Secrets).Bytes())
	}
	realms := doc.Raw("realms")
	doc.Remove("realms")
	clients := c.Clients
	if clients == nil {
		clients = []tenant.ClientID{}
	}
	doc.Set("enabled_clients", clients)
	doc.SetRaw("realms", realms)
	return doc, nil
}

// lenient reads a document and leaves out members of the wrong type.
func lenient(doc []byte, into any) error {
	err := json.Unmarshal(doc, into)
	var wrong *json.UnmarshalTypeError
	if isType(err, &wrong) && wrong.Field != "" {
		return nil
	}
	return err
}

func seconds(n float64) time.Duration {
	return time.Duration(min(max(n, 0), maxSeconds)) * time.Second
}

// Switch reads one entry of the list that switches applications on and off for
// a connection.
func Switch(path string, raw json.RawMessage) (*Object, error) {
	r := rule{kinds: []string{"object"}, required: []string{"client_id", "status"}, members: map[string]rule{
		"client_id": text(1, 64), "status": flag,
	}}
	if err := r.check(path, raw); err != nil {
		return nil, err
	}
	return ParseObject(raw)
}

// country is a code of two letters (ISO 3166-1), or nothing.
func country(code string) string {
	if len(code) != 2 || strings.Trim(strings.ToUpper(code), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return ""
	}
	return strings.ToUpper(code)
}

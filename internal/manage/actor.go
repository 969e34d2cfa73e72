package manage

import (
	"encoding/json"
	"strings"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// An Actor is who asks for a change, and how: what the tenant's log says of it.
type Actor struct {
	Client  tenant.ClientID // the application whose token it is
	Subject string          // "sub" of the token
	TokenID string          // "jti" of the token
	Scopes  []string
	// Channel is "api", "dashboard" or "file".
	Channel string

	IP            string
	UserAgent     string
	CorrelationID string
	Method        string
	Path          string
	Query         map[string]any
	// Body is what was sent, as JSON. It may have secrets in it.
	Body []byte
}

// maxLogged bounds a body in the log.
const maxLogged = 64 << 10

// outcome is what became of a request, for the log.
type outcome struct {
	what   string // in words
	status int
	body   any
	// What was there and what is there now, of a change in the Dashboard. after
	// may be left out where it is the answer.
	before, after any
}

// record makes the log entry of a change (Auth0: sapi). Secrets are blanked in
// it, also those in bodies that were refused later on.
func (s *Service) record(by Actor, o outcome) tenant.LogEvent {
	return s.entry(event.ManagementWrite, by, o)
}

func (s *Service) entry(typ string, by Actor, o outcome) tenant.LogEvent {
	e := event.New(typ, s.Now())
	e.StrategyType = ""
	e.Description, e.Client, e.IP, e.UserAgent, e.CorrelationID = o.what, by.Client, by.IP, by.UserAgent, by.CorrelationID
	if by.Channel == "" {
		by.Channel = "api"
	}
	if by.Query == nil {
		by.Query = map[string]any{}
	}
	credentials := map[string]any{"jti": by.TokenID, "scopes": by.Scopes}
	e.Details = map[string]any{
		"request": map[string]any{
			"method": strings.ToLower(by.Method), "path": by.Path, "query": by.Query, "body": blanked(by.Body),
			"ip": by.IP, "userAgent": by.UserAgent, "channel": by.Channel,
			"auth": map[string]any{"strategy": "jwt", "subject": by.Subject, "credentials": credentials},
		},
		"response": map[string]any{"statusCode": o.status, "body": blanked(answer(o.body))},
	}
	if o.before != nil && by.Channel == "dashboard" {
		if o.after == nil {
			o.after = o.body
		}
		e.Details["before"], e.Details["after"] = blanked(answer(o.before)), blanked(answer(o.after))
	}
	return e
}

// answer is a body as JSON.
func answer(body any) []byte {
	if o, ok := body.(*settings.Object); ok {
		return o.Bytes()
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil
	}
	return b
}

// blanked reads a body for the log: without secrets, numbers and addresses.
func blanked(body []byte) any {
	if len(body) == 0 || string(body) == "null" {
		return map[string]any{}
	}
	if len(body) > maxLogged {
		return map[string]any{"omitted": "too large"}
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return map[string]any{}
	}
	return blank(v)
}

const blind = "*****"

func blank(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if _, text := inner.(string); text && private(name) {
				v[name] = blind
			} else {
				v[name] = blank(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = blank(v[i])
		}
	}
	return v
}

// private reports whether texts by that name are nobody's business: those that
// let somebody in, and those that name a person.
func private(name string) bool {
	name = strings.ToLower(name)
	for _, end := range []string{"secret", "password", "token", "pass", "api_key", "apikey", "private_key", "authorization", "credential", "pem", "accesskey", "accesskeyid", "connectionstring"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return name == "phone_number" || name == "email" || name == "code"
}

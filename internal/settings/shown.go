package settings

import (
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// shownTime writes a time as the API does.
func shownTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// UserDocument is a user as the Management API shows one. What is not known is left out.
func UserDocument(u *tenant.User) *Object {
	o := &Object{}
	texts := func(name, value string) {
		if value != "" {
			o.Set(name, value)
		}
	}
	o.Set("created_at", shownTime(u.CreatedAt))
	if u.Email != "" {
		o.Set("email", u.Email)
		o.Set("email_verified", u.EmailVerified)
	}
	texts("family_name", u.FamilyName)
	texts("given_name", u.GivenName)
	o.Set("identities", identityDocuments(u))
	texts("name", u.Name)
	texts("nickname", u.Nickname)
	if u.Phone != "" {
		o.Set("phone_number", u.Phone)
		o.Set("phone_verified", u.PhoneVerified)
	}
	texts("picture", u.Picture)
	o.Set("updated_at", shownTime(u.UpdatedAt))
	o.Set("user_id", string(u.ID))
	if len(u.UserMetadata) > 0 {
		o.Set("user_metadata", u.UserMetadata)
	}
	if len(u.AppMetadata) > 0 {
		o.Set("app_metadata", u.AppMetadata)
	}
	texts("last_ip", u.LastIP)
	if !u.LastLogin.IsZero() {
		o.Set("last_login", shownTime(u.LastLogin))
	}
	o.Set("logins_count", u.LoginsCount)
	if u.Blocked {
		o.Set("blocked", true)
	}
	if u.Test {
		o.Set("doorcode", map[string]bool{"test": true})
	}
	return o
}

func identityDocuments(u *tenant.User) []*Object {
	list := make([]*Object, len(u.Identities))
	for i, id := range u.Identities {
		o := &Object{}
		o.Set("connection", id.Name)
		o.Set("user_id", id.UserID)
		o.Set("provider", string(id.Channel))
		o.Set("isSocial", false)
		if i > 0 {
			// The profile is that of the first; the others bring their own.
			name := "phone_number"
			if id.Channel == tenant.Email {
				name = "email"
			}
			o.Set("profileData", map[string]string{name: id.Identifier, "name": id.Identifier})
		}
		list[i] = o
	}
	return list
}

// LogDocument is a log event as the Management API shows one. Members that do not apply are
// null.
func LogDocument(e *tenant.LogEvent) *Object {
	o := &Object{}
	text := func(name, value string) {
		if value == "" {
			o.Set(name, nil)
			return
		}
		o.Set(name, value)
	}
	o.Set("_id", e.ID)
	o.Set("log_id", e.ID)
	o.Set("date", shownTime(e.At))
	o.Set("type", e.Type)
	o.Set("description", e.Description)
	text("connection", e.Connection)
	text("connection_id", string(e.ConnectionID))
	text("organization_id", "")
	text("organization_name", "")
	text("client_id", string(e.Client))
	o.Set("client_name", e.ClientName)
	text("ip", e.IP)
	text("hostname", "")
	if e.Details == nil {
		o.Set("details", nil)
	} else {
		o.Set("details", e.Details)
	}
	text("user_id", string(e.User))
	text("user_name", e.UserName)
	text("user_agent", e.UserAgent)
	text("audience", e.Audience)
	text("scope", e.Scope)
	text("strategy", string(e.Strategy))
	text("strategy_type", e.StrategyType)
	o.Set("isMobile", e.IsMobile)
	text("location_info", "")
	if e.Auth0Client != nil {
		o.Set("auth0_client", e.Auth0Client)
	}
	if e.Test {
		o.Set("test", true)
	}
	if e.CorrelationID != "" {
		o.Set("references", map[string]string{"correlation_id": e.CorrelationID})
	}
	return o
}

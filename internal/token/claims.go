package token

import (
	"time"

	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A Form says how claims about a person are written.
type Form struct {
	// Strict writes updated_at as a number (OpenID Connect Core 1.0 §5.1);
	// otherwise it is ISO text, as Auth0 has it (R23).
	Strict bool
	// Attributes lets scopes name attributes of the profile, as they do for
	// applications of the legacy pipeline (F12).
	Attributes bool
}

// isoMillis is how Auth0 writes times.
const isoMillis = "2006-01-02T15:04:05.000Z"

// Claims returns what the scopes tell about a person, for ID tokens and for
// userinfo alike: "sub", then what profile, email and phone cover (OpenID
// Connect Core 1.0 §5.4), then what was asked for one by one (§5.5). What is not
// known is left out.
func Claims(user *tenant.User, scopes oauth.Scopes, asked []string, form Form) []Claim {
	claims := make([]Claim, 1, 16)
	claims[0] = Claim{"sub", string(user.ID)}
	return appendAsked(appendProfile(claims, user, scopes, form), user, asked, form)
}

// appendAsked adds the claims that are asked for by name and are not there yet.
func appendAsked(claims []Claim, user *tenant.User, names []string, form Form) []Claim {
	for _, name := range names {
		if has(claims, name) {
			continue
		}
		if value := root(user, name, form); value != nil {
			claims = append(claims, Claim{name, value})
		}
	}
	return claims
}

func appendProfile(claims []Claim, user *tenant.User, scopes oauth.Scopes, form Form) []Claim {
	if scopes.Has(oauth.Profile) {
		claims = appendText(claims, "given_name", user.GivenName)
		claims = appendText(claims, "family_name", user.FamilyName)
		claims = appendText(claims, "nickname", user.Nickname)
		claims = appendText(claims, "name", user.Name)
		claims = appendText(claims, "picture", user.Picture)
		if at := form.known(user.UpdatedAt); at != nil {
			claims = append(claims, Claim{"updated_at", at})
		}
	}
	if scopes.Has(oauth.Email) && user.Email != "" {
		claims = append(claims, Claim{"email", user.Email}, Claim{"email_verified", user.EmailVerified})
	}
	if scopes.Has(oauth.Phone) && user.Phone != "" {
		claims = append(claims, Claim{"phone_number", user.Phone}, Claim{"phone_number_verified", user.PhoneVerified})
	}
	if form.Attributes {
		claims = appendAttributes(claims, user, scopes, form)
	}
	return claims
}

// Profile returns a whole profile as applications had it before OpenID Connect
// (Auth0: the legacy user profile).
func Profile(user *tenant.User, client tenant.ClientID, form Form) []Claim {
	claims := []Claim{{"sub", string(user.ID)}, {"user_id", string(user.ID)}}
	if user.Email != "" {
		claims = append(claims, Claim{"email", user.Email}, Claim{"email_verified", user.EmailVerified})
	}
	if user.Phone != "" {
		claims = append(claims, Claim{"phone_number", user.Phone}, Claim{"phone_verified", user.PhoneVerified})
	}
	claims = appendText(claims, "name", user.Name)
	claims = appendText(claims, "nickname", user.Nickname)
	claims = appendText(claims, "given_name", user.GivenName)
	claims = appendText(claims, "family_name", user.FamilyName)
	claims = appendText(claims, "picture", user.Picture)
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"created_at", user.CreatedAt}, {"updated_at", user.UpdatedAt}} {
		if at := form.known(t.at); at != nil {
			claims = append(claims, Claim{t.name, at})
		}
	}
	return append(claims, Claim{"identities", identities(user)}, Claim{"clientID", string(client)})
}

func appendText(claims []Claim, name, value string) []Claim {
	if value == "" {
		return claims
	}
	return append(claims, Claim{name, value})
}

// known returns a time in this form, or nil if there is none.
func (f Form) known(t time.Time) any {
	switch {
	case t.IsZero():
		return nil
	case f.Strict:
		return t.Unix()
	}
	return t.UTC().Format(isoMillis)
}

// appendAttributes adds the attributes that scopes name: from the root of the
// profile, else from user_metadata, which people may write themselves. They
// never see app_metadata this way, and no attribute can pass for a claim that
// means something (TOK-11).
func appendAttributes(claims []Claim, user *tenant.User, scopes oauth.Scopes, form Form) []Claim {
	for _, name := range scopes {
		if oauth.IsOIDC(name) || reserved(name) || has(claims, name) {
			continue
		}
		value := root(user, name, form)
		if value == nil && !isRoot(name) {
			value = user.UserMetadata[name]
		}
		if value != nil {
			claims = append(claims, Claim{name, value})
		}
	}
	return claims
}

func has(claims []Claim, name string) bool {
	for _, c := range claims {
		if c.Name == name {
			return true
		}
	}
	return false
}

// isRoot reports whether an attribute comes from the root of a profile or not at
// all. From user_metadata people could write themselves a verified address.
func isRoot(name string) bool {
	switch name {
	case "email", "email_verified", "phone_number", "phone_verified", "phone_number_verified",
		"user_id", "identities", "created_at", "updated_at", "blocked", "last_ip", "last_login",
		"logins_count", "user_metadata", "app_metadata":
		return true
	}
	return false
}

// root returns an attribute of the root of a profile, or nil.
func root(user *tenant.User, name string, form Form) any {
	var s string
	switch name {
	case "name":
		s = user.Name
	case "nickname":
		s = user.Nickname
	case "picture":
		s = user.Picture
	case "given_name":
		s = user.GivenName
	case "family_name":
		s = user.FamilyName
	case "email":
		s = user.Email
	case "email_verified":
		if user.Email != "" {
			return user.EmailVerified
		}
	case "phone_number":
		s = user.Phone
	case "phone_verified", "phone_number_verified":
		if user.Phone != "" {
			return user.PhoneVerified
		}
	case "created_at":
		return form.known(user.CreatedAt)
	case "updated_at":
		return form.known(user.UpdatedAt)
	case "user_id":
		s = string(user.ID)
	case "identities":
		return identities(user)
	}
	if s == "" {
		return nil
	}
	return s
}

// identities returns them in the form that Auth0's profiles have.
func identities(user *tenant.User) any {
	list := make([]map[string]any, 0, len(user.Identities))
	for _, id := range user.Identities {
		list = append(list, map[string]any{
			"user_id": id.UserID, "provider": string(id.Channel), "connection": id.Name, "isSocial": false,
		})
	}
	return list
}

// reserved reports whether a claim's name has a meaning that only the server
// may give it. The list is Auth0's of restricted names (behaviour.md §4).
func reserved(name string) bool {
	switch name {
	case "acr", "act", "active", "amr", "at_hash", "ath", "attest", "aud", "auth_time",
		"authorization_details", "azp", "c_hash", "client_id", "cnf", "cty", "dest", "entitlements",
		"events", "exp", "groups", "gty", "htm", "htu", "iat", "internalService", "iss", "jcard",
		"jku", "jti", "jwe", "jwk", "kid", "may_act", "mky", "nbf", "nonce", "object_id", "org_id",
		"org_name", "orig", "origid", "permissions", "roles", "rph", "s_hash", "scope", "sid",
		"sip_callid", "sip_cseq_num", "sip_date", "sip_from_tag", "sip_via_branch", "sub", "sub_jwk",
		"toe", "txn", "typ", "uuid", "vot", "vtm", "x5t#S256":
		return true
	}
	return false
}

package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/tenant"
)

// A UserBody is what a body says of a user. Fields of the profile are put into
// one by Apply; the rest needs to know the connection.
type UserBody struct {
	Connection    string  // by name; empty if it does not say
	ExternalID    string  // the part of the user id after the bar; empty: make one
	Phone, Email  *string // as they were written
	PhoneVerified *bool
	EmailVerified *bool
	Blocked       *bool
	body          *Object
}

// maxMetadata bounds the metadata of a user, which changes can make grow.
const maxMetadata = 1 << 20

var (
	phonePattern  = regexp.MustCompile(`^\+[0-9]{1,15}$`)
	unspaced      = regexp.MustCompile(`^\S*$`)
	profileFields = []string{"name", "nickname", "given_name", "family_name", "picture"}
)

// userMembers are what both bodies of users may have, with their bounds
// (Auth0: User).
func userMembers() map[string]rule {
	m := map[string]rule{
		"connection": text(1, 128), "phone_number": matching(phonePattern), "email": text(1, 320),
		"phone_verified": flag, "email_verified": flag, "blocked": flag, "verify_email": flag,
		"name": text(1, 300), "nickname": text(1, 300), "given_name": text(1, 150), "family_name": text(1, 150),
		"picture":       {kinds: []string{"string"}, min: 1, max: 2048, format: &format{"strict-uri", pictureAddress}},
		"user_metadata": object, "app_metadata": object, "password": text(1, 0), "username": text(1, 128),
	}
	return m
}

func pictureAddress(s string) bool { return s != "" && webAddressOrEmpty(s) && plainAddress(s) }

// NewUser reads the user that a body asks for.
func NewUser(body *Object) (UserBody, error) {
	r := rule{kinds: []string{"object"}, required: []string{"connection"}, members: userMembers()}
	r.members["user_id"] = rule{kinds: []string{"string"}, max: 255, pattern: unspaced}
	return readUser(r, body)
}

// ChangeUser reads what a body asks of a user that there is.
func ChangeUser(body *Object) (UserBody, error) {
	r := rule{kinds: []string{"object"}, min: 1, members: userMembers()}
	for _, name := range append([]string{"password", "username"}, profileFields...) {
		r.members[name] = r.members[name].orNull()
	}
	r.members["verify_phone_number"], r.members["client_id"] = flag, text(1, 128)
	return readUser(r, body)
}

func readUser(r rule, body *Object) (UserBody, error) {
	if err := r.checkMembers("", body); err != nil {
		return UserBody{}, err
	}
	for _, name := range []string{"password", "username"} {
		if body.Has(name) {
			return UserBody{}, Invalid(name, "A user of a passwordless connection has none")
		}
	}
	for _, name := range []string{"verify_email", "verify_phone_number"} {
		if string(body.Raw(name)) == "true" {
			return UserBody{}, Invalid(name, "A passwordless user proves numbers and addresses by signing in with them")
		}
	}
	if strings.ContainsFunc(body.Text("user_id"), func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return UserBody{}, Invalid("user_id", "There are characters that cannot be")
	}
	u := UserBody{
		Connection: body.Text("connection"), ExternalID: body.Text("user_id"), body: body,
		PhoneVerified: body.flag("phone_verified"), EmailVerified: body.flag("email_verified"), Blocked: body.flag("blocked"),
	}
	for name, to := range map[string]**string{"phone_number": &u.Phone, "email": &u.Email} {
		if body.Has(name) {
			s := body.Text(name)
			*to = &s
		}
	}
	return u, nil
}

// flag is a member that is true or false, or nil if there is none.
func (o *Object) flag(name string) *bool {
	var b *bool
	if raw := o.Raw(name); raw == nil || json.Unmarshal(raw, &b) != nil {
		return nil
	}
	return b
}

// Only reports whether the body has no other members than those.
func (u UserBody) Only(names ...string) bool {
	return u.body.Keep(func(name string) bool { return !slices.Contains(names, name) }).Len() == 0
}

// Apply puts the fields of the profile into a user: null removes one. Metadata
// are merged at their first level, where null removes a member; an object with
// none removes all (Auth0).
func (u UserBody) Apply(to *tenant.User) error {
	for name, field := range map[string]*string{
		"name": &to.Name, "nickname": &to.Nickname, "given_name": &to.GivenName, "family_name": &to.FamilyName, "picture": &to.Picture,
	} {
		if u.body.Has(name) {
			*field = u.body.Text(name)
		}
	}
	if u.Blocked != nil {
		to.Blocked = *u.Blocked
	}
	var err error
	if to.UserMetadata, err = u.merged("user_metadata", to.UserMetadata); err != nil {
		return err
	}
	to.AppMetadata, err = u.merged("app_metadata", to.AppMetadata)
	return err
}

// merged returns metadata as the body wants them. Those it is given are not
// changed: they may be somebody else's too.
func (u UserBody) merged(name string, before map[string]any) (map[string]any, error) {
	raw := u.body.Raw(name)
	if raw == nil {
		return before, nil
	}
	var change map[string]any
	if err := json.Unmarshal(raw, &change); err != nil {
		return nil, Invalid(name, "Expected type object")
	}
	if len(change) == 0 {
		return nil, nil
	}
	after := make(map[string]any, len(before)+len(change))
	maps.Copy(after, before)
	for k, v := range change {
		if v == nil {
			delete(after, k)
		} else {
			after[k] = v
		}
	}
	whole, err := json.Marshal(after)
	if err != nil {
		return nil, fmt.Errorf("read metadata: %w", err)
	}
	if len(whole) > maxMetadata {
		return nil, Invalid(name, "The metadata would be too large (%d bytes), maximum %d", len(whole), maxMetadata)
	}
	return after, nil
}

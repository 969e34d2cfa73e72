package settings

import (
	"encoding/json"
	"fmt"

	"github.com/doorcode/doorcode/internal/tenant"
)

// maxNamed bounds lists of users, roles and permissions in one body.
const maxNamed = 1000

// Role makes of a role what a body asks for.
func Role(r tenant.Role, body *Object, required ...string) (tenant.Role, error) {
	rules := rule{kinds: []string{"object"}, required: required, members: map[string]rule{
		"name": text(1, 128), "description": text(0, 500),
	}}
	if err := rules.checkMembers("", body); err != nil {
		return r, err
	}
	if body.Has("name") {
		r.Name = body.Text("name")
	}
	if body.Has("description") {
		r.Description = body.Text("description")
	}
	return r, nil
}

// RoleAnswer is a role as the Management API shows it.
func RoleAnswer(r tenant.Role) *Object {
	o := &Object{}
	o.Set("id", r.ID)
	o.Set("name", r.Name)
	o.Set("description", r.Description)
	return o
}

// Permissions reads the permissions in a body.
func Permissions(body *Object) ([]tenant.Permission, error) {
	one := rule{kinds: []string{"object"}, required: []string{"resource_server_identifier", "permission_name"}, members: map[string]rule{
		"resource_server_identifier": text(1, 600), "permission_name": text(1, 280),
	}}
	list := listOf(one, maxNamed)
	list.min = 1
	r := rule{kinds: []string{"object"}, required: []string{"permissions"}, members: map[string]rule{"permissions": list}}
	if err := r.checkMembers("", body); err != nil {
		return nil, err
	}
	var items []struct {
		Audience string `json:"resource_server_identifier"`
		Name     string `json:"permission_name"`
	}
	if err := json.Unmarshal(body.Raw("permissions"), &items); err != nil {
		return nil, fmt.Errorf("read permissions: %w", err)
	}
	out := make([]tenant.Permission, len(items))
	for i, p := range items {
		out[i] = tenant.Permission{Audience: p.Audience, Name: p.Name}
	}
	return out, nil
}

// NoPermission is the fault of a permission that no API has.
func NoPermission(i int) error {
	return Invalid(fmt.Sprintf("permissions[%d]", i), "There is no such permission of such a resource server")
}

// Names reads a list of ids in a body that has nothing else.
func Names(body *Object, member string) ([]string, error) {
	list := listOf(text(1, 255), maxNamed)
	list.min = 1
	r := rule{kinds: []string{"object"}, required: []string{member}, members: map[string]rule{member: list}}
	if err := r.checkMembers("", body); err != nil {
		return nil, err
	}
	return Texts(body.Raw(member)), nil
}

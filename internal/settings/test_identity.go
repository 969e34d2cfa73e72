package settings

import (
	"regexp"
	"time"
)

// A TestIdentity is what a body says of a new test identity, in the words it
// says it in. What it names is still to be found.
type TestIdentity struct {
	Connection string // by name or id
	Phone      string
	Email      string
	Code       string // empty: make one
	Clients    []string
	Expires    time.Time // zero if it does not say
	Note       string
}

var codeText = regexp.MustCompile(`^[0-9]+$`)

// NewTestIdentity reads the test identity that a body asks for.
func NewTestIdentity(body *Object) (TestIdentity, error) {
	code := text(4, 40)
	code.pattern = codeText
	clients := listOf(text(1, 128), 100)
	clients.min = 1
	stamp := text(1, 64)
	stamp.format = &format{name: "date-time", ok: func(s string) bool { _, err := time.Parse(time.RFC3339, s); return err == nil }}
	r := rule{kinds: []string{"object"}, required: []string{"connection", "clients"}, members: map[string]rule{
		"connection": text(1, 128), "phone_number": text(1, 64), "email": text(1, 320), "code": code,
		"clients": clients, "expires_at": stamp, "note": text(0, 255),
	}}
	if err := r.checkMembers("", body); err != nil {
		return TestIdentity{}, err
	}
	t := TestIdentity{
		Connection: body.Text("connection"), Phone: body.Text("phone_number"), Email: body.Text("email"),
		Code: body.Text("code"), Note: body.Text("note"),
	}
	if (t.Phone == "") == (t.Email == "") {
		return t, Invalid("", "Expected exactly one of the properties phone_number and email")
	}
	t.Clients, _ = TextList(body.Raw("clients"))
	if s := body.Text("expires_at"); s != "" {
		t.Expires, _ = time.Parse(time.RFC3339, s) // its format was checked
	}
	return t, nil
}

package dashboard_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// R20: an owner adds, changes and removes administrators, after a fresh proof;
// each change is in the tenant's log, without addresses.
func TestAdministrators(t *testing.T) {
	w := newWorld(t)
	w.developer()
	w.administrator("a@mail.example", "viewer")
	p := w.get(w.browser, administrators)
	add := p.Form("email")
	for _, bad := range [][2]string{{"no address", "editor"}, {"b@mail.example", "emperor"}, {"A@mail.example", "editor"}} {
		q := w.submit(w.browser, add.Set("email", bad[0]).Set("role", bad[1]).Press("add"))
		if q.Status != http.StatusUnprocessableEntity {
			t.Errorf("%v gives %d", bad, q.Status)
		}
	}
	// form is that of a row, which its button names.
	form := func(action, email string) *textbrowser.Form {
		t.Helper()
		page := w.get(w.browser, administrators)
		for _, f := range page.Forms() {
			if f.Has("id") && strings.Contains(buttonText(f.Buttons), email) && f.Press(action) != nil {
				return f
			}
		}
		t.Fatalf("no form to %s %s:\n%s", action, email, page.Text())
		return nil
	}
	w.says(w.submit(w.browser, form("role", "a@mail.example").Set("role", "editor")), "The role was changed.")
	// removes asks for the page behind the row's link, and types an address there.
	removes := func(email, typed string) *textbrowser.Page {
		t.Helper()
		all, err := w.Store.Administrators(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		page := w.get(w.browser, administrators)
		for _, a := range all {
			if link := administrators + "/" + string(a.ID) + "/remove"; a.Email == email && slices.Contains(page.Links(), link) {
				page = w.get(w.browser, link)
				w.says(page, "signed out")
				return w.submit(w.browser, page.FormTo(w.URL+link).Set("name", typed))
			}
		}
		t.Fatalf("no link that removes %s:\n%s", email, page.Text())
		return nil
	}
	for _, typed := range []string{"", "b@mail.example"} {
		if q := removes("a@mail.example", typed); q.Status != http.StatusUnprocessableEntity || !strings.Contains(q.Text(), "Nobody was removed") {
			t.Errorf("%q gives %d: %s", typed, q.Status, q.Text())
		}
	}
	w.says(removes("a@mail.example", "A@mail.example"), "Removed.")
	const self = "developer@localhost.example"
	w.says(removes(self, self), "last owner")
	w.says(w.submit(w.browser, form("role", "developer@").Set("role", "viewer")), "last owner")

	events, err := w.Store.ListLogs(t.Context(), manage.LogQuery{Type: "sapi"}, manage.Window{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range events.Items {
		seen[e.Description]++
		if e.Description == "Change an administrator" {
			before, _ := e.Details["before"].(map[string]any)
			after, _ := e.Details["after"].(map[string]any)
			if before["role"] != "viewer" || after["role"] != "editor" {
				t.Errorf("the change is logged as %v", e.Details)
			}
		}
	}
	for _, what := range []string{"Sign in a developer", "Add an administrator", "Sign in an administrator", "Change an administrator", "Remove an administrator"} {
		if seen[what] == 0 {
			t.Errorf("%q is not in the log: %v", what, seen)
		}
	}
}

// Changes need a proof that is not older than five minutes.
func TestFreshProof(t *testing.T) {
	w := newWorld(t)
	w.developer()
	p := w.get(w.browser, administrators)
	add := p.Form("email").Set("email", "a@mail.example").Press("add")
	w.Clock.Advance(tenant.FreshProof)
	p = w.get(w.browser, administrators)
	if p.Form("email") != nil {
		t.Error("the form is there without a fresh proof")
	}
	w.says(p, "confirm that it is you")
	p = w.submit(w.browser, add)
	w.at(p, "/dashboard/login")
	w.says(p, "Confirm that it is you")
	all, err := w.Store.Administrators(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("there are %v %v", all, err)
	}
	removal := administrators + "/" + string(all[0].ID) + "/remove"
	w.at(w.get(w.browser, removal), "/dashboard/login")
	p = w.submit(w.browser, p.FormTo(w.URL+"/dashboard/login/dev"))
	w.at(p, administrators)
	if p.Form("email") == nil {
		t.Error("the form is not there after the proof")
	}
	form := w.get(w.browser, removal).FormTo(w.URL+removal).Set("name", all[0].Email)
	w.Clock.Advance(tenant.FreshProof)
	w.at(w.submit(w.browser, form), "/dashboard/login")
}

// What each role may do.
func TestRoles(t *testing.T) {
	w := newWorld(t)
	w.developer()
	editor, viewer := w.administrator("editor@mail.example", "editor"), w.administrator("viewer@mail.example", "viewer")
	if p := w.get(editor, administrators); p.Status != http.StatusForbidden {
		t.Errorf("an editor sees the administrators: %d", p.Status)
	}
	p := w.get(viewer, passwordless)
	w.at(p, passwordless)
	for _, f := range p.Forms() {
		if f.Action.Path != "/dashboard/logout" && f.Action.Path != "/dashboard/theme" {
			t.Errorf("a viewer has a form to %s", f.Action)
		}
	}
	forms := w.get(editor, passwordless)
	form := forms.Form("connection")
	if form == nil {
		t.Fatalf("an editor has no form:\n%s", forms.Text())
	}
	if p := w.submit(viewer, form); p.Status != http.StatusForbidden {
		t.Errorf("a viewer switched a method off: %d", p.Status)
	}
	if p := w.submit(editor, form); p.Status != http.StatusOK {
		t.Errorf("an editor could not: %d", p.Status)
	}
	// Who is removed is out at once.
	all, err := w.Store.Administrators(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Email == "editor@mail.example" {
			if err := w.Store.RemoveAdministrator(t.Context(), a.ID, false, tenant.LogEvent{ID: "1", At: time.Now(), Type: "sapi"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.at(w.get(editor, home), "/dashboard/login")
}

// R20: no API of the tenant's shows administrators, and they are no users.
func TestAdministratorsAreNoUsers(t *testing.T) {
	w := newWorld(t)
	w.developer()
	w.administrator("a@mail.example", "viewer")
	users, err := w.Store.ListUsers(t.Context(), manage.UserQuery{}, manage.Window{Limit: 10})
	if err != nil || len(users.Items) != 0 {
		t.Errorf("there are users: %v %v", users.Items, err)
	}
	status, _, _ := w.Do(t, http.MethodPost, "/oauth/token",
		`{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp","client_id":"`+w.Ready.ClientID+`","client_secret":"`+w.Ready.ClientSecret+
			`","realm":"email","username":"a@mail.example","otp":"`+w.code("a@mail.example")+`"}`, "Content-Type", "application/json")
	if status == http.StatusOK {
		t.Error("the code of an administrator gave tokens")
	}
}

func buttonText(buttons []textbrowser.Button) string {
	var all []string
	for _, b := range buttons {
		all = append(all, b.Text)
	}
	return strings.Join(all, " ")
}

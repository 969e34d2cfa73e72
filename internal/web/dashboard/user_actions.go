package dashboard

import (
	"errors"
	"net/http"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// blockUser blocks a user, or lets them in again.
func (d *Dashboard) blockUser(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	id, block := tenant.UserID(q.PathValue("id")), f.Get("to") == "blocked"
	if err := d.Manage.SetBlocked(q.Context(), q.actor(nil), id, block); err != nil {
		return err
	}
	done := "unblocked"
	if block {
		done = "blocked"
	}
	return leave(w, q.Request, userAddress(id, "")+"?done="+done)
}

// signOutUser ends all that a user is signed in to.
func (d *Dashboard) signOutUser(w http.ResponseWriter, q *request) error {
	if _, err := readForm(w, q.Request); err != nil {
		return err
	}
	id := tenant.UserID(q.PathValue("id"))
	if _, err := d.Manage.SignOutUser(q.Context(), q.actor(nil), id); err != nil {
		return err
	}
	return leave(w, q.Request, userAddress(id, "")+"?done=signed-out")
}

// deletePage asks whether a user is to be deleted.
type deletePage struct {
	userFrame
	Holdings manage.Holdings
	Confirm  string // what has to be typed
	Typed    string
	Wrong    string
}

// askDelete shows what goes with a user, and asks.
func (d *Dashboard) askDelete(w http.ResponseWriter, q *request) error {
	return d.showDelete(w, q, deletePage{})
}

func (d *Dashboard) showDelete(w http.ResponseWriter, q *request, p deletePage) error {
	u, err := d.Manage.User(q.Context(), tenant.UserID(q.PathValue("id")))
	if err != nil {
		return err
	}
	if !d.Admins.Fresh(q.Session) {
		return d.demandProof(w, q, userAddress(u.ID, "delete"))
	}
	p.userFrame, p.Confirm = d.frameOf(q, u, "delete", false), confirmation(u.ID)
	if p.Holdings, err = d.Manage.Holdings(q.Context(), u.ID); err != nil {
		return err
	}
	return d.show(w, q, "user-delete", view{Title: "Delete user", Failed: p.Wrong != "", Body: p})
}

// confirmation is what is typed to confirm that it is this user: the end of the
// id.
func confirmation(id tenant.UserID) string {
	return string(id[max(0, len(id)-6):])
}

// deleteUser deletes a user.
func (d *Dashboard) deleteUser(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	id := tenant.UserID(q.PathValue("id"))
	if !d.Admins.Fresh(q.Session) {
		return d.demandProof(w, q, userAddress(id, "delete"))
	}
	if typed := f.line("confirm"); typed != confirmation(id) {
		return d.showDelete(w, q, deletePage{Typed: typed, Wrong: "These are not the last six characters of the user ID. Nothing was deleted."})
	}
	if err := d.Manage.DeleteUser(q.Context(), q.actor(nil), id); err != nil {
		return err
	}
	return leave(w, q.Request, pathUsers+"?done=deleted")
}

// metadataPage edits the metadata of a user.
type metadataPage struct {
	userFrame
	Form    manage.Metadata
	Wrong   map[string]string
	Problem string
	Theirs  *manage.Metadata // what somebody else has stored meanwhile
	Lock    string           // "locked" for whoever may not change them
}

func (d *Dashboard) showMetadata(w http.ResponseWriter, q *request, p metadataPage) error {
	if !p.Edit {
		p.Lock = "locked"
	}
	return d.show(w, q, "user-metadata", view{
		Title: p.label(), Failed: p.Problem != "" || len(p.Wrong) > 0, Notice: userNotices()[q.URL.Query().Get("done")], Body: p,
	})
}

// saveMetadata stores what was typed, or says what is wrong with it.
func (d *Dashboard) saveMetadata(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	id := tenant.UserID(q.PathValue("id"))
	p := metadataPage{Form: manage.Metadata{User: f.Get("user_metadata"), App: f.Get("app_metadata"), Was: f.Get("was")}}
	err = d.Manage.SetMetadata(q.Context(), q.actor(nil), id, p.Form)
	if err == nil {
		return leave(w, q.Request, userAddress(id, tabMetadata)+"?done=saved")
	}
	u, uerr := d.Manage.User(q.Context(), id)
	if uerr != nil {
		return uerr
	}
	p.userFrame = d.frameOf(q, u, tabMetadata, false)
	var at *settings.At
	switch {
	case errors.Is(err, manage.ErrStale):
		now := manage.MetadataOf(u)
		p.Theirs, p.Form.Was = &now, now.Was
		p.Problem = "Somebody else has changed the metadata since you opened them. What they stored is shown below. Save again to keep what you typed, or discard it."
	case errors.As(err, &at):
		p.Wrong = map[string]string{at.Property: fault.Of(err).Message}
	default:
		return err
	}
	return d.showMetadata(w, q, p)
}

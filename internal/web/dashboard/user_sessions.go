package dashboard

import (
	"net/http"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A sessionRow is a browser that somebody is signed in in.
type sessionRow struct {
	*tenant.Session
	Browser string
	Apps    []string
}

// A deviceRow is an application that can get tokens without asking.
type deviceRow struct {
	tenant.DeviceCredential
	App string
}

// maxSessions is how many sessions and devices a page lists.
const maxSessions = 100

// addSessions adds where a user is signed in, what was used last first.
func (d *Dashboard) addSessions(q *request, p *userPage) error {
	names, err := d.clientNames(q)
	if err != nil {
		return err
	}
	sessions, err := d.Manage.UserSessions(q.Context(), p.ID, manage.Window{Limit: maxSessions})
	if err != nil {
		return err
	}
	for _, s := range sessions.Items {
		row := sessionRow{Session: s, Browser: browserOf(s.LastAgent)}
		for _, c := range s.Clients {
			row.Apps = append(row.Apps, names.of(c))
		}
		p.Sessions = append(p.Sessions, row)
	}
	devices, err := d.Manage.DeviceCredentials(q.Context(), manage.DeviceQuery{User: p.ID}, manage.Window{Limit: maxSessions})
	if err != nil {
		return err
	}
	for _, c := range devices.Items {
		p.Devices = append(p.Devices, deviceRow{c, names.of(c.Client)})
	}
	slices.SortStableFunc(p.Sessions, func(a, b sessionRow) int { return b.LastUsed.Compare(a.LastUsed) })
	slices.SortStableFunc(p.Devices, func(a, b deviceRow) int { return newer(a.LastUsed, b.LastUsed) })
	return nil
}

func newer(a, b time.Time) int { return b.Compare(a) }

// endSession ends one session or one device.
func (d *Dashboard) endSession(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	user := tenant.UserID(q.PathValue("id"))
	if id := f.Get("session"); id != "" {
		err = d.Manage.EndUserSession(q.Context(), q.actor(nil), user, id)
	} else {
		err = d.Manage.EndUserDevice(q.Context(), q.actor(nil), user, f.Get("device"))
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, userAddress(user, tabSessions)+"?done=ended")
}

// appNames are the names of applications by their ids.
type appNames map[tenant.ClientID]string

// of is a name, or the id of an application that is not there any more.
func (n appNames) of(id tenant.ClientID) string {
	if name := n[id]; name != "" {
		return name
	}
	return string(id)
}

func (d *Dashboard) clientNames(q *request) (appNames, error) {
	all, err := d.Manage.ListClients(q.Context(), manage.ClientQuery{}, everything())
	if err != nil {
		return nil, err
	}
	names := appNames{}
	for _, c := range all.Items {
		names[c.ID] = c.Name
	}
	return names, nil
}

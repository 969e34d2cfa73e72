package mgmtapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// listLogs is GET /api/v2/logs: pages, newest first, or what came after the
// event "from", oldest first.
func (a *API) listLogs(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	if !q.Has("take") && !q.Has("from") {
		return a.writeLogs(w, r, "")
	}
	f, err := readFields(q)
	if err != nil {
		return err
	}
	take, err := intParam(q, "take", 1, maxPage, pageSize)
	if err != nil {
		return err
	}
	events, err := a.Manage.LogsFrom(r.Context(), q.Get("from"), take)
	if err != nil {
		return err
	}
	// This list has no envelope: its last event is where to go on from.
	return paging{}.write(w, listing{items: logReplies(events, f)})
}

// userLogs is GET /api/v2/users/{id}/logs.
func (a *API) userLogs(w http.ResponseWriter, r *request) error {
	return a.writeLogs(w, r, tenant.UserID(r.PathValue("id")))
}

func (a *API) writeLogs(w http.ResponseWriter, r *request, user tenant.UserID) error {
	q := r.URL.Query()
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	f, err := readFields(q)
	if err != nil {
		return err
	}
	req := manage.LogRequest{Query: q.Get("q"), Sort: q.Get("sort"), User: user}
	list, err := a.Manage.ListLogs(r.Context(), req, p.window)
	if err != nil {
		return err
	}
	return p.write(w, listing{name: "logs", items: logReplies(list.Items, f), total: list.Total, length: true})
}

// readLog is GET /api/v2/logs/{id}.
func (a *API) readLog(w http.ResponseWriter, r *request) error {
	e, err := a.Manage.Log(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, settings.LogDocument(&e))
}

func logReplies(events []tenant.LogEvent, f fields) []*settings.Object {
	out := make([]*settings.Object, len(events))
	for i := range events {
		out[i] = f.of(settings.LogDocument(&events[i]))
	}
	return out
}

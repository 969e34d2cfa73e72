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
	p, err := readPaging(q, pageSize)
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
	return web.WriteJSON(w, http.StatusOK, logReply(&e))
}

func logReplies(events []tenant.LogEvent, f fields) []*settings.Object {
	out := make([]*settings.Object, len(events))
	for i := range events {
		out[i] = f.of(logReply(&events[i]))
	}
	return out
}

// logReply is a log event as the API shows one. Members that do not apply are
// null.
func logReply(e *tenant.LogEvent) *settings.Object {
	o := &settings.Object{}
	text := func(name, value string) {
		if value == "" {
			o.Set(name, nil)
			return
		}
		o.Set(name, value)
	}
	o.Set("_id", e.ID)
	o.Set("log_id", e.ID)
	o.Set("date", stamp(e.At))
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

package mgmtapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// listMessages is GET /api/doorcode/v1/messages, newest first. "from" is the
// "next" of the answer before.
func (a *API) listMessages(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	take, err := intParam(q, "take", 1, maxPage, pageSize)
	if err != nil {
		return err
	}
	from := q.Get("from")
	if from != "" && !isMessageID(from) {
		return badQuery("from", "Object didn't pass validation for format message-id")
	}
	list, err := a.Manage.ListMessages(r.Context(), from, take+1)
	if err != nil {
		return err
	}
	next := ""
	if len(list) > take {
		list = list[:take]
		next = list[take-1].ID
	}
	items := make([]*settings.Object, len(list))
	for i := range list {
		items[i] = a.messageReply(r.Context(), &list[i])
	}
	out := &settings.Object{}
	out.Set("messages", items)
	if next != "" {
		out.Set("next", next)
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// readMessage is GET /api/doorcode/v1/messages/{id}.
func (a *API) readMessage(w http.ResponseWriter, r *request) error {
	m, err := a.Manage.Message(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, a.messageReply(r.Context(), &m))
}

func isMessageID(s string) bool {
	return strings.HasPrefix(s, "msg_") && len(s) <= 64 && isPrintable(s)
}

// stampUTC writes a time as our own API does (RFC 3339).
const stampUTC = "2006-01-02T15:04:05.000Z07:00"

// messageReply is a message as our API shows one. Who it went to is masked, and
// there is no text in it.
func (a *API) messageReply(ctx context.Context, m *tenant.Message) *settings.Object {
	o := &settings.Object{}
	text := func(name, value string) {
		if value == "" {
			o.Set(name, nil)
			return
		}
		o.Set(name, value)
	}
	o.Set("id", m.ID)
	o.Set("state", string(m.State))
	o.Set("channel", string(m.Channel))
	o.Set("to_masked", address.Mask(m.Channel, m.To))
	o.Set("connection", a.connectionName(ctx, m.Connection))
	o.Set("client_id", string(m.Client))
	text("user_id", string(m.User))
	text("provider", m.Provider)
	text("provider_id", m.ProviderID)
	text("language", m.Language)
	o.Set("template_version", m.TemplateVersion)
	o.Set("segments", m.Segments)
	text("encoding", m.Encoding)
	o.Set("price", nil)
	if m.ErrorCode == "" && m.ErrorText == "" {
		o.Set("error", nil)
	} else {
		o.Set("error", messageError(m))
	}
	events := make([]map[string]string, len(m.Events))
	for i, e := range m.Events {
		events[i] = map[string]string{"at": e.At.UTC().Format(stampUTC), "state": string(e.State), "detail": e.Told()}
	}
	o.Set("events", events)
	o.Set("created_at", m.CreatedAt.UTC().Format(stampUTC))
	return o
}

// messageError is what went wrong, with what to do about it.
func messageError(m *tenant.Message) *settings.Object {
	o := &settings.Object{}
	o.Set("code", m.ErrorCode)
	o.Set("text", m.ErrorText)
	o.Set("fix", m.Fix())
	return o
}

// connectionName is the name of a connection, or its id when it is gone.
func (a *API) connectionName(ctx context.Context, id tenant.ConnectionID) string {
	if c, err := a.Manage.Connection(ctx, id); err == nil {
		return c.Name
	}
	return string(id)
}

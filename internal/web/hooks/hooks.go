// Package hooks takes the reports that providers send about messages they took:
// POST /hooks/{provider}/{connection id}/{message id}.
//
// Anybody can send something there. It promises that nothing is stored that the
// provider has not signed for the account of that very connection, and that a
// report which comes twice or late does no harm. What a signature looks like is
// the provider's delivery.Listener's business: a provider is a line in
// Listeners.
package hooks

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// Hooks serves the callbacks. All fields must be set.
type Hooks struct {
	// Listeners are who understands each provider, by its name.
	Listeners map[string]delivery.Listener
	// Connection returns a connection; the fault is NotFound if there is none.
	Connection func(ctx context.Context, id tenant.ConnectionID) (*tenant.Connection, error)
	Reports    delivery.Reports
	// URL is the public URL, without a slash at its end: what providers sign
	// begins with it, whatever name a request came by.
	URL string
	Log *slog.Logger
	Now func() time.Time
}

// The faults of callbacks.
var (
	errUnknown = fault.New(fault.NotFound, "not_found", "There is no such message.")
	errForged  = fault.New(fault.Denied, "invalid_signature", "The signature is not that of the provider.")
)

// Handler returns the handler for /hooks and what is below it.
func (h *Hooks) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/{provider}/{connection}/{message}", web.Handle(h.report, h.writeError))
	return mux
}

// report takes one report. The body is bounded as that of any caller who is not
// known.
func (h *Hooks) report(w http.ResponseWriter, r *http.Request) error {
	listener := h.Listeners[r.PathValue("provider")]
	if listener == nil {
		return errUnknown
	}
	c, err := h.Connection(r.Context(), tenant.ConnectionID(r.PathValue("connection")))
	if fault.Has(err, fault.NotFound) {
		return errUnknown.Because(err)
	}
	if err != nil {
		return err
	}
	web.RecordOf(r.Context()).Connection = c.Name
	body, err := web.ReadBody(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	// The path as it was sent: a name with an escape in it was signed with it.
	address := h.URL + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	report, err := listener.Listen(c, delivery.Callback{URL: address, Header: r.Header, Body: body})
	if errors.Is(err, delivery.ErrForged) {
		return errForged.Because(err)
	}
	if err != nil {
		return err
	}
	reported := delivery.Reported{
		Message: r.PathValue("message"), Connection: c.ID, Provider: r.PathValue("provider"), At: h.Now(), Report: report,
	}
	if report.State == tenant.MessageUndelivered || report.State == tenant.MessageFailed {
		reported.Event = lost(c, reported)
	}
	err = h.Reports.Report(r.Context(), reported)
	if fault.Has(err, fault.NotFound) {
		return errUnknown.Because(err)
	}
	if err != nil {
		return err
	}
	web.NoStore(w)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// lost is what the tenant's log says of a message that did not arrive, as of one
// that was never taken (Auth0: fn).
func lost(c *tenant.Connection, r delivery.Reported) *tenant.LogEvent {
	e := event.New(event.NotificationFailed, r.At)
	event.About(&e, c, nil)
	e.Description = r.Report.Text
	e.Details = map[string]any{"message_id": r.Message, "provider": r.Provider, "error_code": r.Report.ErrorCode}
	return &e
}

// errorReply is an error in the form of the Management API.
type errorReply struct {
	Status  int    `json:"statusCode"`
	Error   string `json:"error"`
	Message string `json:"message"`
	Code    string `json:"errorCode"`
}

func (h *Hooks) writeError(w http.ResponseWriter, r *http.Request, err error) {
	f, status := fault.Of(err), web.StatusOf(err)
	if f.Kind == fault.Internal {
		h.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
	}
	web.NoStore(w)
	if werr := web.WriteJSON(w, status, errorReply{status, http.StatusText(status), f.Message, f.Code}); werr != nil {
		h.Log.ErrorContext(r.Context(), "write error", "err", werr)
	}
}

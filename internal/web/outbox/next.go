package outbox

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/web"
)

// fault is one that the page offers. The text goes on from "The next message".
type fault struct {
	Fault outbox.Fault
	Text  string
}

func faults() []fault {
	return []fault{
		{outbox.None, "arrives as usual"},
		{outbox.Slow, "takes five seconds"},
		{outbox.Down, "fails at first: the provider is down"},
		{outbox.Refused, "is refused, with Twilio’s code 21608"},
		{outbox.Twice, "arrives twice"},
	}
}

// rehearse serves the page's form.
func (p *page) rehearse(w http.ResponseWriter, r *http.Request) {
	f := outbox.Fault(r.PostFormValue("fault"))
	if !f.Valid() {
		http.Error(w, "There is no such fault.", http.StatusBadRequest)
		return
	}
	p.box.Rehearse(f)
	http.Redirect(w, r, "/outbox", http.StatusSeeOther)
}

// nextDoc is what the next message will meet, in JSON.
type nextDoc struct {
	Fault outbox.Fault `json:"fault"`
}

// next serves GET /outbox/api/next.
func (p *page) next(w http.ResponseWriter, _ *http.Request) {
	_ = web.WriteJSON(w, http.StatusOK, nextDoc{p.box.Next()})
}

// setNext serves PUT /outbox/api/next.
func (p *page) setNext(w http.ResponseWriter, r *http.Request) {
	var doc nextDoc
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
	if err == nil {
		err = json.Unmarshal(raw, &doc)
	}
	if err != nil || !doc.Fault.Valid() {
		_ = web.WriteJSON(w, http.StatusBadRequest, map[string]string{
			"error": "bad.fault", "error_description": `send {"fault": "slow"}, "down", "refused", "twice" or "" for a message as usual`,
		})
		return
	}
	p.box.Rehearse(doc.Fault)
	p.next(w, r)
}

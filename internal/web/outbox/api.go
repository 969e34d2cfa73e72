package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// maxWait is the longest that a request waits for a message.
const maxWait = 60 * time.Second

// keepAlive is how often a stream says that it is still there.
const keepAlive = 15 * time.Second

// message is a message in JSON.
type message struct {
	ID         string `json:"id"`
	Channel    string `json:"channel"`
	To         string `json:"to"`
	From       string `json:"from"`
	Subject    string `json:"subject"`
	Text       string `json:"text"`
	HTML       string `json:"html"`
	Code       string `json:"code"`
	Link       string `json:"link"`
	Connection string `json:"connection"`
	ClientID   string `json:"client_id"`
	Language   string `json:"language"`
	Spoken     string `json:"spoken,omitempty"` // the language of a call
	Encoding   string `json:"encoding"`
	Segments   int    `json:"segments"`
	CreatedAt  string `json:"created_at"`
}

func wire(m outbox.Message) message {
	return message{
		ID: m.ID, Channel: string(m.Channel), To: m.To, From: m.From, Subject: m.Subject, Text: m.Text, HTML: m.HTML,
		Code: m.Code, Link: m.Link, Connection: m.Connection, ClientID: string(m.ClientID), Language: m.Language,
		Spoken: m.Spoken, Encoding: m.Encoding, Segments: m.Segments, CreatedAt: m.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
}

// filter reads the parameters to, channel and since. A plus that was not
// encoded arrives as a space, and no address begins with one.
func filter(r *http.Request) outbox.Filter {
	q := r.URL.Query()
	to := q.Get("to")
	if rest, ok := strings.CutPrefix(to, " "); ok {
		to = "+" + rest
	}
	return outbox.Filter{To: strings.TrimSpace(to), Channel: tenant.Channel(q.Get("channel")), Since: q.Get("since")}
}

// messages serves GET /outbox/api/messages.
func (p *page) messages(w http.ResponseWriter, r *http.Request) {
	wait, err := waiting(r.URL.Query().Get("wait"))
	if err != nil {
		_ = web.WriteJSON(w, http.StatusBadRequest, map[string]string{"error": "bad.wait", "error_description": err.Error()})
		return
	}
	found := p.box.Messages(filter(r))
	if wait > 0 && len(found) == 0 {
		if err := web.Extend(w, wait+30*time.Second); err != nil {
			http.Error(w, "Waiting is not possible on this connection.", http.StatusInternalServerError)
			return
		}
		ctx, cancel := p.until(r.Context(), wait)
		defer cancel()
		found = p.box.Wait(ctx, filter(r))
	}
	list := make([]message, 0, len(found))
	for _, m := range found {
		list = append(list, wire(m))
	}
	_ = web.WriteJSON(w, http.StatusOK, map[string]any{"messages": list})
}

// until returns a context that ends after d, or when the server stops.
func (p *page) until(ctx context.Context, d time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(ctx, d)
	if p.opts.Done == nil {
		return ctx, cancel
	}
	go func() {
		select {
		case <-p.opts.Done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// waiting reads the parameter wait: "5s", or seconds.
func waiting(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if n, nerr := strconv.ParseUint(s, 10, 16); nerr == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d < 0 {
		return 0, errors.New(`wait must be a duration such as "5s"`)
	}
	return min(d, maxWait), nil
}

// deleteMessages serves DELETE /outbox/api/messages.
func (p *page) deleteMessages(w http.ResponseWriter, _ *http.Request) {
	p.box.Clear()
	w.WriteHeader(http.StatusNoContent)
}

// events serves GET /outbox/events: each message as an event, from now on, or
// from after the message that since or Last-Event-ID names. When all messages
// are deleted there is an event "clear", and "next" when what the next message
// will meet is something else.
func (p *page) events(w http.ResponseWriter, r *http.Request) {
	if err := web.Extend(w, 0); err != nil {
		http.Error(w, "Streaming is not possible on this connection.", http.StatusInternalServerError)
		return
	}
	changed, stop := p.box.Subscribe()
	defer stop()
	f := filter(r)
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		f.Since = id
	}
	next := p.box.Next()
	if f.Since == "" {
		if newest := p.box.Messages(outbox.Filter{}); len(newest) > 0 {
			f.Since = newest[0].ID
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	send := func(text string) bool {
		_, err := w.Write([]byte(text))
		return errors.Join(err, rc.Flush()) == nil
	}
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for ok := send("retry: 1000\n\n"); ok; {
		text := p.news(&f)
		if now := p.box.Next(); now != next {
			next = now
			text += fmt.Sprintf("event: next\ndata: {\"fault\":%q}\n\n", now)
		}
		if ok = send(text); !ok {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
			ok = send(": still here\n\n")
		case <-r.Context().Done():
			return
		case <-p.opts.Done:
			return
		}
	}
}

// news writes the events for what came after f.Since, oldest first, and moves
// f.Since on.
func (p *page) news(f *outbox.Filter) string {
	var b strings.Builder
	if f.Since != "" && len(p.box.Messages(outbox.Filter{})) == 0 {
		b.WriteString("event: clear\ndata: {}\n\n")
		f.Since = ""
		return b.String()
	}
	for _, m := range slices.Backward(p.box.Messages(*f)) {
		raw, err := json.Marshal(wire(m))
		if err != nil {
			continue // a struct of texts always encodes
		}
		fmt.Fprintf(&b, "id: %s\nevent: message\ndata: %s\n\n", m.ID, raw)
		f.Since = m.ID
	}
	return b.String()
}

package dashboard

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/tenant"
)

// stateWords say what a state of a message means.
type stateWords struct{ State, Name, Text, Kind string }

// The kinds of states, as the style has them.
const (
	kindGood = "ok"
	kindBad  = "bad"
	kindNone = "none"
)

// messageStates are the states that one can look for, in the order in which a
// message has them.
func messageStates() []stateWords {
	state := func(s tenant.MessageState, name, text, kind string) stateWords {
		return stateWords{string(s), name, text, kind}
	}
	return []stateWords{
		{anyFailure, "Any failure", "", kindBad},
		state(tenant.MessageRequested, "Asked for", "Somebody has asked for a code.", kindNone),
		state(tenant.MessageQueued, "On its way to the provider", "It is with this server, and is handed over as soon as the provider takes it.", kindNone),
		state(tenant.MessageAccepted, "Handed over", "The provider has it. Nothing has been reported since.", kindNone),
		state(tenant.MessageSent, "Sent", "The provider has passed it on to the carrier.", kindNone),
		state(tenant.MessageDelivered, "Delivered", "The carrier says that it has arrived.", kindGood),
		state(tenant.MessageUsed, "Code used", "Somebody has signed in with its code.", kindGood),
		state(tenant.MessageUndelivered, "Not delivered", "The provider took it, and it did not arrive.", kindBad),
		state(tenant.MessageFailed, "Failed", "It was not taken.", kindBad),
		state(tenant.MessageExpired, "Too late", "There was no time left for it: the code would have run out.", kindBad),
		state(tenant.MessageSuppressed, "Not sent", "Nothing was to be sent to this person. Whoever asked could not tell.", kindNone),
	}
}

func wordsOf(s tenant.MessageState) stateWords {
	for _, w := range messageStates() {
		if w.State == string(s) {
			return w
		}
	}
	return stateWords{string(s), string(s), "", kindNone}
}

// A messageLine is a message as pages show it.
type messageLine struct {
	ID, Address       string
	Open              string // the list with the message open beside it
	At                time.Time
	To                string // masked
	State             stateWords
	SMS               bool
	Connection        string
	ConnectionAddress string
	Client            string
	Language          string
	Cost              string // encoding and segments
	Latency           string // until the latest that is known
	ErrorCode         string
	Error, Fix        string
	ErrorAddress      string // of the provider's page about the code
	Duplicate         bool   // may have arrived twice
	Timeline          []messageStep
	Step              string // changes with each step
}

// A messageStep is one line of a timeline.
type messageStep struct {
	At    time.Time // zero: it has none of its own
	After string    // since the message was asked for
	Name  string
	Text  string
	Kind  string
}

// messageLine is a message for a page. Names are those of applications and
// connections.
func (d *Dashboard) messageLine(m *tenant.Message, names map[string]string, reveal bool) messageLine {
	r := messageLine{
		ID: m.ID, Address: pathMessages + "/" + m.ID, At: m.CreatedAt, To: shownIdentifier(m.Channel, m.To, reveal), State: wordsOf(m.State),
		SMS: m.Channel == tenant.SMS, Connection: or(names[string(m.Connection)], string(m.Connection)),
		Client: or(names[string(m.Client)], string(m.Client)), Language: m.Language,
		Cost: costOf(m), ErrorCode: m.ErrorCode, Error: m.ErrorText, Fix: m.Fix(), Duplicate: m.Duplicate(),
	}
	if names[string(m.Connection)] != "" {
		r.ConnectionAddress = tabAddress(m.Connection, tabDeliveries)
	}
	if m.Provider == twilio && twilioCode.MatchString(m.ErrorCode) {
		r.ErrorAddress = "https://www.twilio.com/docs/api/errors/" + m.ErrorCode
	}
	d.timeline(&r, m)
	r.Step = fmt.Sprint(m.State, len(r.Timeline))
	return r
}

// open reports whether a message may still arrive, and nobody has signed in with
// it yet.
func open(m *tenant.Message) bool {
	return m.State != tenant.MessageUsed && m.State != tenant.MessageSuppressed && !m.State.Failed()
}

// live reports whether more may be told of a message soon: it is to be handed
// over, or its code can be used, and until then a provider's report may come
// too. Reports that come later are there when somebody looks again.
func (d *Dashboard) live(m *tenant.Message) bool {
	return !m.State.Over() || open(m) && d.Now().Before(m.CodeExpires)
}

var twilioCode = regexp.MustCompile(`^[1-9][0-9]{4,5}$`)

// costOf is how long a message is in what providers charge for.
func costOf(m *tenant.Message) string {
	if m.Segments == 0 {
		return m.Encoding
	}
	return m.Encoding + ", " + countOf(m.Segments, "segment", false)
}

// timeline fills in what became of the message, step by step.
func (d *Dashboard) timeline(r *messageLine, m *tenant.Message) {
	rendered := m.Attempts == 0 && m.Encoding == "" && m.TemplateVersion == 0
	for i, e := range m.Events {
		if i > 0 && !rendered && m.Attempts > 0 {
			rendered = true
			text := r.Cost
			if m.Language != "" {
				text = strings.TrimPrefix(text+", language "+m.Language, ", ")
			}
			r.Timeline = append(r.Timeline, messageStep{Name: "Rendered", Text: text, Kind: kindNone})
		}
		w := wordsOf(e.State)
		after := e.At.Sub(m.CreatedAt)
		step := messageStep{At: e.At, Name: w.Name, Text: e.Told(), Kind: w.Kind, After: spanOf(after)}
		if i == 0 {
			step.After = ""
		}
		if e.State == tenant.MessageQueued {
			step.Name, step.Kind = "Tried in vain", kindBad
		}
		if step.Text == "" {
			step.Text = w.Text
		}
		switch e.State {
		case tenant.MessageAccepted, tenant.MessageSent, tenant.MessageDelivered:
			r.Latency = spanOf(after)
		}
		r.Timeline = append(r.Timeline, step)
	}
	if open(m) && !m.CodeExpires.IsZero() && d.Now().After(m.CodeExpires) {
		r.Timeline = append(r.Timeline, messageStep{
			At: m.CodeExpires, After: spanOf(m.CodeExpires.Sub(m.CreatedAt)), Name: "Code ran out",
			Text: "Nobody is known to have signed in with it.", Kind: kindNone,
		})
	}
}

// spanOf is a time as people read it at a glance.
func spanOf(t time.Duration) string {
	switch {
	case t < 0:
		return ""
	case t < time.Second:
		return strconv.FormatInt(t.Milliseconds(), 10) + " ms"
	case t < 2*time.Minute:
		return strconv.FormatFloat(t.Seconds(), 'f', 1, 64) + " s"
	}
	return strconv.Itoa(int(t.Minutes())) + " min"
}

// The bounds of a list as CSV: so many messages at most, read so many at once.
const (
	maxCSV     = 10_000
	csvAtOnce  = 500
	csvTimeout = time.Minute
)

// messagesCSV writes the filtered list, as it is shown.
func (d *Dashboard) messagesCSV(w http.ResponseWriter, q *request) error {
	f := readMessageFilter(q.URL.Query())
	if !d.Admins.Fresh(q.Session) {
		return d.demandProof(w, q, withQuery(pathMessages, f.query()))
	}
	find, err := f.find()
	if err != nil {
		return err
	}
	names, err := d.names(q)
	if err != nil {
		return err
	}
	find.Limit = csvAtOnce
	found, err := d.Manage.SearchMessages(q.Context(), f.Text, find)
	if err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(csvTimeout))
	out := startCSV(w, "messages")
	_ = out.Write([]string{"id", "created_at", "channel", "to", "state", "connection", "application", "provider", "provider_id", "language", "encoding", "segments", "latency", "error_code", "error"})
	for n := 0; ; {
		for i := range found.Items {
			m := &found.Items[i]
			r := d.messageLine(m, names, false)
			_ = out.Write(plainCells(m.ID, m.CreatedAt.UTC().Format(time.RFC3339), string(m.Channel), address.Mask(m.Channel, m.To), string(m.State),
				r.Connection, r.Client, m.Provider, m.ProviderID, m.Language, m.Encoding, strconv.Itoa(m.Segments), r.Latency, m.ErrorCode, m.ErrorText))
		}
		n += len(found.Items)
		out.Flush()
		if found.Next == "" || n >= maxCSV || out.Error() != nil {
			return nil
		}
		find.Before = found.Next
		if found, err = d.Manage.SearchMessages(q.Context(), f.Text, find); err != nil {
			// The answer has begun: whoever reads it sees that it is not whole.
			d.Log.WarnContext(q.Context(), "list broke off", "err", err)
			panic(http.ErrAbortHandler)
		}
	}
}

// startCSV begins an answer that is a file.
func startCSV(w http.ResponseWriter, name string) *csv.Writer {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.csv"`, name))
	return csv.NewWriter(w)
}

// plainCells are texts that no spreadsheet takes for formulas.
func plainCells(cells ...string) []string {
	for i, c := range cells {
		if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
			cells[i] = "'" + c
		}
	}
	return cells
}

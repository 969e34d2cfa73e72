package mgmtapi

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/web"
)

const (
	pageSize = 50
	maxPage  = 100
	// maxNumber keeps the product of page and size within what databases
	// count with.
	maxNumber = 1_000_000
)

// badQuery is the fault of a query parameter that breaks a rule.
func badQuery(name, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "invalid_query_string",
		"Query validation error: '"+fmt.Sprintf(format, args...)+"' on property "+name+".")
}

// intParam reads a whole number from the query.
func intParam(q url.Values, name string, least, most, otherwise int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, badQuery(name, "Expected type integer but found type string")
	case n < least:
		return 0, badQuery(name, "Value %d is less than minimum %d", n, least)
	case n > most:
		return 0, badQuery(name, "Value %d is greater than maximum %d", n, most)
	}
	return n, nil
}

// boolParam reads true or false from the query.
func boolParam(q url.Values, name string, otherwise bool) (bool, error) {
	switch q.Get(name) {
	case "":
		return otherwise, nil
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, badQuery(name, "Expected type boolean but found type string")
}

// A paging is how a list is asked for: by page, or from a checkpoint, which
// wins where both are there, as some clients send it.
type paging struct {
	window      manage.Window
	totals      bool
	checkpoints *checkpoints // nil when the list is asked for by page
}

func (a *API) readPaging(r *request, size int) (paging, error) {
	q := r.URL.Query()
	if q.Has("take") || q.Has("from") {
		return a.readCheckpoint(r, maxPage)
	}
	var p paging
	page, err := intParam(q, "page", 0, maxNumber, 0)
	if err != nil {
		return p, err
	}
	if p.window.Limit, err = intParam(q, "per_page", 0, maxPage, size); err != nil {
		return p, err
	}
	p.window.Offset = page * p.window.Limit
	p.totals, err = boolParam(q, "include_totals", false)
	p.window.Count = p.totals
	return p, err
}

// readCheckpoint reads how a list is asked for that is not asked for by page.
func (a *API) readCheckpoint(r *request, most int) (paging, error) {
	q := r.URL.Query()
	p := paging{checkpoints: &checkpoints{a.Secrets, "checkpoint " + r.URL.Path}}
	var err error
	if p.window.Limit, err = intParam(q, "take", 1, most, pageSize); err == nil {
		p.window.After, err = p.checkpoints.read(q.Get("from"))
	}
	return p, err
}

// checkpoints are the places in one list where a part of it has ended. They are
// sealed, so that nobody names a place that no answer has named, and hold for
// that list alone.
type checkpoints struct {
	secrets *secret.Ring
	list    string
}

func (c *checkpoints) write(p manage.Place) string {
	plain := strconv.FormatInt(p.At.UnixMilli(), 10) + "," + p.ID
	return base64.RawURLEncoding.EncodeToString(c.secrets.Seal(secret.Checkpoints, []byte(plain), c.list))
}

func (c *checkpoints) read(s string) (*manage.Place, error) {
	if s == "" {
		return nil, nil
	}
	bad := badQuery("from", "Object didn't pass validation for format checkpoint")
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") { // which the decoder passes over
		return nil, bad
	}
	plain, err := c.secrets.Open(secret.Checkpoints, sealed, c.list)
	if err != nil {
		return nil, bad
	}
	at, id, _ := strings.Cut(string(plain), ",")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err) // we have sealed it
	}
	return &manage.Place{At: time.UnixMilli(ms), ID: id}, nil
}

// listing is a list as it is answered.
type listing struct {
	name   string // of the member that holds it
	items  []*settings.Object
	total  int
	next   *manage.Place
	length bool // the envelope says how many there are
}

// write answers with a list in the form it was asked for: bare, in an envelope
// with totals, or with the place to go on from.
func (p paging) write(w http.ResponseWriter, l listing) error {
	if l.items == nil {
		l.items = []*settings.Object{}
	}
	out := &settings.Object{}
	switch {
	case p.checkpoints != nil:
		out.Set(l.name, l.items)
		if l.next != nil {
			out.Set("next", p.checkpoints.write(*l.next))
		}
	case p.totals:
		out.Set("start", p.window.Offset)
		out.Set("limit", p.window.Limit)
		if l.length {
			out.Set("length", len(l.items))
		}
		out.Set("total", l.total)
		out.Set(l.name, l.items)
	default:
		return web.WriteJSON(w, http.StatusOK, l.items)
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// fields are the members of an answer that were asked for.
type fields struct {
	names   []string
	exclude bool
	always  []string // answered whatever is asked for
}

func readFields(q url.Values, always ...string) (fields, error) {
	f := fields{always: always}
	text := q.Get("fields")
	if len(text) > 1024 {
		return f, badQuery("fields", "String is too long (%d chars), maximum 1024", len(text))
	}
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			f.names = append(f.names, name)
		}
	}
	include, err := boolParam(q, "include_fields", true)
	f.exclude = !include
	return f, err
}

// of returns the members of o that were asked for.
func (f fields) of(o *settings.Object) *settings.Object {
	if len(f.names) == 0 {
		return o
	}
	return o.Keep(func(name string) bool {
		return slices.Contains(f.always, name) || slices.Contains(f.names, name) != f.exclude
	})
}

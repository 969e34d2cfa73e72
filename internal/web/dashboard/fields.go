package dashboard

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/settings"
)

// A formField is one field of a form that changes something stored. What is read
// of a page, and what somebody else has changed meanwhile, go by the same list,
// so that no field can be left out of one of them.
type formField struct {
	name, label string
	kind        fieldKind
	text        *string   // of all but boxes and groups
	on          *bool     // of a box
	group       *[]string // of a group of boxes, whose names begin with name and a dot
	choices     []choice  // of a pick or a group
	// stored tells one stored secret from another, and shown is what may be seen
	// of it.
	stored, shown string
}

type fieldKind int

const (
	lineField   fieldKind = iota // one line
	areaField                    // lines
	pickField                    // one of some
	boxField                     // on or off
	groupField                   // any of some
	secretField                  // typed, and never shown
)

func line(name, label string, into *string) formField {
	return formField{name: name, label: label, kind: lineField, text: into}
}

func area(name, label string, into *string) formField {
	return formField{name: name, label: label, kind: areaField, text: into}
}

func pick(name, label string, into *string, choices ...choice) formField {
	return formField{name: name, label: label, kind: pickField, text: into, choices: choices}
}

func box(name, label string, into *bool) formField {
	return formField{name: name, label: label, kind: boxField, on: into}
}

// tidied brings a text into the form in which a browser sends it back, so that
// what nobody has touched is not taken for a change.
func (f *formField) tidied(text string) string {
	switch f.kind {
	case lineField, secretField:
		return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(text))
	case areaField:
		return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	}
	return text
}

// tidy does so with all that is stored.
func tidy(fields []formField) {
	for _, f := range fields {
		if f.text != nil {
			*f.text = f.tidied(*f.text)
		}
	}
}

// read takes what a page sent. A text that it did not send stays; a box that it
// did not send is not ticked.
func read(sent form, fields []formField) {
	for _, f := range fields {
		switch {
		case f.kind == boxField:
			*f.on = sent.on(f.name)
		case f.kind == groupField:
			f.readGroup(sent.picked(f.name + "."))
		case sent.IsText(f.name):
			*f.text = f.tidied(sent.Get(f.name))
		}
	}
}

// readGroup takes the boxes of a group that are ticked. What there is no box for
// stays, and so does the order.
func (f *formField) readGroup(ticked []string) {
	var after []string
	for _, value := range *f.group {
		if slices.Contains(ticked, value) || !f.offers(value) {
			after = append(after, value)
		}
	}
	for _, c := range f.choices {
		if slices.Contains(ticked, c.Value) && !slices.Contains(after, c.Value) {
			after = append(after, c.Value)
		}
	}
	*f.group = after
}

func (f *formField) offers(value string) bool {
	return slices.ContainsFunc(f.choices, func(c choice) bool { return c.Value == value })
}

// value is what the field has, in the words of the page.
func (f *formField) value() string {
	switch f.kind {
	case boxField:
		return map[bool]string{true: "on", false: "off"}[*f.on]
	case groupField:
		var names []string
		for _, c := range f.choices {
			if slices.Contains(*f.group, c.Value) {
				names = append(names, c.Name)
			}
		}
		return strings.Join(names, ", ")
	case secretField:
		return f.stored
	case pickField:
		for _, c := range f.choices {
			if c.Value == *f.text {
				return c.Name
			}
		}
	}
	return *f.text
}

// take puts what another form has into the field.
func (f *formField) take(other formField) {
	switch f.kind {
	case boxField:
		*f.on = *other.on
	case groupField:
		*f.group = slices.Clone(*other.group)
	case secretField:
	default:
		*f.text = *other.text
	}
}

// trace tells values apart. It is sent along with a page instead of them.
func trace(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// traces are those of all fields, as the page sends them back: what they had when
// it was made.
func traces(fields []formField) string {
	list := make([]string, len(fields))
	for i := range fields {
		list[i] = fields[i].name + ":" + trace(fields[i].value())
	}
	return strings.Join(list, " ")
}

func readTraces(text string) map[string]string {
	was := map[string]string{}
	for _, entry := range strings.Fields(text) {
		if name, value, ok := strings.Cut(entry, ":"); ok {
			was[name] = value
		}
	}
	return was
}

// An edit is what a page with a form has beside the fields.
type edit struct {
	Wrong   map[string]string
	Problem string
	// Seen names the state that the form was made for, and Was has the traces of
	// its fields. A form that is shown again keeps both: who has not been shown
	// what somebody else stored meanwhile must not overwrite it.
	Seen, Was string
	Theirs    map[string]string // what somebody else stored in fields that both changed
}

// edited is the edit that a page sent, which names the state it was made for in
// the field seen.
func edited(sent form, seen string) edit {
	return edit{Seen: sent.Get(seen), Was: sent.Get("was"), Wrong: map[string]string{}}
}

// about notes which state a form was made for.
func (e *edit) about(seen string, fields []formField) {
	if e.Seen == "" {
		e.Seen, e.Was = seen, traces(fields)
	}
}

// rebase puts what was typed on top of what somebody else has stored since the
// form was made: fields that were left alone get what is stored now, and beside
// those that both have changed it is shown. Saving again then overwrites nothing
// that was not seen.
func (e *edit) rebase(mine, theirs []formField) (taken, both []string) {
	was := readTraces(e.Was)
	e.Theirs = map[string]string{}
	for i, m := range mine {
		t := theirs[i]
		before, known := was[m.name]
		changed := !known || before != trace(t.value())
		typed := !known || before != trace(m.value())
		if m.kind == secretField {
			typed = *m.text != ""
			changed = changed && t.stored != ""
		} else if m.value() == t.value() {
			continue
		}
		switch {
		case len(was) > 0 && !known: // it was not on the page
			m.take(t)
		case changed && typed:
			both = append(both, m.label)
			e.Theirs[m.name] = or(or(t.shown, t.value()), "(empty)")
		case changed:
			taken = append(taken, m.label)
			m.take(t)
		}
	}
	e.Seen, e.Was = "", ""
	return taken, both
}

// stale says what rebase did. what is the thing in words, and when it was opened.
func (e *edit) stale(what string, mine, theirs []formField) {
	taken, both := e.rebase(mine, theirs)
	e.Problem = "Somebody else has saved " + what + "."
	if len(taken) > 0 {
		e.Problem += " What they stored is now in the fields that you had left alone: " + strings.Join(taken, ", ") + "."
	}
	if len(both) > 0 {
		e.Problem += " You have both changed: " + strings.Join(both, ", ") + ". What they stored is shown below each of them."
	}
	e.Problem += " Save again to keep what you typed, or discard it."
}

// changes are the members of what a form asks for that are not what is stored.
// Objects are compared member by member.
func changes(mine, stored map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range mine {
		before, known := stored[name]
		inner, isObject := value.(map[string]any)
		outer, wasObject := before.(map[string]any)
		switch {
		case isObject && wasObject:
			if change := changes(inner, outer); len(change) > 0 {
				out[name] = change
			}
		case !known || !sameJSON(value, before):
			out[name] = value
		}
	}
	return out
}

func sameJSON(a, b any) bool {
	left, err := json.Marshal(a)
	right, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(left, right)
}

// overlay completes a change for objects that it would replace whole: what is
// stored in them and not changed stays. doc is what is stored.
func overlay(change map[string]any, doc []byte, names ...string) error {
	stored, err := settings.ParseObject(doc)
	if err != nil {
		return err
	}
	for _, name := range names {
		members, ok := change[name].(map[string]any)
		if !ok {
			continue
		}
		whole := stored.Object(name).Clone()
		for _, member := range slices.Sorted(maps.Keys(members)) {
			if members[member] == nil {
				whole.Remove(member)
			} else {
				whole.Set(member, members[member])
			}
		}
		change[name] = whole
		if whole.Len() == 0 {
			change[name] = nil
		}
	}
	return nil
}

package manage

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/tenant"
)

// maxPeople is how many people the words of one search can mean.
const maxPeople = 8

// synonyms are the tags that people's words stand for, and the kinds of events.
var synonyms = map[string]string{
	"failed": "=bad", "failure": "=bad", "fail": "=bad", "fails": "=bad", "failures": "=bad", "error": "=bad", "errors": "=bad", "wrong": "=bad",
	"blocked": "=stopped", "block": "=stopped", "blocks": "=stopped", "limited": "=stopped", "limit": "=stopped", "limits": "=stopped",
	"success": "=good", "successful": "=good", "succeeded": "=good", "ok": "=good",
	"login": "login", "logins": "login", "signin": "login", "sign-in": "login", "sign-ins": "login", "logged": "login", "signed": "login",
	"signup": "signup", "signups": "signup", "sign-up": "signup", "sign-ups": "signup", "registered": "signup", "new": "new",
	"logout": "logout", "logouts": "logout", "sign-out": "logout", "sign-outs": "logout", "signed-out": "logout",
	"sent": "sent", "message": "message", "messages": "message", "code": "code", "codes": "code", "link": "link", "links": "link",
	"exchange": "exchange", "exchanges": "exchange", "token": "token", "tokens": "token", "refresh": "refresh", "renewed": "refresh",
	"device": "device", "devices": "device", "silent": "silent", "machine": "machine",
	"admin": "admin", "administrator": "admin", "administrators": "admin", "dashboard": "dashboard", "settings": "settings",
	"changed": "changed", "change": "changed", "changes": "changed", "deleted": "deleted", "revealed": "revealed", "unblocked": "unblocked",
	"deprecated": "deprecated", "legacy": "legacy",
}

// noise are words that narrow nothing.
var noise = map[string]bool{"and": true, "the": true, "in": true, "from": true, "to": true, "by": true, "for": true, "of": true, "on": true, "with": true, "all": true, "user": true, "users": true, "ip": true}

// logWords adds what plain words mean to a search. Each narrows it:
//
//   - a number in any form, an address or a user id is a person, known or not;
//   - an IP address, a code of a type ("fepotpft") and a day ("today", "yesterday",
//     "2026-01-31") are themselves;
//   - the name of an application or a connection is that;
//   - a word such as "failed", "blocked" or "sign-up" is all types that it fits;
//   - any other word is somewhere in the event, in quotes with its spaces.
//
// It reports false when nothing can match.
func (s *Service) logWords(ctx context.Context, text string, regions []string, q *LogSearch) (possible bool, err error) {
	if len(text) > maxSearch {
		return false, badQuery("Too long")
	}
	w := &wordReader{words: splitWords(text)}
	if w.connections, err = s.Connections.AllConnections(ctx); err != nil {
		return false, err
	}
	clients, err := s.ListClients(ctx, ClientQuery{}, Window{Limit: 1 << 20})
	if err != nil {
		return false, err
	}
	w.clients, w.regions, w.now, w.q = clients.Items, withDefaults(w.connections, regions), s.Now(), q
	for len(w.words) > 0 {
		identifiers, user, ok := w.person()
		switch {
		case ok:
			if err := s.addPeople(ctx, q, identifiers, user); err != nil {
				return false, err
			}
		case !w.word():
			return false, nil
		}
	}
	return true, nil
}

// addPeople makes a search one for somebody's events.
func (s *Service) addPeople(ctx context.Context, q *LogSearch, identifiers []string, user tenant.UserID) error {
	if user != "" {
		q.People = append(q.People, LogPerson{User: user})
		return nil
	}
	all, err := s.Connections.AllConnections(ctx)
	if err != nil {
		return err
	}
	search := UserSearch{Exact: identifiers, Limit: maxPeople}
	for _, c := range all {
		search.Connections = append(search.Connections, c.ID)
	}
	found, err := s.Users.SearchUsers(ctx, search)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, u := range found.Items {
		q.People = append(q.People, LogPerson{User: u.ID})
		for _, id := range u.Identities {
			known[id.Identifier] = true
		}
	}
	for _, id := range identifiers {
		// Of the numbers that one without a country code can be, those that
		// somebody has; and else all, of which few are in the log.
		if known[id] || len(known) == 0 && len(q.People) < 4*maxPeople {
			q.People = append(q.People, LogPerson{Identifier: id})
		}
	}
	return nil
}

// splitWords cuts a text at its spaces, but for those in quotes.
func splitWords(text string) []string {
	var words []string
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			if part = strings.TrimSpace(part); part != "" {
				words = append(words, `"`+part)
			}
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

// A wordReader takes words from the front and adds what they mean to a search.
type wordReader struct {
	words       []string
	q           *LogSearch
	clients     []*tenant.Client
	connections []*tenant.Connection
	regions     []string
	now         time.Time
}

// person takes a number, which may be of several words, an address or a user id.
func (w *wordReader) person() (identifiers []string, user tenant.UserID, ok bool) {
	first := w.words[0]
	if strings.Contains(first, "|") {
		w.words = w.words[1:]
		return nil, tenant.UserID(first), true
	}
	if to, err := address.Email(strings.Trim(first, `"<>,;`)); err == nil {
		w.words = w.words[1:]
		return []string{to}, "", true
	}
	for n := len(w.words); n > 0; n-- {
		text := strings.Trim(strings.Join(w.words[:n], " "), `"`)
		if _, err := netip.ParseAddr(text); err == nil {
			return nil, "", false
		}
		if _, err := time.Parse(time.DateOnly, text); err == nil {
			return nil, "", false
		}
		number, isNumber := address.SearchedNumber(text, w.regions)
		if !isNumber || len(number.Begins[0]) < 7 {
			continue
		}
		w.words = w.words[n:]
		all := append(number.Begins, number.Exact...)
		slices.Sort(all)
		return w.likely(slices.Compact(all)), "", true
	}
	return nil, "", false
}

// likely puts the numbers first that are of the countries people are from.
func (w *wordReader) likely(all []string) []string {
	var first, rest []string
	for _, n := range all {
		if address.InCountries(n, w.regions, false) {
			first = append(first, n)
		} else {
			rest = append(rest, n)
		}
	}
	return append(first, rest...)
}

// word takes anything else, and reports whether something can match still.
func (w *wordReader) word() bool {
	if n, id := w.clientName(); n > 0 {
		w.words = w.words[n:]
		if w.q.Client != "" && w.q.Client != id {
			return false
		}
		w.q.Client = id
		return true
	}
	word, quoted := strings.CutPrefix(w.words[0], `"`)
	w.words = w.words[1:]
	lower := strings.ToLower(word)
	if quoted {
		w.q.Words = append(w.q.Words, word)
		return true
	}
	if ip, err := netip.ParseAddr(word); err == nil {
		w.q.Texts = append(w.q.Texts, LogText{"ip", ip.String()})
		return true
	}
	if w.day(lower) || noise[lower] {
		return true
	}
	if types := typesFor(lower); types != nil {
		return w.q.narrow(types)
	}
	for _, c := range w.connections {
		if strings.EqualFold(c.Name, word) {
			if w.q.Connection != "" && w.q.Connection != string(c.ID) {
				return false
			}
			w.q.Connection = string(c.ID)
			return true
		}
	}
	w.q.Words = append(w.q.Words, word)
	return true
}

// clientName finds an application by its id, or by its name, which may be of
// several words.
func (w *wordReader) clientName() (words int, id string) {
	for n := len(w.words); n > 0; n-- {
		text := strings.Trim(strings.Join(w.words[:n], " "), `"`)
		for _, c := range w.clients {
			if string(c.ID) == text || strings.EqualFold(c.Name, text) {
				return n, string(c.ID)
			}
		}
	}
	return 0, ""
}

// day narrows the search to a day.
func (w *wordReader) day(word string) bool {
	today := w.now.UTC().Truncate(24 * time.Hour)
	switch word {
	case "today":
	case "yesterday":
		today = today.AddDate(0, 0, -1)
	default:
		day, err := time.Parse(time.DateOnly, word)
		if err != nil {
			return false
		}
		today = day
	}
	w.q.between(today, today.AddDate(0, 0, 1))
	return true
}

// typesFor are the types that a word fits, or nil if it is no word of types.
func typesFor(word string) []string {
	meant := synonyms[word]
	var types []string
	for _, t := range event.Types() {
		switch {
		case t.Type == word:
			return []string{word}
		case meant == "":
		case meant == "="+string(t.Kind) && t.Kind != event.Neutral:
			types = append(types, t.Type)
		case strings.Contains(" "+t.Tags+" ", " "+meant+" "):
			types = append(types, t.Type)
		}
	}
	return types
}

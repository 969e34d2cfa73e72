package manage

import (
	"context"
	"strings"
	"unicode"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The bounds of a search by words.
const (
	maxSearch  = 200 // bytes
	maxRegions = 8
)

// A UserFind is what somebody types who looks for a person.
type UserFind struct {
	// Text is a number in any form, the beginning of a number, an address or a
	// name, or a user id. Without one, all users are found, the newest first.
	Text string
	// Regions are where numbers without a country code are from, by ISO 3166
	// codes, beside those that connections say.
	Regions []string
	Blocked bool   // those alone who are; without a text
	Before  *Place // all users go on behind it
	Offset  int    // found ones go on from it
	Limit   int
}

// A UserSearch is a UserFind as the database is asked it.
type UserSearch struct {
	All         bool // every user, newest first
	Blocked     bool
	Before      *Place
	IDs         []tenant.UserID
	Connections []tenant.ConnectionID // whose identities are looked through
	Exact       []string              // whole identifiers
	Identifiers []string              // beginnings of identifiers
	Names       []string              // beginnings of names in lower case
	Offset      int
	Limit       int
}

// UserFound is a part of the users that were found.
type UserFound struct {
	Items []*tenant.User
	More  bool
}

// FindUsers returns users by what somebody types.
func (s *Service) FindUsers(ctx context.Context, f UserFind) (UserFound, error) {
	text := strings.TrimSpace(f.Text)
	if len(text) > maxSearch || f.Offset < 0 || f.Offset > maxReach-f.Limit {
		return UserFound{}, nil
	}
	q := UserSearch{All: text == "", Blocked: f.Blocked, Before: f.Before, Offset: f.Offset, Limit: f.Limit}
	if !q.All {
		if err := s.aim(ctx, &q, text, f.Regions); err != nil {
			return UserFound{}, err
		}
	}
	return s.Users.SearchUsers(ctx, q)
}

// aim fills in what a text can mean.
func (s *Service) aim(ctx context.Context, q *UserSearch, text string, regions []string) error {
	all, err := s.Connections.AllConnections(ctx)
	if err != nil {
		return err
	}
	regions = withDefaults(all, regions)
	only := tenant.Channel("")
	number, isNumber := address.SearchedNumber(text, regions)
	switch {
	case strings.Contains(text, "|"):
		q.IDs = []tenant.UserID{tenant.UserID(text)}
		return nil
	case isNumber:
		q.Exact, q.Identifiers, only = number.Exact, number.Begins, tenant.SMS
		q.Names = []string{text}
	default:
		q.Identifiers, only = []string{strings.ToLower(text)}, tenant.Email
		q.Names = nameForms(text)
	}
	if !strings.ContainsFunc(text, unicode.IsSpace) {
		q.IDs = []tenant.UserID{tenant.UserID("sms|" + text), tenant.UserID("email|" + text)}
	}
	for _, c := range all {
		if c.Channel == only {
			q.Connections = append(q.Connections, c.ID)
		}
	}
	return nil
}

// withDefaults adds the countries whose numbers connections take without a
// country code.
func withDefaults(all []*tenant.Connection, regions []string) []string {
	var out []string
	seen := map[string]bool{}
	add := func(r string) {
		if r = strings.ToUpper(r); len(r) == 2 && !seen[r] && len(out) < maxRegions {
			seen[r] = true
			out = append(out, r)
		}
	}
	for _, c := range all {
		add(c.DefaultCountry)
	}
	for _, r := range regions {
		add(r)
	}
	return out
}

// nameForms are how the beginning of a name may stand in the database, which
// does not know the lower case of every letter.
func nameForms(text string) []string {
	lower := strings.ToLower(text)
	forms := []string{lower}
	ascii := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII {
			return unicode.ToLower(r)
		}
		return r
	}, text)
	first, rest := []rune(lower)[:1], []rune(lower)[1:]
	title := string(append([]rune{unicode.ToUpper(first[0])}, rest...))
	for _, form := range []string{ascii, title} {
		// Of a form that differs in an ASCII letter there is none in lower case.
		if form != lower && form != forms[len(forms)-1] && !strings.ContainsFunc(form, func(r rune) bool { return r >= 'A' && r <= 'Z' }) {
			forms = append(forms, form)
		}
	}
	return forms
}

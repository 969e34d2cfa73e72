package liquid

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textFilter finds the filters that work on strings.
func textFilter(name string) (filter, bool) {
	switch name {
	case "upcase":
		return onText(3, strings.ToUpper), true
	case "downcase":
		return onText(3, strings.ToLower), true
	case "capitalize":
		return onText(3, capitalize), true
	case "strip":
		return onText(0, func(s string) string { return strings.Trim(s, spaces) }), true
	case "lstrip":
		return onText(0, func(s string) string { return strings.TrimLeft(s, spaces) }), true
	case "rstrip":
		return onText(0, func(s string) string { return strings.TrimRight(s, spaces) }), true
	case "strip_newlines":
		return onText(1, func(s string) string { return strings.NewReplacer("\r\n", "", "\n", "").Replace(s) }), true
	case "append":
		return filter{needs: 1, apply: func(r *run, in any, a *arguments) (any, error) { return r.join(in, a.at[0]) }}, true
	case "prepend":
		return filter{needs: 1, apply: func(r *run, in any, a *arguments) (any, error) { return r.join(a.at[0], in) }}, true
	case "replace":
		return replacing(every, false), true
	case "replace_first":
		return replacing(first, false), true
	case "replace_last":
		return replacing(last, false), true
	case "remove":
		return replacing(every, true), true
	case "remove_first":
		return replacing(first, true), true
	case "remove_last":
		return replacing(last, true), true
	case "truncate":
		return filter{apply: truncate}, true
	case "truncatewords":
		return filter{apply: truncateWords}, true
	case "slice":
		return filter{needs: 1, apply: slice}, true
	}
	return filter{}, false
}

func capitalize(s string) string {
	c, n := utf8.DecodeRuneInString(s)
	switch {
	case n == 0:
		return s
	case c == 'ß':
		return "Ss" + strings.ToLower(s[n:])
	}
	return string(unicode.ToTitle(c)) + strings.ToLower(s[n:])
}

func (r *run) join(a, b any) (any, error) {
	x, err := r.text(a)
	if err != nil {
		return nil, err
	}
	y, err := r.text(b)
	if err == nil {
		err = r.reserve(len(x) + len(y))
	}
	if err != nil {
		return nil, err
	}
	return x + y, nil
}

// which says which occurrences a replacement is about.
type which uint8

const (
	every which = iota
	first
	last
)

func replacing(w which, remove bool) filter {
	return filter{needs: 1, apply: func(r *run, in any, a *arguments) (any, error) {
		s, err := r.text(in)
		if err != nil {
			return nil, err
		}
		from, err := r.text(a.at[0])
		if err != nil {
			return nil, err
		}
		to := ""
		if !remove {
			if to, err = r.text(a.at[1]); err != nil {
				return nil, err
			}
		}
		return r.replace(w, s, from, to)
	}}
}

func (r *run) replace(w which, s, from, to string) (any, error) {
	if err := r.read(len(s) + len(from)); err != nil {
		return nil, err
	}
	if w == last {
		i := strings.LastIndex(s, from)
		if i < 0 {
			return s, nil
		}
		if err := r.reserve(len(s) + len(to)); err != nil {
			return nil, err
		}
		return s[:i] + to + s[i+len(from):], nil
	}
	n := strings.Count(s, from)
	limit := -1
	if w == first {
		n, limit = min(n, 1), 1
	}
	if n == 0 {
		return s, nil
	}
	if err := r.spend(n); err != nil {
		return nil, err
	}
	// Both factors are bounded by the memory already paid for, so their
	// product fits.
	if err := r.reserve(max(0, len(s)+n*(len(to)-len(from)))); err != nil {
		return nil, err
	}
	return strings.Replace(s, from, to, limit), nil
}

func truncate(r *run, in any, a *arguments) (any, error) {
	s, tail, n, err := r.truncation(in, a, 50)
	if err != nil || int64(utf8.RuneCountInString(s)) <= n {
		return s, err
	}
	keep := max(0, n-int64(utf8.RuneCountInString(tail)))
	end := len(s)
	for i := range s {
		if keep == 0 {
			end = i
			break
		}
		keep--
	}
	return s[:end] + tail, nil
}

func truncateWords(r *run, in any, a *arguments) (any, error) {
	s, tail, n, err := r.truncation(in, a, 15)
	if err != nil {
		return nil, err
	}
	if err := r.reserveList(len(s)/2 + 1); err != nil {
		return nil, err
	}
	words := strings.Fields(s)
	if n = max(n, 1); int64(len(words)) <= n {
		return s, nil
	}
	return strings.Join(words[:n], " ") + tail, nil
}

// truncation reads what truncate and truncatewords share and pays for it.
func (r *run) truncation(in any, a *arguments, standard int64) (s, tail string, n int64, err error) {
	n, tail = standard, "..."
	if a.at[0] != nil {
		var ok bool
		if n, ok = integer(a.at[0]); !ok {
			return "", "", 0, failed("invalid integer")
		}
	}
	if s, err = r.text(in); err != nil {
		return
	}
	if a.given > 1 {
		if tail, err = r.text(a.at[1]); err != nil {
			return
		}
	}
	if err = r.decode(len(s) + len(tail)); err == nil {
		err = r.reserve(len(s) + len(tail))
	}
	return
}

func slice(r *run, in any, a *arguments) (any, error) {
	offset, ok := integer(a.at[0])
	n, ok2 := int64(1), true
	if a.given > 1 {
		n, ok2 = integer(a.at[1])
	}
	if !ok || !ok2 {
		return nil, failed("invalid integer")
	}
	if list, ok := in.([]any); ok {
		from, to := bounds(offset, n, int64(len(list)))
		return list[from:to:to], nil
	}
	s, err := r.text(in)
	if err == nil {
		err = r.decode(len(s))
	}
	if err == nil {
		err = r.reserve(4 * len(s))
	}
	if err != nil {
		return nil, err
	}
	runes := []rune(s)
	from, to := bounds(offset, n, int64(len(runes)))
	return string(runes[from:to]), nil
}

// bounds is the part of 0..size that offset and count choose, without
// overflow.
func bounds(offset, n, size int64) (from, to int64) {
	if offset < 0 {
		offset += size
	}
	if offset < 0 || offset > size || n < 0 {
		return 0, 0
	}
	return offset, offset + min(n, size-offset)
}

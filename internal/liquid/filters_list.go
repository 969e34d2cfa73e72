package liquid

import (
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// listFilter finds the filters that work on lists.
func listFilter(name string) (filter, bool) {
	switch name {
	case "split":
		return filter{needs: 1, apply: split}, true
	case "join":
		return filter{apply: joinList}, true
	case "size":
		return filter{apply: size}, true
	case "first", "last":
		return filter{apply: func(r *run, in any, _ *arguments) (any, error) { return r.index(in, name) }}, true
	case "concat":
		return filter{needs: 1, apply: concat}, true
	case "map":
		return filter{needs: 1, apply: mapTo}, true
	case "where":
		return filter{needs: 1, apply: where}, true
	case "sum":
		return filter{apply: sum}, true
	case "sort":
		return sorting(false), true
	case "sort_natural":
		return sorting(true), true
	case "reverse":
		return filter{apply: func(r *run, in any, _ *arguments) (any, error) {
			list, err := r.copyList(in)
			slices.Reverse(list)
			return list, err
		}}, true
	case "compact":
		return filter{apply: func(r *run, in any, _ *arguments) (any, error) {
			list, err := r.copyList(in)
			return slices.DeleteFunc(list, func(v any) bool { return v == nil }), err
		}}, true
	case "uniq":
		return filter{apply: uniq}, true
	}
	return filter{}, false
}

// listOf is the value as a list: nil is empty, and what is no list is the only
// element of one. Ranges and maps are spelled out.
func (r *run) listOf(v any) ([]any, error) {
	switch x := v.(type) {
	case []any:
		return x, nil
	case nil:
		return nil, nil
	case interval, Map:
		all := itemsOf(x)
		if err := r.reserveList(all.n); err != nil {
			return nil, err
		}
		list := make([]any, all.n)
		for i := range list {
			list[i] = all.at(i)
		}
		return list, nil
	}
	return []any{v}, nil
}

// copyList is a list that the filter may change.
func (r *run) copyList(v any) ([]any, error) {
	list, err := r.listOf(v)
	if err == nil {
		err = r.reserveList(len(list))
	}
	if err != nil {
		return nil, err
	}
	own := make([]any, len(list))
	for i := range list {
		own[i] = normal(list[i])
	}
	return own, nil
}

func split(r *run, in any, a *arguments) (any, error) {
	s, err := r.text(in)
	if err != nil {
		return nil, err
	}
	by, err := r.text(a.at[0])
	if err == nil {
		err = r.read(len(s) + len(by))
	}
	if err != nil || s == "" {
		return []any{}, err
	}
	n := len(s)/2 + 1
	if by != " " {
		n = strings.Count(s, by) + 1
	}
	// Once for the strings found, once for the list of them.
	if err := r.reserveList(2 * n); err != nil {
		return nil, err
	}
	var parts []string
	if by == " " {
		parts = strings.Fields(s)
	} else {
		parts = strings.Split(s, by)
	}
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	list := make([]any, len(parts))
	for i, p := range parts {
		list[i] = p
	}
	return list, nil
}

func joinList(r *run, in any, a *arguments) (any, error) {
	by := " "
	list, err := r.listOf(in)
	if err == nil && a.given > 0 {
		by, err = r.text(a.at[0])
	}
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for i, v := range list {
		if err := r.spend(1); err != nil {
			return nil, err
		}
		s, err := r.text(normal(v))
		if err == nil {
			err = r.reserve(len(s) + len(by))
		}
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteString(by)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func size(r *run, in any, _ *arguments) (any, error) {
	switch x := in.(type) {
	case string:
		return int64(utf8.RuneCountInString(x)), r.decode(len(x))
	case []any:
		return int64(len(x)), nil
	case Map:
		return int64(len(x)), nil
	case interval:
		return x.size(), nil
	}
	return int64(0), nil
}

func concat(r *run, in any, a *arguments) (any, error) {
	x, err := r.listOf(in)
	if err != nil {
		return nil, err
	}
	y, err := r.listOf(a.at[0])
	if err == nil {
		err = r.reserveList(len(x) + len(y))
	}
	if err != nil {
		return nil, err
	}
	return slices.Concat(x, y), nil
}

func mapTo(r *run, in any, a *arguments) (any, error) {
	list, err := r.copyList(in)
	for i := range list {
		if list[i], err = r.index(list[i], a.at[0]); err != nil {
			return nil, err
		}
	}
	return list, err
}

func where(r *run, in any, a *arguments) (any, error) {
	list, err := r.copyList(in)
	kept := list[:0]
	for _, item := range list {
		v, err := r.index(item, a.at[0])
		if err != nil {
			return nil, err
		}
		match := truthy(v)
		if a.given > 1 {
			if match, err = r.equal(v, a.at[1]); err != nil {
				return nil, err
			}
		}
		if match {
			kept = append(kept, item)
		}
	}
	return kept, err
}

func sum(r *run, in any, a *arguments) (any, error) {
	list, err := r.listOf(in)
	if err != nil {
		return nil, err
	}
	var total any = int64(0)
	for _, item := range list {
		if err := r.spend(1); err != nil {
			return nil, err
		}
		v := normal(item)
		if a.given > 0 {
			if v, err = r.index(v, a.at[0]); err != nil {
				return nil, err
			}
		}
		if total, err = calculate('+', total, numberOf(v)); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// sortKey is what an element is ordered by. nil comes last.
type sortKey struct {
	item   any
	number float64
	text   string
	rank   int8
}

func sorting(natural bool) filter {
	return filter{apply: func(r *run, in any, a *arguments) (any, error) {
		list, err := r.copyList(in)
		if err != nil {
			return nil, err
		}
		keys := make([]sortKey, len(list))
		longest := 0
		for i, item := range list {
			by := item
			if a.given > 0 {
				if by, err = r.index(item, a.at[0]); err != nil {
					return nil, err
				}
			}
			if keys[i], err = r.sortKey(item, by, natural); err != nil {
				return nil, err
			}
			longest = max(longest, len(keys[i].text))
		}
		// A sort makes about n log n comparisons, each as long as its strings.
		if err := r.spend(len(list) * bits.Len(uint(len(list))) * (1 + longest/copyUnit)); err != nil {
			return nil, err
		}
		slices.SortStableFunc(keys, compareKeys)
		for i := range keys {
			list[i] = keys[i].item
		}
		return list, nil
	}}
}

func (r *run) sortKey(item, by any, natural bool) (sortKey, error) {
	if err := r.reserve(64); err != nil {
		return sortKey{}, err
	}
	if by == nil {
		return sortKey{item: item, rank: 2}, nil
	}
	if f, ok := number(by); ok && !natural {
		return sortKey{item: item, number: f}, nil
	}
	s, err := r.text(by)
	if err == nil && natural {
		if err = r.decode(len(s)); err == nil {
			err = r.reserve(3 * len(s))
		}
		s = strings.ToLower(s)
	}
	return sortKey{item: item, text: s, rank: 1}, err
}

func compareKeys(a, b sortKey) int {
	switch {
	case a.rank != b.rank:
		return int(a.rank) - int(b.rank)
	case a.number < b.number:
		return -1
	case a.number > b.number:
		return 1
	}
	return strings.Compare(a.text, b.text)
}

func uniq(r *run, in any, _ *arguments) (any, error) {
	list, err := r.copyList(in)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, min(len(list), 64))
	kept := list[:0]
	for _, v := range list {
		s, err := r.text(v)
		if err == nil {
			err = r.reserve(len(s) + 64)
		}
		if err != nil {
			return nil, err
		}
		key := kindName(v) + s
		if !seen[key] {
			seen[key] = true
			kept = append(kept, v)
		}
	}
	return kept, nil
}

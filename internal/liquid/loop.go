package liquid

import "strconv"

// loop is for and tablerow.
type loop struct {
	name            string
	list            expression
	limit, offset   expression
	columns         expression
	reversed, goOn  bool
	table           bool
	key             string // what "offset: continue" remembers its place by
	body, otherwise block
}

// loopState is what a template sees as forloop or tablerowloop.
type loopState struct {
	name          string
	index, length int
	columns       int
	parent        *loopState
	forTable      bool
}

// Field answers forloop.index and its like.
func (l *loopState) Field(name string) (any, bool) {
	switch name {
	case "index":
		return int64(l.index + 1), true
	case "index0":
		return int64(l.index), true
	case "rindex":
		return int64(l.length - l.index), true
	case "rindex0":
		return int64(l.length - l.index - 1), true
	case "length":
		return int64(l.length), true
	case "first":
		return l.index == 0, true
	case "last":
		return l.index == l.length-1, true
	case "parentloop":
		if l.parent == nil {
			return nil, true
		}
		return l.parent, true
	}
	if l.forTable {
		return l.cell(name)
	}
	return nil, false
}

// cell answers the names only tablerowloop has.
func (l *loopState) cell(name string) (any, bool) {
	col := l.index % l.columns
	switch name {
	case "col":
		return int64(col + 1), true
	case "col0":
		return int64(col), true
	case "col_first":
		return col == 0, true
	case "col_last":
		return col == l.columns-1 || l.index == l.length-1, true
	case "row":
		return int64(l.index/l.columns + 1), true
	}
	return nil, false
}

func (l *loop) stateName() string {
	if l.table {
		return "tablerowloop"
	}
	return "forloop"
}

// items is a collection seen by position.
type items struct {
	n  int
	at func(int) any
}

func itemsOf(v any) items {
	switch x := plain(v).(type) {
	case interval:
		return items{int(x.size()), func(i int) any { return x.from + int64(i) }}
	case []any:
		return items{len(x), func(i int) any { return normal(x[i]) }}
	case Map:
		return items{len(x), func(i int) any { return []any{x[i].Name, normal(x[i].Value)} }}
	case string:
		if x != "" {
			return items{1, func(int) any { return x }}
		}
	}
	return items{}
}

// maxCount bounds limit and offset, so that adding them cannot overflow.
const maxCount = 1 << 30

func (l *loop) count(r *run, e expression, missing int) (int, error) {
	if e == nil {
		return missing, nil
	}
	v, err := e.eval(r)
	if err != nil || v == nil {
		return missing, err
	}
	n, ok := integer(v)
	if !ok {
		return 0, failed("invalid integer")
	}
	return int(max(0, min(n, maxCount))), nil
}

func (l *loop) render(r *run) error {
	v, err := l.list.eval(r)
	if err != nil {
		return err
	}
	offset, err := l.count(r, l.offset, 0)
	if err != nil {
		return err
	}
	if l.goOn {
		offset = r.offsets[l.key]
	}
	limit, err := l.count(r, l.limit, maxCount)
	if err != nil {
		return err
	}
	all := itemsOf(v)
	from := min(offset, all.n)
	to := min(all.n, from+limit)
	if r.offsets == nil {
		r.offsets = map[string]int{}
	}
	r.offsets[l.key] = to
	if from >= to {
		if l.table {
			return r.writeText("<tr class=\"row1\">\n</tr>\n")
		}
		return r.block(l.otherwise)
	}
	return l.turns(r, all, from, to)
}

func (l *loop) turns(r *run, all items, from, to int) error {
	state := &loopState{name: l.stateName(), length: to - from, forTable: l.table}
	if outer, ok := r.lookup("forloop").(*loopState); ok {
		state.parent = outer
	}
	var err error
	if state.columns, err = l.count(r, l.columns, state.length); err != nil {
		return err
	}
	state.columns = max(state.columns, 1)
	r.scopes = append(r.scopes, scope{name: l.name, loop: state})
	depth := len(r.scopes)
	defer func() { r.scopes = r.scopes[:depth-1] }()
	if l.table {
		if err := r.writeText("<tr class=\"row1\">\n"); err != nil {
			return err
		}
	}
	for state.index = 0; state.index < state.length; state.index++ {
		if err := r.spend(1); err != nil {
			return err
		}
		at := from + state.index
		if l.reversed {
			at = to - 1 - state.index
		}
		r.scopes[depth-1].item = all.at(at)
		if err := l.turn(r, state); err != nil {
			return err
		}
		left := r.leaving
		r.leaving = staying
		if left == breaking {
			break
		}
	}
	if l.table {
		return r.writeText("</tr>\n")
	}
	return nil
}

func (l *loop) turn(r *run, state *loopState) error {
	if !l.table {
		return r.block(l.body)
	}
	col := state.index % state.columns
	if err := r.writeText(`<td class="col` + strconv.Itoa(col+1) + `">`); err != nil {
		return err
	}
	if err := r.block(l.body); err != nil {
		return err
	}
	if err := r.writeText("</td>"); err != nil {
		return err
	}
	if col == state.columns-1 && state.index != state.length-1 {
		row := state.index/state.columns + 2
		return r.writeText("</tr>\n<tr class=\"row" + strconv.Itoa(row) + `">`)
	}
	return nil
}

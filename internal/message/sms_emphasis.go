package message

import "unicode"

// marks is a run of stars or underscores that may open or close emphasis
// (CommonMark 0.31 §6.2).
type marks struct {
	at, left    int // first byte still unused, and how many
	length      int // of the whole run
	char        byte
	opens, ends bool
}

// emphasis drops pairs of marks. It is the algorithm of the CommonMark
// appendix with its lower bounds for searches, which keep it linear.
func (s *stripper) emphasis(start, end int) {
	runs := s.markRuns(start, end)
	// stack holds the indexes of runs that may still open emphasis; bottom
	// says, by kind of closing run, below which height of the stack no opener
	// for it is left.
	var stack []int
	bottom := map[marksKind]int{}
	for c := range runs {
		closer := &runs[c]
		for closer.ends && closer.left > 0 {
			kind := closer.kind()
			found := -1
			for i := len(stack) - 1; i >= min(bottom[kind], len(stack)); i-- {
				if o := &runs[stack[i]]; o.char == closer.char && o.left > 0 && matches(o, closer) {
					found = i
					break
				}
			}
			if found < 0 {
				bottom[kind] = len(stack)
				break
			}
			opener := &runs[stack[found]]
			n := 1
			if opener.left >= 2 && closer.left >= 2 {
				n = 2
			}
			s.set(opener.at+opener.left-n, opener.at+opener.left, dropped)
			s.set(closer.at, closer.at+n, dropped)
			opener.left -= n
			closer.at, closer.left = closer.at+n, closer.left-n
			stack = stack[:found+1] // what lies between can match nothing any more
			if opener.left == 0 {
				stack = stack[:found]
			}
			for k, b := range bottom {
				bottom[k] = min(b, len(stack))
			}
		}
		if closer.opens && closer.left > 0 {
			stack = append(stack, c)
		}
	}
}

// marksKind is what decides which openers a closing run can match.
type marksKind struct {
	char   byte
	opens  bool
	length int
}

func (m *marks) kind() marksKind { return marksKind{m.char, m.opens, m.length % 3} }

// matches applies the rule of three: where a run can both open and close, the
// lengths must not add up to a multiple of three unless both are one.
func matches(o, c *marks) bool {
	if (o.opens && o.ends || c.opens && c.ends) && (o.length+c.length)%3 == 0 {
		return o.length%3 == 0 && c.length%3 == 0
	}
	return true
}

// markRuns finds the runs that can take part in emphasis.
func (s *stripper) markRuns(start, end int) []marks {
	var runs []marks
	for i := start; i < end; i++ {
		c := s.text[i]
		if c == '\\' && s.fate[i] == open {
			i++ // an escaped character is no mark
			continue
		}
		if !s.is(i, end, '*') && !s.is(i, end, '_') {
			continue
		}
		n := s.run(i, end, c)
		before, after := s.around(i, n, start, end)
		left := !unicode.IsSpace(after) && (!isPunctuation(after) || unicode.IsSpace(before) || isPunctuation(before))
		right := !unicode.IsSpace(before) && (!isPunctuation(before) || unicode.IsSpace(after) || isPunctuation(after))
		m := marks{at: i, left: n, length: n, char: c, opens: left, ends: right}
		if c == '_' { // not inside words
			m.opens = left && (!right || isPunctuation(before))
			m.ends = right && (!left || isPunctuation(after))
		}
		if m.opens || m.ends {
			runs = append(runs, m)
		}
		i += n - 1
	}
	return runs
}

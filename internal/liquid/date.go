package liquid

import (
	"strconv"
	"strings"
	"time"
)

// dateFilter formats a time as Ruby's strftime does. What is no time, and any
// time without a format, stays as it is.
func dateFilter(r *run, in any, a *arguments) (any, error) {
	format, err := r.text(a.at[0])
	if err != nil {
		return nil, err
	}
	t, ok := r.timeOf(in)
	if !ok || format == "" {
		return in, nil
	}
	if err := r.decode(8 * len(format)); err != nil {
		return nil, err
	}
	// The longest item, a full date, takes two bytes of format.
	if err := r.reserve(16*len(format) + maxDateWidth*strings.Count(format, "%")); err != nil {
		return nil, err
	}
	return strftime(t, format), nil
}

// timeOf reads a time from seconds since 1970, from text, or from the words
// now and today. Text without a zone is UTC.
func (r *run) timeOf(v any) (time.Time, bool) {
	switch x := v.(type) {
	case time.Time:
		return x, true
	case int64:
		return unixTime(x)
	case float64:
		return unixTime(truncated(x))
	case string:
		x = strings.Trim(x, spaces)
		if len(x) > 64 {
			return time.Time{}, false
		}
		if x == "now" || x == "today" {
			return r.options.Now, !r.options.Now.IsZero()
		}
		if n, err := strconv.ParseInt(x, 10, 64); err == nil {
			return unixTime(n)
		}
		return parseTime(x)
	}
	return time.Time{}, false
}

// unixTime takes the years 0 to 9999 only: others print in unexpected widths.
func unixTime(seconds int64) (time.Time, bool) {
	const year0, year10000 = -62167219200, 253402300800
	return time.Unix(seconds, 0).UTC(), seconds >= year0 && seconds < year10000
}

func parseTime(s string) (time.Time, bool) {
	for _, layout := range [...]string{
		time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05",
		"2006-01-02T15:04:05", "2006-01-02T15:04:05-0700", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
		"2006/01/02", "2006/01/02 15:04:05", "Jan 2, 2006", "January 2, 2006", "2 Jan 2006", "2 January 2006",
		time.RFC1123Z, time.RFC1123, time.UnixDate, time.RubyDate, time.ANSIC,
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// maxDateWidth bounds what a template may ask an item to be padded to.
const maxDateWidth = 32

// directive is one "%…" of a format: its flags, width and letter.
type directive struct {
	pad    byte // 0 as usual, '-' none, '_' spaces, '0' zeros
	upper  bool
	swap   bool
	colons int
	width  int
	letter byte
}

func strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); {
		if format[i] != '%' {
			b.WriteByte(format[i])
			i++
			continue
		}
		d, n := readDirective(format[i+1:])
		s, ok := d.format(t)
		if !ok {
			s = format[i : i+1+n] // Ruby prints what it does not know
		}
		b.WriteString(s)
		i += 1 + n
	}
	return b.String()
}

// readDirective reads what follows a "%" and how long it is.
func readDirective(s string) (d directive, n int) {
	for ; n < len(s); n++ {
		switch c := s[n]; {
		case c == '-' || c == '_' || c == '0' && d.width == 0:
			d.pad = c
		case c == '^':
			d.upper = true
		case c == '#':
			d.swap = true
		case c == ':' && d.colons < 2:
			d.colons++
		case isDigit(c):
			d.width = min(d.width*10+int(c-'0'), maxDateWidth)
		default:
			d.letter = c
			return d, n + 1
		}
	}
	return d, n
}

func (d directive) format(t time.Time) (string, bool) {
	if value, width, filler, ok := numeric(t, d.letter); ok {
		return d.padded(strconv.FormatInt(value, 10), width, filler), true
	}
	s, ok := d.word(t)
	if !ok {
		return "", false
	}
	if d.upper || d.swap && d.letter != 'p' {
		s = strings.ToUpper(s)
	}
	if d.swap && d.letter == 'p' {
		s = strings.ToLower(s)
	}
	return d.padded(s, 0, ' '), true
}

func (d directive) padded(s string, width int, filler byte) string {
	switch d.pad {
	case '-':
		return s
	case '_':
		filler = ' '
	case '0':
		filler = '0'
	}
	if d.width > 0 {
		width = d.width
	}
	if missing := width - len(s); missing > 0 {
		return strings.Repeat(string(filler), missing) + s
	}
	return s
}

// numeric answers the letters that print a number, with its usual width and
// filler.
func numeric(t time.Time, letter byte) (value int64, width int, filler byte, ok bool) {
	isoYear, isoWeek := t.ISOWeek()
	day, weekday := t.YearDay(), int(t.Weekday())
	n, width, filler := 0, 2, byte('0')
	switch letter {
	case 'Y':
		n, width = t.Year(), 4
	case 'C':
		n = t.Year() / 100
	case 'y':
		n = t.Year() % 100
	case 'G':
		n, width = isoYear, 4
	case 'g':
		n = isoYear % 100
	case 'm':
		n = int(t.Month())
	case 'd':
		n = t.Day()
	case 'e':
		n, filler = t.Day(), ' '
	case 'j':
		n, width = day, 3
	case 'H':
		n = t.Hour()
	case 'k':
		n, filler = t.Hour(), ' '
	case 'I':
		n = (t.Hour()+11)%12 + 1
	case 'l':
		n, filler = (t.Hour()+11)%12+1, ' '
	case 'M':
		n = t.Minute()
	case 'S':
		n = t.Second()
	case 's':
		return t.Unix(), 1, '0', true
	case 'u':
		n, width = (weekday+6)%7+1, 1
	case 'w':
		n, width = weekday, 1
	case 'V':
		n = isoWeek
	case 'U':
		n = (day + 6 - weekday) / 7
	case 'W':
		n = (day + 6 - (weekday+6)%7) / 7
	default:
		return 0, 0, 0, false
	}
	return int64(n), width, filler, true
}

// word answers the letters that print text, some of them whole formats.
func (d directive) word(t time.Time) (string, bool) {
	switch d.letter {
	case 'a':
		return t.Format("Mon"), true
	case 'A':
		return t.Format("Monday"), true
	case 'b', 'h':
		return t.Format("Jan"), true
	case 'B':
		return t.Format("January"), true
	case 'p':
		return t.Format("PM"), true
	case 'P':
		return t.Format("pm"), true
	case 'Z':
		return t.Format("MST"), true
	case 'z':
		return t.Format([...]string{"-0700", "-07:00", "-07:00:00"}[d.colons]), true
	case 'L':
		return t.Format(".000")[1:], true
	case 'N':
		return t.Format(".000000000")[1:], true
	case '%':
		return "%", true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case 'F':
		return t.Format("2006-01-02"), true
	case 'T', 'X':
		return t.Format("15:04:05"), true
	case 'D', 'x':
		return t.Format("01/02/06"), true
	case 'R':
		return t.Format("15:04"), true
	case 'r':
		return t.Format("03:04:05 PM"), true
	case 'c':
		return t.Format("Mon Jan _2 15:04:05 2006"), true
	case 'v':
		return strings.ToUpper(t.Format("_2-Jan-2006")), true
	}
	return "", false
}

package observe

import (
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// lines writes one line at a time.
type lines struct {
	json bool

	mu  sync.Mutex
	w   io.Writer
	buf []byte
}

// Write writes a line that slog has made.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}

// harmless reports whether a record can be written without masking or escaping
// anything: all its values are numbers or plain text, under harmless names.
func harmless(r slog.Record) bool {
	ok := literal(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		switch a.Value.Kind() {
		case slog.KindString:
			ok = ok && literal(a.Value.String())
		case slog.KindInt64, slog.KindUint64, slog.KindBool:
		default:
			ok = false
		}
		ok = ok && literal(a.Key) && !sensitive(a.Key)
		return ok
	})
	return ok
}

// literal reports whether s is plain and stands for itself between quotes.
func literal(s string) bool {
	if len(s) > maxField {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\', '+', '@', '%', 0x7f:
			return false
		case 'e':
			if strings.HasPrefix(s[i:], "eyJ") {
				return false
			}
		default:
			if c < ' ' || c > 0x7f {
				return false
			}
		}
	}
	return true
}

// record writes a harmless record as slog's handlers would.
func (l *lines) record(r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = l.buf[:0]
	if !r.Time.IsZero() {
		l.key(slog.TimeKey)
		l.time(r.Time)
	}
	l.key(slog.LevelKey)
	l.text(r.Level.String())
	l.key(slog.MessageKey)
	l.text(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		l.key(a.Key)
		switch a.Value.Kind() {
		case slog.KindInt64:
			l.buf = strconv.AppendInt(l.buf, a.Value.Int64(), 10)
		case slog.KindUint64:
			l.buf = strconv.AppendUint(l.buf, a.Value.Uint64(), 10)
		case slog.KindBool:
			l.buf = strconv.AppendBool(l.buf, a.Value.Bool())
		default:
			l.text(a.Value.String())
		}
		return true
	})
	if l.json {
		l.buf = append(l.buf, '}')
	}
	l.buf = append(l.buf, '\n')
	_, err := l.w.Write(l.buf)
	return err
}

// key begins an attribute.
func (l *lines) key(name string) {
	switch {
	case !l.json && len(l.buf) > 0:
		l.buf = append(l.buf, ' ')
	case l.json && len(l.buf) > 0:
		l.buf = append(l.buf, ',')
	case l.json:
		l.buf = append(l.buf, '{')
	}
	l.text(name)
	if l.json {
		l.buf = append(l.buf, ':')
	} else {
		l.buf = append(l.buf, '=')
	}
}

// text writes literal text, with quotes where the format has them.
func (l *lines) text(s string) {
	if !l.json && s != "" && !strings.ContainsAny(s, " =") {
		l.buf = append(l.buf, s...)
		return
	}
	l.buf = append(l.buf, '"')
	l.buf = append(l.buf, s...)
	l.buf = append(l.buf, '"')
}

// time writes a time, which is in UTC and has no more than microseconds.
func (l *lines) time(t time.Time) {
	if l.json {
		l.buf = append(l.buf, '"')
		l.buf = t.AppendFormat(l.buf, time.RFC3339Nano)
		l.buf = append(l.buf, '"')
		return
	}
	l.buf = t.AppendFormat(l.buf, time.RFC3339)
	milli := t.Nanosecond() / 1e6
	l.buf = append(l.buf[:len(l.buf)-1], '.', '0'+byte(milli/100), '0'+byte(milli/10%10), '0'+byte(milli%10), 'Z')
}

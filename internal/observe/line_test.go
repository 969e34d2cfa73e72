package observe

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"
)

// Which way a record is written cannot be seen from the line.
func TestBothWaysAreEqual(t *testing.T) {
	for _, format := range []Format{Text, JSON} {
		for _, at := range []time.Time{
			{},
			time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 60_123_456, time.UTC),
			time.Date(2026, 12, 31, 23, 59, 59, 999_999_999, time.FixedZone("x", 3600)),
		} {
			for _, text := range []string{"", "x", "two words", "a=b", "<b>&'", "POST /x/{id}", "~!#$^*()[]:;,.?|`"} {
				r := slog.NewRecord(at, slog.LevelWarn+1, text, 0)
				r.AddAttrs(slog.String("s", text), slog.Int("status", -200), slog.Uint64("u", 1<<63), slog.Bool("b", true), slog.String(text, "x"))
				if !harmless(r) {
					t.Fatalf("%q is not harmless", text)
				}
				var quick, slow bytes.Buffer
				_ = NewHandler(&quick, format, slog.LevelInfo).Handle(context.Background(), r)
				h := NewHandler(&slow, format, slog.LevelInfo).(handler)
				h.out = nil
				_ = h.Handle(context.Background(), r)
				if quick.String() != slow.String() {
					t.Errorf("\ngot  %swant %s", &quick, &slow)
				}
			}
		}
	}
}

func TestHarmless(t *testing.T) {
	for _, a := range []slog.Attr{
		slog.String("code", "x"), slog.Int("code", 1), slog.String("s", `"`), slog.String("s", `\`), slog.String("s", "\n"),
		slog.String("s", "é"), slog.String("s", "+31612345623"), slog.Any("s", "x"), slog.Any("s", nil), slog.Float64("s", 1),
		slog.Group("token", "s", "x"), slog.String("a\nb", "x"), slog.String("s", "\x7f"),
	} {
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
		r.AddAttrs(a)
		if want := a.Value.Kind() == slog.KindString && a.Value.String() == "x" && a.Key == "s"; harmless(r) != want {
			t.Errorf("harmless(%v) = %v", a, !want)
		}
	}
}

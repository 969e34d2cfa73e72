package load

import (
	"fmt"
	"strings"
	"time"
)

// A row is one target and the figure beside it.
type row struct {
	target string
	what   string
	limit  string
	figure string
	met    bool
}

// A report is the targets of one database.
type report struct {
	database string
	rows     []row
	loops    []string
}

// atMost adds a figure that must not be above the limit.
func (r *report) atMost(target, what string, figure, limit float64, unit string) {
	r.rows = append(r.rows, row{
		target, what, fmt.Sprintf("≤ %g %s", limit, unit), fmt.Sprintf("%.*f %s", digits(figure), figure, unit), figure <= limit,
	})
}

// atLeast adds a figure that must not be below the limit.
func (r *report) atLeast(target, what string, figure, limit float64, unit string) {
	r.rows = append(r.rows, row{
		target, what, fmt.Sprintf("≥ %g %s", limit, unit), fmt.Sprintf("%.*f %s", digits(figure), figure, unit), figure >= limit,
	})
}

// tell adds a figure that has no limit.
func (r *report) tell(target, what string, figure float64, unit string) {
	r.rows = append(r.rows, row{target, what, "", fmt.Sprintf("%.*f %s", digits(figure), figure, unit), true})
}

func digits(figure float64) int {
	if figure < 10 {
		return 2
	}
	return 0
}

// loop adds what a loop has measured.
func (r *report) loop(what string, callers int, l result) {
	r.loops = append(r.loops, fmt.Sprintf("%-26s %3d callers  %7.0f µs server %6.0f µs database  %6.0f/s  p50 %6.2f ms  p99 %6.2f ms  %d requests",
		what, callers, l.serverEach(), l.databaseEach(), l.rate(), millis(l.at(0.5)), millis(l.at(0.99)), l.requests))
}

// String is the report as a table.
func (r *report) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", r.database)
	for _, l := range r.loops {
		fmt.Fprintf(&text, "  %s\n", l)
	}
	fmt.Fprintf(&text, "\n  %-6s %-58s %14s %14s\n", "target", "what", "limit", "measured")
	for _, row := range r.rows {
		missed := ""
		if !row.met {
			missed = "  MISSED"
		}
		fmt.Fprintf(&text, "  %-6s %-58s %14s %14s%s\n", row.target, row.what, row.limit, row.figure, missed)
	}
	return text.String()
}

// short is the report in one line.
func (r *report) short() string {
	var parts []string
	for _, row := range r.rows {
		missed := ""
		if !row.met {
			missed = " (missed)"
		}
		parts = append(parts, fmt.Sprintf("%s %s %s%s", row.target, row.what, row.figure, missed))
	}
	return r.database + ": " + strings.Join(parts, ", ")
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

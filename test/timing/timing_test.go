package timing

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/test/internal/database"
)

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

// settingsFile has a connection without sign-ups beside the ready-made one.
const settingsFile = `
connections:
  - name: closed
    strategy: sms
    enabled_clients: ["My app"]
    options: {name: closed, template: "Your code is @@password@@", disable_signup: true}
`

// pause is how long after an answer the next start is: whatever was left for
// after the answer is over by then, as it is for somebody who measures with care.
const pause = 4 * time.Millisecond

// maxDifference is what the medians of two kinds of people may differ by.
const maxDifference = 50 * time.Microsecond

// long reports whether the suite is run for figures, by test/long timing.
func long() bool { return os.Getenv("DOORCODE_TEST_LONG") == "timing" }

// pairs is how many starts of each kind are measured.
func pairs(t *testing.T) int {
	if !long() {
		return 5 // just enough to see that every start is answered
	}
	return binary.Count(t, "DOORCODE_TEST_PAIRS", 2000)
}

// ENU-02: the median times of starts differ by no more than 50 µs, whoever they
// are for. A difference fails the test if it is certain: if all of its interval
// of 95 % is beyond that. In short runs nothing is.
func TestENU02Timing(t *testing.T) {
	n := pairs(t)
	database.Each(t, func(t *testing.T, db *database.Database) {
		run, before := binary.New(t), load()
		server := run.Start(append(db.Flags, "--limits", "off", "--config", run.File("timing.yaml", settingsFile))...)
		var figures []string
		for _, connection := range []string{"closed", "sms"} {
			people := prepare(t, run, server, connection, min(n, 50))
			times := measure(t, server.App(), people, n)
			for _, kind := range []string{"unknown", "blocked"} {
				d := compare(times["known"], times[kind])
				figures = append(figures, fmt.Sprintf("%s, %s to known %v", connection, kind, d))
				if long() && d.least() > maxDifference {
					t.Errorf("%s, %s: the median time of a start differs by %v from that for known people, want at most %v", connection, kind, d, maxDifference)
				}
			}
			figures = append(figures, fmt.Sprintf("%s, known %s", connection, micros(median(times["known"]))))
		}
		t.Logf("measured: %s, differences of medians with intervals of 95 %%: %s (load average of the machine %s before it)", db.Name, strings.Join(figures, ", "), before)
	})
}

// kinds are who a start may be for.
var kinds = []string{"known", "unknown", "blocked"}

// prepare makes people, each of each kind, and has all of them asked for a code
// once, so that the starts that are measured find a code.
func prepare(t *testing.T, run *binary.Run, server *binary.Server, connection string, each int) map[string][]binary.Start {
	t.Helper()
	manager := server.Manage(t.Context())
	people := map[string][]binary.Start{}
	for range each {
		for _, kind := range kinds {
			to := binary.Start{To: run.Phone(), Connection: connection}
			people[kind] = append(people[kind], to)
			if kind != "unknown" {
				manager.Must(t.Context(), http.MethodPost, "/api/v2/users", map[string]any{
					"connection": connection, "phone_number": to.To, "blocked": kind == "blocked",
				}, nil)
			}
		}
	}
	measure(t, server.App(), people, each)
	return people
}

// measure has codes sent to people of all kinds, n of each, and returns how long
// the answers took.
func measure(t *testing.T, app *binary.App, people map[string][]binary.Start, n int) map[string][]time.Duration {
	t.Helper()
	// In a round of each kind in turn a start for somebody known would never come
	// right after another one, and what is sent keeps the server warm for the next.
	var order []string
	for range n {
		order = append(order, kinds...)
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	times := map[string][]time.Duration{}
	for _, kind := range order {
		sent := time.Now()
		a := app.Start(t.Context(), people[kind][len(times[kind])%len(people[kind])])
		times[kind] = append(times[kind], time.Since(sent))
		if !a.OK() {
			t.Fatalf("a start for somebody %s: %v", kind, a)
		}
		time.Sleep(pause)
	}
	return times
}

// load says how many processes have wanted to run in the last minute.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

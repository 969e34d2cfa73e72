package guesses

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/test/internal/database"
)

// BRU-05, BRU-06: fifty starts of one address, however many processes it asks
// at the same moment, and not one more after these were killed.
func TestBRU05StartsOfAnAddress(t *testing.T) {
	database.Each(t, func(t *testing.T, db *database.Database) {
		run := binary.New(t)
		flags := append(db.Flags, "--limits", "strict")
		servers := []*binary.Server{run.Start(flags...)}
		if db.Name != "SQLite" {
			servers = append(servers, run.Start(flags...))
		}
		began := time.Now()
		ask := func(s *binary.Server) binary.Answer {
			return s.Native().Start(t.Context(), binary.Start{To: run.Phone()})
		}
		var taken, refused atomic.Int32
		var wg sync.WaitGroup
		for _, s := range servers {
			for range 200 {
				wg.Go(func() {
					switch a := ask(s); {
					case a.OK():
						taken.Add(1)
					case a.Status == 429 && a.Error == "too_many_requests" && a.Header.Get("Retry-After") != "":
						refused.Add(1)
					default:
						t.Errorf("a start gave %v", a)
					}
				})
			}
		}
		wg.Wait()
		for _, s := range servers {
			s.Kill()
			s.Restart()
			if a := ask(s); a.OK() {
				taken.Add(1)
			}
		}
		// One comes back every 72 seconds.
		most := 50 + int32(time.Since(began)/(72*time.Second))
		if n := taken.Load(); n < 50 || n > most {
			t.Errorf("%d starts were taken, want 50 (%d at most in %v)", n, most, time.Since(began))
		}
		if n := refused.Load(); int(n) < 200*len(servers)-int(most) {
			t.Errorf("%d starts were refused", n)
		}
	})
}

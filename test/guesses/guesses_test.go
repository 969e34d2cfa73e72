// Package guesses attacks one person's number at running servers, from a new
// address for each guess, while the servers are restarted and killed: two
// processes that share a PostgreSQL database, and one process on SQLite.
//
// DOORCODE_TEST_GUESSES says how many guesses there are.
package guesses

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
	"github.com/doorcode/doorcode/test/internal/database"
)

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

// An attack is one test: the servers, the applications of the attacker, and
// what was answered so far.
type attack struct {
	*testing.T
	*binary.Run
	servers []*binary.Server
	apps    []*binary.App
	inbox   *binary.Inbox
	victim  string
	codes   map[string]string // the right ones, by application

	mu      sync.Mutex
	guesses int // also the source of addresses
	wrong   int // guesses that were judged
	refused int
	cut     int // by the end of a server
}

// apps is how many codes are open at once: two guesses at each are more than
// there are tries.
const apps = 12

// BRU-01, BRU-05, BRU-06, R4: of all the guesses ten are judged, whatever
// addresses they come from, however many processes there are, and however often
// these end. BRU-08: their owner signs in before, after, and from a new browser.
func TestBRU01TenThousandGuesses(t *testing.T) {
	database.Each(t, func(t *testing.T, db *database.Database) {
		total, began := binary.Count(t, "DOORCODE_TEST_GUESSES", 400), time.Now()
		a := begin(t, db)
		// The login pages ask for a number that can be.
		a.victim = fmt.Sprintf("+447700%06d", 900000+os.Getpid()%1000)
		a.Note(a.victim)
		known := a.browser()
		a.signIn(known, 6)
		a.ask()
		a.guess(4, false)
		a.restart(true)
		a.guess(3, false)
		a.restart(false)
		if a.wrong != 7 {
			t.Fatalf("%d of seven guesses were judged", a.wrong)
		}
		a.guess((total-7)/2, true)
		a.guess(total-a.guesses, false)
		if a.wrong != 10 {
			t.Errorf("%d guesses were judged, want 10 (%d had no answer)", a.wrong, a.cut)
		}
		a.afterwards()
		a.signIn(known, 6)
		a.signIn(a.browser(), 10)
		t.Logf("measured: %s, processes: %d, %d guesses from as many addresses, %d judged, %d refused, %d cut off, 3 restarts, in %.1f s",
			db.Name, len(a.servers), a.guesses, a.wrong, a.refused, a.cut, time.Since(began).Seconds())
	})
}

// begin starts the servers, and has codes sent to the victim.
func begin(t *testing.T, db *database.Database) *attack {
	a := &attack{T: t, Run: binary.New(t), codes: map[string]string{}}
	flags := append(db.Flags, "--limits", "strict", "--trusted-proxies", "127.0.0.0/8,::1/128")
	a.servers = append(a.servers, a.Start(flags...))
	if db.Name != "SQLite" {
		a.servers = append(a.servers, a.Start(flags...))
	}
	a.inbox = a.Inbox(a.servers...)
	manager := a.servers[0].Manage(a.ctx())
	sms := manager.Connection(a.ctx(), "sms")
	for i := range apps {
		app := manager.NewApp(a.ctx(), fmt.Sprintf("guesses %d", i), sms, map[string]any{
			"app_type": "native", "token_endpoint_auth_method": "none",
		})
		a.apps = append(a.apps, &binary.App{Server: app.Server, ID: app.ID})
	}
	time.Sleep(time.Second) // the other process has seen them by then
	return a
}

// ask has a code sent to the victim for each of the attacker's applications.
func (a *attack) ask() {
	before := len(a.inbox.To(a.victim))
	for i, app := range a.apps {
		if got := app.Start(a.ctx(), binary.Start{To: a.victim, From: address(1_000_000 + i)}); !got.OK() {
			a.Fatalf("start: %v", got)
		}
	}
	for i := range apps {
		m, err := a.inbox.Wait(a.ctx(), a.victim, before+i)
		if err != nil {
			a.Fatal(err)
		}
		a.codes[m.ClientID] = m.Code
	}
}

// browser is a new browser at the first server.
func (a *attack) browser() *textbrowser.Browser {
	return textbrowser.New(http.DefaultTransport, func(u *url.URL) bool { return u.Scheme+"://"+u.Host != a.servers[0].URL })
}

// signIn signs the victim in on the login pages, with a code of so many digits.
func (a *attack) signIn(b *textbrowser.Browser, digits int) {
	a.Helper()
	s := a.servers[0]
	page, err := b.Get(a.ctx(), s.URL+"/authorize?"+url.Values{
		"client_id": {s.ClientID}, "redirect_uri": {"http://localhost:3000/callback"}, "response_type": {"code"},
		"scope": {"openid"}, "state": {"s"}, "prompt": {"login"}, "connection": {"sms"},
	}.Encode())
	if err != nil {
		a.Fatal(err)
	}
	before := len(a.inbox.To(a.victim))
	if page, err = b.Submit(a.ctx(), page.Form("username").Set("username", a.victim)); err != nil {
		a.Fatal(err)
	}
	m, err := a.inbox.Wait(a.ctx(), a.victim, before)
	if err != nil {
		a.Fatalf("%v; the page says:\n%s", err, page.Text())
	}
	if len(m.Code) != digits {
		a.Errorf("the owner got a code of %d digits, want %d", len(m.Code), digits)
	}
	if page, err = b.Submit(a.ctx(), page.Form("code").Set("code", m.Code).Press("default")); err != nil {
		a.Fatal(err)
	}
	if page.Left == nil || page.Left.URL.Query().Get("code") == "" {
		a.Errorf("the owner was not let in:\n%s", page.Text())
	}
}

func (a *attack) ctx() context.Context {
	ctx, cancel := context.WithTimeout(a.Context(), time.Minute)
	a.Cleanup(cancel)
	return ctx
}

// address is the nth address of the attacker's.
func address(n int) string { return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255) }

// guess makes n guesses, many at the same moment, and kills and restarts the
// servers meanwhile if it is told to.
func (a *attack) guess(n int, kill bool) {
	work := make(chan int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := range work {
				a.note(a.one(i))
			}
		})
	}
	for i := range n {
		if kill && i == n/2 {
			a.restart(true)
		}
		work <- a.guesses + i
	}
	close(work)
	wg.Wait()
	a.guesses += n
}

// one is a guess at the code of one application, at one server.
func (a *attack) one(i int) binary.Answer {
	app := a.apps[i%apps].On(a.servers[i/apps%len(a.servers)])
	digits := []byte(a.codes[app.ID])
	digits[len(digits)-1] = '0' + (digits[len(digits)-1]-'0'+1+byte(i/apps)%9)%10
	return app.Token(a.ctx(), binary.Code{To: a.victim, Code: string(digits), From: address(i)})
}

func (a *attack) note(got binary.Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case got.Err != nil:
		a.cut++
	case got.Wrong():
		a.wrong++
	case got.NoTries():
		a.refused++
	default:
		a.Errorf("a guess gave %v", got)
	}
}

func (a *attack) restart(kill bool) {
	for _, s := range a.servers {
		if kill {
			s.Kill()
		} else {
			s.Stop()
		}
		s.Restart()
		a.inbox.Follow(s)
	}
}

// afterwards tries the right codes, which are refused, and signs somebody else
// in.
func (a *attack) afterwards() {
	for i, app := range a.apps {
		for j, s := range a.servers {
			got := app.On(s).Token(a.ctx(), binary.Code{To: a.victim, Code: a.codes[app.ID], From: address(2_000_000 + 2*i + j)})
			if !got.NoTries() {
				a.Errorf("the right code after ten wrong ones gave %v", got)
			}
		}
	}
	other := a.Phone()
	app := a.servers[0].Native()
	if got := app.Start(a.ctx(), binary.Start{To: other, From: address(3_000_000)}); !got.OK() {
		a.Fatalf("somebody else's start: %v", got)
	}
	m, err := a.inbox.Wait(a.ctx(), other, 0)
	if err != nil {
		a.Fatal(err)
	}
	if got := app.Token(a.ctx(), binary.Code{To: other, Code: m.Code, From: address(3_000_001)}); !got.OK() {
		a.Errorf("somebody else's sign-in: %v", got)
	}
}

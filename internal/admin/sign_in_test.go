package admin_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// letters takes what is sent, which a test reads instead of its reader.
type letters chan admin.Letter

func (l letters) Ready(context.Context) (bool, error) { return true, nil }
func (l letters) Offer(letter admin.Letter)           { l <- letter }

const email = "ada@mail.example"

// A desk is where administrators sign in, with an owner.
type desk struct {
	*testing.T
	*admin.Service
	mail letters
}

func each(t *testing.T, fn func(d *desk)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := &desk{T: t, mail: make(letters, 10)}
		d.Service = &admin.Service{Ledger: s, Mail: d.mail, Limits: attack.Off, Now: time.Now}
		d.key(secret.Bytes(secret.RootSize))
		if _, err := d.Add(t.Context(), admin.Caller{}, email, tenant.Owner); err != nil {
			t.Fatal(err)
		}
		fn(d)
	})
}

// key gives the service another root key, and the ones before it.
func (d *desk) key(current []byte, previous ...[]byte) {
	d.Helper()
	keys, err := secret.NewRing(current, previous...)
	if err != nil {
		d.Fatal(err)
	}
	d.Keys, d.Codes = keys, otp.Maker{Keys: keys}
}

func (d *desk) start() (admin.Pending, admin.Letter) {
	d.Helper()
	p, err := d.Start(d.Context(), admin.Caller{}, email)
	if err != nil {
		d.Fatal(err)
	}
	return p, <-d.mail
}

// Of many at once who have the code and the link beside it, one is given a
// session, and only that is one.
func TestCodeAndLinkAtOnce(t *testing.T) {
	each(t, func(d *desk) {
		p, letter := d.start()
		var won atomic.Int64
		var wg sync.WaitGroup
		cookies := make(chan string, 40)
		for i := range 40 {
			wg.Go(func() {
				finish, proof := d.Finish, letter.Code
				if i%2 == 0 {
					finish, proof = d.FinishByLink, letter.Link
				}
				cookie, err := finish(d.Context(), admin.Caller{}, p, proof)
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, tenant.ErrAdministratorDead) && !errors.Is(err, tenant.ErrAdministratorEmailed) {
					d.Error(err)
				}
				cookies <- cookie
			})
		}
		wg.Wait()
		close(cookies)
		sessions := 0
		for cookie := range cookies {
			if s, err := d.Session(d.Context(), cookie); err == nil && s.Administrator.Email == email {
				sessions++
			}
		}
		if won.Load() != 1 || sessions != 1 {
			d.Errorf("%d were let in, %d have sessions", won.Load(), sessions)
		}
	})
}

// A link is for one sign-in of one browser: no other's, none without a cookie,
// and none of another address. It outlives a change of the root key as codes do.
func TestLinkIsBound(t *testing.T) {
	each(t, func(d *desk) {
		first, second := secret.Bytes(secret.RootSize), secret.Bytes(secret.RootSize)
		d.key(first)
		p, letter := d.start()
		other, _ := d.start()
		for what, browser := range map[string]admin.Pending{
			"another browser": other, "no cookie": {}, "no cookie, but the address": {Email: email},
			"another address": {Cookie: p.Cookie, Email: "bo@mail.example"},
		} {
			if _, err := d.FinishByLink(d.Context(), admin.Caller{}, browser, letter.Link); !errors.Is(err, tenant.ErrAdministratorBrowser) {
				d.Errorf("%s: %v", what, err)
			}
		}
		for _, wrong := range []string{"", letter.Code, letter.Link + "A", letter.Link[1:]} {
			if _, err := d.FinishByLink(d.Context(), admin.Caller{}, p, wrong); !errors.Is(err, tenant.ErrAdministratorBrowser) {
				d.Errorf("the secret %q: %v", wrong, err)
			}
		}
		d.key(second)
		if _, err := d.FinishByLink(d.Context(), admin.Caller{}, p, letter.Link); !errors.Is(err, tenant.ErrAdministratorBrowser) {
			d.Errorf("under another root key: %v", err)
		}
		d.key(second, first)
		cookie, err := d.FinishByLink(d.Context(), admin.Caller{}, p, letter.Link)
		if err != nil {
			d.Fatalf("after a change of the root key: %v", err)
		}
		if s, err := d.Session(d.Context(), cookie); err != nil || s.Administrator.Email != email {
			d.Errorf("the session is %+v, %v", s, err)
		}
		if _, err := d.FinishByLink(d.Context(), admin.Caller{}, p, letter.Link); !errors.Is(err, tenant.ErrAdministratorEmailed) {
			d.Errorf("a used link: %v", err)
		}
		if _, err := d.Finish(d.Context(), admin.Caller{}, p, letter.Code); !errors.Is(err, tenant.ErrAdministratorDead) {
			d.Errorf("the code beside it: %v", err)
		}
	})
}

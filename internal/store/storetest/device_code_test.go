package storetest_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// OAU-21: of any number of answers to a device one counts, and of any number of
// its polls one is let in.
func TestOAU21DeviceAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		user := mustComplete(t, s, someone{"+447700900170", "app"}.completion(start, "first", "")).User.ID
		d := tenant.DeviceRequest{
			Digest: []byte("device"), UserCode: []byte("user"), Client: "app", Scope: "openid offline_access",
			Step: 5 * time.Second, CreatedAt: start, Expires: start.Add(time.Hour),
		}
		if ok, err := s.AddDevice(t.Context(), d); !ok || err != nil {
			t.Fatal(ok, err)
		}
		twin := d
		twin.Digest = []byte("another")
		if ok, err := s.AddDevice(t.Context(), twin); ok || err != nil {
			t.Errorf("a user code that is taken: %v, %v", ok, err)
		}
		poll := func(at time.Time) grant.DevicePolled {
			got, err := s.PollDevice(t.Context(), grant.DevicePoll{
				Now: at, Digests: [][]byte{d.Digest}, Client: "app", Used: event.New(event.ExchangeDevice, at),
				Give: func(d tenant.DeviceRequest) (tenant.Grant, *tenant.RefreshToken) {
					return tenant.Grant{ID: "given", User: d.User, Client: d.Client, Scope: d.Scope, AuthTime: d.AuthTime, CreatedAt: at},
						&tenant.RefreshToken{Digest: []byte("given"), Grant: "given", Generation: 1, IssuedAt: at, LastUsed: at}
				},
			})
			if err != nil {
				t.Error(err)
			}
			return got
		}
		if got := poll(start); got.Outcome != grant.DeviceWaiting {
			t.Errorf("before an answer: %v", got.Outcome)
		}
		var answers, given atomic.Int64
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				a := grant.DeviceAnswer{Now: start, UserCodes: [][]byte{d.UserCode}, User: user, AuthTime: start, Denied: event.New(event.DeviceDenied, start)}
				switch err := s.AnswerDevice(t.Context(), a); {
				case err == nil:
					answers.Add(1)
				case !fault.Has(err, fault.NotFound):
					t.Error(i, err)
				}
			})
		}
		wg.Wait()
		bare := grant.DevicePoll{Now: start.Add(30 * time.Second), Digests: [][]byte{d.Digest}, Client: "app", Unproved: []string{""}}
		if _, err := s.PollDevice(t.Context(), bare); !errors.Is(err, grant.ErrNoKey) { // d is for the audience ""
			t.Errorf("for an API that wants a proof: %v", err)
		}
		for range 40 {
			wg.Go(func() {
				if poll(start.Add(time.Minute)).Outcome == grant.DeviceGiven {
					given.Add(1)
				}
			})
		}
		wg.Wait()
		if answers.Load() != 1 || given.Load() != 1 {
			t.Errorf("%d answers counted and %d polls were let in, want one each", answers.Load(), given.Load())
		}
		if _, who, err := s.GrantUser(t.Context(), "given"); err != nil || who.ID != user {
			t.Errorf("the grant is %v's, %v", who.ID, err)
		}
	})
}

// OAU-22: of any number of requests with one request_uri one finds it.
func TestOAU22PushedAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		digests := [][]byte{[]byte("pushed")}
		if err := s.AddPushed(t.Context(), digests[0], "app", []byte("params"), start.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			client tenant.ClientID
			at     time.Time
		}{{"other", start}, {"app", start.Add(time.Minute)}} {
			if _, err := s.TakePushed(t.Context(), digests, c.client, c.at); !fault.Has(err, fault.NotFound) {
				t.Errorf("%s at %v: %v", c.client, c.at, err)
			}
		}
		var found atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if p, err := s.TakePushed(t.Context(), digests, "app", start); err == nil && string(p) == "params" {
					found.Add(1)
				}
			})
		}
		wg.Wait()
		if found.Load() != 1 {
			t.Errorf("%d found it, want one", found.Load())
		}
	})
}

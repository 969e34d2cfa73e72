package storetest_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Of many sign-ins that an address begins at once, as many are stored as its
// bucket holds, and that there were more is logged once. Of many refusals as
// many are logged.
func TestSignInsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		rate := attack.Rate{Burst: 5, Every: time.Minute}
		signIns, silent := attack.Bucket{Name: "signin/192.0.2.1", Rate: rate}, attack.Bucket{Name: "silent/192.0.2.1", Rate: rate}
		var stored atomic.Int32
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				id := fmt.Sprint("sign-in ", n)
				wait, err := s.AddTransaction(t.Context(), authorize.NewTransaction{
					Transaction: tenant.Transaction{
						ID: id, Browser: []byte(id), Step: tenant.StepIdentify, CreatedAt: start, Expires: start.Add(tenant.TransactionLifetime),
					},
					Requests: signIns, Limited: event.New(event.APILimit, start),
				})
				_, missing := s.PendingTransaction(t.Context(), start, id)
				switch {
				case err != nil:
					t.Error(err)
				case wait == 0 && missing == nil:
					stored.Add(1)
				case wait != time.Minute || missing == nil:
					t.Errorf("%s: to wait %v, %v", id, wait, missing)
				}
				if err := s.Note(t.Context(), silent, event.New(event.SilentAuthFailed, start)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := stored.Load(); n != 5 {
			t.Errorf("%d sign-ins are stored", n)
		}
		list, err := s.ListLogs(t.Context(), manage.LogQuery{}, manage.Window{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, e := range list.Items {
			count[e.Type]++
		}
		if count[event.APILimit] != 1 || count[event.SilentAuthFailed] != 5 {
			t.Errorf("logged: %v", count)
		}
	})
}

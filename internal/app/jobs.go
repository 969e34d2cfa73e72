package app

import (
	"context"
	"sync"
	"time"
)

// How often the jobs beside requests run.
const (
	refreshEvery = 500 * time.Millisecond // settings changed by other processes
	sweepEvery   = 10 * time.Minute       // rows of no use any more
)

// startJobs runs everything that happens beside requests until ctx ends. The
// channel closes when all of it has ended.
func (a *App) startJobs(ctx context.Context) <-chan struct{} {
	var wg sync.WaitGroup
	wg.Go(func() { a.worker.Run(ctx) })
	wg.Go(func() { a.notifier.Run(ctx) })
	wg.Go(func() { a.mail.run(ctx) })
	wg.Go(func() { every(ctx, refreshEvery, a.refresh) })
	wg.Go(func() { every(ctx, sweepEvery, a.sweep) })
	ended := make(chan struct{})
	go func() {
		wg.Wait()
		close(ended)
	}()
	return ended
}

func every(ctx context.Context, d time.Duration, fn func(ctx context.Context)) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			fn(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// refresh takes over what another process has changed.
func (a *App) refresh(ctx context.Context) {
	changed, err := a.Store.Refresh(ctx)
	if err == nil && changed {
		err = a.Keys.Reload(ctx)
	}
	if err != nil && ctx.Err() == nil {
		a.Log.ErrorContext(ctx, "settings not refreshed", "err", err)
	}
}

// sweep deletes in small steps, so that it never holds up a request for long.
func (a *App) sweep(ctx context.Context) {
	a.inSteps(ctx, func() (bool, error) { return a.Store.Sweep(ctx, a.now()) })
	if days := a.cfg.Keep(); days > 0 {
		a.inSteps(ctx, func() (bool, error) { return a.Store.Forget(ctx, a.now().AddDate(0, 0, -days)) })
	}
}

func (a *App) inSteps(ctx context.Context, step func() (more bool, err error)) {
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = step(); err != nil {
			if ctx.Err() == nil {
				a.Log.ErrorContext(ctx, "sweep failed", "err", err)
			}
			return
		}
	}
}

package chromium

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	// settles is how long a page may take to become what it should.
	settles = 15 * time.Second
	// often is how often it is looked at meanwhile.
	often = 50 * time.Millisecond
	// aborted is what a browser says of a navigation that another one ended.
	aborted = "net::ERR_ABORTED"
)

// Open goes to an address. What the page before began by itself just then (it
// leads on, or a frame in it loads) can end that: then it goes there again.
func Open(address string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for began := time.Now(); ; {
			err := chromedp.Navigate(address).Do(ctx)
			if err == nil || !strings.Contains(err.Error(), aborted) || time.Since(began) > settles {
				return err
			}
			if err := sleep(ctx, often); err != nil {
				return err
			}
		}
	})
}

// Back leads to the page before, as the browser's button does. It waits for
// nothing: the page that is left cannot say that it was.
func Back() chromedp.Action { return Script(`history.back()`) }

// Script has the page run a script a moment later, which may lead elsewhere.
func Script(script string) chromedp.Action {
	return chromedp.Evaluate(`void setTimeout(() => { `+script+` }, 10)`, nil)
}

// Awaited has chromedp.Evaluate wait for what a promise brings.
func Awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// Becomes waits until a script, which is asked over and over and so must change
// nothing, is true. An error counts as false: the page may be about to give way
// to the next one. After fifteen seconds it fails with what the page shows.
func Becomes(script string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		var last error
		for began := time.Now(); time.Since(began) < settles; {
			var ok bool
			if last = chromedp.Evaluate(script, &ok, Awaited).Do(ctx); last == nil && ok {
				return nil
			}
			if err := sleep(ctx, often); err != nil {
				return fmt.Errorf("%w while this was not true: %s", err, script)
			}
		}
		var at, text string
		_ = chromedp.Evaluate(`location.href`, &at).Do(ctx)
		_ = chromedp.Evaluate(`document.body.innerText`, &text).Do(ctx)
		return fmt.Errorf("never true (last error: %v): %s\nat %s:\n%.1500s", last, script, at, text)
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

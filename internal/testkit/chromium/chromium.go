// Package chromium drives a real browser in tests: Debian's Chromium, without a
// window, one profile for each test. It is for what needs scripts or pictures;
// pages that have to work without them are tested by textbrowser.
package chromium

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// Patience is how long a tab of New goes on before what it does is given up.
const Patience = 5 * time.Minute

// New starts a browser and returns the context of its first tab, for
// chromedp.Run. The test is skipped where there is no Chromium; the variable
// DOORCODE_TEST_CHROMIUM names one that is not on the path. Certificates are not
// checked, since test servers make their own. The browser and all its processes
// are gone when the test ends.
//
// What pages throw and log as an error is written to the test's log.
func New(t testing.TB, options ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path := binary.Tool(t, "chromium", "DOORCODE_TEST_CHROMIUM")
	profile := t.TempDir()
	all := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(filepath.Join(profile, "profile")),
		chromedp.NoSandbox, // tests run as root in CI
		chromedp.DisableGPU,
		chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.CombinedOutput(io.Discard),
	)
	all = append(all, options...)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Patience)
	ctx, stop := chromedp.NewExecAllocator(ctx, all...)
	ctx, done := chromedp.NewContext(ctx)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	process := chromedp.FromContext(ctx).Browser.Process()
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			t.Logf("close the browser: %v", err)
		}
		done()
		stop()
		cancel()
		end(process)
	})
	listen(ctx, t)
	return ctx
}

// end kills a browser that was told to end and did not; its other processes end
// with it.
func end(p *os.Process) {
	if p != nil {
		_ = p.Kill()
	}
}

// listen writes down what goes wrong in pages, and says yes to their dialogs.
func listen(ctx context.Context, t testing.TB) {
	chromedp.ListenTarget(ctx, func(e any) {
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			t.Logf("page: %v", e.ExceptionDetails)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError {
				t.Logf("page: %s (%s)", e.Entry.Text, e.Entry.URL)
			}
		case *page.EventJavascriptDialogOpening:
			go func() { _ = chromedp.Run(ctx, page.HandleJavaScriptDialog(true)) }()
		}
	})
}

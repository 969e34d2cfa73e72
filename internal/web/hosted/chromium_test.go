package hosted_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// An application as browsers know it: a page, and an address to come back to.
type application struct {
	*httptest.Server
	mu   sync.Mutex
	back []url.Values
}

func newApplication(t *testing.T) *application {
	t.Helper()
	a := &application{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/callback" {
			_ = r.ParseForm()
			a.mu.Lock()
			a.back = append(a.back, r.Form)
			a.mu.Unlock()
		}
		_, _ = fmt.Fprint(w, `<!doctype html><title>App</title><p id="app">here</p>`)
	}))
	t.Cleanup(a.Close)
	// The same site as the server, so that its cookies go with a frame.
	a.URL = strings.Replace(a.URL, "127.0.0.1", "localhost", 1)
	return a
}

func (a *application) last() url.Values {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.back) == 0 {
		return nil
	}
	return a.back[len(a.back)-1]
}

// A real browser signs in, and lets a page of the application ask silently, by a
// frame and by a form that sends itself.
func TestChromium(t *testing.T) {
	ctx := chromium.New(t)
	w, app := newWorld(t), newApplication(t)
	w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, fmt.Sprintf(`{"callbacks":[%q]}`, app.URL+"/callback"))
	address := func(pairs ...string) string {
		return w.URL + "/authorize?" + w.query(append([]string{"redirect_uri", app.URL + "/callback"}, pairs...)...)
	}
	if err := chromedp.Run(ctx,
		chromium.Open(address()),
		chromedp.SendKeys("#username", "+44 7700 900123"),
		chromedp.Click("#continue"),
		chromedp.WaitVisible("#code"),
	); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Run(ctx,
		chromedp.SendKeys("#code", w.code(person)+"\r"),
		chromedp.WaitVisible("#app"),
	); err != nil {
		t.Fatal(err)
	}
	if got := app.last(); !got.Has("code") || got.Get("state") != "af0ifjsldkj" {
		t.Fatalf("the application got %v", got)
	}
	var message string
	ask := fmt.Sprintf(`new Promise((resolve) => {
		const frame = document.createElement("iframe");
		window.addEventListener("message", (e) => resolve(JSON.stringify({origin: e.origin, data: e.data, ours: e.source === frame.contentWindow})));
		frame.src = %q;
		document.body.append(frame);
	})`, address("prompt", "none", "response_mode", "web_message"))
	if err := chromedp.Run(ctx, chromedp.Evaluate(ask, &message, chromedp.EvalAsValue, chromium.Awaited)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Origin string
		Ours   bool
		Data   struct {
			Type     string
			Response map[string]string
		}
	}
	if err := json.Unmarshal([]byte(message), &got); err != nil {
		t.Fatal(err)
	}
	if got.Origin != w.URL || !got.Ours || got.Data.Type != "authorization_response" || got.Data.Response["code"] == "" || got.Data.Response["state"] != "af0ifjsldkj" {
		t.Errorf("the frame says %s", message)
	}
	before := app.last()
	if err := chromedp.Run(ctx,
		chromium.Open(address("prompt", "none", "response_mode", "form_post")),
		chromedp.WaitVisible("#app"),
	); err != nil {
		t.Fatal(err)
	}
	if got := app.last(); !got.Has("code") || got.Get("code") == before.Get("code") {
		t.Errorf("the form brought %v", got)
	}
}

package chromium

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestTab(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `<title>Here</title><p id=p></p><script>document.getElementById('p').textContent = 6 * 7</script>`)
	}))
	defer s.Close()
	ctx := New(t)
	var title, text string
	if err := chromedp.Run(ctx, chromedp.Navigate(s.URL), chromedp.Title(&title), chromedp.Text("#p", &text)); err != nil {
		t.Fatal(err)
	}
	if title != "Here" || text != "42" {
		t.Errorf("title %q, text %q", title, text)
	}
}

// A page that goes on by itself while it is asked about does not fail the test.
func TestRestless(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		left, _ := strconv.Atoi(r.URL.Query().Get("left"))
		if left == 0 {
			_, _ = fmt.Fprint(w, `<p id=goal>`)
			return
		}
		_, _ = fmt.Fprintf(w, `<script>setTimeout(() => location.assign("?left=%d"), Math.random() * 20)</script>`, left-1)
	}))
	defer s.Close()
	ctx := New(t)
	for range 10 {
		if err := chromedp.Run(ctx, Open(s.URL+"?left=10"), Becomes(`document.getElementById("goal") !== null`)); err != nil {
			t.Fatal(err)
		}
	}
}

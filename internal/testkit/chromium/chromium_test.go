package chromium

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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

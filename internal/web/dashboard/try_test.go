package dashboard_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery/outbox"
)

// D10: Try sends a code to a number, shows what becomes of the message, and
// exchanges the code for tokens, which it reads out and does not show.
func TestTry(t *testing.T) {
	w := newWorld(t)
	w.developer()
	path := passwordless + "/" + string(w.connection("sms").ID) + "/try"
	p := w.get(w.browser, path)
	for _, bad := range []string{"07700 900123", "", "+4"} {
		q := w.submit(w.browser, w.get(w.browser, path).Form("to", "client").Set("to", bad))
		if q.Status != http.StatusUnprocessableEntity || len(w.Outbox.Messages(outbox.Filter{})) != 0 {
			t.Errorf("%q: %d", bad, q.Status)
		}
	}
	p = w.submit(w.browser, p.Form("to", "client").Set("to", "+44 7700 900124").Set("client", w.Ready.ClientID).Set("language", "fr-FR"))
	w.at(p, path)
	w.says(p, "+44 7700 900124")
	code := w.code("+447700900124")
	wrong := "000000"
	if code == wrong {
		wrong = "111111"
	}
	if q := w.submit(w.browser, p.Form("message", "code").Set("code", wrong)); q.Status != http.StatusUnprocessableEntity {
		t.Errorf("a wrong code gives %d", q.Status)
	}
	q := w.submit(w.browser, p.Form("message", "code").Set("code", code))
	w.says(q, "Signed in")
	w.says(q, `"phone_number": "+447700900124"`)
	if strings.Contains(q.Body, "eyJ") || strings.Contains(q.Body, w.Ready.ClientSecret) {
		t.Error("the page shows a token or a secret")
	}
	// A message of another connection is none here.
	other := passwordless + "/" + string(w.connection("email").ID) + "/try?" + p.URL.RawQuery
	if q := w.get(w.browser, other); q.Status != http.StatusNotFound {
		t.Errorf("another connection shows the message: %d", q.Status)
	}
}

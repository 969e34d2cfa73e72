package outbox_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery/outbox"
	web "github.com/doorcode/doorcode/internal/web/outbox"
)

// What the next message meets is set on the page and through the API, shown, and
// over when a message has met it.
func TestNext(t *testing.T) {
	o, srv := serve(t, web.Options{})
	for _, body := range []string{`{"fault":"chaos"}`, `{"fault":1}`, ``, strings.Repeat(" ", 2000) + `{}`} {
		r, text := get(t, http.MethodPut, srv.URL+"/outbox/api/next", func(r *http.Request) { r.Body, r.ContentLength = reader(body), int64(len(body)) })
		if r.StatusCode != http.StatusBadRequest || !strings.Contains(text, "bad.fault") || o.Next() != outbox.None {
			t.Errorf("%.30q: %d %s", body, r.StatusCode, text)
		}
	}
	const set = `{"fault":"refused"}`
	if r, text := get(t, http.MethodPut, srv.URL+"/outbox/api/next", func(r *http.Request) { r.Body, r.ContentLength = reader(set), int64(len(set)) }); r.StatusCode != http.StatusOK || strings.TrimSpace(text) != set {
		t.Errorf("%d %s", r.StatusCode, text)
	}
	if _, text := get(t, http.MethodGet, srv.URL+"/outbox/api/next", nil); strings.TrimSpace(text) != set {
		t.Errorf("next is %s", text)
	}
	if _, text := get(t, http.MethodGet, srv.URL+"/outbox", nil); !strings.Contains(text, "The next message is refused") || !strings.Contains(text, `<option value="refused" selected>`) {
		t.Error("the page does not say so")
	}
	if _, err := o.Send(t.Context(), message("msg_1", "+447700900123")); err == nil || o.Next() != outbox.None {
		t.Errorf("%v, and then %q", err, o.Next())
	}
	form := url.Values{"fault": {"twice"}}.Encode()
	post := func(r *http.Request) {
		r.Body, r.ContentLength = reader(form), int64(len(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if r, _ := get(t, http.MethodPost, srv.URL+"/outbox/next", post); r.StatusCode != http.StatusSeeOther || o.Next() != outbox.Twice {
		t.Errorf("%d, next is %q", r.StatusCode, o.Next())
	}
	if r, _ := get(t, http.MethodPost, srv.URL+"/outbox/next", func(r *http.Request) { post(r); r.Header.Set("Sec-Fetch-Site", "cross-site") }); r.StatusCode != http.StatusForbidden {
		t.Errorf("another site's form is answered %d", r.StatusCode)
	}
	put(t, o, message("msg_2", "+447700900123"))
	if n := len(o.Messages(outbox.Filter{})); n != 2 {
		t.Errorf("%d messages", n)
	}
}

func reader(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }

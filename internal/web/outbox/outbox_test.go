package outbox_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/tenant"
	web "github.com/doorcode/doorcode/internal/web/outbox"
)

func message(id, to string) delivery.Outgoing {
	return delivery.Outgoing{
		MessageID: id, Channel: tenant.SMS, To: to, Text: "482913 is your <b>code</b>.", Code: "482913", ClientID: "app", ClientName: "My app",
		Language: "en", Encoding: "GSM-7", Segments: 1, Connection: &tenant.Connection{Name: "sms", Sender: tenant.SenderAccount{From: "+15005550006"}},
	}
}

func serve(t *testing.T, opts web.Options) (*outbox.Outbox, *httptest.Server) {
	t.Helper()
	o := &outbox.Outbox{}
	srv := httptest.NewServer(web.Handler(o, opts))
	t.Cleanup(srv.Close)
	return o, srv
}

func put(t *testing.T, o *outbox.Outbox, m delivery.Outgoing) {
	t.Helper()
	if _, err := o.Send(t.Context(), m); err != nil {
		t.Error(err)
	}
}

// get makes a request and returns the answer with its body.
func get(t *testing.T, method, url string, change func(r *http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestAPI(t *testing.T) {
	o, srv := serve(t, web.Options{})
	api := srv.URL + "/outbox/api/messages"
	t.Run("an empty outbox has an empty list", func(t *testing.T) {
		if _, body := get(t, "GET", api, nil); body != `{"messages":[]}` {
			t.Errorf("body is %s", body)
		}
	})
	put(t, o, message("msg_1", "+447700900123"))
	mail := message("msg_2", "jane@example.com")
	mail.Channel, mail.Subject, mail.HTML, mail.Link = tenant.Email, "Sign in", "<p>hi</p>", "http://localhost/l"
	put(t, o, mail)
	t.Run("a message has all its fields", func(t *testing.T) {
		_, body := get(t, "GET", api+"?to=%2B447700900123", nil)
		var got struct{ Messages []map[string]any }
		if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Messages) != 1 {
			t.Fatalf("body is %s: %v", body, err)
		}
		m := got.Messages[0]
		for _, field := range strings.Fields("id channel to from subject text html code link connection client_id language encoding segments created_at") {
			if _, ok := m[field]; !ok {
				t.Errorf("%s is missing", field)
			}
		}
		if len(m) != 15 || m["code"] != "482913" || m["from"] != "+15005550006" || m["segments"] != 1.0 || m["connection"] != "sms" || m["client_id"] != "app" {
			t.Errorf("message is %v", m)
		}
		if _, err := time.Parse(time.RFC3339, m["created_at"].(string)); err != nil {
			t.Error(err)
		}
	})
	tests := []struct{ name, query, want string }{
		{"the newest is first", "", "msg_2 msg_1"},
		{"a plus may be left unencoded", "?to=+447700900123", "msg_1"},
		{"a channel can be chosen", "?channel=email", "msg_2"},
		{"since is exclusive", "?since=msg_1", "msg_2"},
		{"what is there is answered at once, also by a request that would wait", "?wait=30s", "msg_2 msg_1"},
		{"waiting ends with an empty list", "?since=msg_2&wait=50ms", ""},
		{"waiting for nothing", "?since=msg_2&wait=0", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := get(t, "GET", api+tt.query, nil)
			if got := ids(t, body); resp.StatusCode != 200 || got != tt.want {
				t.Errorf("%d %q, want %q", resp.StatusCode, got, tt.want)
			}
		})
	}
	t.Run("a wait that is none is refused", func(t *testing.T) {
		for _, s := range []string{"soon", "-5s"} {
			if resp, _ := get(t, "GET", api+"?wait="+s, nil); resp.StatusCode != 400 {
				t.Errorf("wait=%s: %d", s, resp.StatusCode)
			}
		}
	})
	t.Run("a request that waits is answered when a message comes", func(t *testing.T) {
		time.AfterFunc(50*time.Millisecond, func() { put(t, o, message("msg_3", "+447700900999")) })
		began := time.Now()
		_, body := get(t, "GET", api+"?to=%2B447700900999&wait=20s", nil)
		if got := ids(t, body); got != "msg_3" || time.Since(began) > 10*time.Second {
			t.Errorf("%q after %v", got, time.Since(began))
		}
	})
	t.Run("DELETE forgets everything", func(t *testing.T) {
		resp, _ := get(t, "DELETE", api, nil)
		if _, body := get(t, "GET", api, nil); resp.StatusCode != 204 || ids(t, body) != "" {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	})
}

func ids(t *testing.T, body string) string {
	t.Helper()
	var got struct{ Messages []struct{ ID string } }
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var out []string
	for _, m := range got.Messages {
		out = append(out, m.ID)
	}
	return strings.Join(out, " ")
}

func TestWhoMayLook(t *testing.T) {
	header := func(k, v string) func(r *http.Request) {
		return func(r *http.Request) { r.Header.Set(k, v) }
	}
	host := func(h string) func(r *http.Request) { return func(r *http.Request) { r.Host = h } }
	tests := []struct {
		name   string
		method string
		path   string
		change func(r *http.Request)
		want   int
	}{
		{"this machine", "GET", "/outbox", nil, 200},
		{"by another of its names", "GET", "/outbox", host("localhost:8787"), 200},
		{"in capitals", "GET", "/outbox", host("LOCALHOST"), 200},
		{"by its IPv6 name", "GET", "/outbox", host("[::1]:8787"), 200},
		{"by a foreign name", "GET", "/outbox", host("evil.example"), 421},
		{"by a name that begins right", "GET", "/outbox/api/messages", host("localhost.evil.example"), 421},
		{"the stream by a foreign name", "GET", "/outbox/events", host("evil.example:80"), 421},
		{"through a proxy", "GET", "/outbox", header("X-Forwarded-For", "127.0.0.1"), 403},
		{"through another proxy", "GET", "/outbox/api/messages", header("Forwarded", "for=10.0.0.1"), 403},
		{"a form of another site", "POST", "/outbox/clear", header("Sec-Fetch-Site", "cross-site"), 403},
		{"a form of another origin", "POST", "/outbox/clear", header("Origin", "http://evil.example"), 403},
		{"a script of another origin", "DELETE", "/outbox/api/messages", header("Origin", "http://localhost:3000"), 403},
		{"the page's own form", "POST", "/outbox/clear", header("Sec-Fetch-Site", "same-origin"), 303},
		{"the page's own form, over plain http", "POST", "/outbox/clear", func(r *http.Request) { r.Header.Set("Origin", "http://"+r.URL.Host) }, 303},
		{"a preflight", "OPTIONS", "/outbox/api/messages", header("Origin", "http://evil.example"), 405},
		{"what is not there", "GET", "/outbox/assets/page.html", nil, 404},
		{"what is elsewhere", "GET", "/outbox/assets/..%2foutbox.go", nil, 404},
	}
	_, srv := serve(t, web.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, _ := get(t, tt.method, srv.URL+tt.path, tt.change)
			if resp.StatusCode != tt.want {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.want)
			}
			if resp.Header.Get("Access-Control-Allow-Origin") != "" || !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("headers are %v", resp.Header)
			}
		})
	}
	t.Run("another machine", func(t *testing.T) {
		for remote, want := range map[string]int{"192.0.2.1:1234": 403, "[::ffff:127.0.0.1]:1": 200, "": 403, "@": 403} {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/outbox", nil)
			r.RemoteAddr = remote
			w := httptest.NewRecorder()
			web.Handler(&outbox.Outbox{}, web.Options{}).ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("from %q: %d, want %d", remote, w.Code, want)
			}
		}
	})
	t.Run("another machine and name where that is allowed", func(t *testing.T) {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://dev.test/outbox", nil)
		w := httptest.NewRecorder()
		web.Handler(&outbox.Outbox{}, web.Options{AllowRemote: true, AllowedHosts: func(h string) bool { return h == "dev.test" }}).ServeHTTP(w, r)
		if w.Code != 200 {
			t.Errorf("status %d", w.Code)
		}
	})
}

func TestPage(t *testing.T) {
	o, srv := serve(t, web.Options{})
	if _, body := get(t, "GET", srv.URL+"/outbox", nil); !strings.Contains(body, `data-copy="doorcode try sms &#43;447700900123"`) {
		t.Errorf("empty page is %s", body)
	}
	m := message("msg_1", "jane@example.com")
	m.Channel, m.Subject = tenant.Email, `<script>alert(1)</script>`
	m.HTML = `<style>p{color:red}</style><p onclick="x()">Hi "you"</p><script>evil()</script>`
	m.Link = "javascript:alert(1)"
	put(t, o, m)
	put(t, o, message("msg_2", "+447700900123"))
	_, body := get(t, "GET", srv.URL+"/outbox", nil)
	for _, want := range []string{
		`<p class="big"><bdi dir="ltr">482913</bdi></p>`, `data-copy="482913"`, `id="msg_1"`, `482913 is your &lt;b&gt;code&lt;/b&gt;.`, `My app`,
		`sandbox title="The e-mail to jane@example.com" src="/outbox/html/msg_1"`, `href="/outbox/html/msg_1"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("page lacks %s", want)
		}
	}
	for _, bad := range []string{"<script>alert", "<script>evil", "javascript:", "style=", "onclick=\"x"} {
		if strings.Contains(body, bad) {
			t.Errorf("page has %s:\n%s", bad, body)
		}
	}
	if strings.Index(body, `id="msg_2"`) > strings.Index(body, `id="msg_1"`) {
		t.Error("the newest is not first")
	}
	for query, want := range map[string]string{
		"?to=%2B447700900123": "msg_2", "?to=7700+900": "msg_2", "?to=JANE": "msg_1", "?channel=email": "msg_1", "?channel=sms&to=jane": "", "?to=&channel=": "msg_1 msg_2",
	} {
		_, body := get(t, "GET", srv.URL+"/outbox"+query, nil)
		for _, id := range []string{"msg_1", "msg_2"} {
			if strings.Contains(body, `<article class="panel" id="`+id) != strings.Contains(want, id) {
				t.Errorf("%s does not show %q alone", query, want)
			}
		}
		if strings.Contains(body, "No such message") != (want == "") {
			t.Errorf("%s: %s", query, body)
		}
	}
	if _, body := get(t, "GET", srv.URL+"/outbox?to=%2B447700900123&channel=sms", nil); !strings.Contains(body, `value="&#43;447700900123"`) || !strings.Contains(body, `value="sms" selected`) {
		t.Errorf("the form has lost its filter: %s", body)
	}
	resp, body := get(t, "GET", srv.URL+"/outbox/html/msg_1", nil)
	if body != m.HTML || !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "sandbox ") || strings.Contains(resp.Header.Get("Content-Security-Policy"), "allow-scripts") {
		t.Errorf("%v\n%s", resp.Header, body)
	}
	for _, name := range []string{"outbox.css", "outbox.js"} {
		if resp, body := get(t, "GET", srv.URL+"/outbox/assets/"+name, nil); resp.StatusCode != 200 || body == "" {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}

func TestEvents(t *testing.T) {
	done := make(chan struct{})
	o, srv := serve(t, web.Options{Done: done})
	put(t, o, message("old", "+447700900123"))
	r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/outbox/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream; charset=utf-8" {
		t.Errorf("type is %q", ct)
	}
	lines := bufio.NewScanner(resp.Body)
	event := func() string {
		var all []string
		for lines.Scan() && lines.Text() != "" {
			all = append(all, lines.Text())
		}
		return strings.Join(all, "|")
	}
	if got := event(); got != "retry: 1000" {
		t.Fatalf("first line is %q", got)
	}
	began := time.Now()
	put(t, o, message("msg_1", "+447700900123"))
	if got := event(); !strings.HasPrefix(got, `id: msg_1|event: message|data: {"id":"msg_1","channel":"sms",`) {
		t.Errorf("event is %q", got)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the event took %v", took)
	}
	o.Clear()
	if got := event(); got != "event: clear|data: {}" {
		t.Errorf("event is %q", got)
	}
	put(t, o, message("msg_2", "+447700900123"))
	if got := event(); !strings.HasPrefix(got, "id: msg_2|") {
		t.Errorf("event is %q", got)
	}
	close(done)
	if got := event(); got != "" {
		t.Errorf("after the end there is %q", got)
	}
	t.Run("a stream that broke goes on where it was", func(t *testing.T) {
		put(t, o, message("msg_3", "+447700900123"))
		_, body := get(t, "GET", srv.URL+"/outbox/events", func(r *http.Request) { r.Header.Set("Last-Event-ID", "msg_2") })
		if !strings.Contains(body, "id: msg_3") || strings.Contains(body, "id: msg_2") {
			t.Errorf("stream is %q", body)
		}
	})
}

package textbrowser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestBrowser(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /begin", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "step", Value: "one", Path: "/"})
		http.Redirect(w, r, "/form", http.StatusFound)
	})
	mux.HandleFunc("GET /form", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("step"); err != nil || c.Value != "one" {
			t.Errorf("cookie: %v %v", c, err)
		}
		_, _ = fmt.Fprint(w, `<title>x</title><script>no</script><h1>Sign&nbsp;in</h1>
			<form method="post" action="take?x=1"><input name="who" value=""><input type="hidden" name="h" value="1">
			<input type="checkbox" name="off" value="1"><select name="l"><option value="a"><option value="b" selected></select>
			<button name="do" value="go">Go</button><button name="do" value="stop">Stop</button></form><a href="/elsewhere">e</a>`)
	})
	mux.HandleFunc("POST /take", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if got := r.PostForm.Encode(); got != "do=stop&h=1&l=b&who=me" {
			t.Errorf("the form arrived as %q", got)
		}
		if r.Header.Get("Sec-Fetch-Site") != "same-origin" || r.Header.Get("Origin") != "http://"+r.Host {
			t.Errorf("headers: %v", r.Header)
		}
		http.Redirect(w, r, "https://other.example/back?code=1#f", http.StatusSeeOther)
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	b := New(nil, func(u *url.URL) bool { return u.Host == "other.example" })
	page, err := b.Get(t.Context(), server.URL+"/begin")
	if err != nil {
		t.Fatal(err)
	}
	if page.URL.Path != "/form" || page.Text() != "x Sign in Go Stop e" || page.Links()[0] != "/elsewhere" {
		t.Errorf("came to %s with %q", page.URL, page.Text())
	}
	if page.Form("nobody") != nil {
		t.Error("found a form with a field that is not there")
	}
	page, err = b.Submit(t.Context(), page.Form("who").Set("who", "me").Press("stop"))
	if err != nil {
		t.Fatal(err)
	}
	if page.Left == nil || page.Left.Type != "" || page.Left.URL.String() != "https://other.example/back?code=1#f" || page.Left.Method != "GET" {
		t.Errorf("left as %+v", page.Left)
	}
}

func TestLeavingByForm(t *testing.T) {
	for enctype, want := range map[string]string{
		"": "application/x-www-form-urlencoded", "application/x-www-form-urlencoded": "application/x-www-form-urlencoded",
		"Text/Plain": "text/plain", "multipart/form-data": "multipart/form-data", "unknown": "application/x-www-form-urlencoded",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `<form method="post" action="https://other.example/back" enctype="%s"><input name="code" value="1"></form>`, enctype)
		}))
		defer server.Close()
		b := New(nil, func(u *url.URL) bool { return u.Host == "other.example" })
		page, err := b.Get(t.Context(), server.URL)
		if err != nil {
			t.Fatal(err)
		}
		page, err = b.Submit(t.Context(), page.Form("code"))
		if err != nil {
			t.Fatal(err)
		}
		if page.Left == nil || page.Left.Type != want || page.Left.Method != "POST" || page.Left.Form.Get("code") != "1" {
			t.Errorf("enctype %q: left as %+v", enctype, page.Left)
		}
	}
}

// Package textbrowser is a browser without scripts, styles or pictures, for
// tests of pages that have to work without them. It keeps cookies, follows
// redirects and fills in forms, and stops where a page would leave the server
// under test: the tests see the request that the other side would have got.
//
//	b := textbrowser.New(server.HTTP.Transport, func(u *url.URL) bool { return u.Host != server.Domain })
//	page, err := b.Get(ctx, server.URL+"/authorize?…")
//	page, err = b.Submit(ctx, page.Form("username").Set("username", "a@mail.example"))
package textbrowser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// The most redirects that are followed in a row, and the most of a page that is
// read.
const (
	maxRedirects = 20
	maxPage      = 4 << 20
)

// A Browser is one person's: its cookies are its own.
type Browser struct {
	http    *http.Client
	outside func(*url.URL) bool
}

// urlencoded is the only form in which the browser sends a form to the server.
const urlencoded = "application/x-www-form-urlencoded"

// New returns a browser without cookies. It goes nowhere for which outside
// answers true; nil means that it goes everywhere.
func New(transport http.RoundTripper, outside func(*url.URL) bool) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it has no options that could be wrong
	}
	if outside == nil {
		outside = func(*url.URL) bool { return false }
	}
	return &Browser{
		http: &http.Client{
			Transport: transport, Jar: jar,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		outside: outside,
	}
}

// A Page is what the browser came to at last.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	// Left is the request by which the browser would have left the server; the
	// page is then the one that sent it away.
	Left *Leaving

	doc *html.Node
}

// Leaving is a request to somebody else.
type Leaving struct {
	Method string
	URL    *url.URL
	Form   url.Values // of a POST
	Type   string     // of a POST: the Content-Type that the form asks for
}

// Cookies are the cookies that would be sent to an address.
func (b *Browser) Cookies(u *url.URL) []*http.Cookie { return b.http.Jar.Cookies(u) }

// SetCookies gives the browser cookies.
func (b *Browser) SetCookies(u *url.URL, cookies []*http.Cookie) { b.http.Jar.SetCookies(u, cookies) }

// Get visits an address as if it were typed in.
func (b *Browser) Get(ctx context.Context, address string) (*Page, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return b.visit(ctx, request{method: http.MethodGet, url: u})
}

// Post submits a form of another site, as a page of an application does.
func (b *Browser) Post(ctx context.Context, address string, form url.Values) (*Page, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return b.visit(ctx, request{method: http.MethodPost, url: u, form: form, kind: urlencoded, origin: "https://application.example"})
}

// Submit submits a form of a page, by its first button unless another was
// pressed.
func (b *Browser) Submit(ctx context.Context, f *Form) (*Page, error) {
	if f == nil {
		return nil, errors.New("submit: there is no such form")
	}
	if !f.pressed && len(f.Buttons) > 0 {
		f.press(f.Buttons[0])
	}
	r := request{method: f.Method, url: f.Action, referer: f.page.String(), origin: origin(f.page)}
	if f.Method == http.MethodPost {
		r.form, r.kind = f.Values, f.Type
	} else {
		u := *f.Action
		u.RawQuery = f.Values.Encode()
		r.url = &u
	}
	return b.visit(ctx, r)
}

// Follow follows a link of a page.
func (b *Browser) Follow(ctx context.Context, p *Page, href string) (*Page, error) {
	u, err := p.URL.Parse(href)
	if err != nil {
		return nil, err
	}
	return b.visit(ctx, request{method: http.MethodGet, url: u, referer: p.URL.String()})
}

type request struct {
	method, referer, origin string
	kind                    string
	url                     *url.URL
	form                    url.Values
}

func (b *Browser) visit(ctx context.Context, r request) (*Page, error) {
	var last *Page
	for range maxRedirects {
		if b.outside(r.url) {
			if last == nil {
				last = &Page{URL: r.url}
			}
			last.Left = &Leaving{Method: r.method, URL: r.url, Form: r.form, Type: r.kind}
			return last, nil
		}
		p, err := b.send(ctx, r)
		if err != nil {
			return nil, err
		}
		location := p.Header.Get("Location")
		if p.Status < 300 || p.Status > 399 || location == "" {
			return p, nil
		}
		to, err := r.url.Parse(location)
		if err != nil {
			return nil, fmt.Errorf("redirect of %s: %w", r.url, err)
		}
		if to.Fragment == "" {
			to.Fragment, to.RawFragment = r.url.Fragment, r.url.RawFragment
		}
		if p.Status != http.StatusTemporaryRedirect && p.Status != http.StatusPermanentRedirect {
			r.method, r.form, r.kind = http.MethodGet, nil, ""
		}
		r.url, last = to, p
	}
	return nil, fmt.Errorf("more than %d redirects in a row, the last to %s", maxRedirects, r.url)
}

func (b *Browser) send(ctx context.Context, r request) (*Page, error) {
	var body io.Reader
	if r.form != nil {
		body = strings.NewReader(r.form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	req.Header.Set("Accept-Language", "en-GB,en;q=0.8")
	req.Header.Set("User-Agent", "Mozilla/5.0 (textbrowser)")
	if r.referer != "" {
		req.Header.Set("Referer", r.referer)
	}
	if r.method == http.MethodPost {
		req.Header.Set("Content-Type", urlencoded)
		req.Header.Set("Origin", r.origin)
		site := "cross-site"
		if r.origin == origin(r.url) {
			site = "same-origin"
		}
		req.Header.Set("Sec-Fetch-Site", site)
	}
	res, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxPage))
	if err != nil {
		return nil, err
	}
	doc, err := html.Parse(strings.NewReader(string(text)))
	if err != nil {
		return nil, err
	}
	return &Page{URL: r.url, Status: res.StatusCode, Header: res.Header, Body: string(text), doc: doc}, nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

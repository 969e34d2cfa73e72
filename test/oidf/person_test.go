package oidf

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// A person signs in with codes from the outbox.
type person struct {
	email   string
	browser *textbrowser.Browser
	codes   int // asked for so far
	logins  int // code pages that were answered
}

// codeWithin is how long a code may take to arrive.
const codeWithin = 15 * time.Second

// maxPages is how many pages a person is ready to fill in for one request.
const maxPages = 8

// authorize sends the person with a request to the authorization endpoint, lets
// them do what the pages ask, and returns how they come back to the application,
// or the page at which it ends.
func (r *run) authorize(q url.Values) *textbrowser.Page {
	r.Helper()
	page, err := r.person.browser.Get(r.ctx, r.endpoint("authorization_endpoint")+"?"+ordered(q, false))
	r.no(err)
	return r.signIn(page)
}

// signIn fills in pages until the person is sent away or has nothing to fill in.
func (r *run) signIn(page *textbrowser.Page) *textbrowser.Page {
	r.Helper()
	for range maxPages {
		var err error
		if link := otherWay(page); link != "" {
			page, err = r.person.browser.Follow(r.ctx, page, link)
		} else if form := r.fill(page); form != nil {
			page, err = r.person.browser.Submit(r.ctx, form)
		} else {
			return page
		}
		r.no(err)
	}
	r.must(false, "login", "after %d pages the person is still at %s:\n%s", maxPages, page.URL.Path, page.Text())
	return nil
}

// fill returns the form of a page with what the person would type, nil if they
// are done.
func (r *run) fill(page *textbrowser.Page) *textbrowser.Form {
	if page.Left != nil {
		return nil
	}
	if f := page.FormTo("https://" + partyHost + "/"); f != nil {
		return f // form_post: a script would submit it
	}
	if f := page.Form("code"); f != nil && !strings.Contains(page.URL.Path, "logout") {
		if r.person.codes == 0 {
			r.must(false, "login", "a code is asked for that was never sent: %s", page.Text())
		}
		ctx, cancel := context.WithTimeout(r.ctx, codeWithin)
		defer cancel()
		m, err := r.provider.inbox.Wait(ctx, r.person.email, r.person.codes-1)
		r.must(err == nil, "login", "code %d did not come: %v; the page says: %s", r.person.codes, err, page.Text())
		r.person.logins++
		return f.Set("code", m.Code)
	}
	if f := page.Form("username"); f != nil {
		r.person.codes++
		return f.Set("username", r.person.email)
	}
	if strings.HasSuffix(page.URL.Path, "/consent") {
		return page.Form("action").Press("accept")
	}
	return nil
}

// otherWay is the link to the way of signing in that the person wants, on pages
// that begin with another.
func otherWay(page *textbrowser.Page) string {
	if page.Left != nil || page.Form("username") == nil || page.Form("username").Values.Get("connection") == "email" {
		return ""
	}
	for _, link := range page.Links() {
		if strings.Contains(link, "connection=email") {
			return link
		}
	}
	return ""
}

// ordered writes a query in alphabetical order, or in the reverse.
func ordered(q url.Values, reverse bool) string {
	text := q.Encode()
	if !reverse {
		return text
	}
	parts := strings.Split(text, "&")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, "&")
}

package oidf

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// A person signs in with codes from the outbox.
type person struct {
	connection string // the way of signing in: email or sms
	to         string // the address or number of that way
	profile    map[string]string
	browser    *textbrowser.Browser
	codes      int // asked for so far
	logins     int // code pages that were answered
}

// newPerson returns somebody with an address or number of their own, an empty
// browser, and as much of a profile as the server can keep: no claim may be
// missing only because nobody has it, and none may be given to those who have
// not asked, which shows only where there is something to give.
func (r *run) newPerson(connection string) *person {
	r.Helper()
	p := &person{connection: connection, profile: map[string]string{
		"name": "Person of Letters " + letters(6), "given_name": "Person", "family_name": "of Letters",
		"nickname": "letters", "picture": "https://pictures.example/" + letters(6) + ".png",
	}, browser: textbrowser.New(r.provider.server.HTTP.Transport, func(u *url.URL) bool {
		return u.Host == partyHost
	})}
	body := map[string]any{"connection": connection}
	if connection == "sms" {
		// Of the numbers that are kept free for stories: the page takes only
		// what can be one.
		p.to = fmt.Sprintf("+447700900%03d", r.provider.numbers.Add(1))
		r.provider.run.Note(p.to)
		body["phone_number"], body["phone_verified"] = p.to, true
	} else {
		p.to = r.provider.run.Email()
		body["email"], body["email_verified"] = p.to, true
	}
	for name, value := range p.profile {
		body[name] = value
	}
	a := r.provider.manager.Do(r.ctx, http.MethodPost, "/api/v2/users", body)
	r.must(a.Status == http.StatusCreated, "login", "the person could not be made: %v %s", a, a.Body)
	return p
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
		if link := r.person.otherWay(page); link != "" {
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
		m, err := r.provider.inbox.Wait(ctx, r.person.to, r.person.codes-1)
		r.must(err == nil, "login", "code %d did not come: %v; the page says: %s", r.person.codes, err, page.Text())
		r.person.logins++
		return f.Set("code", m.Code)
	}
	if f := page.Form("username"); f != nil {
		r.person.codes++
		return f.Set("username", r.person.to)
	}
	if strings.HasSuffix(page.URL.Path, "/consent") {
		return page.Form("action").Press("accept")
	}
	return nil
}

// otherWay is the link to the way of signing in that the person wants, on pages
// that begin with another.
func (p *person) otherWay(page *textbrowser.Page) string {
	if page.Left != nil || page.Form("username") == nil || page.Form("username").Values.Get("connection") == p.connection {
		return ""
	}
	for _, link := range page.Links() {
		if strings.Contains(link, "connection="+p.connection) {
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

package oidf

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// request is what every module asks to begin with (B0 of the plans): the
// parameters that an application always sends.
func (r *run) request(more ...url.Values) url.Values {
	q := url.Values{
		"client_id": {r.party.id}, "nonce": {letters(10)}, "redirect_uri": {callback},
		"response_type": {"code"}, "scope": {"openid"}, "state": {letters(10)},
	}
	if r.mode != "" {
		q.Set("response_mode", r.mode)
	}
	for _, values := range more {
		for name, v := range values {
			q[name] = v
		}
	}
	for name, v := range q {
		if len(v) == 1 && v[0] == absent {
			delete(q, name)
		}
	}
	return q
}

// absent takes a parameter out of a request.
const absent = "\x00"

// answered returns the parameters with which the person came back (rows A1 to
// A4, and E1 for errors), wherever the response mode has them.
func (r *run) answered(q url.Values, page *textbrowser.Page) url.Values {
	r.Helper()
	r.must(page.Left != nil, "A1", "the person did not come back but is at %s (%d):\n%s", page.URL.Path, page.Status, page.Text())
	left := page.Left
	got := left.URL.Query()
	if r.mode == "form_post" {
		r.want(left.Method == http.MethodPost, "A2", "came back by %s", left.Method)
		r.want(left.Type == "application/x-www-form-urlencoded", "A2", "came back with the Content-Type %q", left.Type)
		r.want(!got.Has("code") && !got.Has("error"), "A2", "the query has %v", got)
		got = left.Form
	} else {
		r.want(left.Method == http.MethodGet, "A1", "came back by %s", left.Method)
		r.want(left.URL.Fragment == "", "A1", "came back with the fragment %q", left.URL.Fragment)
	}
	to := *left.URL
	to.RawQuery, to.Fragment = "", ""
	r.must(to.String() == callback, "A1", "came back to %s", to.String())
	if iss := got.Get("iss"); got.Has("iss") {
		r.want(iss == r.text("issuer"), "A4", "iss is %q", iss)
	}
	r.want(got.Get("state") == q.Get("state") && len(got["state"]) == len(q["state"]), "A6", "state %q came back as %q", q["state"], got["state"])
	return got
}

// code is the authorization code of a successful answer.
func (r *run) code(q url.Values, page *textbrowser.Page) string {
	r.Helper()
	got := r.answered(q, page)
	r.must(!got.Has("error"), "A5", "error %q: %s", got.Get("error"), got.Get("error_description"))
	r.must(len(got["code"]) == 1 && got.Get("code") != "", "A7", "code is %q", got["code"])
	r.provider.run.Note(got.Get("code"))
	return got.Get("code")
}

// refused wants an error answer at the application (rows E1 to E5).
func (r *run) refused(q url.Values, page *textbrowser.Page, codes ...string) {
	r.Helper()
	got := r.answered(q, page)
	r.must(got.Get("error") != "", "E2", "no error in %v", got)
	r.want(!got.Has("code"), "E2", "an error came with a code")
	r.want(slices.Contains(codes, got.Get("error")), "E", "error %q, wanted one of %v", got.Get("error"), codes)
	for name := range got {
		r.should(slices.Contains([]string{"error", "error_description", "error_uri", "state", "session_state", "iss"}, name),
			"E3", "the parameter %q in an error", name)
	}
	r.checkDescription(got.Get("error_description"))
	if got.Has("error_uri") {
		r.checkErrorURI(got.Get("error_uri"))
	}
}

// checkDescription is row E4: what RFC 6749 lets a description consist of.
func (r *run) checkDescription(text string) {
	r.Helper()
	for _, c := range text {
		ok := c == 0x20 || c == 0x21 || c >= 0x23 && c <= 0x5B || c >= 0x5D && c <= 0x7E
		r.want(ok, "E4", "error_description has %q in it: %s", c, text)
	}
}

// checkErrorURI is row E5: an address of a page about the error.
func (r *run) checkErrorURI(text string) {
	r.Helper()
	u, err := url.Parse(text)
	r.want(err == nil && u.IsAbs() && u.Host != "", "E5", "error_uri is %q", text)
	r.want(!strings.ContainsFunc(text, notInToken), "E5", "error_uri is %q", text)
}

// notInToken is for what neither a scope nor an error_uri may have in it (RFC
// 6749 appendix A).
func notInToken(c rune) bool { return c < 0x21 || c == 0x22 || c == 0x5C || c > 0x7E }

// ownErrorPage wants the server to have kept the person on a page of its own
// that names the reason.
func (r *run) ownErrorPage(id string, page *textbrowser.Page, word string) {
	r.Helper()
	r.must(page.Left == nil, id, "the person was sent to %v", page.Left)
	r.want(page.Status >= 400 && page.Status < 500, id, "status %d", page.Status)
	r.want(strings.Contains(strings.ToLower(page.Text()), strings.ToLower(word)), id, "the page does not speak of %q: %s", word, page.Text())
}

// noStore wants an answer that nobody keeps.
func (r *run) noStore(id string, h http.Header) {
	r.Helper()
	for _, d := range strings.Split(h.Get("Cache-Control"), ",") {
		if strings.TrimSpace(d) == "no-store" {
			return
		}
	}
	r.fail(id, "Cache-Control %q", h.Get("Cache-Control"))
}

func mediaType(h http.Header) string {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return kind
}

package dashboard

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// maxForm bounds what a page sends.
const maxForm = 256 << 10

// The names of the cookies; on https with the prefix that makes browsers refuse
// them from other hosts and from plain http.
const (
	sessionCookie = "dc_admin"
	codeCookie    = "dc_admin_tx" // while a code is awaited
	hostPrefix    = "__Host-"
)

// A request is one of an administrator who is signed in.
type request struct {
	*http.Request
	Who     tenant.Administrator
	Session tenant.AdministratorSession
	caller  admin.Caller
}

// request finds out who asks. The fault is NotFound if nobody is signed in.
func (d *Dashboard) request(r *http.Request) (*request, error) {
	caller := d.caller(r)
	session, err := d.Admins.Session(r.Context(), caller.Session)
	if err != nil {
		return nil, err
	}
	caller.By = session.Administrator.ID
	return &request{Request: r, Who: session.Administrator, Session: session, caller: caller}, nil
}

// caller is who asks, as far as the connection tells.
func (d *Dashboard) caller(r *http.Request) admin.Caller {
	ip, agent := web.ClientIP(r, d.Proxies), r.UserAgent()
	return admin.Caller{
		IP: ip.String(), IPKey: web.IPKey(ip), UserAgent: agent[:min(len(agent), 512)],
		Session: d.cookie(r, sessionCookie), Channel: "dashboard",
	}
}

// actor is who asks, for the log of what is managed.
func (q *request) actor(body []byte) manage.Actor {
	return manage.Actor{
		Subject: "administrator|" + string(q.Who.ID), Channel: "dashboard", IP: q.caller.IP, UserAgent: q.caller.UserAgent,
		Method: q.Method, Path: q.URL.EscapedPath(), Body: body,
	}
}

// cookie returns the value of a cookie that came once, or "".
func (d *Dashboard) cookie(r *http.Request, name string) string {
	all := r.CookiesNamed(d.cookieName(name))
	if len(all) != 1 {
		return ""
	}
	return all[0].Value
}

func (d *Dashboard) cookieName(name string) string {
	if d.HTTPS {
		return hostPrefix + name
	}
	return name
}

// setCookie gives the browser a cookie for so many seconds, or takes it away if
// they are negative.
func (d *Dashboard) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: d.cookieName(name), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: d.HTTPS, SameSite: http.SameSiteStrictMode,
	})
}

// form is what a page sends.
type form struct{ web.Params }

func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	p, repeated, err := web.ReadForm(w, r, maxForm)
	if err == nil && len(repeated) > 0 {
		err = errRepeated
	}
	return form{p}, err
}

// line is a text without space around it.
func (f form) line(name string) string { return strings.TrimSpace(f.Get(name)) }

// on reports whether a box is ticked.
func (f form) on(name string) bool { return f.Get(name) == "on" }

// picked lists what follows the prefix in the names of the boxes that are
// ticked.
func (f form) picked(prefix string) []string {
	var out []string
	for _, name := range f.Names() {
		if rest, ok := strings.CutPrefix(name, prefix); ok && f.on(name) {
			out = append(out, rest)
		}
	}
	return out
}

// onThisMachine reports whether a request comes from the machine of a
// development server, under a name of its own and through no proxy: then it is
// the developer's. (A foreign name that resolves to this machine would let its
// owner's pages in: DNS rebinding.)
func (d *Dashboard) onThisMachine(r *http.Request) bool {
	if !d.Dev || !d.OwnHost(web.HostName(r)) {
		return false
	}
	if d.AllowRemote {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() &&
		r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}

// next is where a sign-in leads: a page of ours, or the first.
func next(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || strings.ContainsAny(address, "\\\r\n\t") ||
		u.Path != pathHome && !strings.HasPrefix(u.Path, pathHome+"/") || strings.HasPrefix(u.Path, pathLogin) ||
		strings.Contains(u.Path, "//") || strings.Contains(u.Path, "..") {
		return pathHome
	}
	return u.RequestURI()
}

// isText reports whether an address has nothing in it that no database takes as
// text, and nothing that was not written in UTF-8.
func isText(u *url.URL) bool {
	query, err := url.QueryUnescape(u.RawQuery)
	if err != nil {
		query = u.RawQuery
	}
	all := u.Path + query
	return utf8.ValidString(all) && !strings.ContainsRune(all, 0)
}

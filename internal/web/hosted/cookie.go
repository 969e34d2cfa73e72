package hosted

import (
	"net/http"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// The names of the cookies. On https they have the prefix that makes browsers
// refuse them from other hosts and from plain http.
const (
	sessionCookie     = web.SessionName
	deviceCookie      = "dc_device"
	transactionCookie = "dc_tx_" // and the first eight digits of the id
)

// maxSignIns is how many sign-ins a browser may have under way. The cookies of
// all come with every request, of which proxies take a few thousand bytes; and a
// site that opens many could make the browser drop the session's.
const maxSignIns = 10

// deviceLife is how long a browser is known in which somebody has signed in.
const deviceLife = 400 * 24 * time.Hour

func (p *Pages) cookieName(name string) string { return web.CookieName(name, p.HTTPS) }

// transactionName names the cookie of a sign-in, so that several can be under
// way in one browser. It returns "" for what is no id.
func (p *Pages) transactionName(id string) string {
	if len(id) != 32 {
		return ""
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return p.cookieName(transactionCookie + id[:8])
}

// browser reads what a browser holds.
func (p *Pages) browser(r *http.Request) authorize.Browser {
	ip := web.ClientIP(r, p.Proxies)
	return authorize.Browser{
		Session: cookie(r, p.cookieName(sessionCookie)),
		Transaction: func(id string) string {
			name := p.transactionName(id)
			if name == "" {
				return ""
			}
			return cookie(r, name)
		},
		Ticket: cookie(r, web.TicketCookie(p.HTTPS)),
		Device: cookie(r, p.cookieName(deviceCookie)),
		IP:     ip.String(), IPKey: web.IPKey(ip), UserAgent: userAgent(r),
		Language: r.Header.Get("Accept-Language"),
	}
}

// userAgent bounds what a browser says of itself. PostgreSQL stores no text that
// is not UTF-8, which a header may be, or become where it is cut.
func userAgent(r *http.Request) string {
	agent := r.UserAgent()
	return strings.ToValidUTF8(agent[:min(len(agent), 512)], "")
}

// cookie returns the value of a cookie that came once, or "": of two, one was
// put there by somebody else.
func cookie(r *http.Request, name string) string {
	all := r.CookiesNamed(name)
	if len(all) != 1 {
		return ""
	}
	return all[0].Value
}

// give sets the cookies that a step asks for.
func (p *Pages) give(w http.ResponseWriter, r *http.Request, step authorize.Step) {
	if step.SessionCookie != "" {
		// Applications ask silently from a frame, to which browsers send only
		// what says that it may be; and they take that on https alone.
		c := p.cookie(sessionCookie, step.SessionCookie, http.SameSiteLaxMode)
		if p.HTTPS {
			c.SameSite = http.SameSiteNoneMode
		}
		if !step.SessionExpires.IsZero() {
			c.Expires = step.SessionExpires
		}
		http.SetCookie(w, c)
	}
	if step.DeviceCookie != "" {
		c := p.cookie(deviceCookie, step.DeviceCookie, http.SameSiteLaxMode)
		c.MaxAge = int(deviceLife / time.Second)
		http.SetCookie(w, c)
	}
	name := transactionCookie
	if id := step.Transaction.ID; len(id) >= 8 {
		name += id[:8]
	}
	switch {
	case step.TransactionCookie != "":
		p.forgetOldest(w, r)
		c := p.cookie(name, step.TransactionCookie, http.SameSiteLaxMode)
		c.MaxAge = int(tenant.TransactionLifetime / time.Second)
		http.SetCookie(w, c)
	case step.Over() && name != transactionCookie:
		c := p.cookie(name, "", http.SameSiteLaxMode)
		c.MaxAge = -1
		http.SetCookie(w, c)
	}
}

// forgetOldest makes room for the cookie of another sign-in. Browsers send those
// that they got first in front (RFC 6265 §5.4).
func (p *Pages) forgetOldest(w http.ResponseWriter, r *http.Request) {
	var names []string
	for _, c := range r.Cookies() {
		if name, ok := strings.CutPrefix(c.Name, p.cookieName("")); ok && strings.HasPrefix(name, transactionCookie) {
			names = append(names, name)
		}
	}
	for ; len(names) >= maxSignIns; names = names[1:] {
		c := p.cookie(names[0], "", http.SameSiteLaxMode)
		c.MaxAge = -1
		http.SetCookie(w, c)
	}
}

func (p *Pages) cookie(name, value string, site http.SameSite) *http.Cookie {
	return &http.Cookie{
		Name: p.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: p.HTTPS, SameSite: site,
	}
}

package hosted

import (
	"net/http"
	"time"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// The names of the cookies. On https they have the prefix that makes browsers
// refuse them from other hosts and from plain http.
const (
	sessionCookie     = "dc_session"
	deviceCookie      = "dc_device"
	transactionCookie = "dc_tx_" // and the first eight digits of the id
)

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
	agent := r.UserAgent()
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
		IP:     ip.String(), IPKey: web.IPKey(ip), UserAgent: agent[:min(len(agent), 512)],
		Language: r.Header.Get("Accept-Language"),
	}
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
func (p *Pages) give(w http.ResponseWriter, step authorize.Step) {
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
		c := p.cookie(name, step.TransactionCookie, http.SameSiteLaxMode)
		c.MaxAge = int(tenant.TransactionLifetime / time.Second)
		http.SetCookie(w, c)
	case step.Response != nil && name != transactionCookie:
		c := p.cookie(name, "", http.SameSiteLaxMode)
		c.MaxAge = -1
		http.SetCookie(w, c)
	}
}

func (p *Pages) cookie(name, value string, site http.SameSite) *http.Cookie {
	return &http.Cookie{
		Name: p.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: p.HTTPS, SameSite: site,
	}
}

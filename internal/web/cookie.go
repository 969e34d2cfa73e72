package web

// hostPrefix makes browsers refuse a cookie from other hosts, from plain http
// and for part of the paths (RFC 6265bis §4.1.3.2).
const hostPrefix = "__Host-"

// CookieName is the name that a cookie of ours goes by. Without https there is
// no prefix: browsers would refuse it.
func CookieName(name string, https bool) string {
	if https {
		return hostPrefix + name
	}
	return name
}

// SessionName names the cookie of a session, as CookieName is given it.
const SessionName = "dc_session"

// TicketCookie names the cookie that goes with a login ticket.
func TicketCookie(https bool) string { return CookieName("dc_co", https) }

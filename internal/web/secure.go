package web

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// maxURI is the longest request target that is served.
const maxURI = 8 << 10

// methods are those any endpoint may have. TRACE is not among them: it would
// read cookies back to a script that may not see them.
const methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// Secure sets the headers that every response has and refuses requests that no
// endpoint wants. https says that the public URL is https, in which case
// browsers are told to use nothing else.
//
// Handlers may replace the headers: pages set a policy that includes scripts
// and styles, the page that answers a silent sign-in lets its application frame
// it, and what may be kept says for how long.
func Secure(next http.Handler, https bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if https {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if len(r.TransferEncoding) > 0 && r.ProtoMajor == 1 {
			// net/http drops a Content-Length that comes with a
			// Transfer-Encoding. A proxy that went by the former would take
			// the rest of the connection for another request than we do, so
			// nothing more is read from it.
			h.Set("Connection", "close")
		}
		switch r.Method {
		case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		default:
			h.Set("Allow", methods)
			http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
			return
		}
		if len(r.RequestURI) > maxURI {
			http.Error(w, "The address is too long.", http.StatusRequestURITooLong)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !isCleanPath(r.URL.EscapedPath()) {
			// ServeMux would answer 307, with which a browser sends a form, and
			// the code in it, a second time (RFC 9700 §4.12).
			http.Error(w, "There is nothing at this address: its path has an empty part in it, or dots for one.", http.StatusNotFound)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isCleanPath reports whether ServeMux takes a path as it is. It is the escaped
// one: a slash or a dot that is escaped belongs to a name.
func isCleanPath(escaped string) bool {
	if escaped == "" || escaped[0] != '/' {
		return false
	}
	clean := path.Clean(escaped)
	return escaped == clean || clean != "/" && escaped == clean+"/"
}

// HostName is the host that a request names, in lower case and without a port.
func HostName(r *http.Request) string {
	u := url.URL{Host: r.Host}
	return strings.ToLower(u.Hostname())
}

// Hosts refuses requests for a host that allowed does not know, with 421. Links
// in messages and pages are made from configuration and never from the Host
// header; this also keeps a foreign name that resolves here from being used
// against browsers. host is in lower case and without a port.
func Hosts(next http.Handler, allowed func(host string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := HostName(r); host == "" || !allowed(host) {
			http.Error(w, "This server does not serve that host: its name is that of its public URL, which a proxy has to pass on in the Host header.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// exposed are the response headers that scripts may read.
const exposed = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, WWW-Authenticate, DPoP-Nonce, X-Request-Id"

// CORS lets a page of an allowed origin read the response. It reports true if
// the request was a preflight, which it has answered. allowed is given the
// origin as the browser sent it and must compare it as a whole. Cookies are
// neither sent nor needed.
func CORS(w http.ResponseWriter, r *http.Request, allowed func(origin string) bool) (handled bool) {
	return cors(w, r, allowed, false)
}

// CORSWithCookies is CORS for the endpoints to which the browser must send
// cookies.
func CORSWithCookies(w http.ResponseWriter, r *http.Request, allowed func(origin string) bool) (handled bool) {
	return cors(w, r, allowed, true)
}

func cors(w http.ResponseWriter, r *http.Request, allowed func(string) bool, cookies bool) bool {
	h := w.Header()
	h.Add("Vary", "Origin")
	asked := r.Header.Get("Access-Control-Request-Method")
	preflight := r.Method == http.MethodOptions && asked != ""
	origins := r.Header["Origin"]
	// Sandboxed pages of anybody have the origin "null".
	if len(origins) == 1 && origins[0] != "" && origins[0] != "null" && allowed(origins[0]) {
		h.Set("Access-Control-Allow-Origin", origins[0])
		if cookies {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if preflight {
			grant(h, asked, r.Header.Get("Access-Control-Request-Headers"))
		} else {
			h.Set("Access-Control-Expose-Headers", exposed)
		}
	}
	if preflight {
		h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
		w.WriteHeader(http.StatusNoContent)
	}
	return preflight
}

// grant answers the preflight of an allowed origin: the headers asked for, as
// long as they are header names, and the method if there is such.
func grant(h http.Header, method, headers string) {
	if slices.Contains(strings.Split(methods, ", "), method) {
		h.Set("Access-Control-Allow-Methods", method)
	}
	if headers != "" && len(headers) <= 1024 && strings.Trim(headers, nameChars) == "" {
		h.Set("Access-Control-Allow-Headers", headers)
	}
	h.Set("Access-Control-Max-Age", "600")
}

// nameChars are what lists of header names consist of.
const nameChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_, "

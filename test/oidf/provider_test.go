package oidf

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// Where the application under test would be. Nobody is there: the browser stops
// before it leaves the server.
const (
	partyHost   = "rp.example"
	callback    = "https://" + partyHost + "/test/a/doorcode/callback"
	afterLogout = "https://" + partyHost + "/test/a/doorcode/post_logout_redirect"
)

// A provider is the server under test with the applications registered at it.
type provider struct {
	server  *binary.Server
	run     *binary.Run
	manager *binary.Manager
	inbox   *binary.Inbox
	http    *http.Client // follows no redirects

	main, second, post *party
	logout             *listener
	numbers            atomic.Int32 // of people with a telephone, so far

	once     sync.Once
	metadata map[string]any
	problem  error
}

// A party is an application of the conformance suite.
type party struct{ id, secret, auth string }

const config = `
tenant:
  flags:
    standards_strict: true
clients:
%s`

const client = `  - name: %[1]s
    client_id: %[1]s
    client_secret: %[2]s
    app_type: regular_web
    is_first_party: true
    oidc_conformant: true
    token_endpoint_auth_method: %[3]s
    grant_types: [authorization_code, refresh_token]
    callbacks: [%[4]s]
    allowed_logout_urls: [%[5]s]
    oidc_logout:
      backchannel_logout_urls: [%[6]s]
`

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{
		run:    binary.New(t),
		main:   &party{"conformance1", "the first secret + / %% ~ of a conformance client", "client_secret_basic"},
		second: &party{"conformance2", "the second secret of a conformance client, long", "client_secret_basic"},
		post:   &party{"conformance3", "the third secret of a conformance client, longer", "client_secret_post"},
		logout: listen(t),
	}
	var clients strings.Builder
	for _, c := range []*party{p.main, p.second, p.post} {
		p.run.Note(c.secret)
		fmt.Fprintf(&clients, client, c.id, fmt.Sprintf("%q", c.secret), c.auth, callback, afterLogout, p.logout.url)
	}
	file := p.run.File("conformance.yaml", fmt.Sprintf(config, clients.String()))
	p.server = p.run.Start("--ephemeral", "--tls", "--config", file, "--allow-networks", "127.0.0.0/8")
	p.inbox, p.manager = p.run.Inbox(p.server), p.server.Manage(t.Context())
	p.http = &http.Client{
		Transport: p.server.HTTP.Transport, Timeout: 60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p
}

// A post is one that an application was sent.
type post struct {
	kind string // its Content-Type
	form url.Values
}

// A listener takes logout tokens, as an application's back-channel address.
type listener struct {
	url string

	mu    sync.Mutex
	posts []post
}

func listen(t *testing.T) *listener {
	l := &listener{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		form, _ := url.ParseQuery(string(body))
		l.mu.Lock()
		l.posts = append(l.posts, post{r.Header.Get("Content-Type"), form})
		l.mu.Unlock()
		w.Header().Set("Cache-Control", "no-store")
	}))
	t.Cleanup(s.Close)
	l.url = s.URL + "/backchannel_logout"
	return l
}

// all are the posts so far.
func (l *listener) all() []post {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]post(nil), l.posts...)
}

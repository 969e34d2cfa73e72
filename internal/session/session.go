// Package session decides how long people stay signed in and when they are
// asked again. It is made of pure functions over values; what is kept, and that
// a session that ended stays ended, is for the store.
package session

import (
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The sizes of a session's two values before they are written as text.
const (
	idBytes     = 24
	cookieBytes = 32
)

// A Proof is what somebody has just shown to be signed in.
type Proof struct {
	Now        time.Time
	Connection tenant.ConnectionID
	Channel    tenant.Channel
	IP         string
	UserAgent  string
}

// New returns a session that begins now, and what the browser is given to hold.
// The session's user is whoever the proof turns out to be about; its digest is
// for the caller to make. The value is new with each proof, so that one that
// somebody had before is worth nothing after (OWASP ASVS 7.2.4).
func New(p tenant.SessionPolicy, proof Proof) (s tenant.Session, cookie string) {
	life, idle := lives(p)
	now := proof.Now
	return tenant.Session{
		ID:         secret.Token(idBytes),
		Connection: proof.Connection, Channel: proof.Channel,
		AuthTime: now, CreatedAt: now, UpdatedAt: now, LastUsed: now,
		IdleSpan: idle, IdleEnds: now.Add(idle), Expires: now.Add(life),
		Persistent: !p.Transient,
		FirstIP:    proof.IP, FirstAgent: proof.UserAgent, LastIP: proof.IP, LastAgent: proof.UserAgent,
	}, secret.Token(cookieBytes)
}

// lives are the lifetimes of a policy. No session idles longer than it lives.
func lives(p tenant.SessionPolicy) (life, idle time.Duration) {
	life, idle = p.Lifetime, p.Idle
	if life <= 0 {
		life = tenant.DefaultSessionLifetime
	}
	if idle <= 0 {
		idle = tenant.DefaultSessionIdle
	}
	return life, min(idle, life)
}

// Lives reports whether a session can still be used. A policy that became
// shorter since the session began holds for it too.
func Lives(s *tenant.Session, p tenant.SessionPolicy, now time.Time) bool {
	life, idle := lives(p)
	return now.Before(s.Expires) && now.Before(s.IdleEnds) &&
		now.Before(s.AuthTime.Add(life)) && now.Before(s.LastUsed.Add(idle))
}

// Through reports whether a session was begun through one of these connections.
func Through(s *tenant.Session, connections []*tenant.Connection) bool {
	return slices.ContainsFunc(connections, func(c *tenant.Connection) bool { return c.ID == s.Connection })
}

// Answers reports whether a session that lives is enough for a request, so that
// the person need not show again who they are. It is not if it was begun through
// a connection that is not among those offered for the request: single sign-on
// lets nobody into an application that its connections keep out.
//
// A request that names a connection always asks (Auth0: connection=sms or email
// never reuses a session).
func Answers(s *tenant.Session, r *tenant.AuthorizeRequest, offered []*tenant.Connection, now time.Time) bool {
	if !Through(s, offered) {
		return false
	}
	for _, p := range []string{tenant.PromptLogin, tenant.PromptSelectAccount, tenant.PromptCreate} {
		if slices.Contains(r.Prompt, p) {
			return false
		}
	}
	switch {
	case r.Connection != "", r.ScreenHint == "signup":
		return false
	case r.HintUser != "" && r.HintUser != s.User:
		return false
	}
	return !r.HasMaxAge || r.MaxAge > 0 && !now.After(s.AuthTime.Add(r.MaxAge))
}

// CookieDigests are what a browser's cookie is found by: under the current root key,
// and under those before it.
func CookieDigests(keys *secret.Ring, cookie string) [][]byte {
	return keys.MACs(secret.Browsers, "session", cookie)
}

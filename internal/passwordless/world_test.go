package passwordless_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

const number, address = "+447700900123", "jo@example.com"

// A world is the service with a real database, connections that a test may
// change, an outbox that sends nothing, and a clock that a test moves.
type world struct {
	*passwordless.Service
	t        *testing.T
	store    *store.Store
	db       *sql.DB
	out      *outbox
	settings tenant.Settings
	// protection blocks nothing of itself
	protection tenant.Protection
	app        *tenant.Client
	other      *tenant.Client

	mu    sync.Mutex
	now   time.Time
	conns map[string]*tenant.Connection
}

// each runs fn once for each database.
func each(t *testing.T, fn func(w *world)) {
	t.Helper()
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) { fn(newWorld(t, s, db)) })
}

func newWorld(t *testing.T, s *store.Store, db *sql.DB) *world {
	keys := storetest.Keys(t)
	w := &world{
		t: t, store: s, db: db, out: &outbox{ready: true},
		app: &tenant.Client{ID: "app", Name: "App"}, other: &tenant.Client{ID: "other", Name: "Other"},
		now: time.Date(2026, 3, 29, 1, 59, 0, 0, time.UTC), conns: map[string]*tenant.Connection{},
	}
	for _, c := range []tenant.Connection{{Name: "sms", Channel: tenant.SMS}, {Name: "sms2", Channel: tenant.SMS}, {Name: "email", Channel: tenant.Email}} {
		c.ID = tenant.ConnectionID("con_" + c.Name)
		c.Clients = []tenant.ClientID{"app", "other"}
		c.Code = tenant.CodePolicy{Digits: tenant.DefaultDigits, Lifetime: tenant.DefaultLifetime}
		w.conns[c.Name] = &c
	}
	w.Service = &passwordless.Service{
		Connections: w, Ledger: s, Outbox: w.out, Codes: otp.Maker{Keys: keys}, Keys: keys, Limits: attack.Off,
		Settings:       func(context.Context) (*tenant.Settings, error) { return &w.settings, nil },
		TestIdentities: s.TestIdentity,
		Protection:     func(context.Context) (*tenant.Protection, error) { return &w.protection, nil },
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
	}
	return w
}

// run is testing.T.Run in the same world.
func (w *world) run(name string, fn func(t *testing.T)) {
	outer := w.t
	defer func() { w.t = outer }()
	outer.Run(name, func(t *testing.T) {
		w.t = t
		fn(t)
	})
}

// Connection implements passwordless.Connections.
func (w *world) Connection(_ context.Context, name string) (*tenant.Connection, error) {
	switch c := w.conns[name]; {
	case name == "broken":
		return nil, errors.New("the disk is full")
	case c == nil:
		return nil, fault.New(fault.NotFound, "not_found", "There is no such thing.")
	default:
		return c, nil
	}
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// An outbox keeps what it is offered to be sent, and drops what is suppressed.
type outbox struct {
	mu      sync.Mutex
	ready   bool
	offered []tenant.Message
	refusal string
	waited  []string // the messages that refusals were waited for
}

// Offer implements passwordless.Outbox.
func (o *outbox) Offer(m tenant.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.State != tenant.MessageSuppressed {
		o.offered = append(o.offered, m)
	}
}

// Refusal implements passwordless.Outbox.
func (o *outbox) Refusal(ctx context.Context, _ tenant.ConnectionID, message string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, limited := ctx.Deadline(); !limited {
		o.waited = append(o.waited, "without an end")
	}
	o.waited = append(o.waited, message)
	if message == "" {
		return ""
	}
	return o.refusal
}

// Ready implements passwordless.Outbox.
func (o *outbox) Ready(context.Context, *tenant.Connection) (bool, error) { return o.ready, nil }

func (o *outbox) sent() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.offered)
}

// ask is a request for a code to the person, who is known by a number or an
// address, through the connection of that name.
func (w *world) ask(connection, person string) passwordless.StartRequest {
	r := passwordless.StartRequest{
		Client: w.app, Connection: connection, IP: "192.0.2.1", IPKey: "192.0.2.1", UserAgent: "test", Send: "code",
	}
	if strings.Contains(person, "@") {
		r.Email = person
	} else {
		r.PhoneNumber = person
	}
	return r
}

func (w *world) mustStart(r passwordless.StartRequest) passwordless.Started {
	w.t.Helper()
	started, err := w.Start(w.t.Context(), r)
	if err != nil {
		w.t.Fatalf("Start: %v", err)
	}
	return started
}

// send asks for a code and returns the one that was offered to be sent.
func (w *world) send(r passwordless.StartRequest) string {
	w.t.Helper()
	before := w.out.sent()
	w.mustStart(r)
	if w.out.sent() != before+1 {
		w.t.Fatalf("%d messages were offered, want one", w.out.sent()-before)
	}
	return w.codeOf(w.out.offered[before])
}

func (w *world) codeOf(m tenant.Message) string {
	w.t.Helper()
	code, err := w.Codes.Digits(m.Salt, m.Code, m.Digits)
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// stored makes the code again that the database has a row for, whether or not
// a message was sent with it.
func (w *world) stored(key tenant.CodeKey) string {
	w.t.Helper()
	m := tenant.Message{Code: key}
	if err := w.db.QueryRowContext(w.t.Context(), `SELECT salt, digits FROM codes
		WHERE connection_id = $1 AND identifier = $2 AND client_id = $3 AND transaction_id = $4`,
		string(key.Connection), key.Identifier, string(key.Client), key.Transaction).Scan(&m.Salt, &m.Digits); err != nil {
		w.t.Fatalf("there is no code for %+v: %v", key, err)
	}
	return w.codeOf(m)
}

// bring is a request that brings a code.
func (w *world) bring(realm, person, code string) passwordless.FinishRequest {
	return passwordless.FinishRequest{
		Client: w.app, Realm: realm, Username: person, OTP: code, IP: "192.0.2.1", UserAgent: "test",
		Grant: tenant.Grant{ID: "grt_" + event.NewID(w.Now()), SessionID: "sid", Scope: "openid"},
	}
}

// outcome is what became of a Finish in few words.
func outcome(err error) string {
	if err == nil {
		return "in"
	}
	f := fault.Of(err)
	return f.Code + ": " + f.Message
}

const (
	wrongSMS   = "invalid_grant: Wrong phone number or verification code."
	wrongEmail = "invalid_grant: Wrong email or verification code."
	expired    = "invalid_grant: The verification code has expired. Please try to login again."
	tooMany    = "invalid_grant: You've reached the maximum number of attempts. Please try to login again."
	isBlocked  = "unauthorized: user is blocked"
)

// try brings a code and says what came of it.
func (w *world) try(r passwordless.FinishRequest) string {
	_, err := w.Finish(w.t.Context(), r)
	return outcome(err)
}

// know makes a user with the identifier and returns their id.
func (w *world) know(connection, person, external string) tenant.UserID {
	w.t.Helper()
	c := w.conns[connection]
	u := account.New(tenant.Recipient{Connection: c.ID, Channel: c.Channel, Identifier: person}, c.Name, external, w.Now())
	storetest.Exec(w.t, w.db, `INSERT INTO users (id, email, email_verified, phone, phone_verified, name, nickname, picture, given_name, family_name,
		blocked, user_metadata, app_metadata, last_ip, last_login, logins_count, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', FALSE, '{}', '{}', '', 0, 0, 0, 0)`,
		string(u.ID), u.Email, u.EmailVerified, u.Phone, u.PhoneVerified, u.Name, u.Nickname, u.Picture)
	storetest.Exec(w.t, w.db, `INSERT INTO identities (connection_id, identifier, user_id, channel, external_id) VALUES ($1, $2, $3, $4, $5)`,
		string(c.ID), person, string(u.ID), string(c.Channel), external)
	return u.ID
}

func (w *world) block(id tenant.UserID) {
	w.t.Helper()
	if n := storetest.Exec(w.t, w.db, `UPDATE users SET blocked = TRUE WHERE id = $1`, string(id)); n != 1 {
		w.t.Fatalf("%d users were blocked", n)
	}
}

// remove deletes a user as the Management API does.
func (w *world) remove(id tenant.UserID, connection, person string) {
	w.t.Helper()
	storetest.Exec(w.t, w.db, `DELETE FROM identities WHERE user_id = $1`, string(id))
	storetest.Exec(w.t, w.db, `DELETE FROM users WHERE id = $1`, string(id))
	c := w.conns[connection]
	storetest.Exec(w.t, w.db, `INSERT INTO deleted_users (connection_id, identifier, times) VALUES ($1, $2, 1)
		ON CONFLICT (connection_id, identifier) DO UPDATE SET times = deleted_users.times + 1`,
		string(c.ID), account.Key(w.Keys, c.Channel, person))
}

func (w *world) count(text string, args ...any) string {
	w.t.Helper()
	return storetest.Value(w.t, w.db, `SELECT COUNT(*) FROM `+text, args...)
}

// number is how many rows a table has.
func (w *world) number(table string) (n int) {
	w.t.Helper()
	if _, err := fmt.Sscan(w.count(table), &n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// newest is the state of the only message to somebody, and why.
func (w *world) newest(to string) string {
	w.t.Helper()
	id := storetest.Value(w.t, w.db, `SELECT id FROM messages WHERE recipient = $1`, to)
	m, err := w.store.Message(w.t.Context(), id)
	if err != nil || len(m.Events) != 1 {
		w.t.Fatalf("the message is %+v, %v", m, err)
	}
	return string(m.State) + " " + m.Events[0].Detail
}

var hex24 = regexp.MustCompile(`^[0-9a-f]{24}$`)

// another returns a code of the same length that is not code.
func another(code string, n int) string {
	last := int(code[len(code)-1]-'0') + n
	return code[:len(code)-1] + fmt.Sprint(last%10)
}

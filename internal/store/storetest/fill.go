package storetest

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
)

// A Volume is what Fill makes: people who sign in by SMS (two of three) and by
// e-mail, and events of their sign-ins and messages to them over the last 30
// days.
type Volume struct {
	SMS, Email string // ids of the connections
	Client     string
	Users      int
	Logs       int
	Messages   int
	Now        time.Time
}

// Fill writes many rows into a database, faster than anybody could sign in.
func Fill(t testing.TB, db *sql.DB, v Volume) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // it was committed
	users := batch{t: t, tx: tx, text: `INSERT INTO users (id, email, email_verified, phone, phone_verified, name, nickname, picture,
		given_name, family_name, blocked, user_metadata, app_metadata, last_ip, last_login, logins_count, created_at, updated_at) VALUES `}
	identities := batch{t: t, tx: tx, text: `INSERT INTO identities (connection_id, identifier, user_id, channel, external_id) VALUES `}
	for i := range v.Users {
		p := v.person(i)
		made := v.Now.Add(-time.Duration(v.Users-i) * time.Minute).UnixMilli()
		users.add(p.id, p.email, p.email != "", p.phone, p.phone != "", p.name, "", "", "", "", i%500 == 0, "{}", "{}",
			"192.0.2.1", v.Now.UnixMilli(), i%20, made, made)
		identities.add(p.connection, p.identifier(), p.id, p.channel, p.external)
	}
	logs := batch{t: t, tx: tx, text: `INSERT INTO logs (id, at, type, client_id, connection_id, user_id, doc, identifier) VALUES `}
	for i := range v.Logs {
		v.log(&logs, i)
	}
	messages := batch{t: t, tx: tx, text: `INSERT INTO messages (` + messageColumns + `) VALUES `}
	for i := range v.Messages {
		v.message(&messages, i)
	}
	for _, b := range []*batch{&users, &identities, &logs, &messages} {
		b.flush()
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	Exec(t, db, `ANALYZE`)
}

// A filled person is the ith.
type filled struct{ id, external, connection, channel, phone, email, name string }

func (p *filled) identifier() string { return p.phone + p.email }

func (v *Volume) person(i int) filled {
	p := filled{external: fmt.Sprintf("%024x", i), connection: v.SMS, channel: "sms"}
	if i%3 == 2 {
		p.connection, p.channel, p.email = v.Email, "email", fmt.Sprintf("person%06d@mail.example", i)
	} else {
		p.phone = fmt.Sprintf("+4477%08d", i)
	}
	p.id, p.name = p.channel+"|"+p.external, p.identifier()
	if i%10 == 0 {
		p.name = fmt.Sprintf("Person Number %d", i)
	}
	return p
}

// log writes the ith event: of twenty, most are successes.
func (v *Volume) log(to *batch, i int) {
	const span = 30 * 24 * time.Hour
	at := v.Now.Add(-span + span/time.Duration(v.Logs)*time.Duration(i)).UTC()
	types := []string{"cs", "s", "sepft", "cs", "s", "sepft", "cs", "fepotpft", "s", "sepft", "cs", "s", "ss", "sepft", "cs", "s", "seacft", "sertft", "ssa", "cs"}
	typ := types[i%len(types)]
	p := v.person(i / len(types) * 7919 % max(v.Users, 1))
	user, stranger := p.id, ""
	if typ == "fepotpft" {
		user, stranger = "", p.identifier()
	}
	doc := fmt.Sprintf(`{"description":"","connection":%q,"strategy":%q,"strategy_type":"passwordless","client_name":"My app","ip":"198.51.100.%d",`+
		`"user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36","user_name":%q,`+
		`"scope":"openid profile email offline_access","details":{"message_id":"msg_%024d","body":{"connection":%q,"send":"code"}}}`,
		p.channel, p.channel, i%250, p.identifier(), i, p.channel)
	id := "900" + at.Format("20060102150405") + fmt.Sprintf("%03d%036d", at.Nanosecond()/1_000_000, i)
	to.add(id, at.UnixMilli(), typ, v.Client, p.connection, user, doc, stranger)
}

const messageColumns = `id, state, channel, recipient, connection_id, client_id, user_id, language, send, transaction_id, salt, digits,
	code_expires_at, request_ip, user_agent, provider, provider_id, template_version, encoding, segments, error_code, error_text, attempts,
	next_at, lease_until, events, created_at`

// message writes the ith message: of twenty, two did not come.
func (v *Volume) message(to *batch, i int) {
	const span = 30 * 24 * time.Hour
	at := v.Now.Add(-span + span/time.Duration(v.Messages)*time.Duration(i)).UTC()
	states := []string{"used", "delivered", "used", "accepted", "used", "failed", "used", "delivered", "used", "undelivered"}
	state, code, text := states[i%len(states)], "", ""
	if state == "failed" {
		code, text = "21614", "The number cannot receive text messages."
	}
	p := v.person(i * 7919 % max(v.Users, 1))
	ms := at.UnixMilli()
	events := fmt.Sprintf(`{"at":%d,"state":"requested"}`+"\n"+`{"at":%d,"state":"rendered","detail":"GSM-7, 1 segment"}`+"\n"+`{"at":%d,"state":%q}`+"\n", ms, ms+2, ms+90, state)
	to.add(fmt.Sprintf("%s%015d", event.FirstMessageID(at), i), state, p.channel, p.identifier(), p.connection, v.Client, p.id, "", "code", "", []byte("0123456789abcdef"), 6,
		ms+180_000, "198.51.100.7", "curl/8", "twilio", fmt.Sprintf("SM%032x", i), 1, "GSM-7", 1, code, text, 1, 0, 0, events, ms)
}

// A batch inserts many rows with each statement.
type batch struct {
	t    testing.TB
	tx   *sql.Tx
	text string
	full *sql.Stmt
	rows int
	args []any
}

const batchRows = 20

func (b *batch) add(row ...any) {
	b.args = append(b.args, row...)
	if b.rows++; b.rows < batchRows {
		return
	}
	if b.full == nil {
		var err error
		if b.full, err = b.tx.PrepareContext(b.t.Context(), b.statement()); err != nil {
			b.t.Fatal(err)
		}
	}
	if _, err := b.full.ExecContext(b.t.Context(), b.args...); err != nil {
		b.t.Fatal(err)
	}
	b.rows, b.args = 0, b.args[:0]
}

func (b *batch) flush() {
	if b.rows == 0 {
		return
	}
	if _, err := b.tx.ExecContext(b.t.Context(), b.statement(), b.args...); err != nil {
		b.t.Fatal(err)
	}
	b.rows, b.args = 0, b.args[:0]
}

func (b *batch) statement() string {
	var text strings.Builder
	text.WriteString(b.text)
	each := len(b.args) / b.rows
	for i := range b.args {
		switch {
		case i == 0:
			text.WriteString("(")
		case i%each == 0:
			text.WriteString("), (")
		default:
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "$%d", i+1)
	}
	text.WriteString(")")
	return text.String()
}

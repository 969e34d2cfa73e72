package storetest_test

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

func addEmailConnection(t *testing.T, db *sql.DB) {
	t.Helper()
	storetest.Exec(t, db, `INSERT INTO connections (id, name, strategy, secrets, doc, version, managed, created_at, updated_at)
		VALUES ('con_email', 'email', 'email', $1, '{}', 1, FALSE, 0, 0)`, []byte{})
}

// addPerson makes a user with an identifier and a name.
func addPerson(t *testing.T, s *store.Store, to tenant.Recipient, name string, at time.Time) tenant.UserID {
	t.Helper()
	u := account.New(to, string(to.Channel), "", at)
	if name != "" {
		u.Name = name
	}
	made, err := s.CreateUser(t.Context(), manage.NewUser{User: u, Event: func(*tenant.User) tenant.LogEvent {
		return event.New(event.ManagementWrite, at)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

func names(list []*tenant.User) []string {
	out := []string{}
	for _, u := range list {
		out = append(out, u.Identities[0].Identifier)
	}
	return out
}

// D13: whatever order a database sorts text in, a beginning finds what begins
// with it, and nothing else.
func TestD13UsersAreFoundByBeginnings(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		addConnection(t, db)
		addEmailConnection(t, db)
		sms := func(n string) tenant.Recipient {
			return tenant.Recipient{Connection: "con_sms", Channel: tenant.SMS, Identifier: n}
		}
		mail := func(a string) tenant.Recipient {
			return tenant.Recipient{Connection: "con_email", Channel: tenant.Email, Identifier: a}
		}
		ids := map[string]tenant.UserID{}
		for i, p := range []struct {
			to   tenant.Recipient
			name string
		}{
			{sms("+447700900123"), ""},
			{sms("+447700900124"), "Élodie Ash"},
			{sms("+15555550100"), "ANNA"},
			{mail("a.b@mail.example"), ""},
			{mail("ab@mail.example"), ""},
			{mail("a-c@mail.example"), "anna"},
			{mail("a_c@mail.example"), "An%na"},
			{mail("zoe@mail.example"), "Zoe"},
		} {
			ids[p.to.Identifier] = addPerson(t, s, p.to, p.name, start.Add(time.Duration(i)*time.Minute))
		}
		both := []tenant.ConnectionID{"con_sms", "con_email"}
		for _, tt := range []struct {
			what string
			q    manage.UserSearch
			want []string
		}{
			{"a number", manage.UserSearch{Exact: []string{"+447700900123", "+10"}}, []string{"+447700900123"}},
			{"a beginning of numbers", manage.UserSearch{Identifiers: []string{"+4477"}}, []string{"+447700900123", "+447700900124"}},
			{"a dot is no letter", manage.UserSearch{Identifiers: []string{"a."}}, []string{"a.b@mail.example"}},
			{"a wildcard is a character", manage.UserSearch{Identifiers: []string{"a_"}}, []string{"a_c@mail.example"}},
			{
				"in the order of bytes",
				manage.UserSearch{Identifiers: []string{"a"}},
				[]string{"a-c@mail.example", "a.b@mail.example", "a_c@mail.example", "ab@mail.example"},
			},
			{"a name in any case", manage.UserSearch{Names: []string{"anna"}}, []string{"+15555550100", "a-c@mail.example"}},
			{"a name with a percent sign", manage.UserSearch{Names: []string{"an%"}}, []string{"a_c@mail.example"}},
			{"a name that begins beyond ASCII", manage.UserSearch{Names: []string{"élo", "Élo"}}, []string{"+447700900124"}},
			{"an id", manage.UserSearch{IDs: []tenant.UserID{"sms|nobody", ids["zoe@mail.example"]}}, []string{"zoe@mail.example"}},
			{"nobody", manage.UserSearch{Identifiers: []string{"q"}, Names: []string{"q"}}, []string{}},
		} {
			tt.q.Connections, tt.q.Limit = both, 10
			got, err := s.SearchUsers(t.Context(), tt.q)
			if err != nil {
				t.Fatalf("%s: %v", tt.what, err)
			}
			g := names(got.Items)
			if tt.what == "a name in any case" {
				slices.Sort(g)
			}
			if diff := cmp.Diff(tt.want, g); diff != "" || got.More {
				t.Errorf("%s (-want +got):\n%s", tt.what, diff)
			}
		}
	})
}

// Lists go on where they ended, each person once.
func TestUsersAreFoundInPages(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		addConnection(t, db)
		for i := range 7 {
			// Two were made in each moment.
			id := addPerson(t, s, tenant.Recipient{Connection: "con_sms", Channel: tenant.SMS, Identifier: fmt.Sprint("+4477009001", 10+i)}, "", start.Add(time.Duration(i/2)*time.Minute))
			if i%3 == 0 {
				if _, err := s.ChangeUser(t.Context(), switched(id, true, start)); err != nil {
					t.Fatal(err)
				}
			}
		}
		read := func(q manage.UserSearch) []string {
			t.Helper()
			var all []string
			q.Limit = 2
			for range 10 {
				got, err := s.SearchUsers(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, names(got.Items)...)
				if !got.More {
					return all
				}
				q.Offset += 2
				last := got.Items[len(got.Items)-1]
				q.Before = &manage.Place{At: last.CreatedAt, ID: string(last.ID)}
			}
			t.Fatal("the list does not end")
			return nil
		}
		for what, want := range map[string]struct {
			q manage.UserSearch
			n int
		}{
			"all": {manage.UserSearch{All: true}, 7}, "the blocked ones": {manage.UserSearch{All: true, Blocked: true}, 3},
			"found ones": {manage.UserSearch{Connections: []tenant.ConnectionID{"con_sms"}, Identifiers: []string{"+44"}, Exact: []string{"+447700900114"}}, 7},
		} {
			got := read(want.q)
			slices.Sort(got)
			if len(slices.Compact(slices.Clone(got))) != want.n || len(got) != want.n {
				t.Errorf("%s: %v, want %d people, each once", what, got, want.n)
			}
		}
	})
}

// Who is signed out everywhere has no session and nothing granted.
func TestSignOutUser(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		addConnection(t, db)
		p := someone{"+447700900123", "app"}
		done, err := s.Complete(t.Context(), p.completion(start, "g1", "r1"))
		if err != nil {
			t.Fatal(err)
		}
		id := done.User.ID
		var said manage.Holdings
		out := manage.SignOutUser{ID: id, Now: start, Event: func(h manage.Holdings) tenant.LogEvent {
			said = h
			return event.New(event.ManagementWrite, start)
		}}
		had, err := s.SignOutUser(t.Context(), out)
		if err != nil || had.Tokens != 1 || said != had {
			t.Errorf("ended %+v, logged %+v, %v", had, said, err)
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM grants WHERE user_id = $1 AND revoked_at = 0`, string(id)); n != "0" {
			t.Errorf("%s grants are left", n)
		}
		out.ID = "sms|nobody"
		if _, err := s.SignOutUser(t.Context(), out); err == nil {
			t.Error("nobody was signed out")
		}
	})
}

func found(t *testing.T, s *store.Store, q manage.LogSearch) ([]string, manage.LogFound) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit, q.Reach = 100, 1000
	}
	got, err := s.SearchLogs(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range got.Items {
		list = append(list, e.Description)
	}
	return list, got
}

// D14: events are found by what they say, newest first.
func TestD14LogsAreFound(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, _ *sql.DB) {
		add := func(minute int, typ, what string, change func(e *tenant.LogEvent)) {
			t.Helper()
			e := event.New(typ, start.Add(time.Duration(minute)*time.Minute))
			e.Description = what
			if change != nil {
				change(&e)
			}
			if err := s.AddLogs(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		add(0, "cs", "sent to a stranger", func(e *tenant.LogEvent) { e.UserName, e.Client = "+447700900123", "app" })
		add(1, "fepotpft", "wrong", func(e *tenant.LogEvent) { e.UserName, e.IP = "+447700900123", "192.0.2.1" })
		add(2, "s", "signed in", func(e *tenant.LogEvent) { e.UserName, e.User, e.Client = "+447700900123", "sms|1", "app" })
		add(3, "s", "somebody else", func(e *tenant.LogEvent) { e.UserName, e.User, e.Client = "+447700900124", "sms|2", "other" })
		add(4, "limit_wc", "too many", func(e *tenant.LogEvent) { e.UserName = "+447700900124" })
		add(5, "sapi", "Update a <connection>", func(e *tenant.LogEvent) { e.Details = map[string]any{"note": "50% off_now"} })
		for _, tt := range []struct {
			what string
			q    manage.LogSearch
			want []string
		}{
			{"all", manage.LogSearch{}, []string{"Update a <connection>", "too many", "somebody else", "signed in", "wrong", "sent to a stranger"}},
			{"a person", manage.LogSearch{People: []manage.LogPerson{{User: "sms|1", Identifier: "+447700900123"}}}, []string{"signed in", "wrong", "sent to a stranger"}},
			{"a person's successes", manage.LogSearch{People: []manage.LogPerson{{User: "sms|1", Identifier: "+447700900123"}}, Types: []string{"s"}}, []string{"signed in"}},
			{"two people", manage.LogSearch{People: []manage.LogPerson{{User: "sms|1"}, {User: "sms|2"}, {User: "sms|1"}}}, []string{"somebody else", "signed in"}},
			{"rare types", manage.LogSearch{Types: []string{"fepotpft", "limit_wc"}}, []string{"too many", "wrong"}},
			{"daily and rare types", manage.LogSearch{Types: []string{"cs", "limit_wc"}}, []string{"too many", "sent to a stranger"}},
			{"an application", manage.LogSearch{Client: "app"}, []string{"signed in", "sent to a stranger"}},
			{"a text", manage.LogSearch{Texts: []manage.LogText{{Field: "ip", Value: "192.0.2.1"}}}, []string{"wrong"}},
			{"a part of a text is not the text", manage.LogSearch{Texts: []manage.LogText{{Field: "ip", Value: "192.0.2"}}}, []string{}},
			{"words in any case", manage.LogSearch{Words: []string{"SOMEBODY", "else"}}, []string{"somebody else"}},
			{"words of HTML", manage.LogSearch{Words: []string{"<connection>"}}, []string{"Update a <connection>"}},
			{"words with wildcards", manage.LogSearch{Words: []string{"50% off_"}}, []string{"Update a <connection>"}},
			{"names of members are no words", manage.LogSearch{Words: []string{"user_name"}}, []string{}},
			{"times", manage.LogSearch{From: start.Add(2 * time.Minute), To: start.Add(4 * time.Minute)}, []string{"somebody else", "signed in"}},
		} {
			got, _ := found(t, s, tt.q)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.what, diff)
			}
		}
		// Pages go on where one ended, also where the search had looked at enough.
		for _, q := range []manage.LogSearch{
			{Limit: 2, Reach: 100},
			{Limit: 2, Reach: 1},
			{Limit: 3, Reach: 2},
			{Limit: 1, Reach: 1, People: []manage.LogPerson{{User: "sms|1"}, {Identifier: "+447700900123"}, {User: "sms|2"}, {Identifier: "+447700900124"}}},
			{Limit: 2, Reach: 1, Types: []string{"fepotpft", "limit_wc", "sapi"}},
		} {
			whole := q
			whole.Limit, whole.Reach = 100, 100
			want, _ := found(t, s, whole)
			var all []string
			for range 20 {
				list, got := found(t, s, q)
				all = append(all, list...)
				if q.Before = got.Next; q.Before == "" {
					break
				}
			}
			if diff := cmp.Diff(want, all); diff != "" {
				t.Errorf("pages of %+v (-want +got):\n%s", q, diff)
			}
		}
	})
}

// The events of strangers from before there was a column for it are found too.
func TestLogsFromBeforeAreFound(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		for i, doc := range []string{`{"user_name":"+447700900123","description":"old"}`, `{"description":"nobody"}`} {
			storetest.Exec(t, db, `INSERT INTO logs (id, at, type, client_id, connection_id, user_id, doc) VALUES ($1, 0, 'cs', '', '', '', $2)`, event.NewID(start.Add(time.Duration(i))), doc)
		}
		step := `UPDATE logs SET identifier = COALESCE(doc::json ->> 'user_name', '') WHERE user_id = ''`
		if _, err := db.ExecContext(t.Context(), step); err != nil {
			storetest.Exec(t, db, `UPDATE logs SET identifier = COALESCE(doc ->> 'user_name', '') WHERE user_id = ''`)
		}
		if got, _ := found(t, s, manage.LogSearch{People: []manage.LogPerson{{Identifier: "+447700900123"}}}); !slices.Equal(got, []string{"old"}) {
			t.Errorf("found %v", got)
		}
	})
}

// What the search of the log looks through costs a sign-in of somebody who is
// known nothing: none of its events is in an index that is there for the search.
func TestSignInsOfKnownPeopleCostNothingMore(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		addConnection(t, db)
		indexed := func() string {
			t.Helper()
			return storetest.Value(t, db, `SELECT COUNT(*) FROM logs WHERE identifier <> ''`) + " " + storetest.Value(t, db, `SELECT COUNT(*) FROM logs
				WHERE type NOT IN ('cs', 'cls', 's', 'ss', 'ssa', 'scoa', 'sepft', 'seacft', 'sertft', 'seccft', 'sede')`)
		}
		p := someone{"+447700900123", "app"}
		begin := func(now time.Time) {
			t.Helper()
			b := p.begin(now, "x")
			b.Event.UserName = p.number
			if _, err := s.Begin(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 3 {
			now, id := start.Add(time.Duration(n)*time.Hour), fmt.Sprint(n)
			begin(now)
			if _, _, err := s.Redeem(t.Context(), p.spend(now, "x"), p.completion(now, id, id)); err != nil {
				t.Fatal(err)
			}
			// The first time the code is sent to a stranger.
			if got := indexed(); got != "1 0" {
				t.Errorf("after %d sign-ins: %s", n+1, got)
			}
		}
		begin(start.Add(9 * time.Hour))
		wrong := p.spend(start.Add(9*time.Hour), "y")
		wrong.Wrong.UserName = p.number
		if _, err := s.Spend(t.Context(), wrong); err != nil {
			t.Fatal(err)
		}
		if got := indexed(); got != "2 1" {
			t.Errorf("after a wrong try: %s", got)
		}
		if got, _ := found(t, s, manage.LogSearch{People: []manage.LogPerson{{Identifier: p.number}}}); len(got) != 2 {
			t.Errorf("%d events of a stranger are found", len(got))
		}
	})
}

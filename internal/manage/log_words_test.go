package manage

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/tenant"
)

// fakeLogs remembers what was searched for.
type fakeLogs struct {
	Logs
	q *LogSearch
}

func (f fakeLogs) SearchLogs(_ context.Context, q LogSearch) (LogFound, error) {
	*f.q = q
	return LogFound{}, nil
}

type fakeUsers struct {
	Users
	known *tenant.User
}

func (f fakeUsers) SearchUsers(_ context.Context, q UserSearch) (UserFound, error) {
	if slices.Contains(q.Exact, f.known.Identities[0].Identifier) {
		return UserFound{Items: []*tenant.User{f.known}}, nil
	}
	return UserFound{}, nil
}

type fakeConnections struct{ Connections }

func (fakeConnections) AllConnections(context.Context) ([]*tenant.Connection, error) {
	return []*tenant.Connection{
		{ID: "con_sms", Name: "sms", Channel: tenant.SMS, DefaultCountry: "GB"}, {ID: "con_email", Name: "email", Channel: tenant.Email},
	}, nil
}

type fakeClients struct{ Clients }

func (fakeClients) ListClients(context.Context, Window, func(*tenant.Client) bool) (List[*tenant.Client], error) {
	return List[*tenant.Client]{Items: []*tenant.Client{{ID: "app1", Name: "My app"}, {ID: "app2", Name: "Failed Ventures"}}}, nil
}

// D14: what plain words mean, and conditions beside them.
func TestD14WordsOfTheLog(t *testing.T) {
	var q LogSearch
	s := &Service{
		Logs: fakeLogs{q: &q}, Connections: fakeConnections{}, Clients: fakeClients{}, Now: func() time.Time { return time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC) },
		Users: fakeUsers{known: &tenant.User{ID: "sms|1", Identities: []tenant.Identity{{Identifier: "+447700900123"}}}},
	}
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }
	known := []LogPerson{{User: "sms|1"}, {Identifier: "+447700900123"}}
	stopped := []string{event.TooManyTries, event.TooManyFailures, event.APILimit, event.PhoneLimit}
	for text, want := range map[string]LogSearch{
		"":                                {},
		"+44 7700-900123":                 {People: known},
		"07700 900123":                    {People: known},
		"blocked 07700 900123":            {People: known, Types: stopped},
		"+44 7700 900999":                 {People: []LogPerson{{Identifier: "+447700900999"}}},
		"Ada@Mail.Example":                {People: []LogPerson{{Identifier: "ada@mail.example"}}},
		"sms|58fa":                        {People: []LogPerson{{User: "sms|58fa"}}},
		"blocked":                         {Types: stopped},
		"codes sent":                      {Types: []string{event.CodeSent, event.CodeLinkSent}},
		"failed device":                   {Types: []string{event.DeviceFailed, event.DeviceDenied, event.DeviceAskFailed}},
		"s":                               {Types: []string{"s"}},
		"my app":                          {Client: "app1"},
		"sign-up in My App":               {Client: "app1", Types: []string{event.TooManyFailures, event.SignUp}},
		"failed ventures":                 {Client: "app2"},
		"app2":                            {Client: "app2"},
		"email blocked":                   {Connection: "con_email", Types: stopped},
		"192.0.2.1":                       {Texts: []LogText{{"ip", "192.0.2.1"}}},
		"2001:DB8::1":                     {Texts: []LogText{{"ip", "2001:db8::1"}}},
		"today":                           {From: day(5), To: day(6)},
		"yesterday":                       {From: day(4), To: day(5)},
		"2026-03-01 blocked":              {From: day(1), To: day(2), Types: stopped},
		"sparrow":                         {Words: []string{"sparrow"}},
		`"a sparrow" blocked`:             {Words: []string{"a sparrow"}, Types: stopped},
		"type:s":                          {Types: []string{"s"}},
		`type:"s" AND client_id:app1`:     {Types: []string{"s"}, Client: "app1"},
		"user_id:\"sms|1\"":               {People: []LogPerson{{User: "sms|1"}}},
		`date:[2026-03-01 TO 2026-03-02]`: {From: day(1), To: day(3)},
		"ip:192.0.2.1":                    {Texts: []LogText{{"ip", "192.0.2.1"}}},
	} {
		q = LogSearch{}
		if _, err := s.FindLogs(t.Context(), LogFind{Text: text, Limit: 10}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		want.Limit, want.Reach = 10, nearReach
		if diff := cmp.Diff(want, q); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	// What is picked narrows what is typed.
	q = LogSearch{}
	if _, err := s.FindLogs(t.Context(), LogFind{Text: "failed yesterday", Type: "fn", Client: "app1", IP: "192.0.2.1", To: day(9), Limit: 10, Deep: true}); err != nil {
		t.Fatal(err)
	}
	want := LogSearch{Types: []string{"fn"}, Client: "app1", Texts: []LogText{{"ip", "192.0.2.1"}}, From: day(4), To: day(5), Limit: 10, Reach: deepReach}
	if diff := cmp.Diff(want, q); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, f := range []LogFind{{Text: "failed", Type: "s"}, {Text: "my app", Client: "app2"}, {Text: "logout signup"}} {
		q = LogSearch{}
		got, err := s.FindLogs(t.Context(), f)
		if err != nil || len(got.Items) > 0 || q.Limit != 0 {
			t.Errorf("%+v is looked for, though nothing can match: %+v, %v", f, q, err)
		}
	}
	for _, f := range []LogFind{{Text: "type:s OR x"}, {Text: "type:"}, {Text: "one two three four five"}, {Before: "x"}} {
		if _, err := s.FindLogs(t.Context(), f); err == nil {
			t.Errorf("%+v is no search", f)
		}
	}
}

// FuzzLogWords: whatever is typed, the answer is a search or a refusal.
func FuzzLogWords(f *testing.F) {
	for _, seed := range []string{"failed +44 7700 900123", `"a b`, "type:s AND", "00", "sms|", "\x00", "+"} {
		f.Add(seed)
	}
	var q LogSearch
	s := &Service{
		Logs: fakeLogs{q: &q}, Connections: fakeConnections{}, Clients: fakeClients{}, Now: time.Now,
		Users: fakeUsers{known: &tenant.User{ID: "sms|1", Identities: []tenant.Identity{{Identifier: "+447700900123"}}}},
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := s.FindLogs(t.Context(), LogFind{Text: text, Limit: 1}); err == nil && len(q.Words)+len(q.Texts) > maxLogTexts {
			t.Errorf("%q: %+v", text, q)
		}
	})
}

// Events that belong together are one story each.
func TestStories(t *testing.T) {
	at := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	e := func(minute int, typ string, client tenant.ClientID) tenant.LogEvent {
		one := event.New(typ, at.Add(time.Duration(minute)*time.Minute))
		one.Client = client
		return one
	}
	for what, tt := range map[string]struct {
		events []tenant.LogEvent
		want   [][]string // newest first
	}{
		"a sign-in": {
			[]tenant.LogEvent{e(0, "cs", "a"), e(1, "fepotpft", "a"), e(2, "s", "a"), e(3, "sepft", "a"), e(4, "ss", "")},
			[][]string{{"cs", "fepotpft", "s", "sepft", "ss"}},
		},
		"two sign-ins": {
			[]tenant.LogEvent{e(0, "cs", "a"), e(1, "s", "a"), e(2, "cs", "a"), e(3, "s", "a")},
			[][]string{{"cs", "s"}, {"cs", "s"}},
		},
		"a code that was sent again": {
			[]tenant.LogEvent{e(0, "cs", "a"), e(5, "cs", "a"), e(9, "s", "a")}, [][]string{{"cs", "cs", "s"}},
		},
		"a code that was never used": {
			[]tenant.LogEvent{e(0, "cs", "a"), e(20, "cs", "a"), e(21, "s", "a")}, [][]string{{"cs", "s"}, {"cs"}},
		},
		"two applications at once": {
			[]tenant.LogEvent{e(0, "cs", "a"), e(1, "cs", "b"), e(2, "s", "a"), e(3, "s", "b")}, [][]string{{"cs", "s"}, {"cs", "s"}},
		},
		"what is no sign-in": {
			[]tenant.LogEvent{e(0, "s", "a"), e(1, "seacft", "a"), e(2, "sertft", "a"), e(3, "slo", "a"), e(4, "sertft", "a")},
			[][]string{{"sertft"}, {"slo"}, {"sertft"}, {"s", "seacft"}},
		},
		"nothing": {nil, [][]string{}},
	} {
		mixed := slices.Clone(tt.events)
		slices.Reverse(mixed)
		got := [][]string{}
		for _, story := range Stories(mixed) {
			var types []string
			for _, e := range story {
				types = append(types, e.Type)
			}
			got = append(got, types)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

// A name is found whatever case it is in, also where the database knows no case
// beyond ASCII.
func TestNameForms(t *testing.T) {
	for text, want := range map[string][]string{
		"Anna": {"anna"}, "élo": {"élo", "Élo"}, "ÉLO": {"élo", "Élo"}, "Émile Zola": {"émile zola", "Émile zola"}, "Ж": {"ж", "Ж"},
	} {
		if diff := cmp.Diff(want, nameForms(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

package dashboard_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

const messages = "/dashboard/messages"

// asksFor has an application ask for a code, and waits until it is sent.
func (w *world) asksFor(connection, to string) string {
	w.t.Helper()
	field := map[string]string{"sms": "phone_number", "email": "email"}[connection]
	st, _, body := w.Post(w.t, "/passwordless/start", `{"client_id":"`+w.Ready.ClientID+`","client_secret":"`+w.Ready.ClientSecret+
		`","connection":"`+connection+`","send":"code","`+field+`":"`+to+`"}`, "Accept-Language", "fr-FR")
	if st != http.StatusOK {
		w.t.Fatal(st, body)
	}
	return w.code(to)
}

// settled waits until the newest message is in the state.
func (w *world) settled(state tenant.MessageState) tenant.Message {
	w.t.Helper()
	for range 500 {
		found, err := w.Store.Messages(w.t.Context(), manage.MessageQuery{Limit: 1})
		if err != nil {
			w.t.Fatal(err)
		}
		if len(found.Items) == 1 && found.Items[0].State == state {
			return found.Items[0]
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("no message is %s", state)
	return tenant.Message{}
}

// D16, D24, D11: messages are listed with their recipients masked, found by a
// number in any form, an address and an id, and each shows its timeline. Showing
// the recipient takes an editor, and is logged.
func TestMessageLog(t *testing.T) {
	w := newWorld(t)
	w.developer()
	w.says(w.get(w.browser, messages), "No messages yet")
	w.asksFor("email", "ada@mail.example")
	w.settled(tenant.MessageAccepted)
	code := w.asksFor("sms", "+447700900123")
	m := w.settled(tenant.MessageAccepted)
	p := w.get(w.browser, messages)
	w.at(p, messages)
	for _, want := range []string{"+44••••••0123", "a•••@m•••.example", "Handed over", "fr-FR", "GSM-7, 1 segment", "2 messages"} {
		w.says(p, want)
	}
	if strings.Contains(p.Body, "7700900123") || strings.Contains(p.Body, "ada@") || strings.Contains(p.Body, code) {
		t.Error("the list shows a recipient or a code")
	}
	for _, tt := range []struct {
		query string
		want  string
	}{
		{"q=07700+900123", "1 message"},
		{"q=%2B44+7700+900123", "1 message"},
		{"q=ADA@mail.example", "1 message"},
		{"q=" + m.ID, "1 message"},
		{"q=07700+900124", "Nothing was found"},
		{"q=nobody@mail.example", "Nothing was found"},
		{"q=SM00000000000000000000000000000000", "Nothing was found"},
		{"state=accepted", "2 messages"},
		{"state=not_delivered", "Nothing was found"},
		{"channel=email", "1 message"},
		{"connection=" + string(m.Connection), "1 message"},
		{"client=" + w.Ready.ClientID, "2 messages"},
		{"client=none", "Nothing was found"},
		{"from=2001-01-01", "2 messages"},
		{"to=2001-01-01", "Nothing was found"},
	} {
		w.says(w.get(w.browser, messages+"?"+tt.query), tt.want)
	}
	if p := w.get(w.browser, messages+"?from=yesterday"); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("a day that is none gives %d", p.Status)
	}
	p = w.get(w.browser, messages+"/"+m.ID)
	for _, want := range []string{"Message to +44••••••0123", "Asked for", "Rendered", "Handed over", "after", m.ID} {
		w.says(p, want)
	}
	if strings.Contains(p.Body, "7700900123") || strings.Contains(p.Body, code) {
		t.Error("the page shows the recipient or the code")
	}
	p = w.submit(w.browser, p.FormTo(w.URL+messages+"/"+m.ID))
	w.says(p, "+44 7700 900123")
	events, err := w.Store.ListLogs(t.Context(), manage.LogQuery{Type: "mgmt_api_read", Descending: true}, manage.Window{Limit: 1})
	if err != nil || len(events.Items) != 1 || events.Items[0].Description != "Read the recipient of a message" || events.Items[0].Details["message_id"] != m.ID {
		t.Errorf("logged is %+v, %v", events.Items, err)
	}
	viewer := w.administrator("viewer@mail.example", "viewer")
	w.says(w.get(viewer, messages), "+44••••••0123")
	if p, err := viewer.Post(t.Context(), w.URL+messages+"/"+m.ID, url.Values{}); err != nil || p.Status != http.StatusForbidden {
		t.Errorf("a viewer who wants to see a recipient gets %d, %v", p.Status, err)
	}
	if p := w.get(w.browser, messages+"/msg_none"); p.Status != http.StatusNotFound {
		t.Errorf("a message that is not there gives %d", p.Status)
	}
}

// INJ-13: the list as CSV has what the page has, takes a fresh proof (R20), and
// nothing in it is a formula.
func TestINJ13MessagesCSV(t *testing.T) {
	w := newWorld(t)
	w.developer()
	w.says(w.submit(w.browser, w.application(tenant.ClientID(w.Ready.ClientID), "settings").Form("callbacks").Set("name", "=HYPERLINK(1)").Press("save")), "Saved.")
	w.asksFor("sms", "+447700900123")
	w.settled(tenant.MessageAccepted)
	p := w.get(w.browser, messages+"/csv")
	rows, err := csv.NewReader(strings.NewReader(p.Body)).ReadAll()
	if err != nil || len(rows) != 2 || rows[0][0] != "id" || rows[1][3] != "'+44••••••0123" || rows[1][4] != "accepted" ||
		!slices.Contains(rows[1], "'=HYPERLINK(1)") {
		t.Errorf("%v %q", err, rows)
	}
	if p := w.get(w.browser, messages+"/csv?state=failed"); strings.Count(p.Body, "\n") != 1 {
		t.Errorf("filtered: %q", p.Body)
	}
	w.Clock.Advance(tenant.FreshProof)
	if p := w.get(w.browser, messages+"/csv"); strings.Contains(p.Body, "+44") {
		t.Error("the list is given out without a fresh proof")
	}
}

// The messages of a connection are on its page, with their timelines, and those of
// others are not.
func TestDeliveries(t *testing.T) {
	w := newWorld(t)
	w.developer()
	path := passwordless + "/" + string(w.connection("sms").ID) + "/deliveries"
	w.says(w.get(w.browser, path), "No messages yet")
	w.asksFor("email", "ada@mail.example")
	w.asksFor("sms", "+447700900123")
	w.settled(tenant.MessageAccepted)
	p := w.get(w.browser, path)
	w.says(p, "+44••••••0123")
	w.says(p, "Asked for")
	if strings.Contains(p.Body, "m•••.example") {
		t.Error("the page has a message of another connection")
	}
}

// owner is the cookie of an owner of a server in production, who came in by the
// first link.
func (w *world) owner() string {
	w.t.Helper()
	link, err := w.SetupURL(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	_, secret, _ := strings.Cut(link, "#")
	_, header, _ := w.once(http.MethodPost, "/dashboard/setup", url.Values{"secret": {secret}, "email": {"owner@mail.example"}})
	pair, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	return pair
}

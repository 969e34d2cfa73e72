package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const logs = "/dashboard/logs"

// D14: plain words and conditions find the same; conditions are added by links
// and taken away again; what is not understood is said.
func TestD14Logs(t *testing.T) {
	w := newWorld(t)
	w.developer()
	const number = "+447700900123"
	status, _, body := w.Do(t, http.MethodPost, "/passwordless/start",
		`{"client_id":"`+w.Ready.ClientID+`","client_secret":"`+w.Ready.ClientSecret+`","connection":"sms","phone_number":"`+number+`","send":"code"}`, "Content-Type", "application/json")
	if status != http.StatusOK {
		t.Fatalf("start: %d %s", status, body)
	}
	w.exchange("sms", number, "0", http.StatusForbidden)
	w.exchange("sms", number, w.code(number), http.StatusOK)

	search := func(q string) *textbrowser.Page {
		t.Helper()
		return w.get(w.browser, logs+"?q="+url.QueryEscape(q))
	}
	for q, want := range map[string]string{
		"07700 900123 failed": "1 event", "failed 07700900123": "1 event", number: "5 events", "+44 (7700) 900-123 code sent today": "1 event",
		"type:fepotpft": "1 event", `type:"s" AND date:[2020-01-01 TO *]`: "1 event", "My app failed sms": "1 event", "fepotpft": "1 event",
		"blocked": "Nothing was found", "yesterday": "Nothing was found", number + " nonsense": "Nothing was found", "sign-up 127.0.0.1": "1 event",
	} {
		if p := search(q); p.Status != http.StatusOK || !strings.Contains(p.Text(), want) {
			t.Errorf("%q: %d, want %q:\n%s", q, p.Status, want, p.Text())
		}
	}
	p := search(number)
	for _, want := range []string{"Code sent", "Wrong code", "fepotpft", "New user", "Code exchanged for tokens", "+44••••••0123"} {
		w.says(p, want)
	}
	if strings.Contains(w.get(w.browser, logs).Body, number[1:]) {
		t.Error("the list shows the number")
	}
	for _, q := range []string{"type:s OR type:f", "nothing:x AND type:s", "one two three four five"} {
		if p := search(q); q != "nothing:x AND type:s" && (p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Body, `role="alert"`)) {
			t.Errorf("%q: %d:\n%s", q, p.Status, p.Text())
		}
	}
	if p := w.get(w.browser, logs+"?from=soon"); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("a date that is none: %d", p.Status)
	}

	p = w.follow(w.get(w.browser, logs+"?q="+url.QueryEscape(number)), "fepotpft")
	w.says(p, "1 event")
	w.says(p, "Type: Wrong code")
	p, err := w.browser.Follow(t.Context(), p, logs+"?q="+url.QueryEscape(number))
	if err != nil {
		t.Fatal(err)
	}
	w.says(p, "5 events")
	w.says(w.get(w.browser, logs+"?client="+w.Ready.ClientID+"&ip=127.0.0.1&type=s&from=2020-01-01&to=2099-01-01"), "1 event")
}

// The events of one sign-in are one story; the number in an event is shown when
// somebody asks for it, which is logged.
func TestLogStory(t *testing.T) {
	w := newWorld(t)
	w.developer()
	const number = "+447700900123"
	status, _, _ := w.Do(t, http.MethodPost, "/passwordless/start",
		`{"client_id":"`+w.Ready.ClientID+`","client_secret":"`+w.Ready.ClientSecret+`","connection":"sms","phone_number":"`+number+`","send":"code"}`, "Content-Type", "application/json")
	if status != http.StatusOK {
		t.Fatal(status)
	}
	w.exchange("sms", number, "0", http.StatusForbidden)
	w.exchange("sms", number, w.code(number), http.StatusOK)
	for _, typ := range []string{event.CodeSent, event.ExchangeOTPFailed, event.Login, event.SignUp} {
		list, err := w.Store.ListLogs(t.Context(), manage.LogQuery{Type: typ}, manage.Window{Limit: 1})
		if err != nil || len(list.Items) != 1 {
			t.Fatalf("%s: %v %v", typ, list.Items, err)
		}
		p := w.get(w.browser, logs+"?q="+list.Items[0].ID)
		w.at(p, logs+"/"+list.Items[0].ID)
		w.says(p, "Signed in for the first time, after 1 wrong code")
		for _, step := range []string{"cs", "fepotpft", "ss", "sepft"} {
			if !strings.Contains(p.Body, ">"+step+"<") {
				t.Errorf("the story of %s has no %s:\n%s", typ, step, p.Text())
			}
		}
		if strings.Contains(p.Body, number[1:]) {
			t.Errorf("the page of %s shows the number", typ)
		}
		before := w.told("Reveal numbers and addresses")
		p = w.submit(w.browser, p.FormTo(w.URL+logs))
		w.says(p, "+44 7700 900123")
		if !strings.Contains(p.Body, number[1:]) || w.told("Reveal numbers and addresses") != before+1 {
			t.Errorf("not revealed, or not logged:\n%s", p.Text())
		}
	}
	if p := w.get(w.browser, logs+"/900"); p.Status != http.StatusNotFound {
		t.Errorf("no event: %d", p.Status)
	}
}

// What is asked for by the page while it is live comes from the database, with
// what another process has written late.
func TestLogTail(t *testing.T) {
	w := newWorld(t)
	w.developer()
	now := w.Clock.Now()
	add := func(e tenant.LogEvent) tenant.LogEvent {
		t.Helper()
		if err := w.Store.AddLogs(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	early, first := event.New("sapi", now), event.New("s", now)
	early.Description = "came late"
	add(first)
	tail := func(more string) string { return w.get(w.browser, logs+"/tail?after="+first.ID+more).Body }
	if strings.Contains(tail(""), early.ID) {
		t.Error("it is there before it was written")
	}
	add(early)
	if body := tail(""); !strings.Contains(body, early.ID) || !strings.Contains(body, first.ID) {
		t.Errorf("the tail is %s", body)
	}
	if body := tail("&q=failed"); strings.Contains(body, "data-id") {
		t.Errorf("the conditions do not count: %s", body)
	}
}

// Lists go on where they ended.
func TestLogPages(t *testing.T) {
	w := newWorld(t)
	w.developer()
	for range 70 {
		if err := w.Store.AddLogs(t.Context(), event.New("fn", w.Clock.Now())); err != nil {
			t.Fatal(err)
		}
	}
	p := w.get(w.browser, logs+"?type=fn")
	w.says(p, "50 events on this page")
	p = w.follow(p, "Next page")
	w.says(p, "20 events on this page")
	w.says(w.follow(p, "First page"), "50 events on this page")
}

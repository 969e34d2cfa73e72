package dashboard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// D15, D21: the first page says what is left to do, each step with what comes
// next, and when somebody has signed in, how the last day was.
func TestHome(t *testing.T) {
	w := newWorld(t)
	p := w.developer()
	w.says(p, "Until the first sign-in")
	w.says(p, "Send yourself a code")
	code := w.asksFor("sms", "+447700900123")
	w.settled(tenant.MessageAccepted)
	p = w.get(w.browser, home)
	if strings.Contains(p.Body, ">Send one<") || !strings.Contains(p.Body, "/quickstart") {
		t.Error("the step that was taken is still open, or the next has no action")
	}
	if st, _, body := w.Post(t, "/oauth/token", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp","client_id":"`+w.Ready.ClientID+
		`","client_secret":"`+w.Ready.ClientSecret+`","realm":"sms","username":"+447700900123","otp":"`+code+`"}`); st != http.StatusOK {
		t.Fatal(st, body)
	}
	m := w.settled(tenant.MessageUsed)
	w.says(w.get(w.browser, messages+"/"+m.ID), "Code used")
	p = w.get(w.browser, home)
	for _, want := range []string{"The last 24 hours", "Messages 1", "Delivered 100 %", "Sign-ins 1", "Failures 0", "No message has failed.", "View as table"} {
		w.says(p, want)
	}
	if strings.Contains(p.Body, "Until the first sign-in") || strings.Contains(p.Body, "style=") {
		t.Error("the steps are still there, or something has a style of its own")
	}
	sheet := w.get(w.browser, home+"/funnel.csv")
	if lines := strings.Split(strings.TrimSpace(sheet.Body), "\n"); len(lines) != 25 || !strings.HasSuffix(lines[24], ",1,1,0,1") {
		t.Errorf("the sheet is %q", lines)
	}
	// Old messages are deleted. That somebody has signed in stays known.
	for more := true; more; {
		var err error
		if more, err = w.Store.Forget(t.Context(), w.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	p = w.get(w.browser, home)
	w.says(p, "Messages 0")
	if strings.Contains(p.Body, "Until the first sign-in") {
		t.Error("the steps are there again when the messages are deleted")
	}
}

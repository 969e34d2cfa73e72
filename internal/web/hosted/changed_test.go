package hosted_test

import (
	"net/http"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// ML-05: what a sign-in leads to is checked when it is answered, too. Where it is
// not the application's any more nothing goes, whatever page the person was at.
func TestML05TakenAwaySince(t *testing.T) {
	w := linkHost(t)
	app, _ := w.application(nil)
	set := func(change map[string]any) { w.admin(http.MethodPatch, "/clients/"+app, change) }
	begin := func(pairs ...string) string { return w.query(append([]string{"client_id", app}, pairs...)...) }

	pages := map[string]func() (*textbrowser.Browser, *textbrowser.Form){
		"the right code": func() (*textbrowser.Browser, *textbrowser.Form) {
			b, p := w.atCode("+447700900801", begin("connection", "sms"))
			return b, p.Form("code").Set("code", w.code("+447700900801")).Press("default")
		},
		"another code": func() (*textbrowser.Browser, *textbrowser.Form) {
			b, p := w.atCode("+447700900802", begin("connection", "sms"))
			return b, p.Forms()[2].Press("resend")
		},
		"consent": func() (*textbrowser.Browser, *textbrowser.Form) {
			b, p := w.atCode("+447700900803", begin("connection", "sms", "prompt", "consent"))
			p = w.submit(b, p.Form("code").Set("code", w.code("+447700900803")).Press("default"))
			return b, p.Form("action").Press("accept")
		},
		"no consent": func() (*textbrowser.Browser, *textbrowser.Form) {
			b, p := w.atCode("+447700900804", begin("connection", "sms", "prompt", "consent"))
			p = w.submit(b, p.Form("code").Set("code", w.code("+447700900804")).Press("default"))
			return b, p.Form("action").Press("decline")
		},
		"an e-mailed link": func() (*textbrowser.Browser, *textbrowser.Form) {
			b := w.newBrowser()
			_, m := w.mailedTo(b, "taken@mail.example", begin("connection", "email"))
			return b, w.get(b, w.path(m)).Form("token")
		},
	}
	for name, at := range pages {
		set(map[string]any{"callbacks": []string{callback, "https://kept.example/cb"}})
		b, form := at()
		set(map[string]any{"callbacks": []string{"https://kept.example/cb"}})
		if p := w.submit(b, form); p.Left != nil || p.Status == http.StatusOK && p.Form("code") != nil {
			t.Errorf("%s: %d, at %s, left for %v", name, p.Status, p.URL, p.Left)
		}
	}

	// What may not be answered any more is an error, for the application to hear.
	set(map[string]any{"callbacks": []string{callback}})
	for name, responses := range map[string]string{"a token": "token", "a code": "code"} {
		for _, consent := range []string{"", "consent"} {
			set(map[string]any{"grant_types": []string{"authorization_code", "implicit"}})
			const number = "+447700900805"
			b, p := w.atCode(number, begin("connection", "sms", "response_type", responses, "prompt", consent))
			form := p.Form("code").Set("code", w.code(number)).Press("default")
			if consent != "" {
				form = w.submit(b, form).Form("action").Press("accept")
			}
			set(map[string]any{"grant_types": []string{"refresh_token"}})
			got := w.left(w.submit(b, form))
			if got.Get("error") != "unauthorized_client" || got.Get("state") == "" || got.Has("code") || got.Has("access_token") {
				t.Errorf("%s, %s: %v", name, consent, got)
			}
		}
	}
}

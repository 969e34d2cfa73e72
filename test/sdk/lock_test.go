package sdk

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

func lockSMS(t *testing.T, s *binary.Server) {
	bundle := filepath.Join(t.TempDir(), "lock.js")
	run(t, "browser", nil, "node_modules/.bin/esbuild", "--bundle", "--format=iife", "--global-name=lock", "--minify",
		"--log-level=error", "--main-fields=browser,module,main", "--define:global=window", "--outfile="+bundle, "node_modules/auth0-lock/lib/index.js")
	m := s.Manage(t.Context())
	var sms []struct{ ID string }
	m.Must(t.Context(), http.MethodGet, "/api/v2/connections?strategy=sms", nil, &sms)
	m.Must(t.Context(), http.MethodPatch, "/api/v2/connections/"+sms[0].ID,
		map[string]any{"options": map[string]any{"doorcode": map[string]any{"default_country": "GB"}}}, nil)
	p := open(t, s, bundle)
	const number = "+447700900304"
	p.start(fmt.Sprintf(`document.body.innerHTML = "<div id=\"here\"></div>";
		const widget = new lock.Auth0LockPasswordless(%q, %q, {container: "here", allowedConnections: ["sms"], passwordlessMethod: "code",
		auth: {redirectUrl: %q, responseType: "token id_token", params: {scope: "openid phone"}}});
		window.problem = ""; widget.on("unrecoverable_error", e => { window.problem = JSON.stringify(e); });
		widget.on("authorization_error", e => { window.problem = JSON.stringify(e); });
		widget.show();`, p.client, p.server.Domain, p.origin+"/callback"))
	// The country that numbers are taken to be from is the connection's.
	p.typed(`input[name="phoneNumber"]`, number[len("+44"):])
	p.run(chromedp.Click(`button.auth0-lock-submit`))
	code := p.code(number)
	p.typed(`input[name="vcode"]`, code)
	p.run(chromedp.Click(`button.auth0-lock-submit`))
	p.back()
	var got map[string]any
	p.call(fmt.Sprintf(`const widget = new lock.Auth0LockPasswordless(%q, %q, {allowedConnections: ["sms"], auth: {autoParseHash: false, params: {scope: "openid phone"}}});
		return await new Promise((ok, no) => widget.resumeAuth(location.hash, (err, r) => err ? no(err) : ok({number: r.idTokenPayload.phone_number, token: r.accessToken})));`,
		p.client, p.server.Domain), &got)
	if got["number"] != number || got["token"] == nil {
		t.Errorf("signed in by Lock: %v", got)
	}
}

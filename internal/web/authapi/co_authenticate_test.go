package authapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

const appOrigin = "http://localhost:3000"

// crossOrigin lets pages of the ready-made application sign people in.
func (w *world) crossOrigin() {
	w.t.Helper()
	w.patchClient(w.Ready.ClientID, `{"cross_origin_authentication":true}`)
}

func (w *world) patchClient(id, body string) {
	w.t.Helper()
	if status, _, text := w.Do(w.t, http.MethodPatch, "/api/v2/clients/"+id, body, "Authorization", "Bearer "+w.admin); status != http.StatusOK {
		w.t.Fatalf("change the application: %d %s", status, text)
	}
}

// co posts a code as a page of an application does.
func (w *world) co(number, otp string, header ...string) (int, http.Header, map[string]string) {
	w.t.Helper()
	body, _ := json.Marshal(map[string]string{
		"client_id": w.Ready.ClientID, "username": number, "otp": otp, "realm": "sms",
		"credential_type": "http://auth0.com/oauth/grant-type/passwordless/otp",
	})
	if len(header) == 0 {
		header = []string{"Origin", appOrigin}
	}
	status, h, text := w.Post(w.t, "/co/authenticate", string(body), append(header, "Content-Type", "application/json")...)
	var answer map[string]string
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		w.t.Fatalf("%d %s", status, text)
	}
	return status, h, answer
}

// ticketed asks /authorize with a ticket and returns where it leads, and the
// session cookie.
func (w *world) ticketed(ticket, cookie string, pairs ...string) (*url.URL, string) {
	w.t.Helper()
	q := url.Values{
		"client_id": {w.Ready.ClientID}, "redirect_uri": {appOrigin + "/callback"}, "response_type": {"code"},
		"scope": {"openid"}, "state": {"s"}, "login_ticket": {ticket},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.URL+"/authorize?"+q.Encode(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("%d %s %v", res.StatusCode, to, err)
	}
	session := ""
	for _, c := range res.Cookies() {
		if c.Name == "dc_session" {
			session = c.Value
		}
	}
	return to, session
}

func cookiePair(h http.Header) string {
	pair, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	return pair
}

func TestCrossOriginLogin(t *testing.T) {
	w := newWorld(t)
	const number = "+447700900411"
	otp := w.code(w.app(), number)
	status, h, refused := w.co(number, otp)
	if status != http.StatusForbidden || refused["error"] != "access_denied" || h.Get("Set-Cookie") != "" {
		t.Fatalf("an application that does not allow it: %d %v", status, refused)
	}
	w.crossOrigin()
	for _, origin := range []string{"https://evil.example", "null", "http://localhost:3001", "https://localhost:3000", "http://localhost:3000.evil.example"} {
		status, h, refused := w.co(number, otp, "Origin", origin)
		if status != http.StatusForbidden || refused["error"] != "access_denied" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("a page at %s: %d %v", origin, status, refused)
		}
	}
	if status, _, refused := w.co(number, otp, "X-Nothing", "1"); status != http.StatusForbidden {
		t.Errorf("no origin: %d %v", status, refused)
	}
	if status, _, refused := w.co(number, "000000"); status != http.StatusUnauthorized || refused["error"] != "access_denied" ||
		refused["error_description"] != "Wrong phone number or verification code." {
		t.Errorf("a wrong code: %d %v", status, refused)
	}
	status, h, answer := w.co(number, otp)
	if status != http.StatusOK || len(answer["login_ticket"]) != 43 || answer["co_id"] == "" || answer["co_verifier"] == "" {
		t.Fatalf("%d %v", status, answer)
	}
	if h.Get("Access-Control-Allow-Origin") != appOrigin || h.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("the page cannot read the answer: %v", h)
	}
	cookie := cookiePair(h)
	if !strings.HasPrefix(cookie, "dc_co=") || !strings.Contains(h.Get("Set-Cookie"), "HttpOnly") {
		t.Errorf("cookie %q", h.Get("Set-Cookie"))
	}
	if status, _, refused := w.co(number, otp); status != http.StatusUnauthorized {
		t.Errorf("the same code again: %d %v", status, refused)
	}
	// Without the cookie, nobody is signed in and the ticket stays.
	if to, session := w.ticketed(answer["login_ticket"], ""); to.Path != "/u/login/identifier" || session != "" {
		t.Errorf("without the cookie: %s", to)
	}
	if to, session := w.ticketed(answer["login_ticket"], "", "prompt", "none"); to.Query().Get("error") != "login_required" || session != "" {
		t.Errorf("silently without the cookie: %s", to)
	}
	if to, session := w.ticketed(answer["login_ticket"], "dc_co=somebody-elses"); to.Query().Get("error") != "access_denied" || session != "" {
		t.Errorf("with another browser's cookie: %s", to)
	}
	to, session := w.ticketed(answer["login_ticket"], cookie)
	if to.Query().Get("code") == "" || to.Query().Get("state") != "s" || session == "" {
		t.Fatalf("with the ticket: %s", to)
	}
	if to, session := w.ticketed(answer["login_ticket"], cookie); to.Query().Get("error") != "access_denied" || session != "" {
		t.Errorf("the ticket again: %s", to)
	}
	// Somebody else is signed in here already: a ticket that cannot be shown to
	// be this browser's signs nobody in, them least of all.
	signedIn := "dc_session=" + session
	_, h, answer = w.co("+447700900412", w.code(w.app(), "+447700900412"))
	second := cookiePair(h)
	if to, session := w.ticketed(answer["login_ticket"], signedIn); to.Path != "/u/login/identifier" || session != "" {
		t.Errorf("without the cookie, with somebody signed in: %s", to)
	}
	if to, session := w.ticketed(answer["login_ticket"], signedIn, "prompt", "none"); to.Query().Get("error") != "login_required" || session != "" {
		t.Errorf("silently without the cookie, with somebody signed in: %s", to)
	}
	if to, session := w.ticketed(answer["login_ticket"], signedIn+"; dc_co=somebody-elses"); to.Query().Get("error") != "access_denied" || session != "" {
		t.Errorf("with another browser's cookie, with somebody signed in: %s", to)
	}
	if to, session := w.ticketed(answer["login_ticket"], signedIn+"; "+second); to.Query().Get("code") == "" || session == "" {
		t.Errorf("with the ticket, in place of somebody signed in: %s", to)
	}
	types := w.logTypes()
	for _, typ := range []string{"fco", "fcoa", "scoa", "s"} {
		if !slices.Contains(types, typ) {
			t.Errorf("no log event %s among %v", typ, types)
		}
	}
}

// logTypes are the types of the tenant's log events.
func (w *world) logTypes() []string {
	w.t.Helper()
	_, _, text := w.Do(w.t, http.MethodGet, "/api/v2/logs?per_page=100", "", "Authorization", "Bearer "+w.admin)
	var list []struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	var types []string
	for _, e := range list {
		types = append(types, e.Type)
	}
	return types
}

// A ticket is good once, whatever the concurrency, for its own application and
// for a minute.
func TestLoginTicketIsGoodOnce(t *testing.T) {
	w := newWorld(t)
	w.crossOrigin()
	get := func(number string) (ticket, cookie string) {
		t.Helper()
		status, h, answer := w.co(number, w.code(w.app(), number))
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, answer)
		}
		return answer["login_ticket"], cookiePair(h)
	}
	ticket, cookie := get("+447700900421")
	var mu sync.Mutex
	var wg sync.WaitGroup
	won := 0
	for range 20 {
		wg.Go(func() {
			to, session := w.ticketed(ticket, cookie)
			mu.Lock()
			defer mu.Unlock()
			if to.Query().Get("code") != "" && session != "" {
				won++
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("a ticket was used %d times", won)
	}
	ticket, cookie = get("+447700900422")
	w.patchClient(w.Ready.SPAClientID, `{"grant_types":["authorization_code","implicit"]}`)
	if to, session := w.ticketed(ticket, cookie, "client_id", w.Ready.SPAClientID, "response_type", "id_token", "nonce", "n"); session != "" || !strings.Contains(to.Fragment, "access_denied") {
		t.Errorf("another application's ticket: %s", to)
	}
	w.Clock.Advance(61e9)
	if to, session := w.ticketed(ticket, cookie); session != "" || to.Query().Get("error") != "access_denied" {
		t.Errorf("a ticket after its minute: %s", to)
	}
}

// The widget's scripts are scripts whatever somebody has called things, and say
// nothing that is not public.
func TestWidgetScripts(t *testing.T) {
	w := newWorld(t)
	w.patchClient(w.Ready.SPAClientID, `{"callbacks":["https://app.example/</script><script>x"]}`)
	status, h, text := w.Do(t, http.MethodGet, "/client/"+w.Ready.SPAClientID+".js?t1", "")
	if status != http.StatusOK || !strings.HasPrefix(h.Get("Content-Type"), "text/javascript") {
		t.Fatalf("%d %v %s", status, h, text)
	}
	doc, ok := strings.CutPrefix(text, "Auth0.setClient(")
	doc, also := strings.CutSuffix(doc, ");\n")
	if !ok || !also || strings.ContainsAny(doc, "<>") {
		t.Fatalf("not the script: %s", text)
	}
	var info struct {
		ID, Authorize, Callback string
		Strategies              []struct {
			Name        string
			Connections []struct{ Name string }
		}
	}
	if err := json.Unmarshal([]byte(doc), &info); err != nil {
		t.Fatal(err)
	}
	if info.ID != w.Ready.SPAClientID || info.Authorize != w.Ready.Issuer+"authorize" || len(info.Strategies) != 2 ||
		info.Strategies[0].Name != "sms" || info.Strategies[0].Connections[0].Name != "sms" {
		t.Errorf("%+v", info)
	}
	for _, path := range []string{"/client/nobody.js", "/client/" + w.Ready.SPAClientID} {
		if status, _, _ := w.Do(t, http.MethodGet, path, ""); status != http.StatusNotFound {
			t.Errorf("%s answered %d", path, status)
		}
	}
	if _, _, text := w.Do(t, http.MethodGet, "/info-v1.js", ""); !strings.HasPrefix(text, `Auth0.setTenant({"connections":{`) || strings.Contains(text, w.Ready.ClientID) {
		t.Errorf("%s", text)
	}
	if status, _, text := w.Post(t, "/passwordless/challenge", `{"state":"abc"}`, "Origin", appOrigin); status != http.StatusOK || text != `{"required":false}` {
		t.Errorf("challenge: %d %s", status, text)
	}
	if status, _, _ := w.Do(t, http.MethodGet, "/user/geoloc/country", ""); status != http.StatusNotFound {
		t.Errorf("country without a setting: %d", status)
	}
	_, _, text = w.Do(t, http.MethodGet, "/api/v2/connections?strategy=sms", "", "Authorization", "Bearer "+w.admin)
	var all []struct{ ID string }
	if err := json.Unmarshal([]byte(text), &all); err != nil || len(all) != 1 {
		t.Fatal(text)
	}
	w.Do(t, http.MethodPatch, "/api/v2/connections/"+all[0].ID, `{"options":{"doorcode":{"default_country":"gb"}}}`, "Authorization", "Bearer "+w.admin)
	if _, h, text := w.Do(t, http.MethodGet, "/user/geoloc/country", "", "Origin", appOrigin); text != `{"countryCode":"GB"}` || h.Get("Access-Control-Allow-Origin") != appOrigin {
		t.Errorf("country: %s", text)
	}
}

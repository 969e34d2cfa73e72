package hosted_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// ask sends a request to /authorize and returns the answer, unfollowed.
func (w *world) ask(method, query string, header ...string) (*http.Response, string) {
	w.t.Helper()
	path, body := "/authorize", io.Reader(nil)
	if method == http.MethodPost {
		body = strings.NewReader(query)
		header = append(header, "Content-Type", "application/x-www-form-urlencoded")
	} else {
		path += "?" + query
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, string(text)
}

// told is what a redirect tells the application; nil if there is none.
func told(t *testing.T, res *http.Response) url.Values {
	t.Helper()
	location := res.Header.Get("Location")
	rest, ok := strings.CutPrefix(location, callback)
	if !ok {
		return nil
	}
	v, err := url.ParseQuery(strings.TrimLeft(rest, "?#"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// OAU-03: what is wrong with the application or its address is shown to the
// person; everything else is told to the application, with state and issuer.
func TestOAU03WhereErrorsGo(t *testing.T) {
	w := newWorld(t)
	spa := w.Ready.SPAClientID
	page := [][]string{
		{"client_id", ""},
		{"client_id", "nobody"},
		{"client_id", w.Ready.ClientID + "x"},
		{"client_id", strings.ToLower(w.Ready.ClientID)},
		{"client_id", w.Ready.ManagementClientID},
		{"redirect_uri", "http://localhost:3000/evil"},
		{"redirect_uri", "http://localhost:3000/callback/"},
		{"redirect_uri", "http://localhost:3001/callback"},
		{"redirect_uri", "https://evil.example/callback"},
		{"redirect_uri", "javascript:alert(1)"},
		{"redirect_uri", "http://localhost:3000/callback#x"},
		{"redirect_uri", "http://localhost:3000/callback?code=1"},
		{"client_id", "nobody", "prompt", "none"},
		{"redirect_uri", "https://evil.example/", "prompt", "none"},
		{"redirect_uri", "https://evil.example/", "response_mode", "web_message"},
		{"redirect_uri", "https://evil.example/", "request", "x"},
	}
	for _, change := range page {
		res, body := w.ask(http.MethodGet, w.query(change...))
		if res.StatusCode < 400 || res.StatusCode > 403 || res.Header.Get("Location") != "" || !strings.Contains(body, "<h1>") {
			t.Errorf("%v: %d, sent to %q", change, res.StatusCode, res.Header.Get("Location"))
		}
		if strings.Contains(body, "evil") {
			t.Errorf("%v: the page repeats what was sent", change)
		}
	}
	for want, changes := range map[string][][]string{
		"invalid_request": {
			{"response_type", ""},
			{"response_mode", "pigeon"},
			{"prompt", "none login"},
			{"prompt", "soon"},
			{"max_age", "x"},
			{"client_id", spa},
			{"code_challenge", "x", "code_challenge_method", "S256"},
			{"code_challenge", challenge()},
			{"code_challenge", challenge(), "code_challenge_method", "plain"},
			{"connection", "fax"},
			{"id_token_hint", "x.y.z"},
			{"state", strings.Repeat("x", 4097)},
		},
		"unsupported_response_type": {{"response_type", "cookie"}, {"response_type", "none"}},
		"unauthorized_client":       {{"response_type", "token"}, {"response_type", "code id_token"}},
		"access_denied":             {{"audience", "https://nowhere.example"}, {"audience", w.URL + "/api/v2/"}},
		"login_required":            {{"prompt", "none"}, {"prompt", "none", "max_age", "10"}},
		"request_not_supported":     {{"request", "eyJhbGciOiJub25lIn0.e30."}},
		"request_uri_not_supported": {{"request_uri", "https://app.example.com/request"}},
	} {
		for _, change := range changes {
			res, body := w.ask(http.MethodGet, w.query(change...))
			got := told(t, res)
			if res.StatusCode != http.StatusSeeOther || got.Get("error") != want || got.Get("error_description") == "" || got.Get("iss") != w.Ready.Issuer {
				t.Errorf("%v: %d %v, want %s\n%s", change, res.StatusCode, got, want, body)
			}
			if change[0] != "state" && got.Get("state") != "af0ifjsldkj" {
				t.Errorf("%v: state %q", change, got.Get("state"))
			}
			if got.Has("code") || strings.ContainsAny(got.Get("error_description"), `"\`) {
				t.Errorf("%v: %v", change, got)
			}
		}
	}
}

// Programs that look at links ask for heads: nothing begins and nothing ends.
func TestHeadDoesNothing(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/authorize?" + w.query(), "/v2/logout", "/oidc/logout"} {
		res, err := http.Head(w.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusMethodNotAllowed || len(res.Header["Set-Cookie"]) > 0 || res.Header.Get("Allow") == "" {
			t.Errorf("HEAD %s: %d with cookies %q", path, res.StatusCode, res.Header["Set-Cookie"])
		}
	}
}

// OAU-04: of a parameter that comes twice, no reading is the right one.
func TestOAU04RepeatedParameters(t *testing.T) {
	w := newWorld(t)
	names := []string{
		"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "audience", "code_challenge", "code_challenge_method",
		"prompt", "max_age", "login_hint", "id_token_hint", "connection", "screen_hint", "ui_locales", "acr_values", "response_mode",
		"display", "claims", "request", "request_uri", "dpop_jkt", "organization", "resource", "anything",
	}
	for _, name := range names {
		for _, second := range []string{"same", "other"} {
			q, err := url.ParseQuery(w.query())
			if err != nil {
				t.Fatal(err)
			}
			first := q.Get(name)
			if first == "" {
				first = "x"
			}
			value := first
			if second == "other" {
				value = "other"
			}
			q[name] = []string{first, value}
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				res, body := w.ask(method, q.Encode())
				got := told(t, res)
				switch name {
				case "client_id", "redirect_uri":
					if res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" || !strings.Contains(body, "invalid_request") {
						t.Errorf("%s twice by %s: %d to %q", name, method, res.StatusCode, res.Header.Get("Location"))
					}
				default:
					if got.Get("error") != "invalid_request" || name == "state" && got.Has("state") || name != "state" && got.Get("state") == "" {
						t.Errorf("%s twice by %s: %d %v", name, method, res.StatusCode, got)
					}
				}
			}
		}
	}
}

// What is kept of a request, for whoever sends it, is bounded as a whole too.
func TestRequestSize(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		pairs []string
		error string
	}{
		{[]string{"nonce", strings.Repeat("y", 4000), "device", strings.Repeat("z", 3000)}, ""},
		{[]string{"nonce", strings.Repeat("y", 4096), "device", strings.Repeat("z", 4096)}, "invalid_request"},
		{[]string{"state", strings.Repeat("<", 2048), "nonce", strings.Repeat("\x01", 2048)}, ""}, // six bytes each where they are kept
		{[]string{"scope", "openid " + strings.Repeat("é", 2040), "login_hint", strings.Repeat("&", 4090)}, "invalid_request"},
	} {
		res, _ := w.ask(http.MethodPost, w.query(c.pairs...))
		got := told(t, res)
		if res.StatusCode != http.StatusSeeOther || got.Get("error") != c.error {
			t.Errorf("%.10q…: %d %v, want %q", c.pairs, res.StatusCode, got, c.error)
		}
	}
}

// OAU-27: what is not known is ignored, the order does not matter, and a form
// does as well as an address.
func TestOAU27Permutations(t *testing.T) {
	w := newWorld(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 1000 {
		q, err := url.ParseQuery(w.query())
		if err != nil {
			t.Fatal(err)
		}
		for i := range rng.IntN(8) {
			q.Set(fmt.Sprintf("ext-%d%c", i, 'a'+rune(rng.IntN(26))), string(rune(rng.IntN(0xd7ff-1)+1)))
		}
		for _, extra := range []string{"auth0Client", "protocol", "display", "claims_locales", "device", "access_type", "owp"} {
			if rng.IntN(3) == 0 {
				q.Set(extra, "x y&z")
			}
		}
		pairs := strings.Split(q.Encode(), "&")
		rng.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
		method := http.MethodGet
		if n%2 == 1 {
			method = http.MethodPost
		}
		res, body := w.ask(method, strings.Join(pairs, "&"))
		if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "/u/login/identifier?state=") {
			t.Fatalf("%s %v: %d to %q\n%s", method, pairs, res.StatusCode, res.Header.Get("Location"), body)
		}
	}
}

package hosted_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/chromium"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// languageOf sends requests with an Accept-Language, or none.
type languageOf string

func (l languageOf) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Header.Del("Accept-Language"); l != "" {
		r.Header.Set("Accept-Language", string(l))
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (w *world) speaking(language string) *textbrowser.Browser {
	return textbrowser.New(languageOf(language), func(u *url.URL) bool { return u.Scheme+"://"+u.Host != w.URL })
}

// smsOption sets an option of ours of the connection for text messages.
func (w *world) smsOptions(options map[string]any) {
	w.t.Helper()
	w.admin(http.MethodPatch, "/connections/"+w.connection("sms"), map[string]any{"options": map[string]any{"doorcode": options}})
}

func (w *world) connection(name string) string {
	w.t.Helper()
	c, err := w.Store.Connection(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(c.ID)
}

// L2 and L3: a number without its country code is one of the country that was
// chosen; one with it is of that country, whatever was chosen.
func TestL3NumbersOfACountry(t *testing.T) {
	w := newWorld(t)
	for i, tt := range []struct{ country, typed, want string }{
		{"GB", "07700 900%03d", "+447700900%03d"},
		{"GB", "(0)7700 900%03d", "+447700900%03d"},
		{"GB", "07700-900-%03d", "+447700900%03d"},
		{"GB", "٠٧٧٠٠ ٩٠٠%03d", "+447700900%03d"},
		{"AU", "0431 234 %03d", "+61431234%03d"},
		{"NL", "06 12345%03d", "+31612345%03d"},
		{"US", "(202) 555-0%03d", "+12025550%03d"},
		{"US", "0044 7700-900 %03d", "+447700900%03d"},
		{"GB", "+33612345%03d", "+33612345%03d"},
		{"", "+33612345%03d", "+33612345%03d"},
		{"XX", "+33612345%03d", "+33612345%03d"},
	} {
		b := w.speaking("fr-FR")
		typed, want := fmt.Sprintf(tt.typed, 100+i), fmt.Sprintf(tt.want, 100+i)
		p := w.get(b, "/authorize?"+w.query())
		p = w.submit(b, p.Form("username", "country").Set("country", tt.country).Set("username", typed))
		if p.Form("code") == nil {
			t.Errorf("%q in %s: at %s (%d)", typed, tt.country, p.URL, p.Status)
			continue
		}
		if w.code(want) == "" || w.messagesTo(want) != 1 {
			t.Errorf("%q in %s: %d messages to %s", typed, tt.country, w.messagesTo(want), want)
		}
	}
}

// L5: the country that is chosen to begin with is that of the number before,
// else the connection's, else that of the language; and else none.
func TestL5DefaultCountry(t *testing.T) {
	w := newWorld(t)
	begin := func(b *textbrowser.Browser) string {
		t.Helper()
		f := w.get(b, "/authorize?"+w.query()).Form("username", "country")
		if f == nil {
			t.Fatal("there is no list of countries")
		}
		return f.Values.Get("country")
	}
	for language, want := range map[string]string{
		"": "", "en": "", "*": "", "en-GB,en;q=0.8": "GB", "en-US": "US", "pt-br;q=1": "BR", "zh-Hant-TW": "TW", "es-419": "",
		"de,en-US;q=0.7,en;q=0.3": "", // a German's Firefox
		"en-XX":                   "", "de-u-co-phonebk": "", "<script>": "", "en-": "", "sl-rozaj-biske-1994": "", strings.Repeat("en-", 500): "",
	} {
		if got := begin(w.speaking(language)); got != want {
			t.Errorf("%q chooses %q, want %q", language, got, want)
		}
	}
	w.smsOptions(map[string]any{"default_country": "gb"})
	for _, language := range []string{"", "en-US", "fr-FR"} {
		if got := begin(w.speaking(language)); got != "GB" {
			t.Errorf("%q, at a connection of GB, chooses %q", language, got)
		}
	}
	// The number of the reported case: nothing is chosen by hand.
	b := w.speaking("en-US")
	p := w.get(b, "/authorize?"+w.query())
	if p = w.submit(b, p.Form("username").Set("username", "07700 900123")); p.Form("code") == nil || w.code(person) == "" {
		t.Errorf("at %s (%d)", p.URL, p.Status)
	}
	// A form without the field is of the connection's country.
	f := w.get(b, "/authorize?"+w.query()).Form("username").Set("username", "07700 900124")
	f.Values.Del("country")
	if p = w.submit(b, f); p.Form("code") == nil || w.messagesTo("+447700900124") != 1 {
		t.Errorf("without the field: at %s", p.URL)
	}
	// From now on it is that of the last number, also where that was typed with
	// its code.
	if p = w.submit(b, w.get(b, "/authorize?"+w.query()).Form("username").Set("username", "+33 6 12 34 56 78")); p.Form("code") == nil {
		t.Fatalf("at %s", p.URL)
	}
	if got := begin(b); got != "FR" {
		t.Errorf("after a French number %q is chosen", got)
	}
	w.plant(b, "dc_country", "<script>")
	if got := begin(b); got != "GB" {
		t.Errorf("after nonsense %q is chosen", got)
	}
}

// Without a country a number is refused for want of one, and what was chosen and
// typed is there when the page comes back.
func TestCountryIsAskedForAndKept(t *testing.T) {
	w := newWorld(t)
	b := w.speaking("")
	p := w.get(b, "/authorize?"+w.query())
	p = w.submit(b, p.Form("username").Set("username", "07700 900123"))
	f := p.Form("username", "country")
	if p.Status != http.StatusUnprocessableEntity || f == nil || f.Values.Get("username") != "07700 900123" || f.Values.Get("country") != "" {
		t.Fatalf("%d %v", p.Status, f)
	}
	if !strings.Contains(p.Text(), "Choose the country of your number") || !strings.Contains(p.Text(), "Error: Sign in") ||
		!strings.Contains(p.Body, `name="country" aria-describedby="error" aria-invalid="true" autofocus>`) ||
		strings.Count(p.Body, "autofocus") != 1 || strings.Count(p.Body, `id="error"`) != 1 {
		t.Errorf("what is missing is not at its field:\n%s", p.Text())
	}
	p = w.submit(b, f.Set("country", "GB").Set("username", "07700"))
	f = p.Form("username", "country")
	if p.Status != http.StatusUnprocessableEntity || f.Values.Get("username") != "07700" || f.Values.Get("country") != "GB" ||
		!strings.Contains(p.Text(), "Enter a mobile number, like 07700 900123 or +44 7700 900123.") {
		t.Errorf("%d %v", p.Status, f.Values)
	}
	p = w.submit(b, f.Set("username", ""))
	if f = p.Form("username", "country"); f.Values.Get("country") != "GB" || !strings.Contains(p.Text(), "Enter your mobile number. ") {
		t.Errorf("%d %v", p.Status, f.Values)
	}
	// Another country is chosen for the number that was typed for the wrong one.
	p = w.submit(b, f.Set("username", "0431 234 567"))
	p = w.submit(b, p.Form("action").Press("edit"))
	f = p.Form("username", "country")
	if f.Values.Get("country") != "GB" || strings.HasPrefix(f.Values.Get("username"), "+") {
		t.Fatalf("to edit: %v", f.Values)
	}
	if w.submit(b, f.Set("country", "AU")); w.messagesTo("+61431234567") != 1 {
		t.Errorf("%d messages to the Australian number", w.messagesTo("+61431234567"))
	}
}

// L8: a hint is filled in, with the country that it is of.
func TestPhoneHint(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ hint, typed, country string }{
		{"+447700900123", "07700 900123", "GB"},
		{"+12025550123", "(202) 555-0123", "US"},
		{"+33 6 12 34 56 78", "06 12 34 56 78", "FR"},
		{"+8816123456789", "+8816123456789", ""}, // of no country
		{"07700 900123", "07700 900123", ""},
		{`"><script>alert(1)</script>`, `"><script>alert(1)</script>`, ""},
	} {
		p := w.get(w.speaking(""), "/authorize?"+w.query("connection", "sms", "login_hint", tt.hint))
		if f := p.Form("username", "country"); f.Values.Get("username") != tt.typed || f.Values.Get("country") != tt.country {
			t.Errorf("the hint %q fills in %v", tt.hint, f.Values)
		}
	}
	// An address is asked for without a country.
	p := w.get(w.browser, "/authorize?"+w.query("connection", "email"))
	if p.Form("country") != nil || strings.Contains(p.Body, "<select") {
		t.Error("an e-mail address has a country")
	}
}

// L4: the list has the countries that messages go to, by name; where it is one,
// there is nothing to choose.
func TestL4Countries(t *testing.T) {
	w := newWorld(t)
	open := func() *textbrowser.Page { return w.get(w.speaking("en-GB"), "/authorize?"+w.query()) }
	p := open()
	if n := strings.Count(p.Body, "<option "); n < 240 || !strings.Contains(p.Body, `<option value="GB" selected data-main>United Kingdom (+44)</option>`) {
		t.Errorf("%d countries", n)
	}
	if n := strings.Count(w.get(w.speaking(""), "/authorize?"+w.query()).Body, " selected>"); n != 1 {
		t.Errorf("%d are selected where none is known", n)
	}
	w.admin(http.MethodPatch, "/tenants/settings", map[string]any{"country_codes": map[string]any{"mode": "deny", "list": []string{"GB"}}})
	if p = open(); strings.Contains(p.Body, "United Kingdom") || p.Form("country").Values.Get("country") != "" {
		t.Error("a country that messages do not go to can be chosen")
	}
	w.admin(http.MethodPatch, "/tenants/settings", map[string]any{"country_codes": map[string]any{"mode": "allow", "list": []string{"GB", "FR", "IE"}}})
	if p = open(); strings.Count(p.Body, "<option ") != 3 || p.Form("country").Values.Get("country") != "GB" {
		t.Errorf("%d countries, want 3", strings.Count(p.Body, "<option "))
	}
	// The connection's own list goes before the tenant's.
	w.smsOptions(map[string]any{"fraud": map[string]any{"country_codes": map[string]any{"mode": "allow", "list": []string{"FR"}}}})
	p = open()
	if f := p.Form("username"); f.Has("country") || !strings.Contains(p.Text(), "Mobile number France +33") {
		t.Errorf("the only country can be chosen:\n%s", p.Text())
	}
	b := w.speaking("en-GB")
	p = w.get(b, "/authorize?"+w.query())
	if p = w.submit(b, p.Form("username").Set("username", "06 12")); !strings.Contains(p.Text(), "like 06 12 34 56 78 or +33 6 12 34 56 78") {
		t.Errorf("a short number:\n%s", p.Text())
	}
	if p = w.submit(b, p.Form("username").Set("username", "06 12 34 56 78")); p.Form("code") == nil || w.messagesTo("+33612345678") != 1 {
		t.Errorf("at %s: %d messages", p.URL, w.messagesTo("+33612345678"))
	}
	if p = w.submit(b, p.Form("action").Press("edit")); p.Form("username").Values.Get("username") != "06 12 34 56 78" {
		t.Errorf("to edit %v", p.Form("username").Values)
	}
	// L10: which country it is that messages do not go to, and what to do.
	p = w.submit(b, p.Form("username").Set("username", "+447700900123"))
	if p.Status != http.StatusUnprocessableEntity || w.messagesTo(person) != 0 ||
		!strings.Contains(p.Text(), "We can't text numbers of this country yet (United Kingdom).") || !strings.Contains(p.Text(), "Use e-mail instead") {
		t.Errorf("a number of another country: %d messages, %d\n%s", w.messagesTo(person), p.Status, p.Text())
	}
	// Messages that go to no country of the list can be asked for with a code.
	w.smsOptions(map[string]any{"fraud": map[string]any{"country_codes": map[string]any{"mode": "allow", "list": []string{"001"}}}})
	if p = open(); p.Form("country") != nil || !strings.Contains(p.Text(), "Begin with the country code.") {
		t.Errorf("%s", p.Text())
	}
}

// L6: what is typed or filled in with a plus or 00 chooses its country and says
// so; nothing else does.
func TestL6CountryFollowsTheNumber(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.smsOptions(map[string]any{"default_country": "GB"})
	var country, said string
	read := chromedp.Tasks{
		chromedp.Value("#country", &country, chromedp.ByQuery),
		chromedp.Text("#chosen", &said, chromedp.ByQuery, chromedp.NodeReady),
	}
	filled := func(text string) chromedp.Tasks {
		return chromedp.Tasks{
			chromedp.Evaluate(fmt.Sprintf(`number = document.getElementById("username"); number.value = %q; number.dispatchEvent(new Event("input"))`, text), nil),
			read,
		}
	}
	if err := chromedp.Run(ctx,
		chromium.Open(w.URL+"/authorize?"+w.query()),
		chromedp.SendKeys("#username", "07700 900123", chromedp.ByQuery), read,
	); err != nil {
		t.Fatal(err)
	}
	if country != "GB" || said != "" {
		t.Errorf("a national number chooses %s and says %q", country, said)
	}
	for _, tt := range []struct{ typed, country, said string }{
		{"+33612345678", "FR", "France (+33)"},
		{"+1", "US", "United States (+1)"},
		{"0044 7700", "GB", "United Kingdom (+44)"},
		{"+٣٣٦", "FR", "France (+33)"},
		{"＋４４", "GB", "United Kingdom (+44)"},
		{"07700", "GB", "United Kingdom (+44)"},
		{"+358 4", "FI", "Finland (+358)"},
		{"+999", "FI", "Finland (+358)"},
		{"+०", "FI", "Finland (+358)"},
		{"", "FI", "Finland (+358)"},
	} {
		if err := chromedp.Run(ctx, filled(tt.typed)); err != nil {
			t.Fatal(err)
		}
		if country != tt.country || said != tt.said {
			t.Errorf("%q chooses %s and says %q", tt.typed, country, said)
		}
	}
	// Of the countries that share a code the one that was chosen stays, and what
	// is chosen by hand is for numbers without one.
	if err := chromedp.Run(ctx,
		chromedp.SetValue("#country", "CA", chromedp.ByQuery), filled("+1204"),
	); err != nil || country != "CA" {
		t.Errorf("%v: %q is chosen for a number that can be Canada's", err, country)
	}
	if err := chromedp.Run(ctx,
		filled(""), chromedp.Focus("#country", chromedp.ByQuery),
		chromedp.KeyEvent("austra"), chromedp.SendKeys("#username", "0431 234 567", chromedp.ByQuery),
		chromedp.Click("#continue", chromedp.ByQuery), chromedp.WaitVisible("#code", chromedp.ByQuery),
	); err != nil {
		t.Fatal(err)
	}
	if w.messagesTo("+61431234567") != 1 {
		t.Error("the country that was found by typing its name was not taken")
	}
}

// L21: a number or an address that was typed is shown as it is, one that the
// application has named is masked.
func TestL21Masked(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ connection, hint, typed, shown string }{
		{"sms", "", "+447700900541", "+44 7700 900541"},
		{"sms", "+447700900542", "", "+44••••••0542"},
		{"sms", "+44 7700 900-543", "07700 900543", "+44••••••0543"},
		{"sms", "07700 900544", "+447700900544", "+44••••••0544"},
		{"sms", "+447700900545", "+447700900546", "+44 7700 900546"},
		{"sms", "sam@mail.example", "+447700900547", "+44 7700 900547"},
		{"email", "", "Sam1@mail.example", "sam1@mail.example"},
		{"email", "Sam2@mail.example", "", "s•••@m•••.example"},
		{"email", "sam3@mail.example", "max3@mail.example", "max3@mail.example"},
	} {
		b := w.speaking("en-GB")
		p := w.get(b, "/authorize?"+w.query("connection", tt.connection, "login_hint", tt.hint))
		f := p.Form("username")
		if tt.typed != "" {
			f.Set("username", tt.typed)
		}
		p = w.submit(b, f)
		again := w.submit(b, p.Form("code").Set("code", "1").Press("default"))
		for _, p := range []*textbrowser.Page{p, again} {
			got, _, _ := strings.Cut(strings.SplitAfter(p.Body, `<bdi dir="ltr">`)[1], "<")
			if got = html.UnescapeString(got); got != tt.shown {
				t.Errorf("%s, named %q and typed %q: shown as %q, want %q", tt.connection, tt.hint, tt.typed, got, tt.shown)
			}
		}
		if back := w.submit(b, p.Form("action").Press("edit")); strings.Contains(back.Form("username").Values.Get("username"), "•") {
			t.Error("what is to be corrected is masked")
		}
	}
}

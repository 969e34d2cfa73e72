package hosted

import (
	"errors"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// countryCookie keeps the country of the number that was typed last, which is
// chosen when the browser comes back.
const countryCookie = "dc_country"

// entry is what somebody has typed on the page that asks for a number or an
// address, and what the browser tells of where the number may be from.
type entry struct {
	typed    string
	country  string // chosen on the page
	last     string // of the number before
	language string // as the header has it
}

func (p *Pages) entry(r *http.Request, f web.Params) entry {
	return entry{
		typed: f.Get("username"), country: f.Get("country"),
		last: cookie(r, p.cookieName(countryCookie)), language: r.Header.Get("Accept-Language"),
	}
}

// phoneField is the list of countries beside the field for a number.
type phoneField struct {
	// Options are those of the list. There is none if messages go to one country
	// alone, which is Only, or to none of those that are known.
	Options template.HTML
	Only    *address.Country
	Missing bool // none was chosen, and the number does not tell
}

// destinations are the countries that a connection sends messages to.
func destinations(v *authorize.View) []address.Country {
	countries := v.Connection.Fraud.Countries
	if len(countries.List) == 0 && v.Settings != nil {
		countries = v.Settings.Countries
	}
	return address.Allowed(countries.List, countries.Deny)
}

// phone fills in the number and its country.
func (p *Pages) phone(d *page, v *authorize.View, e entry, why problem) {
	list := destinations(v)
	f := &phoneField{Missing: why.country}
	d.Phone = f
	region := e.country
	if e.typed == "" && d.Typed != "" { // it comes from elsewhere, with its country code
		d.Typed, region = shown(d.Typed, e.last, list)
	}
	if len(list) == 1 {
		f.Only = &list[0]
		return
	}
	if len(list) > 0 {
		likely := []string{region, e.last, v.Connection.DefaultCountry, regionOf(e.language)}
		if f.Missing {
			likely = nil // nothing is chosen for who was told to choose
		}
		f.Options = p.options(list, chosen(list, likely...))
	}
}

// shown is how a number stands in the field that somebody is to correct: as
// people of its country write it, so that choosing another country changes it.
func shown(number, likely string, list []address.Country) (text, region string) {
	read, err := address.TypedPhone(number)
	if err != nil {
		return number, ""
	}
	if c, ok := address.CountryOf(read, likely); ok {
		if _, ok := address.CountryIn(list, c.Region); ok {
			if text := address.National(read, c.Region); text != "" {
				return text, c.Region
			}
		}
	}
	return number, ""
}

// chosen is the first of some countries that is in the list, or "". None is
// taken for want of another: a number that is read as one of the wrong country
// is somebody else's.
func chosen(list []address.Country, regions ...string) string {
	for _, r := range regions {
		if c, ok := address.CountryIn(list, r); ok {
			return c.Region
		}
	}
	return ""
}

// regionOf is the region of the language that a browser asks for first. Those
// further down tell nothing: browsers add English of the United States to any
// other language.
func regionOf(acceptLanguage string) string {
	first, _, _ := strings.Cut(acceptLanguage, ",")
	tag, _, _ := strings.Cut(first, ";")
	for _, part := range strings.Split(strings.TrimSpace(tag), "-")[1:] {
		switch len(part) {
		case 1:
			return "" // an extension begins (RFC 5646 §2.2.6)
		case 2:
			return part
		}
	}
	return ""
}

// An option is one of the list of countries, in two parts between which a word
// can say that it is chosen.
type option struct{ begin, end string }

// countryOptions are the options for all countries, by region. They are made
// once, since the template would take far longer for so many. The script finds by
// data-main which of the countries that share a code is the one it stands for.
func countryOptions() map[string]option {
	sharing := map[int]int{}
	for _, c := range address.Countries() {
		sharing[c.Code]++
	}
	out := make(map[string]option, len(address.Countries()))
	for _, c := range address.Countries() {
		o := option{`<option value="` + c.Region + `"`, ">" + html.EscapeString(c.String()) + "</option>\n"}
		if sharing[c.Code] > 1 && c.Main() {
			o.end = " data-main" + o.end
		}
		out[c.Region] = o
	}
	return out
}

// options are those of a list, with one chosen or, for "", the wish to choose.
func (p *Pages) options(list []address.Country, chosen string) template.HTML {
	var b strings.Builder
	b.Grow(64 * (len(list) + 1))
	if chosen == "" {
		b.WriteString(`<option value="" selected>Choose a country</option>` + "\n")
	}
	for _, c := range list {
		o := p.countries[c.Region]
		b.WriteString(o.begin)
		if c.Region == chosen {
			b.WriteString(" selected")
		}
		b.WriteString(o.end)
	}
	return template.HTML(b.String()) //nolint:gosec // nothing in it was sent by anybody
}

// readPhone reads the number that was typed, or says what is wrong with it.
func readPhone(v *authorize.View, e entry) (string, problem) {
	list := destinations(v)
	region := chosen(list, e.country)
	switch {
	case len(list) == 1:
		region = list[0].Region
	case e.country == "": // of a form without the list
		region = chosen(list, v.Connection.DefaultCountry)
	}
	number, err := address.TypedPhoneIn(e.typed, region)
	switch {
	case errors.Is(err, address.ErrNoCountry) && len(list) > 0:
		return "", problem{field: true, country: true, text: textNoCountry}
	case err != nil:
		return "", problem{field: true, text: badPhone(list, region)}
	}
	return number, problem{}
}

// badPhone says what a number looks like in the chosen country.
func badPhone(list []address.Country, region string) string {
	if c, ok := address.CountryIn(list, region); ok {
		if national, international := c.Example(); national != "" {
			return fmt.Sprintf("Enter a mobile number, like %s or %s.", national, international)
		}
	}
	return textBadPhone
}

// unserved is the country of a number, if messages do not go there.
func unserved(v *authorize.View, e entry) (address.Country, bool) {
	if v.Page != authorize.PageIdentify || !takesNumbers(v.Connection) {
		return address.Country{}, false
	}
	number, _ := readPhone(v, e)
	c, ok := address.CountryOf(number, "")
	if !ok {
		return c, false
	}
	_, goes := address.CountryIn(destinations(v), c.Region)
	return c, !goes
}

// keepCountry has the browser keep the country of a number that a code is sent
// to.
func (p *Pages) keepCountry(w http.ResponseWriter, e entry, number string) {
	c, ok := address.CountryOf(number, strings.ToUpper(e.country))
	if !ok {
		return
	}
	k := p.cookie(countryCookie, c.Region, http.SameSiteLaxMode)
	k.MaxAge = int(deviceLife / time.Second)
	http.SetCookie(w, k)
}

// takesNumbers reports whether a connection is for numbers.
func takesNumbers(c *tenant.Connection) bool { return c != nil && c.Channel == tenant.SMS }

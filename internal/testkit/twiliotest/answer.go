package twiliotest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// maxBody is the longest text that Twilio takes.
const maxBody = 1600

// record records a request. Only the body counts as its form: Twilio does not
// take these parameters from the query.
func record(r *http.Request, now time.Time) Request {
	raw, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	got := Request{At: now, Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), RawForm: string(raw), Form: url.Values{}, Query: r.URL.Query()}
	got.User, got.Password, _ = r.BasicAuth()
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(string(raw)); err == nil {
			got.Form = form
		}
	}
	return got
}

// answer checks the request in the order in which Twilio does, and makes the
// message.
func (s *Server) answer(r *Request) (int, map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(status, code int, text string) (int, map[string]any) {
		r.Code = code
		return status, problem(status, code, text)
	}
	a, key := s.account(r.User)
	if a.SID == "" || !key && r.Password != a.Token || key && r.Password != a.Keys[r.User] {
		return refuse(401, 20003, "Authenticate")
	}
	if r.Method == http.MethodGet {
		return s.read(a, r, key)
	}
	if r.Path == "/2010-04-01/Accounts/"+a.SID+"/Calls.json" && r.Method == http.MethodPost {
		if code := s.checkCall(a, r.Form); code != 0 {
			return refuse(400, code, title(code))
		}
		return http.StatusCreated, s.call(a, r)
	}
	if r.Path != "/2010-04-01/Accounts/"+a.SID+"/Messages.json" {
		return refuse(404, 20404, "The requested resource "+r.Path+" was not found")
	}
	if r.Method != http.MethodPost {
		return refuse(405, 20004, "Method not allowed")
	}
	if code := s.check(a, r.Form); code != 0 {
		return refuse(400, code, strings.ReplaceAll(title(code), "{to}", r.Form.Get("To")))
	}
	return http.StatusCreated, s.message(a, r)
}

// account finds whose credentials have the user name, and whether it is that of
// an API key.
func (s *Server) account(user string) (a Account, key bool) {
	for _, a := range s.accounts {
		if _, ok := a.Keys[user]; ok {
			return a, true
		}
	}
	return s.accounts[user], false
}

// check returns the error code for a request, or 0.
func (s *Server) check(a Account, form url.Values) int {
	to, from, service := form.Get("To"), form.Get("From"), form.Get("MessagingServiceSid")
	body := form.Get("Body")
	switch {
	case to == "":
		return 21604
	case from == "" && service == "":
		return 21603
	case body == "":
		return 21602
	case form.Has("StatusCallback") && !callback(form.Get("StatusCallback")):
		return 21609
	}
	if v, err := strconv.Atoi(form.Get("ValidityPeriod")); form.Has("ValidityPeriod") && (err != nil || v < 1 || v > 36000) {
		return 21624
	}
	if code := magic(to, from); code != 0 {
		return code
	}
	switch {
	case s.invalid[to] != 0:
		return s.invalid[to]
	case !e164(to):
		return 21211
	case utf8.RuneCountInString(body) > maxBody:
		return 21617
	case service != "" && !slices.Contains(a.Services, service):
		return 21701
	case service == "" && !slices.Contains(a.Numbers, from):
		return 21606
	case a.Countries != nil && !slices.ContainsFunc(a.Countries, func(c string) bool { return strings.HasPrefix(to, c) }):
		return 21408
	case a.Trial && !slices.Contains(a.Verified, to):
		return 21608
	}
	return 0
}

// magic is what Twilio's test credentials answer for certain numbers. This
// server does so for every account.
func magic(to, from string) int {
	switch from {
	case "+15005550001":
		return 21212
	case "+15005550007":
		return 21606
	case "+15005550008":
		return 21611
	}
	switch to {
	case "+15005550001":
		return 21211
	case "+15005550002":
		return 21612
	case "+15005550003":
		return 21408
	case "+15005550004":
		return 21610
	case "+15005550009":
		return 21614
	}
	return 0
}

// e164 reports whether the number may exist: 7 to 15 digits, none of them a
// leading zero.
func e164(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

// message makes the message resource. Numbers in it are text, except for
// error_code, and with a Messaging Service the sender is not chosen yet.
func (s *Server) message(a Account, r *Request) map[string]any {
	s.made++
	r.SID = fmt.Sprintf("SM%032x", s.made)
	body, status, segments := r.Form.Get("Body"), "queued", strconv.Itoa(segments(r.Form.Get("Body")))
	if a.Trial {
		body = "Sent from your Twilio trial account - " + body
	}
	var from, service any = r.Form.Get("From"), nil
	if v := r.Form.Get("MessagingServiceSid"); v != "" {
		service, status, segments = v, "accepted", "0"
		if from == "" {
			from = nil
		}
	}
	at := r.At.UTC().Format(time.RFC1123Z)
	uri := "/2010-04-01/Accounts/" + a.SID + "/Messages/" + r.SID
	return map[string]any{
		"account_sid": a.SID, "api_version": "2010-04-01", "body": body,
		"date_created": at, "date_sent": nil, "date_updated": at, "direction": "outbound-api",
		"error_code": nil, "error_message": nil, "from": from, "messaging_service_sid": service,
		"num_media": "0", "num_segments": segments, "price": nil, "price_unit": "USD", "sid": r.SID,
		"status": status, "subresource_uris": map[string]string{"media": uri + "/Media.json"},
		"to": r.Form.Get("To"), "uri": uri + ".json",
	}
}

// gsm are the characters of GSM 03.38 that are not in ASCII's printable range,
// and those of ASCII that it lacks or that cost two.
const (
	gsm    = "£¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\n\r"
	double = "^{}\\[~]|€\f"
)

// segments reckons into how many parts the text is cut.
func segments(text string) int {
	septets, unicode := 0, false
	for _, r := range text {
		switch {
		case strings.ContainsRune(double, r):
			septets += 2
		case r >= ' ' && r <= 'z' && r != '`' || strings.ContainsRune(gsm, r):
			septets++
		default:
			unicode = true
		}
	}
	n, one, many := septets, 160, 153
	if unicode {
		n, one, many = len(utf16.Encode([]rune(text))), 70, 67
	}
	if n <= one {
		return 1
	}
	return (n + many - 1) / many
}

// problem is Twilio's error document.
func problem(status, code int, text string) map[string]any {
	return map[string]any{
		"code": code, "message": text, "more_info": "https://www.twilio.com/docs/errors/" + strconv.Itoa(code), "status": status,
	}
}

// title is the message of an error. {to} stands for the number.
func title(code int) string {
	switch code {
	case 20429:
		return "Too Many Requests"
	case 20500:
		return "An internal server error has occurred"
	case 20503:
		return "Service unavailable"
	case 21211:
		return "The 'To' number {to} is not a valid phone number."
	case 21212:
		return "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID."
	case 21408:
		return "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}"
	case 21602:
		return "Message body is required."
	case 21603:
		return "A 'From' phone number is required."
	case 21604:
		return "A 'To' phone number is required."
	case 21606:
		return "The 'From' phone number provided is not a valid message-capable Twilio phone number for this destination."
	case 21608:
		return "The number {to} is unverified. Trial accounts cannot send messages to unverified numbers; " +
			"verify {to} at twilio.com/user/account/phone-numbers/verified, or purchase a Twilio number to send messages to unverified numbers"
	case 21610:
		return "Attempt to send to unsubscribed recipient"
	case 21611:
		return "This 'From' number has exceeded the maximum number of queued messages"
	case 21612:
		return "The 'To' phone number: {to}, is not currently reachable using the 'From' phone number via SMS."
	case 21614:
		return "'To' number {to} is not a valid mobile number"
	case 21617:
		return "The concatenated message body exceeds the 1600 character limit."
	case 21701:
		return "The Messaging Service does not exist"
	}
	return "Error " + strconv.Itoa(code)
}

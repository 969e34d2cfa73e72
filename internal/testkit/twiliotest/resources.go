package twiliotest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A Pool is the senders of a Messaging Service.
type Pool struct {
	Numbers    []string
	ShortCodes []string
	Names      []string // alphanumeric senders
	Use        string   // "verification", "undeclared" and others
	Registered bool     // for A2P 10DLC
}

// read answers to requests for what an account has. key says that an API key
// signs in, which sees all but the account itself.
func (s *Server) read(a Account, r *Request, key bool) (int, map[string]any) {
	refuse := func(status, code int, text string) (int, map[string]any) {
		r.Code = code
		return status, problem(status, code, text)
	}
	missing := func() (int, map[string]any) {
		return refuse(http.StatusNotFound, 20404, "The requested resource "+r.Path+" was not found")
	}
	if a.Test {
		return refuse(http.StatusForbidden, 20008, "Resource not accessible with Test Account Credentials")
	}
	if path, ok := strings.CutPrefix(r.Path, "/v1/Services/"); ok {
		sid, list, _ := strings.Cut(path, "/")
		if !slices.Contains(a.Services, sid) {
			return missing()
		}
		return service(a, sid, list, missing)
	}
	path, ok := strings.CutPrefix(r.Path, "/2010-04-01/Accounts/"+a.SID)
	if !ok {
		return missing()
	}
	switch path {
	case ".json":
		if key {
			return refuse(http.StatusUnauthorized, 20003, "Authenticate")
		}
		return http.StatusOK, account(a)
	case "/Balance.json":
		if a.Balance == "" {
			return missing()
		}
		return http.StatusOK, map[string]any{"account_sid": a.SID, "balance": a.Balance, "currency": "USD"}
	case "/Messages.json":
		return http.StatusOK, page("messages", []any{})
	case "/IncomingPhoneNumbers.json":
		return http.StatusOK, page("incoming_phone_numbers", numbers(a, r.Query.Get("PhoneNumber")))
	case "/SMS/ShortCodes.json":
		return http.StatusOK, page("short_codes", named(a.ShortCodes, "short_code", r.Query.Get("ShortCode")))
	case "/OutgoingCallerIds.json":
		return http.StatusOK, page("outgoing_caller_ids", named(a.Verified, "phone_number", ""))
	}
	return missing()
}

func account(a Account) map[string]any {
	status, kind := a.Status, "Full"
	if status == "" {
		status = "active"
	}
	if a.Trial {
		kind = "Trial"
	}
	return map[string]any{
		"sid": a.SID, "owner_account_sid": a.SID, "auth_token": a.Token, "friendly_name": "Acme", "status": status, "type": kind,
		"date_created": "Thu, 30 Jul 2015 20:00:00 +0000", "date_updated": "Thu, 30 Jul 2015 20:00:00 +0000",
		"subresource_uris": map[string]any{}, "uri": "/2010-04-01/Accounts/" + a.SID + ".json",
	}
}

func numbers(a Account, which string) []any {
	list := []any{}
	for _, n := range a.Numbers {
		if n == which {
			list = append(list, map[string]any{
				"sid": "PN1", "account_sid": a.SID, "phone_number": n, "status": "in-use",
				"capabilities": map[string]any{"voice": true, "sms": !slices.Contains(a.VoiceOnly, n), "mms": false, "fax": false},
			})
		}
	}
	return list
}

// named lists names that are which, or all if it is empty.
func named(names []string, field, which string) []any {
	list := []any{}
	for _, n := range names {
		if which == "" || n == which {
			list = append(list, map[string]any{field: n})
		}
	}
	return list
}

// page is a list in the form of the 2010 API.
func page(name string, items []any) map[string]any {
	return map[string]any{
		name: items, "page": 0, "page_size": 50, "start": 0, "end": max(len(items)-1, 0),
		"uri": "", "first_page_uri": "", "next_page_uri": nil, "previous_page_uri": nil,
	}
}

// service is a Messaging Service, or a list of its senders in the form of the
// newer APIs.
func service(a Account, sid, list string, missing func() (int, map[string]any)) (int, map[string]any) {
	pool, ok := a.Pools[sid]
	if !ok {
		pool = Pool{Numbers: a.Numbers, Use: "verification", Registered: true}
	}
	senders := func(name string, items []any) (int, map[string]any) {
		return http.StatusOK, map[string]any{name: items, "meta": map[string]any{
			"page": 0, "page_size": 50, "first_page_url": "", "previous_page_url": nil, "next_page_url": nil, "key": name, "url": "",
		}}
	}
	switch list {
	case "":
		return http.StatusOK, map[string]any{
			"sid": sid, "account_sid": a.SID, "friendly_name": "Acme codes", "usecase": pool.Use,
			"us_app_to_person_registered": pool.Registered, "validity_period": 36000, "status_callback": nil,
		}
	case "PhoneNumbers":
		return senders("phone_numbers", named(pool.Numbers, "phone_number", ""))
	case "ShortCodes":
		return senders("short_codes", named(pool.ShortCodes, "short_code", ""))
	case "AlphaSenders":
		return senders("alpha_senders", named(pool.Names, "alpha_sender", ""))
	}
	return missing()
}

// callback reports whether an address may be one for reports.
func callback(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.Contains(u.Host, "_") && len(address) <= 4000
}

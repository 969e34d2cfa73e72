package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery"
)

// Check asks Twilio about the account and its sender. It sends nothing and
// changes nothing.
func (s *sender) Check(ctx context.Context) []delivery.Finding {
	found, ok := s.checkAccount(ctx)
	if !ok {
		return found
	}
	found = append(found, s.checkBalance(ctx))
	if s.service != "" {
		found = append(found, s.checkService(ctx)...)
	} else {
		found = append(found, s.checkFrom(ctx))
	}
	return append(found, s.checkReports())
}

func ok(name, format string, args ...any) delivery.Finding {
	return delivery.Finding{Name: name, Verdict: delivery.OK, Detail: fmt.Sprintf(format, args...)}
}

func warn(name, detail, fix string) delivery.Finding {
	return delivery.Finding{Name: name, Verdict: delivery.Warn, Detail: detail, Fix: fix}
}

// known is a finding in the words of an error code that a message would have
// met.
func known(name string, code int) delivery.Finding {
	return delivery.Finding{Name: name, Verdict: delivery.Fail, Detail: table[code].Text, Fix: table[code].Fix}
}

// checkAccount finds out whether the credentials are accepted and the account
// may send; if not, there is nothing further to ask.
func (s *sender) checkAccount(ctx context.Context) ([]delivery.Finding, bool) {
	var a struct {
		Status string `json:"status"`
		Type   string `json:"type"`
		Name   string `json:"friendly_name"`
	}
	how := "the Auth Token"
	if s.user != s.sid {
		how = "the API key"
	}
	err := s.get(ctx, s.account(".json"), &a)
	if s.user != s.sid && isCode(err, "20003") {
		// Standard keys see everything but accounts and keys.
		if err := s.get(ctx, s.account("/Messages.json?PageSize=1"), &struct{}{}); err != nil {
			return []delivery.Finding{failed("credentials", err)}, false
		}
		return []delivery.Finding{
			ok("credentials", "Twilio accepts %s.", how),
			warn("account", "An API key of this kind does not see the state of the account.", "Nothing has to be done. A main key, or the Auth Token alone, would tell."),
		}, true
	}
	if err != nil {
		return []delivery.Finding{failed("credentials", err)}, false
	}
	found := []delivery.Finding{ok("credentials", "Twilio accepts %s.", how)}
	name := s.clean(delivery.Outgoing{}, a.Name, 80)
	if a.Status != "active" {
		return append(found, delivery.Finding{
			Name: "account", Verdict: delivery.Fail, Detail: fmt.Sprintf("The account %q is %s.", name, s.clean(delivery.Outgoing{}, a.Status, 40)),
			Fix: "Look into the Twilio console, or ask Twilio.",
		}), false
	}
	found = append(found, ok("account", "The account %q is active.", name))
	if a.Type == "Trial" {
		found = append(found, s.checkTrial(ctx))
	}
	return found, true
}

func (s *sender) checkTrial(ctx context.Context) delivery.Finding {
	var list struct {
		Numbers []struct{} `json:"outgoing_caller_ids"`
	}
	verified := "verified numbers"
	if err := s.get(ctx, s.account("/OutgoingCallerIds.json?PageSize=50"), &list); err == nil {
		verified = fmt.Sprintf("the %d verified numbers", len(list.Numbers))
	}
	return warn("trial", "This is a trial account: it sends to "+verified+" only, and begins each message with a line of its own.",
		"Verify the numbers of testers in the Twilio console, or upgrade the account.")
}

// lowBalance is what some hundreds of messages cost, in whatever currency.
const lowBalance = 5

func (s *sender) checkBalance(ctx context.Context) delivery.Finding {
	var b struct {
		Balance  string `json:"balance"`
		Currency string `json:"currency"`
	}
	err := s.get(ctx, s.account("/Balance.json"), &b)
	if isCode(err, "20404") {
		return ok("balance", "The account is a subaccount: its main account pays.")
	}
	amount, perr := strconv.ParseFloat(b.Balance, 64)
	switch {
	case err != nil:
		f := failed("balance", err)
		f.Verdict = delivery.Warn // messages may be sent all the same
		return f
	case perr != nil:
		return warn("balance", "Twilio does not tell the balance.", "Look into the Twilio console.")
	}
	told := fmt.Sprintf("The balance is %.2f %s.", amount, s.clean(delivery.Outgoing{}, b.Currency, 8))
	if amount < lowBalance {
		return warn("balance", told, "Top the account up, unless it pays by invoice: Twilio suspends accounts whose balance is used up.")
	}
	return ok("balance", "%s", told)
}

// checkFrom looks for the From number among the account's.
func (s *sender) checkFrom(ctx context.Context) delivery.Finding {
	const name = "sender"
	if err := checkFrom(s.from); err != nil {
		return failed(name, err)
	}
	switch {
	case strings.Contains(s.from, ":"):
		return warn(name, "The From is that of a channel other than SMS, which cannot be looked up.", "Send a message to a phone of yours.")
	case strings.Trim(s.from, "0123456789") == "":
		return s.checkShortCode(ctx)
	case strings.Trim(s.from, "+0123456789 ().-") != "":
		return warn(name, fmt.Sprintf("Messages are from the name %q, which Twilio does not list.", s.from),
			"Names are not taken everywhere: not in the United States and Canada, and elsewhere some countries want them registered. Nobody can answer to one, not even STOP.")
	}
	var list struct {
		Numbers []struct {
			Capabilities struct {
				SMS bool `json:"sms"`
			} `json:"capabilities"`
		} `json:"incoming_phone_numbers"`
	}
	if err := s.get(ctx, s.account("/IncomingPhoneNumbers.json?PhoneNumber="+url.QueryEscape(s.from)), &list); err != nil {
		return failed(name, err)
	}
	switch {
	case len(list.Numbers) == 0:
		return delivery.Finding{
			Name: name, Verdict: delivery.Fail, Detail: fmt.Sprintf("The From number %s is not one of the account's.", s.from),
			Fix: "Enter a number of the account with + and country code, or the Account SID that owns this one.",
		}
	case !list.Numbers[0].Capabilities.SMS:
		return known(name, 21661)
	}
	return ok(name, "The From number %s is the account's and sends text messages.", s.from)
}

func (s *sender) checkShortCode(ctx context.Context) delivery.Finding {
	var list struct {
		Codes []struct{} `json:"short_codes"`
	}
	if err := s.get(ctx, s.account("/SMS/ShortCodes.json?ShortCode="+url.QueryEscape(s.from)), &list); err != nil {
		return failed("sender", err)
	}
	if len(list.Codes) == 0 {
		return known("sender", 21659)
	}
	return ok("sender", "The short code %s is the account's.", s.from)
}

// checkReports says whether it will be known what became of messages.
func (s *sender) checkReports() delivery.Finding {
	switch {
	case s.token == "":
		return warn("reports", "Twilio is not asked for delivery reports: it signs them with the Auth Token, which is not set.",
			"Enter the Auth Token beside the API key. It is not used to send.")
	case s.client.reports == "":
		return warn("reports", "Twilio is not asked for delivery reports: it could not deliver them to this server's public URL.",
			"Give the server a public URL with https that is reached from the internet.")
	}
	return ok("reports", "Twilio is asked to report to %s.", s.client.reports)
}

// failed is the finding for an error, in our words where the code is known.
func failed(name string, err error) delivery.Finding {
	f := delivery.Failed(name, err)
	var e *delivery.Error
	if errors.As(err, &e) {
		if a, ok := About(e.Code); ok {
			f.Detail, f.Fix = a.Text+" ("+e.Code+")", a.Fix
		}
	}
	return f
}

// isCode reports whether err is Twilio's error with the code.
func isCode(err error, code string) bool {
	var e *delivery.Error
	return errors.As(err, &e) && e.Code == code
}

// get reads something of the account's. Errors are *delivery.Error.
func (s *sender) get(ctx context.Context, address string, into any) error {
	var nothing delivery.Outgoing
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return (&delivery.Error{
			Code: delivery.CodeNoAccount, Class: delivery.Configuration, Text: "A SID of the connection cannot be part of an address.",
			Fix: "Correct the Twilio settings of the connection.",
		}).Because(s.scrub(nothing, err))
	}
	s.sign(req)
	resp, err := s.client.http.Do(req)
	if err != nil {
		return s.noAnswer(nothing, err, false)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return s.noAnswer(nothing, err, false)
	}
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		return s.refusal(nothing, resp, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &delivery.Error{
			Code: delivery.CodeBadAnswer, Class: delivery.Temporary,
			Text: fmt.Sprintf("The answer (status %d) does not come from Twilio.", resp.StatusCode),
			Fix:  "Check what is between this server and Twilio, and the base URL.",
		}
	}
	return nil
}

package passwordless_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// start asks for a code and says what came of it.
func (w *world) start(r passwordless.StartRequest) string {
	_, err := w.Start(w.t.Context(), r)
	if err == nil {
		return "sent"
	}
	return fault.Of(err).Code
}

// SMS-01: by default messages go wherever the provider sends them; a list of the
// connection's, or else of the tenant's, says where to. What is refused leaves
// nothing behind.
func TestSMS01CountryAllowList(t *testing.T) {
	each(t, func(w *world) {
		const gb, nl, us = "+447400123456", "+31612345678", "+12015550123"
		c := w.conns["sms"]
		tests := []struct {
			name         string
			own, tenants tenant.Countries
			gb, nl, us   string
		}{
			{"no list", tenant.Countries{}, tenant.Countries{}, "sent", "sent", "sent"},
			{"allowed", tenant.Countries{List: []string{"GB", "NL"}}, tenant.Countries{}, "sent", "sent", "sms_provider_error"},
			{"denied", tenant.Countries{Deny: true, List: []string{"US"}}, tenant.Countries{}, "sent", "sent", "sms_provider_error"},
			{"by the tenant", tenant.Countries{}, tenant.Countries{List: []string{"US"}}, "sms_provider_error", "sms_provider_error", "sent"},
			{"by both", tenant.Countries{List: []string{"GB"}}, tenant.Countries{List: []string{"US"}}, "sent", "sms_provider_error", "sms_provider_error"},
		}
		for _, tt := range tests {
			w.run("SMS-01 "+tt.name, func(t *testing.T) {
				c.Fraud.Countries, w.settings.Countries = tt.own, tt.tenants
				for number, want := range map[string]string{gb: tt.gb, nl: tt.nl, us: tt.us} {
					before := w.number("codes") + w.number("messages")
					got := w.start(w.ask("sms", number))
					if got != want {
						t.Errorf("%s: %s, want %s", number, got, want)
					}
					if after := w.number("codes") + w.number("messages"); want != "sent" && after != before {
						t.Errorf("%s was refused and left %d rows", number, after-before)
					}
				}
				if got := w.start(w.ask("email", address)); got != "sent" {
					t.Errorf("an e-mail address: %s", got)
				}
			})
		}
	})
}

// SMS-02: with the option, lines that nobody signs in with are refused, except
// for those that are allowed; without it, the provider has the verdict.
func TestSMS02LineTypesOfAConnection(t *testing.T) {
	each(t, func(w *world) {
		const premium, satellite, mobile, documented = "+449012345678", "+881612345678", "+447400123456", "+15551234567"
		for _, tt := range []struct {
			fraud   tenant.Fraud
			refused []string
		}{
			{tenant.Fraud{}, nil},
			{tenant.Fraud{LineTypes: true}, []string{premium, satellite, documented}},
			{tenant.Fraud{LineTypes: true, AllowTypes: []string{"satellite", "invalid"}}, []string{premium}},
		} {
			w.conns["sms"].Fraud = tt.fraud
			want := map[string]string{premium: "sent", satellite: "sent", mobile: "sent", documented: "sent"}
			for _, number := range tt.refused {
				want[number] = "sms_provider_error"
			}
			for number, want := range want {
				if got := w.start(w.ask("sms", number)); got != want {
					t.Errorf("%+v, %s: %s, want %s", tt.fraud, number, got, want)
				}
			}
		}
	})
}

// SMS-05: an address has ten numbers an hour, its network two hundred, a browser
// five a day; a server that proves itself is not an address.
func TestSMS05NumbersOfWhoeverAsks(t *testing.T) {
	each(t, func(w *world) {
		w.Limits = attack.Auth0
		n := 0
		ask := func(ip, device string) string {
			n++
			r := w.ask("sms", fmt.Sprintf("+4474001%05d", n))
			r.IP, r.IPKey, r.Device = ip, "", device
			return w.start(r)
		}
		expect := func(what string, want int, ask func(i int) string) {
			w.t.Helper()
			for i := range want + 3 {
				ok := i < want
				if got := ask(i); got != map[bool]string{true: "sent", false: "too_many_requests"}[ok] {
					w.t.Errorf("%s, number %d: %s", what, i+1, got)
				}
			}
		}
		c := w.conns["sms"]
		c.Fraud = tenant.Fraud{NumbersAddress: 10}
		expect("an address", 10, func(int) string { return ask("192.0.2.1", "") })
		expect("the /64 of an address", 10, func(i int) string { return ask(fmt.Sprintf("2001:db8::%d", i+1), "") })
		w.pass(time.Hour)
		expect("the address an hour later", 10, func(int) string { return ask("192.0.2.1", "") })

		server := w.ask("sms", "+447400199999")
		server.IP, server.Authenticated = "192.0.2.1", true
		if got := w.start(server); got != "sent" {
			w.t.Errorf("a server: %s", got)
		}
		_, err := w.Start(w.t.Context(), w.ask("sms", "+447400199998"))
		if wait := fault.Of(err).RetryAfter; wait <= 0 || wait > time.Hour || passwordless.LimitOf(err) != 10 {
			w.t.Errorf("the refusal says to wait %v, limit %d", wait, passwordless.LimitOf(err))
		}

		c.Fraud = tenant.Fraud{NumbersNetwork: 20}
		expect("a network", 20, func(i int) string { return ask(fmt.Sprintf("198.51.%d.7", i), "") })

		c.Fraud = tenant.Fraud{NumbersDevice: 5}
		browser := passwordless.NewDevice()
		expect("a browser", 5, func(int) string { return ask("203.0.113.9", browser) })
		w.pass(3 * time.Hour)
		if got := ask("203.0.113.9", browser); got != "too_many_requests" {
			w.t.Errorf("the browser hours later: %s", got)
		}
		w.pass(24 * time.Hour)
		if got := ask("203.0.113.9", browser); got != "sent" {
			w.t.Errorf("the browser a day later: %s", got)
		}
		c.Fraud, w.Limits = tenant.Fraud{NumbersDevice: 1, NumbersAddress: 1, Sends: tenant.Budget{Day: 1}}, attack.Off
		expect("without limits", 5, func(i int) string {
			if i < 5 {
				return ask("192.0.2.9", browser)
			}
			return "too_many_requests"
		})
	})
}

package twilio

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The signatures that Twilio's own libraries are tested with, and some that
// were computed apart by the documented algorithm.
func TestSignatures(t *testing.T) {
	const base = "https://mycompany.com/myapp.php?foo=1&bar=2"
	const call = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
	const hex = "0123456789abcdef"
	for _, tt := range []struct{ name, token, address, form, want string }{
		{"a form", "12345", base, call, "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
		{"signed with the port, given without", "12345", base, call, "kvajT1Ptam85bY51eRf/AJRuM3w="},
		{"signed with the port, given with it", "12345", "https://mycompany.com:443/myapp.php?foo=1&bar=2", call, "kvajT1Ptam85bY51eRf/AJRuM3w="},
		{"signed without the port, given with it", "12345", "https://mycompany.com:443/myapp.php?foo=1&bar=2", call, "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
		{"a port of its own", "12345", "http://mycompany.com:1234/myapp.php?foo=1&bar=2", call, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="},
		{"plain http", "12345", "http://mycompany.com/myapp.php?foo=1&bar=2", call, "0ZXoZLH/DfblKGATFgpif+LLRf4="},
		{"the same value twice", "12345", base, "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234", "IK+Dwps556ElfBT0I3Rgjkr1wJU="},
		{"two values", "12345", base, "MessagingBinding.Address=%2B1415xxxxxxx&MessagingBinding.Address=%2B1325xxxxxxx", "83O6e2vORAoJHUNzJjDWN1jz+BA="},
		{"a user in the address", "12345", "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2", call, "CukzLTc1tT5dXEDIHm/tKBanW10="},
		{"names in the order of bytes", "12345", base, call + "&Reason=Participant&ReasonConferenceEnded=test", "vOEb5UThFn24KEfnOFLQY2AE5FY="},
		{
			"a report", hex + hex, "https://login.example.com/hooks/twilio/status?tenant=t1",
			"MessageSid=SM" + hex + hex + "&SmsSid=SM" + hex + hex + "&AccountSid=AC" + hex + hex +
				"&ApiVersion=2010-04-01&From=%2B15005550006&To=%2B15551234567&MessageStatus=undelivered&SmsStatus=undelivered&ErrorCode=30003",
			"EED5wREF5U4WNXygfywVce6eTbw=",
		},
		{
			"text and an empty value", hex + hex, "https://login.example.com/hooks/twilio/inbound",
			"Body=Caf%C3%A9+%E2%98%95+1%2B1%3D2+%26+done&From=%2B447700900123&To=%2B15005550006&Empty=", "6hU/FC4+RU+dZfaazrnGQ9TRgBA=",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			form, err := url.ParseQuery(tt.form)
			if err != nil {
				t.Fatal(err)
			}
			cb := delivery.Callback{URL: tt.address, Header: http.Header{"X-Twilio-Signature": {tt.want}}}
			if !signed(tt.token, cb, form) {
				t.Errorf("%s is not taken for the signature of %s", tt.want, tt.address)
			}
			for change, f := range map[string]func() bool{
				"another token":   func() bool { return signed(tt.token+"6", cb, form) },
				"no token":        func() bool { return signed("", cb, form) },
				"another address": func() bool { c := cb; c.URL += "x"; return signed(tt.token, c, form) },
				"another signature": func() bool {
					c := cb
					c.Header = http.Header{"X-Twilio-Signature": {"x" + tt.want}}
					return signed(tt.token, c, form)
				},
				"no signature": func() bool { c := cb; c.Header = nil; return signed(tt.token, c, form) },
				"two signatures": func() bool {
					c := cb
					c.Header = http.Header{"X-Twilio-Signature": {tt.want, tt.want}}
					return signed(tt.token, c, form)
				},
				"one more parameter": func() bool {
					more := url.Values{"Extra": {"1"}}
					for name, values := range form {
						more[name] = values
					}
					return signed(tt.token, cb, more)
				},
			} {
				if f() {
					t.Errorf("with %s it is taken as well", change)
				}
			}
		})
	}
	t.Run("names in another order are another signature", func(t *testing.T) {
		form, _ := url.ParseQuery(call + "&Reason=Participant&ReasonConferenceEnded=test")
		cb := delivery.Callback{URL: base, Header: http.Header{"X-Twilio-Signature": {"95+Bu0JVPi0r/SsESZCVf0dWAjw="}}}
		if signed("12345", cb, form) {
			t.Error("it is taken")
		}
	})
	t.Run("an empty key signs nothing", func(t *testing.T) {
		form := url.Values{"a": {"b"}}
		cb := delivery.Callback{URL: base, Header: http.Header{"X-Twilio-Signature": {signature("", base, form)}}}
		if signed("", cb, form) {
			t.Error("it is taken")
		}
	})
}

func TestListen(t *testing.T) {
	const address = "https://login.example.com/hooks/twilio/con_sms/msg_1"
	conn := &tenant.Connection{
		ID: "con_sms", Sender: tenant.SenderAccount{TwilioSID: "AC1"}, Secrets: map[string]string{TokenOption: "token-of-the-account"},
	}
	client, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	listen := func(form url.Values, kind string) (delivery.Report, error) {
		return client.Listen(conn, delivery.Callback{
			URL: address, Body: []byte(form.Encode()),
			Header: http.Header{"Content-Type": {kind}, "X-Twilio-Signature": {signature("token-of-the-account", address, form)}},
		})
	}
	const kind = "application/x-www-form-urlencoded; charset=UTF-8"
	report := func(status string) url.Values {
		return url.Values{"AccountSid": {"AC1"}, "MessageSid": {"SM1"}, "MessageStatus": {status}}
	}
	for status, want := range map[string]tenant.MessageState{
		"accepted": tenant.MessageAccepted, "scheduled": tenant.MessageAccepted, "queued": tenant.MessageAccepted, "sending": tenant.MessageAccepted,
		"sent": tenant.MessageSent, "delivered": tenant.MessageDelivered, "read": tenant.MessageDelivered,
		"undelivered": tenant.MessageUndelivered, "failed": tenant.MessageFailed, "canceled": tenant.MessageFailed, "brand_new": tenant.MessageAccepted,
	} {
		got, err := listen(report(status), kind)
		if err != nil || got.State != want || got.Status != status || got.ProviderID != "SM1" {
			t.Errorf("%s: %+v, %v; want %s", status, got, err, want)
		}
		if lost := want == tenant.MessageUndelivered || want == tenant.MessageFailed; lost != (got.Text != "") {
			t.Errorf("%s: the reason is %q", status, got.Text)
		}
	}
	t.Run("a code is explained", func(t *testing.T) {
		for code, want := range map[string]string{
			"30003": "The phone is off", "30005": "not in use", "30007": "unwanted", "30034": "10DLC", "30450": "pumping", "39999": "the error 39999",
		} {
			form := report("undelivered")
			form.Set("ErrorCode", code)
			if got, err := listen(form, kind); err != nil || got.ErrorCode != code || !strings.Contains(got.Text, want) || got.Fix == "" {
				t.Errorf("%s: %+v, %v", code, got, err)
			}
		}
	})
	t.Run("what is not a report", func(t *testing.T) {
		for name, form := range map[string]url.Values{
			"a message that came in": report("received"), "no status": {"AccountSid": {"AC1"}, "MessageSid": {"SM1"}},
			"no message": {"AccountSid": {"AC1"}, "MessageStatus": {"sent"}},
		} {
			if got, err := listen(form, kind); !fault.Has(err, fault.Invalid) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		}
		if _, err := listen(report("sent"), "application/json"); !fault.Has(err, fault.Invalid) {
			t.Errorf("JSON: %v", err)
		}
	})
	t.Run("what is another account's", func(t *testing.T) {
		form := report("delivered")
		form.Set("AccountSid", "AC2")
		if got, err := listen(form, kind); !errors.Is(err, delivery.ErrForged) {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("what is long or has controls in it is cut to a line", func(t *testing.T) {
		form := report("new\r\n\x00" + strings.Repeat("é", 100))
		form.Set("MessageSid", "SM\n"+strings.Repeat("x", 100))
		form.Set("ErrorCode", strings.Repeat("9", 100))
		got, err := listen(form, kind)
		if err != nil || len(got.Status) > maxStatus || len(got.ProviderID) > 64 || len(got.ErrorCode) > 16 ||
			strings.ContainsAny(got.Status+got.ProviderID, "\r\n\x00") {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

package settings

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The option does nothing unless it is there, and then all that it does not say
// otherwise.
func TestSMS01FraudOption(t *testing.T) {
	usual := tenant.Fraud{LineTypes: true, NumbersAddress: 10, NumbersNetwork: 200, NumbersDevice: 5}
	with := func(change func(f *tenant.Fraud)) tenant.Fraud {
		f := usual
		change(&f)
		return f
	}
	for options, want := range map[string]tenant.Fraud{
		`{}`:                          {},
		`{"doorcode":{}}`:             {},
		`{"doorcode":{"fraud":null}}`: {},
		`{"doorcode":{"fraud":{}}}`:   usual,
		`{"doorcode":{"fraud":{"country_codes":{"mode":"allow","list":["NL","001"]}}}}`: with(func(f *tenant.Fraud) { f.Countries.List = []string{"NL", "001"} }),
		`{"doorcode":{"fraud":{"country_codes":{"mode":"deny","list":["NL"]}}}}`: with(func(f *tenant.Fraud) {
			f.Countries = tenant.Countries{Deny: true, List: []string{"NL"}}
		}),
		`{"doorcode":{"fraud":{"line_types":false,"allow_line_types":["voip"],"sends_per_hour":7,"sends_per_day":70,"numbers_per_address":0,"numbers_per_network":1,"numbers_per_device":2,"adaptive":true}}}`: {
			AllowTypes: []string{"voip"}, Sends: tenant.Budget{Hour: 7, Day: 70}, NumbersNetwork: 1, NumbersDevice: 2, Adaptive: true,
		},
	} {
		body, err := ParseObject([]byte(`{"name":"sms","strategy":"sms","options":` + options + `}`))
		if err != nil {
			t.Fatal(err)
		}
		change, err := NewConnection("con_1", body)
		if err != nil {
			t.Errorf("%s: %v", options, err)
			continue
		}
		if diff := cmp.Diff(want, change.Connection.Fraud); diff != "" {
			t.Errorf("%s (-want +got):\n%s", options, diff)
		}
	}
	for _, fraud := range []string{
		`[]`, `{"x":1}`, `{"country_codes":["NL"]}`, `{"country_codes":{"mode":"allow"}}`, `{"country_codes":{"mode":"only","list":["NL"]}}`,
		`{"country_codes":{"mode":"allow","list":["nl"]}}`, `{"country_codes":{"mode":"allow","list":["NLD"]}}`, `{"sends_per_day":-1}`, `{"sends_per_day":"7"}`,
		`{"sends_per_hour":1.5}`, `{"allow_line_types":["mobile"]}`, `{"line_types":"on"}`, `{"adaptive":1}`, `{"numbers_per_address":1000001}`,
	} {
		body, err := ParseObject([]byte(`{"name":"sms","strategy":"sms","options":{"doorcode":{"fraud":` + fraud + `}}}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewConnection("con_1", body); !fault.Has(err, fault.Invalid) {
			t.Errorf("%s: %v", fraud, err)
		}
	}
}

// SMS-01: the tenant's country_codes are Auth0's.
func TestSMS01TenantCountryCodes(t *testing.T) {
	for body, want := range map[string]*tenant.Countries{
		`{"country_codes":{"mode":"allow","list":["US","CA"]}}`: {List: []string{"US", "CA"}},
		`{"country_codes":{"mode":"deny","list":["US"]}}`:       {Deny: true, List: []string{"US"}},
		`{"country_codes":null}`:                                {},
		`{"country_codes":{"mode":"deny","list":["us"]}}`:       nil,
		`{"country_codes":{"list":["US"]}}`:                     nil,
	} {
		change, err := ParseObject([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := ChangeTenant([]byte(`{"friendly_name":"Acme"}`), change)
		if want == nil {
			if !fault.Has(err, fault.Invalid) {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		set, err := Tenant(doc)
		if diff := cmp.Diff(*want, set.Countries); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", body, err, diff)
		}
	}
}

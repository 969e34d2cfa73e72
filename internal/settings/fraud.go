package settings

import (
	"regexp"

	"github.com/doorcode/doorcode/internal/tenant"
)

// countryCode is a country, or the world for numbers of none.
var countryCode = regexp.MustCompile(`^([A-Z]{2}|001)$`)

// countriesRule is for Auth0's country_codes.
func countriesRule() rule {
	code := matching(countryCode)
	return rule{kinds: []string{"object"}, required: []string{"mode", "list"}, members: map[string]rule{
		"mode": oneOf("allow", "deny"), "list": listOf(code, 300),
	}}
}

// fraudRule is for options.doorcode.fraud.
func fraudRule() rule {
	return rule{kinds: []string{"object"}, members: map[string]rule{
		"country_codes": countriesRule().orNull(),
		"line_types":    flag.orNull(), "allow_line_types": listOf(oneOf(tenant.LineTypes()...), 20).orNull(),
		"sends_per_hour": whole(0, 100_000_000).orNull(), "sends_per_day": whole(0, 100_000_000).orNull(),
		"numbers_per_address": whole(0, 1_000_000).orNull(), "numbers_per_network": whole(0, 1_000_000).orNull(),
		"numbers_per_device": whole(0, 1_000_000).orNull(), "adaptive": flag.orNull(),
	}}
}

// countriesDoc is country_codes.
type countriesDoc struct {
	Mode string   `json:"mode"`
	List []string `json:"list"`
}

func (d *countriesDoc) countries() tenant.Countries {
	if d == nil {
		return tenant.Countries{}
	}
	return tenant.Countries{Deny: d.Mode == "deny", List: d.List}
}

// fraudDoc is options.doorcode.fraud.
type fraudDoc struct {
	Countries  *countriesDoc `json:"country_codes"`
	LineTypes  *bool         `json:"line_types"`
	AllowTypes []string      `json:"allow_line_types"`
	SendsHour  int           `json:"sends_per_hour"`
	SendsDay   int           `json:"sends_per_day"`
	Address    *int          `json:"numbers_per_address"`
	Network    *int          `json:"numbers_per_network"`
	Device     *int          `json:"numbers_per_device"`
	Adaptive   bool          `json:"adaptive"`
}

// What a connection that has the option does unless it says otherwise.
const (
	numbersAddress = 10
	numbersNetwork = 200
	numbersDevice  = 5
)

func (d *fraudDoc) fraud() tenant.Fraud {
	if d == nil {
		return tenant.Fraud{}
	}
	or := func(n *int, otherwise int) int {
		if n == nil {
			return otherwise
		}
		return *n
	}
	on := func(b *bool) bool { return b == nil || *b }
	return tenant.Fraud{
		Countries: d.Countries.countries(), LineTypes: on(d.LineTypes), AllowTypes: d.AllowTypes,
		Sends:          tenant.Budget{Hour: d.SendsHour, Day: d.SendsDay},
		NumbersAddress: or(d.Address, numbersAddress), NumbersNetwork: or(d.Network, numbersNetwork), NumbersDevice: or(d.Device, numbersDevice),
		Adaptive: d.Adaptive,
	}
}

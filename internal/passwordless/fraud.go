package passwordless

import (
	"context"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// destination refuses a number that the connection sends nothing to. It looks at
// the number alone, so it tells nothing about who has it. The refusals are in the
// form of a provider's, which is what clients know (Twilio: 21408 and 21614).
func (s *Service) destination(c *tenant.Connection, set *tenant.Settings, number string) error {
	if c.Channel != tenant.SMS {
		return nil
	}
	countries := c.Fraud.Countries
	if len(countries.List) == 0 {
		countries = set.Countries
	}
	if len(countries.List) > 0 && !address.InCountries(number, countries.List, countries.Deny) {
		s.countRefusal(c.Channel, refusedCountry)
		return fault.New(fault.Invalid, "sms_provider_error",
			"Permission to send an SMS has not been enabled for the region indicated by the 'To' number: "+number+". (Code: 21408)")
	}
	if !c.Fraud.LineTypes {
		return nil
	}
	if line := address.Line(number); line != "" && !slices.Contains(c.Fraud.AllowTypes, line) {
		s.countRefusal(c.Channel, refusedLine)
		return fault.New(fault.Invalid, "sms_provider_error",
			"The 'To' number "+number+" is not a mobile number that messages are sent to. (Code: 21614)")
	}
	return nil
}

// limitFraud adds to a start what its connection does against fraud.
func (s *Service) limitFraud(c *tenant.Connection, set *tenant.Settings, r StartRequest, b *Begin) {
	if s.Limits == attack.Off || c.Channel != tenant.SMS || b.Withheld != (Withheld{}) {
		return
	}
	ip := r.IP
	if r.Authenticated {
		ip = "" // a server asks for many people
	}
	b.Spreads = attack.Spreads(c.Fraud, ip, b.Device, b.Now)
	b.Budgets = attack.Budgets(set.SMSBudget, c.Fraud.Sends, c.ID, b.Now)
	b.Cells, b.Challenge = s.cells(c, b.To.Identifier), r.Challenge
}

// cells are those that the messages to a number are counted in, if the
// connection asks for it.
func (s *Service) cells(c *tenant.Connection, number string) []attack.Scope {
	if s.Limits == attack.Off || c.Channel != tenant.SMS || !c.Fraud.Adaptive {
		return nil
	}
	return attack.Scopes(c.ID, number, strings.Join(address.Regions(number), " "))
}

// Challenged reports whether whoever asks for a code to a number has to show
// first that they are no robot. It looks at the numbers like it, never at who has
// it, so that the answer tells nothing about them. A browser that has signed the
// number in is not challenged. The ledger judges again when the code is begun.
func (s *Service) Challenged(ctx context.Context, c *tenant.Connection, number, device string) (bool, error) {
	scopes := s.cells(c, number)
	if scopes == nil {
		return false, nil
	}
	cells, err := s.Ledger.ReadCells(ctx, scopes, s.Now())
	if err != nil {
		return false, err
	}
	if attack.Judge(cells) != attack.Challenged {
		return false, nil
	}
	if device = account.DeviceKey(s.Keys, device); device == "" {
		return true, nil
	}
	known, err := s.Ledger.KnownDevice(ctx, device, account.Key(s.Keys, c.Channel, number))
	return !known, err
}

package twilio

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery"
)

// pool is the first page of a Messaging Service's senders of one kind.
type pool struct {
	Numbers []struct {
		Number string `json:"phone_number"`
	} `json:"phone_numbers"`
	ShortCodes []struct{} `json:"short_codes"`
	Names      []struct{} `json:"alpha_senders"`
}

// checkService looks at the Messaging Service and its senders.
func (s *sender) checkService(ctx context.Context) []delivery.Finding {
	const name = "sender"
	address := s.messaging + "/v1/Services/" + url.PathEscape(s.service)
	var service struct {
		Name       string `json:"friendly_name"`
		Use        string `json:"usecase"`
		Registered bool   `json:"us_app_to_person_registered"`
	}
	err := s.get(ctx, address, &service)
	if isCode(err, "20404") {
		return []delivery.Finding{known(name, 21701)}
	}
	if err != nil {
		return []delivery.Finding{failed(name, err)}
	}
	var all pool
	for _, kind := range []string{"PhoneNumbers", "ShortCodes", "AlphaSenders"} {
		if err := s.get(ctx, address+"/"+kind+"?PageSize=50", &all); err != nil {
			return []delivery.Finding{failed(name, err)}
		}
	}
	n := len(all.Numbers) + len(all.ShortCodes) + len(all.Names)
	if n == 0 {
		return []delivery.Finding{known(name, 21704)}
	}
	label := s.clean(delivery.Outgoing{}, service.Name, 80)
	found := []delivery.Finding{ok(name, "The Messaging Service %q has %d numbers, %d short codes and %d names.",
		label, len(all.Numbers), len(all.ShortCodes), len(all.Names))}
	if service.Use != "" && service.Use != "verification" {
		found = append(found, warn("use", fmt.Sprintf("The Messaging Service is meant for %q.", s.clean(delivery.Outgoing{}, service.Use, 40)),
			"Set its use case to verification in the Twilio console: codes are then let through where marketing is not."))
	}
	if !service.Registered && all.american() {
		found = append(found, warn("registration", table[30034].Text+" That of the Messaging Service is not there.", table[30034].Fix))
	}
	return found
}

// american reports whether there are numbers of the United States, Canada and
// their neighbours that are not toll-free: those may need a campaign.
func (p *pool) american() bool {
	for _, n := range p.Numbers {
		rest, ok := strings.CutPrefix(n.Number, "+1")
		if !ok || len(rest) < 3 {
			continue
		}
		switch rest[:3] {
		case "800", "833", "844", "855", "866", "877", "888":
		default:
			return true
		}
	}
	return false
}

package gateway

import (
	"context"
	"errors"
	"net/url"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/outbound"
)

// Inspect says whether the gateway's address is one that can never be called: in
// a network that is not public, or at a port or with a scheme that is not let
// through.
func (s *sender) Inspect() []delivery.Finding {
	u, err := url.Parse(s.url)
	if err != nil {
		return nil // Sender has looked at the form
	}
	refused := s.client.outbound.Judge(u)
	if refused == nil {
		return nil
	}
	return []delivery.Finding{{
		Name: "address", Verdict: delivery.Fail,
		Detail: "The address of the SMS gateway is not one that this server may call: every message fails.",
		Fix:    refusal(refused),
	}}
}

// Check asks the name server for the gateway's address and nobody else: a gateway
// knows no request but the one that sends.
func (s *sender) Check(ctx context.Context) []delivery.Finding {
	if found := s.Inspect(); found != nil {
		return found
	}
	address := delivery.Finding{Name: "address", Verdict: delivery.OK, Detail: "The address of the SMS gateway is one that this server may call."}
	if u, err := url.Parse(s.url); err == nil {
		if err := s.client.outbound.Resolve(ctx, u); err != nil {
			address = unresolved(err)
		}
	}
	return []delivery.Finding{address, {
		Name: "provider", Verdict: delivery.Warn,
		Detail: "The settings are complete. A gateway cannot be asked without sending a message.",
		Fix:    "Send a message to a phone of yours.",
	}}
}

// unresolved is a warning: what a name leads to can change at any time.
func unresolved(err error) delivery.Finding {
	f := delivery.Finding{Name: "address", Verdict: delivery.Warn}
	var refused *outbound.Refused
	if errors.As(err, &refused) {
		f.Detail = "The name in the address of the SMS gateway leads to where this server may not call: as long as it does, every message fails."
		f.Fix = refusal(refused)
		return f
	}
	f.Detail = "The name in the address of the SMS gateway cannot be resolved: as long as that is so, no message is sent."
	f.Fix = "Check the address, and that this machine's name server knows it."
	return f
}

package manage

import (
	"context"
	"errors"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

// checkTime bounds a check: somebody waits for it.
const checkTime = 20 * time.Second

// CheckSender finds out whether the connection's messages would be taken,
// without sending any: are its settings complete, does the provider know the
// credentials, may the account send, is the sender its own. The fault is
// ErrConnection if there is no such connection; what is wrong with one that
// there is, is in the findings.
func (s *Service) CheckSender(ctx context.Context, id tenant.ConnectionID) ([]delivery.Finding, error) {
	c, err := s.Connections.ConnectionByID(ctx, id)
	if err != nil {
		return nil, as(err, ErrConnection)
	}
	sender, err := s.Senders(ctx, c)
	var missing *delivery.Error
	switch {
	case errors.As(err, &missing):
		return []delivery.Finding{delivery.Failed("settings", missing)}, nil
	case err != nil:
		return nil, err
	case sender == nil:
		return []delivery.Finding{{
			Name: "settings", Verdict: delivery.Fail, Detail: "No provider is configured for this connection.",
			Fix: "Set the provider up: for SMS in the connection's settings, for e-mail as the tenant's email provider.",
		}}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return delivery.Check(ctx, sender), nil
}

package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/wneessen/go-mail/smtp"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Check connects to the mail server, makes the connection secure and signs in,
// as for a message, and then says goodbye. What the server thinks of the sender
// and of recipients it only says for a message.
func (s *sender) Check(ctx context.Context) []delivery.Finding {
	at, err := s.converse(ctx, func(client *smtp.Client) (step, error) { return naming, client.Noop() })
	var found []delivery.Finding
	for _, part := range []struct {
		name   string
		ends   step // the last step that is about it
		detail delivery.Finding
	}{
		{"server", greeting, delivery.Finding{Verdict: delivery.OK, Detail: fmt.Sprintf("The mail server at %s answers.",
			net.JoinHostPort(s.server.Host, strconv.Itoa(s.server.Port)))}},
		{"encryption", encrypting, s.encryption()},
		{"sign-in", naming, s.signedIn()},
	} {
		if err != nil && at <= part.ends {
			f := delivery.Failed(part.name, s.failure(delivery.Outgoing{}, at, errors.Join(err, ctx.Err())))
			if at == encrypting {
				f.Verdict = delivery.Fail // a certificate does not mend itself
			}
			return append(found, f)
		}
		part.detail.Name = part.name
		found = append(found, part.detail)
	}
	return found
}

// encryption is the finding about a way to the server that was gone.
func (s *sender) encryption() delivery.Finding {
	switch {
	case s.server.Security == tenant.SecurityTLS:
		return delivery.Finding{Verdict: delivery.OK, Detail: "The connection is encrypted from its first byte on."}
	case s.server.Security == tenant.SecurityStartTLS:
		return delivery.Finding{Verdict: delivery.OK, Detail: "The connection is encrypted with STARTTLS."}
	case loopback(s.server.Host):
		return delivery.Finding{Verdict: delivery.OK, Detail: "The connection is not encrypted and does not leave this machine."}
	}
	return delivery.Finding{
		Verdict: delivery.Warn, Detail: "The connection is not encrypted: whoever is on the way reads codes and password.",
		Fix: "Set the email provider's doorcode.security to \"tls\" or \"starttls\".",
	}
}

// signedIn is the finding about a server that lets us in.
func (s *sender) signedIn() delivery.Finding {
	if s.server.User == "" {
		return delivery.Finding{Verdict: delivery.OK, Detail: "The server takes messages without a sign-in, as far as it says before one."}
	}
	return delivery.Finding{Verdict: delivery.OK, Detail: "The server accepts smtp_user and smtp_pass."}
}

// Package backchannel brings logout tokens to applications (OpenID Connect
// Back-Channel Logout 1.0 §2.5), at addresses that tenants choose.
package backchannel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/doorcode/doorcode/internal/outbound"
)

// A Client posts logout tokens.
type Client struct{ http *http.Client }

// New returns a client that calls what the options let it call.
func New(o outbound.Options) *Client { return &Client{outbound.New(o)} }

// Post sends a token. The error says in plain words why it was not taken: it is
// for the tenant's log, and has nothing in it of the token or of the answer,
// which could otherwise be used to read what is in the operator's network.
func (c *Client) Post(ctx context.Context, address, token string) error {
	body := url.Values{"logout_token": {token}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return errors.New("the address for logout tokens cannot be read")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "doorcode")
	resp, err := c.http.Do(r)
	if err != nil {
		return errors.New(why(ctx, err))
	}
	defer resp.Body.Close()
	// What is read to its end lets the connection be used again.
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the application answered the logout token with status %d", resp.StatusCode)
	}
	return nil
}

func why(ctx context.Context, err error) string {
	var refused *outbound.Refused
	switch {
	case errors.As(err, &refused):
		return "the address for logout tokens is not one that this server may call"
	case ctx.Err() != nil:
		return "the application did not answer the logout token in time"
	}
	return "the application cannot be reached for logout tokens"
}

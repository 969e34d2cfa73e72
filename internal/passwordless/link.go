package passwordless

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// LinkPath is where e-mailed links lead.
const LinkPath = "/u/link"

// ErrLink refuses a link that is not one of ours, or whose message is gone.
var ErrLink = fault.New(fault.Gone, "invalid_link", "This link is not complete, or too old.")

// Links finds what links were sent with.
type Links interface {
	// LinkMessage returns a message that was sent with a link, and whether the
	// code that it stands for can still be redeemed: it is the one that is open
	// for its key, in time and unused. The fault is NotFound if there is none.
	LinkMessage(ctx context.Context, now time.Time, id string) (m tenant.Message, open bool, err error)
}

// A Link is what an e-mailed link stands for: the code of its message. It is
// proof of having read the message, as the code is, but cannot be guessed.
type Link struct {
	Message tenant.Message
	Code    string
	Open    bool
	// Params are those that it was asked for with, if the API has asked.
	Params Params
}

// linkToken writes the token of a link: the id of the message, and 256 bits that
// only holders of the key can make of it. Nothing is stored for it.
func linkToken(keys *secret.Ring, message string) string {
	return message + "." + base64.RawURLEncoding.EncodeToString(keys.MAC(secret.Links, message))
}

// maxLink bounds a token that is read.
const maxLink = 200

// OpenLink reads the token of a link. It changes nothing: links are opened by
// whatever looks at e-mail. The fault is ErrLink if it is none of ours.
func (s *Service) OpenLink(ctx context.Context, text string) (Link, error) {
	id, proof, ok := strings.Cut(text, ".")
	mac, err := base64.RawURLEncoding.DecodeString(proof)
	if !ok || err != nil || len(text) > maxLink {
		return Link{}, ErrLink
	}
	ours := false
	for _, want := range s.Keys.MACs(secret.Links, id) {
		ours = ours || hmac.Equal(mac, want)
	}
	if !ours {
		return Link{}, ErrLink
	}
	m, open, err := s.Links.LinkMessage(ctx, s.Now(), id)
	if fault.Has(err, fault.NotFound) {
		return Link{}, ErrLink.Because(err)
	}
	if err != nil {
		return Link{}, err
	}
	l := Link{Message: m, Open: open}
	if l.Code, err = s.Codes.Digits(m.Salt, m.Code, m.Digits); err != nil {
		return Link{}, ErrLink.Because(err) // of a root key that is gone
	}
	if m.AuthParams != "" {
		if err := json.Unmarshal([]byte(m.AuthParams), &l.Params); err != nil {
			return Link{}, fmt.Errorf("read parameters of link: %w", err)
		}
	}
	return l, nil
}

// linkOf is the link of a message, for its template; "" for one without.
func (r *Renderer) linkOf(m *tenant.Message) string {
	if m.Send != sendLink {
		return ""
	}
	return r.URL + LinkPath + "?token=" + linkToken(r.Codes.Keys, m.ID)
}

// Params are parameters of a request to /authorize by name.
type Params map[string]string

// Get implements oauth.Values.
func (p Params) Get(name string) string { return p[name] }

// linkParameters are what may be asked of a link (Auth0: authParams), and what is
// refused as /authorize does, since the link would be for something else.
func linkParameters() []string {
	return []string{
		"redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "audience", "resource",
		"code_challenge", "code_challenge_method", "device",
		"organization", "invitation", "request", "request_uri",
	}
}

// maxLinkParams bounds what is kept for a link, in bytes as they were sent.
const maxLinkParams = 8 << 10

// checkParams checks the request to /authorize that a link will answer. When the
// link is used it is checked again: what is allowed may have changed (ML-05).
func (s *Service) checkParams(ctx context.Context, p Params, set *tenant.Settings, client *tenant.Client) error {
	redirect, err := oauth.Redirect(client, p.Get("redirect_uri"), s.HTTPS)
	if err != nil {
		return err
	}
	r, err := oauth.ReadAuthorize(set, client, redirect, p)
	if err != nil || s.Grantable == nil {
		return err
	}
	return s.Grantable(ctx, client, &r)
}

// prepareLink adds to a start what a link needs. It takes a code of any length.
func (s *Service) prepareLink(ctx context.Context, c *tenant.Connection, set *tenant.Settings, r *StartRequest, b *Begin) (err error) {
	if b.Message.Send != sendLink {
		return nil
	}
	r.Spare = true
	if r.Transaction == "" { // else the request is that of the sign-in
		b.Message.AuthParams, err = s.linkParams(ctx, c, set, *r)
	}
	return err
}

// linkParams are what a link is asked for with: authParams of the request, else
// those of the connection.
func (s *Service) linkParams(ctx context.Context, c *tenant.Connection, set *tenant.Settings, r StartRequest) (string, error) {
	all := maps.Clone(c.AuthParams)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, r.AuthParams)
	params, size := Params{}, 0
	for _, name := range linkParameters() {
		switch v := all[name].(type) {
		case string:
			params[name] = v
			size += len(v)
		case nil:
		default:
			return "", badAuthParams(name + " must be a string")
		}
	}
	if params["response_type"] == "" {
		// Auth0's is token, for which not every application is set up.
		params["response_type"] = "code"
		if r.Client.MayUse(tenant.GrantImplicit) && !r.Client.NeedsProof {
			params["response_type"] = "token"
		}
	}
	if params["redirect_uri"] == "" && len(r.Client.Callbacks) > 0 {
		params["redirect_uri"] = r.Client.Callbacks[0]
	}
	switch {
	case params["response_mode"] == oauth.ModeWebMessage:
		return "", badAuthParams("response_mode web_message is for a page that waits for the answer")
	case r.Client.NeedsPushed && !r.Authenticated:
		return "", badAuthParams("the application has to push its requests, or prove who it is")
	}
	if err := s.checkParams(ctx, params, set, r.Client); err != nil {
		if fault.Has(err, fault.Internal) {
			return "", err
		}
		return "", badAuthParams(fault.Of(err).Message)
	}
	if size > maxLinkParams {
		return "", badAuthParams("they are too long")
	}
	doc, err := json.Marshal(params)
	if err != nil {
		return "", fmt.Errorf("keep parameters of link: %w", err)
	}
	return text(string(doc)), nil
}

func badAuthParams(why string) error {
	return fault.New(fault.Invalid, "bad.authParams", "error in authParams - "+why)
}

// followed makes of a guess the use of a link. Whoever has the link need not
// guess, so tries and limits that are used up keep nobody out (R4); that it is
// used once, and in time, is for the ledger as ever.
func followed(sp *Spend) {
	sp.Unguessed = true
	sp.Identifier += "/link"
	sp.Device, sp.Tries, sp.Failures = "", attack.Tries{}, attack.Bucket{}
}

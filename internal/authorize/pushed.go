package authorize

import (
	"context"
	"maps"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Pushed keeps requests that applications have sent ahead (RFC 9126).
type Pushed interface {
	// KeepPushed stores the parameters of a request for one use by the
	// application that sends it, and returns its name and for how long it is
	// good.
	KeepPushed(ctx context.Context, client *tenant.Client, p grant.Parameters) (uri string, life time.Duration, err error)
	// TakePushed returns the parameters that were pushed under a request URI by
	// the application, once. The fault has the code invalid_request_uri.
	TakePushed(ctx context.Context, client *tenant.Client, requestURI string) (oauth.Values, error)
}

// A Push is a request that an application sends ahead.
type Push struct {
	Client *tenant.Client
	Params grant.Parameters
	Proof  grant.Proof
}

// errOtherKey refuses a request that names one key and proves another.
var errOtherKey = oauth.InvalidRequest("dpop_jkt is not the key of the DPoP proof.")

// Push keeps a request, and returns its name and for how long it is good (RFC
// 9126 §2). It is read as /authorize will read it: what is wrong with it is told
// here, where no browser is in between. A proof of a key binds the code to that
// key, as dpop_jkt does (RFC 9449 §10.1).
func (s *Service) Push(ctx context.Context, p Push) (uri string, life time.Duration, err error) {
	params := maps.Clone(p.Params)
	if params["request_uri"] != "" {
		return "", 0, oauth.InvalidRequest("request_uri cannot be pushed")
	}
	key, err := s.Grants.ProveKey(ctx, p.Proof)
	if err != nil {
		return "", 0, err
	}
	if key != "" {
		if named := params["dpop_jkt"]; named != "" && named != key {
			return "", 0, errOtherKey
		}
		params["dpop_jkt"] = key
	}
	redirect, err := oauth.Redirect(p.Client, params["redirect_uri"], s.HTTPS)
	if err != nil {
		return "", 0, err
	}
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return "", 0, err
	}
	w := &beginning{Request: Request{Values: params}, client: p.Client, redirect: redirect}
	if _, err := s.read(ctx, w, set); err != nil {
		return "", 0, err
	}
	return s.Pushed.KeepPushed(ctx, p.Client, params)
}

// notPushed answers a request that names a pushed one of which there is none. It
// needs no redirect URI beside that name; if it has a good one, the application
// hears of it there, else the person does.
func (s *Service) notPushed(client *tenant.Client, r Request, why error) (Step, error) {
	to := r.Values.Get("redirect_uri")
	if to == "" || len(r.Repeated) > 0 || fault.Has(why, fault.Internal) {
		return Step{}, why
	}
	redirect, err := oauth.Redirect(client, to, s.HTTPS)
	if err != nil {
		return Step{}, why
	}
	return answer(oauth.ReplyFor(redirect, s.Tokens.Issuer, r.Values).Error(fault.Of(why))), nil
}

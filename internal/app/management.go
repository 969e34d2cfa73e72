package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web/mgmtapi"
)

// WithFile fills in what neither flags nor environment say from the server
// section of the configuration file.
func WithFile(cfg config.Config) (config.Config, error) {
	if cfg.File == "" {
		return cfg, nil
	}
	f, err := config.ReadFile(cfg.File, os.LookupEnv)
	if err != nil {
		return cfg, err
	}
	return cfg, cfg.FillFrom(f)
}

// manager is the use cases of whoever manages the tenant.
func (a *App) manager() *manage.Service {
	return &manage.Service{
		Connections: a.Store, Clients: a.Store, APIs: a.Store, Grants: a.Store, Roles: a.Store, Tenant: a.Store, Users: a.Store, Sessions: a.Store, Devices: a.Store,
		Logs: a.Store, Messages: a.Store, Files: a.Store, EmailProviders: a.Store, Protections: a.Store, Blocks: a.Store, Keys: a.Secrets,
		TestIdentities: a.Store, Codes: otp.Maker{Keys: a.Secrets},
		Senders: func(ctx context.Context, c *tenant.Connection) (delivery.Sender, error) {
			return a.senders.configured(ctx, c, c.Channel)
		},
		ManagementAudience: grant.ManagementGrant, Management: managementAudiences(a.url), Now: a.now,
	}
}

// applyFile applies the configuration file; without one, what an earlier one
// managed is free again.
func (a *App) applyFile(ctx context.Context) error {
	var f *config.File
	if a.cfg.File != "" {
		var err error
		if f, err = config.ReadFile(a.cfg.File, os.LookupEnv); err != nil {
			return err
		}
		a.Warnings = append(a.Warnings, f.Warnings...)
		if f.Tenant != nil {
			for _, m := range settings.IdleTenant(f.Tenant.JSON) {
				a.Warnings = append(a.Warnings, fmt.Sprintf("%s:%d: tenant: %s", f.Path, f.Tenant.LineOf(m.Path), m.Warning()))
			}
		}
	}
	if err := a.manager().ApplyFile(ctx, f); err != nil {
		return fmt.Errorf("apply configuration file: %w", err)
	}
	return nil
}

// management serves the Management API.
func (a *App) management(send *senders) http.Handler {
	api := &mgmtapi.API{
		Manage: a.manager(), Tokens: managementTokens{a}, Secrets: a.Secrets, Doctor: a.doctor(send), Tenant: a.tenantName(),
		Proxies: a.proxies, Log: a.Log, Now: a.now,
		Limit: a.meter(attack.ManagementRate),
	}
	return api.Handler()
}

// tenantName is what the APIs call the tenant: the first part of its host.
func (a *App) tenantName() string {
	name, _, _ := strings.Cut(a.hostname(), ".")
	return name
}

// meter counts requests in the modes that limit them.
func (a *App) meter(r attack.Rate) *attack.Meter {
	if attack.Mode(a.cfg.Limits) == attack.Off {
		return nil
	}
	return &attack.Meter{Rate: r}
}

// managementTokens checks tokens for the Management API.
type managementTokens struct{ app *App }

// errNotApplication is the cause of refusing a token that is somebody's.
var errNotApplication = errors.New("not an application's own token")

// errBound is the cause of refusing a token that is bound to a key, which is
// not proved here.
var errBound = errors.New("bound to a key")

// errManagementToken refuses a token, whatever the reason.
var errManagementToken = fault.New(fault.Denied, "invalid_token", "Invalid token")

// VerifyManagement implements mgmtapi.Verifier. The token must be an
// application's own: nobody manages the tenant by signing in to it.
func (m managementTokens) VerifyManagement(ctx context.Context, text string) (mgmtapi.Caller, error) {
	access, err := m.app.Tokens.VerifyAccess(ctx, text, managementAudiences(m.app.url)...)
	if err == nil && (access.User != "" || access.Subject != string(access.Client)+"@clients") {
		err = errManagementToken.Because(errNotApplication)
	}
	if err == nil && access.Key != "" {
		err = errManagementToken.Because(errBound)
	}
	if err == nil && access.Client != CommandLine {
		// An application that was deleted has no say any more.
		_, err = m.app.Store.Client(ctx, access.Client)
		if fault.Has(err, fault.NotFound) {
			err = errManagementToken.Because(err)
		}
	}
	if err != nil {
		return mgmtapi.Caller{}, err
	}
	return mgmtapi.Caller{
		ClientID: access.Client, Subject: access.Subject, Scopes: access.Scopes, JTI: access.ID,
	}, nil
}

// managementScopes are all there are.
func managementScopes() []string {
	return append(slices.Clip(tenant.ManagementScopes()), tenant.SecretsScope)
}

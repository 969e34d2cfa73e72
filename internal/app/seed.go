package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The facts about a database made by dev.
const (
	metaDevApps  = "dev_applications" // sealed devApps
	metaDevReady = "dev_ready"        // set once they are all stored
)

// DevCallback is where the ready-made applications of dev are sent back to.
const DevCallback = "http://localhost:3000/callback"

// seedWait is how long a second process waits for the first to finish.
const seedWait = 5 * time.Second

// devApps are the ready-made applications of dev.
type devApps struct {
	ClientID, ClientSecret         string
	SPA, Native                    string
	Management, ManagementSecret   string
	Terraform, TerraformSecret     string
	SMSConnection, EmailConnection string
}

// prepare brings the stored settings into the state the mode starts with.
func (a *App) prepare(ctx context.Context) error {
	if a.cfg.Mode != config.Dev {
		return a.applyFile(ctx)
	}
	apps, err := a.devApps(ctx)
	if err != nil {
		return err
	}
	r := &a.Ready
	r.ClientID, r.ClientSecret = apps.ClientID, apps.ClientSecret
	r.SPAClientID, r.NativeClientID = apps.SPA, apps.Native
	r.ManagementClientID, r.ManagementClientSecret = apps.Management, apps.ManagementSecret
	r.TerraformClientID, r.TerraformClientSecret = apps.Terraform, apps.TerraformSecret
	return a.applyFile(ctx)
}

// devApps returns the ready-made applications, made when the database is new.
// Of several processes that start on it at once, one makes them and the others
// wait.
func (a *App) devApps(ctx context.Context) (devApps, error) {
	fresh := devApps{
		ClientID: secret.Alphanumeric(32), ClientSecret: secret.Alphanumeric(64),
		SPA: secret.Alphanumeric(32), Native: secret.Alphanumeric(32),
		Management: secret.Alphanumeric(32), ManagementSecret: secret.Alphanumeric(64),
		Terraform: secret.Alphanumeric(32), TerraformSecret: secret.Alphanumeric(64),
		SMSConnection: "con_" + secret.Alphanumeric(16), EmailConnection: "con_" + secret.Alphanumeric(16),
	}
	doc, err := json.Marshal(fresh)
	if err != nil {
		return fresh, fmt.Errorf("make applications: %w", err)
	}
	sealed := base64.StdEncoding.EncodeToString(a.Secrets.Seal(secret.AtRest, doc, "meta/"+metaDevApps))
	stored, err := a.Store.SetMetaOnce(ctx, metaDevApps, sealed)
	if err != nil {
		return fresh, err
	}
	apps, err := openDevApps(a.Secrets, stored)
	if err != nil {
		return apps, err
	}
	for waited := time.Duration(0); ; waited += 50 * time.Millisecond {
		ready, err := a.Store.Meta(ctx, metaDevReady)
		if err != nil || ready != "" {
			return apps, err
		}
		if stored == sealed || waited >= seedWait {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := a.seed(ctx, apps); err != nil {
		return apps, fmt.Errorf("make applications: %w", err)
	}
	return apps, a.Store.SetMeta(ctx, metaDevReady, "yes")
}

func openDevApps(keys *secret.Ring, stored string) (devApps, error) {
	var apps devApps
	sealed, err := base64.StdEncoding.DecodeString(stored)
	if err != nil {
		return apps, fmt.Errorf("read applications: %w", err)
	}
	doc, err := keys.Open(secret.AtRest, sealed, "meta/"+metaDevApps)
	if err != nil {
		return apps, fmt.Errorf("read applications: %w", err)
	}
	return apps, json.Unmarshal(doc, &apps)
}

// devClient is a ready-made application.
type devClient struct {
	id, secret, name, appType, auth string
	grants                          []string
	scopes                          []string // of the Management API
}

func (a *App) seed(ctx context.Context, apps devApps) error {
	all := tenant.ManagementScopes()
	person := []string{tenant.GrantOTP, tenant.GrantAuthorizationCode, tenant.GrantRefreshToken}
	machine := []string{tenant.GrantClientCredentials}
	clients := []devClient{
		{id: apps.ClientID, secret: apps.ClientSecret, name: "My app", appType: "regular_web", grants: person},
		{id: apps.SPA, name: "My single-page app", appType: "spa", auth: "none", grants: person[1:]},
		{id: apps.Native, name: "My native app", appType: "native", auth: "none", grants: person},
		{
			id: apps.Management, secret: apps.ManagementSecret, name: "Management", appType: "non_interactive",
			grants: machine, scopes: all,
		},
		{
			id: apps.Terraform, secret: apps.TerraformSecret, name: "Terraform", appType: "non_interactive",
			grants: machine, scopes: append(all, tenant.SecretsScope),
		},
	}
	ids := make([]tenant.ClientID, 0, len(clients))
	for _, c := range clients {
		if err := a.seedClient(ctx, c); err != nil {
			return err
		}
		ids = append(ids, tenant.ClientID(c.id))
	}
	// The one made first is the one that the login page begins with.
	now := a.now()
	for i, c := range []struct{ id, name string }{{apps.SMSConnection, "sms"}, {apps.EmailConnection, "email"}} {
		if err := a.seedConnection(ctx, c.id, c.name, ids, now.Add(time.Duration(i)*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) seedClient(ctx context.Context, c devClient) error {
	body := map[string]any{
		"name": c.name, "app_type": c.appType,
		"grant_types": c.grants, "oidc_conformant": true,
		"jwt_configuration": map[string]any{"alg": "RS256", "lifetime_in_seconds": 36000},
	}
	if c.auth != "" { // else the secret is taken in the body and in the header
		body["token_endpoint_auth_method"] = c.auth
	}
	if c.appType == "regular_web" || c.appType == "spa" {
		body["callbacks"] = []string{DevCallback}
		body["web_origins"] = []string{"http://localhost:3000"}
		body["allowed_logout_urls"] = []string{"http://localhost:3000"}
	}
	o, err := object(body)
	if err != nil {
		return err
	}
	change, err := settings.NewClient(tenant.ClientID(c.id), o)
	if err != nil {
		return err
	}
	now := a.now()
	client := change.Client
	client.Secret, client.CreatedAt, client.UpdatedAt = c.secret, now, now
	if err := a.Store.CreateClient(ctx, client, false, seeded(now, "Create a Client")); err != nil && !errors.Is(err, manage.ErrClientID) {
		return err
	}
	if c.scopes == nil {
		return nil
	}
	err = a.Store.CreateClientGrant(ctx, tenant.ClientGrant{
		ID: "cgr_" + secret.Alphanumeric(16), Client: client.ID, Audience: grant.ManagementGrant, Scopes: c.scopes,
	}, seeded(now, "Create client grant"))
	if errors.Is(err, manage.ErrGrantExists) {
		return nil
	}
	return err
}

func (a *App) seedConnection(ctx context.Context, id, name string, clients []tenant.ClientID, now time.Time) error {
	o, err := object(map[string]any{"name": name, "strategy": name, "options": map[string]any{
		"name": name, "brute_force_protection": true, "disable_signup": false,
		"totp": map[string]any{"length": tenant.DefaultDigits, "time_step": int(tenant.DefaultLifetime.Seconds())},
	}})
	if err != nil {
		return err
	}
	change, err := settings.NewConnection(tenant.ConnectionID(id), o)
	if err != nil {
		return err
	}
	c := change.Connection
	c.Clients, c.CreatedAt, c.UpdatedAt = clients, now, now
	if err := a.Store.CreateConnection(ctx, c, seeded(now, "Create a connection")); err != nil && !errors.Is(err, manage.ErrConnectionName) {
		return err
	}
	return nil
}

func seeded(now time.Time, what string) tenant.LogEvent {
	e := event.New(event.ManagementWrite, now)
	e.Description, e.StrategyType = what, ""
	return e
}

func object(body map[string]any) (*settings.Object, error) {
	doc, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return settings.ParseObject(doc)
}

// DevServer is what a command needs to use the development server of a
// database.
type DevServer struct {
	URL      string
	ClientID string // of an application without a secret
}

// DevServer tells how to use the development server that was last started on
// the database. Its fields are empty when there was none.
func (t *Tools) DevServer(ctx context.Context) (DevServer, error) {
	stored, err := t.Store.Meta(ctx, metaDevApps)
	if err != nil || stored == "" {
		return DevServer{}, err
	}
	apps, err := openDevApps(t.Secrets, stored)
	if err != nil {
		return DevServer{}, err
	}
	url, err := t.Store.Meta(ctx, metaURL)
	return DevServer{URL: url, ClientID: apps.Native}, err
}

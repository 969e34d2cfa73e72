package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
	"github.com/doorcode/doorcode/internal/web"
)

// Tools are what commands work with that need the database and its keys but
// serve nothing. They may be used beside a running server.
type Tools struct {
	Store   *store.Store
	Keys    *signing.Ring
	Secrets *secret.Ring
}

// OpenTools opens the database that cfg names. Unlike a server it makes
// neither a key nor, of SQLite, a database: a mistyped path is an error.
func OpenTools(ctx context.Context, cfg config.Config) (*Tools, error) {
	cfg.Fill()
	cfg.Mode = config.Serve // never make a key file
	t := &Tools{}
	var err error
	if t.Secrets, err = keys(cfg); err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(cfg.Database, "sqlite:"); ok && !exists(path) {
		return nil, fmt.Errorf("there is no database at %s: start a server first, or name it with --database", path)
	}
	if t.Store, err = openStore(ctx, cfg.Database, t.Secrets); err != nil {
		return nil, err
	}
	if err = t.Store.Migrate(ctx); err == nil {
		err = checkKey(ctx, t.Store, t.Secrets)
	}
	t.Keys = &signing.Ring{Store: t.Store, Secrets: t.Secrets, Now: time.Now, Name: "doorcode"}
	if err == nil {
		err = t.Keys.Load(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, t.Store.Close())
	}
	return t, nil
}

// Close closes the database.
func (t *Tools) Close() error { return t.Store.Close() }

// ManagementToken returns a token for the Management API with the scopes; with
// all but the one for secrets if there are none. An empty url stands for the
// one the server was last started with.
func (t *Tools) ManagementToken(ctx context.Context, url string, scopes []string, ttl time.Duration) (string, error) {
	if url == "" {
		var err error
		if url, err = t.Store.Meta(ctx, metaURL); err != nil {
			return "", err
		}
		if url == "" {
			return "", errors.New("the server has not been started on this database yet: start it, or give --public-url")
		}
	}
	known := managementScopes()
	for _, s := range scopes {
		if !slices.Contains(known, s) {
			return "", fmt.Errorf("there is no scope %q: scopes look like read:connections or update:clients", s)
		}
	}
	if len(scopes) == 0 {
		scopes = tenant.ManagementScopes()
	}
	issuer := &token.Issuer{Issuer: url + "/", Keys: t.Keys, Secrets: t.Secrets, Now: time.Now}
	issued, err := issuer.Issue(ctx, token.Request{
		Client: &tenant.Client{ID: CommandLine, Name: "doorcode token"},
		API:    &tenant.API{Identifier: managementAudiences(url)[0], SigningAlg: signing.RS256, TokenLifetime: ttl},
		Scope:  strings.Join(scopes, " "), GrantType: tenant.GrantClientCredentials,
	})
	return issued.AccessToken, err
}

// A Check is what was found about a connection.
type Check struct {
	Connection string // its name
	Findings   []delivery.Finding
}

// CheckSenders asks the providers of the channel's connections whether they
// would take messages, as in serve with that configuration; only that of the
// connection with the name if it is not empty. Nothing is sent.
func (t *Tools) CheckSenders(ctx context.Context, cfg config.Config, channel tenant.Channel, name string) ([]Check, error) {
	cfg.Fill()
	cfg.Mode = config.Serve
	a := &App{cfg: cfg, Store: t.Store, Keys: t.Keys, Secrets: t.Secrets, Log: slog.New(slog.DiscardHandler), now: time.Now, url: cfg.PublicURL}
	var err error
	if a.networks, err = web.ParseProxies(cfg.AllowNetworks); err != nil {
		return nil, mistaken("--allow-networks", err)
	}
	if a.url == "" {
		if a.url, err = t.Store.Meta(ctx, metaURL); err != nil {
			return nil, err
		}
	}
	if _, err := a.buildSenders(); err != nil {
		return nil, err
	}
	m := a.manager()
	all, err := t.Store.AllConnections(ctx)
	if err != nil {
		return nil, err
	}
	var checks []Check
	for _, c := range all {
		if c.Channel != channel || name != "" && c.Name != name {
			continue
		}
		found, err := m.CheckSender(ctx, c.ID)
		if err != nil {
			return nil, fmt.Errorf("check connection %s: %w", c.Name, err)
		}
		checks = append(checks, Check{c.Name, found})
	}
	if len(checks) == 0 {
		return nil, fmt.Errorf("there is no connection of that name for %s in the database: make one through the Management API or the configuration file, and start the server once", channel)
	}
	return checks, nil
}

// CommandLine is the application that tokens made on the command line name.
const CommandLine tenant.ClientID = "doorcode-command-line"

// managementAudiences are the names of the Management API: that of the public
// URL, and the https form of it that tools make of the domain alone.
func managementAudiences(url string) []string {
	own := url + "/api/v2/"
	if secure := "https://" + strings.TrimPrefix(strings.TrimPrefix(own, "http://"), "https://"); secure != own {
		return []string{own, secure}
	}
	return []string{own}
}

package sdk

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// TestGoOIDC is coreos/go-oidc with golang.org/x/oauth2, as most servers
// written in Go use them: discovery, code with PKCE and nonce, userinfo, and a
// token source that refreshes.
func TestGoOIDC(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	s := serve(t)
	ctx := oidc.ClientContext(t.Context(), s.HTTP)
	provider, err := oidc.NewProvider(ctx, s.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, Endpoint: provider.Endpoint(),
		RedirectURL: "http://localhost:3000/callback",
		Scopes:      []string{oidc.ScopeOpenID, "email", oidc.ScopeOfflineAccess},
	}
	verifier := oauth2.GenerateVerifier()
	email := "go-oidc@mail.example"
	back := signIn(ctx, t, s, email, config.AuthCodeURL("a state", oidc.Nonce("a nonce"), oauth2.S256ChallengeOption(verifier)))
	if got := back.Query().Get("state"); got != "a state" {
		t.Errorf("state %q", got)
	}
	tokens, err := config.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if id.Nonce != "a nonce" || !strings.HasPrefix(id.Subject, "email|") {
		t.Errorf("nonce %q, subject %q", id.Nonce, id.Subject)
	}
	if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
		t.Errorf("at_hash: %v", err)
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		t.Fatal(err)
	}
	if info.Email != email || !info.EmailVerified || info.Subject != id.Subject {
		t.Errorf("userinfo: %+v", info)
	}

	// A token source whose token has expired asks for another by itself.
	tokens.Expiry = time.Now().Add(-time.Minute)
	again, err := config.TokenSource(ctx, tokens).Token()
	if err != nil {
		t.Fatal(err)
	}
	if again.AccessToken == tokens.AccessToken {
		t.Error("the refreshed access token is the old one")
	}
	s.Stop()
}

// signIn sends somebody to an address of the server, has them sign in by e-mail,
// and returns where they come back to.
func signIn(ctx context.Context, t *testing.T, s *binary.Server, email, address string) *url.URL {
	t.Helper()
	b := textbrowser.New(s.HTTP.Transport, func(u *url.URL) bool { return u.Host != s.Domain })
	page, err := b.Get(ctx, address)
	for step := 0; err == nil && page.Left == nil; step++ {
		if step == 10 {
			t.Fatalf("still at %s: %s", page.URL.Path, page.Text())
		}
		switch form := page.Form("username"); {
		case page.Form("code") != nil:
			messages := s.Messages(ctx, email)
			if len(messages) == 0 {
				time.Sleep(20 * time.Millisecond)
				continue
			}
			page, err = b.Submit(ctx, page.Form("code").Set("code", messages[0].Code))
		case form != nil && form.Values.Get("connection") != "email":
			page, err = b.Follow(ctx, page, byEmail(page))
		case form != nil:
			page, err = b.Submit(ctx, form.Set("username", email))
		default:
			page, err = b.Submit(ctx, page.Form("action").Press("accept"))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return page.Left.URL
}

// byEmail is the link of a page to signing in by e-mail.
func byEmail(page *textbrowser.Page) string {
	for _, link := range page.Links() {
		if strings.Contains(link, "connection=email") {
			return link
		}
	}
	return ""
}

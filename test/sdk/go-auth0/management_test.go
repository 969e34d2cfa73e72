package goauth0

import (
	"errors"
	"net/http"
	"testing"

	"github.com/auth0/go-auth0"
	"github.com/auth0/go-auth0/management"
)

// notFound reports whether the SDK was told that something does not exist.
func notFound(err error) bool {
	var refused management.Error
	return errors.As(err, &refused) && refused.Status() == http.StatusNotFound
}

func TestConnection(t *testing.T) {
	s := connect(t)
	api, ctx := s.manage(t), t.Context()
	made := &management.Connection{
		Name: auth0.String("made-by-go"), Strategy: auth0.String("sms"),
		EnabledClients: &[]string{s.ClientID},
		Options: &management.ConnectionOptionsSMS{
			Name: auth0.String("made-by-go"), From: auth0.String("+15005550006"),
			Syntax: auth0.String("md_with_macros"), Template: auth0.String("Your code is @@password@@"),
			TwilioSID: auth0.String("AC00000000000000000000000000000001"), TwilioToken: auth0.String("a token of nobody"),
			OTP:                  &management.ConnectionOptionsOTP{TimeStep: auth0.Int(240), Length: auth0.Int(8)},
			BruteForceProtection: auth0.Bool(true),
		},
	}
	if err := api.Connection.Create(ctx, made); err != nil {
		t.Fatal(err)
	}
	id := made.GetID()
	if id == "" {
		t.Fatal("a new connection has no id")
	}

	read, err := api.Connection.Read(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	options, ok := read.Options.(*management.ConnectionOptionsSMS)
	if !ok {
		t.Fatalf("the options are a %T", read.Options)
	}
	if read.GetName() != "made-by-go" || options.GetTemplate() != "Your code is @@password@@" ||
		options.GetOTP().GetLength() != 8 || options.GetOTP().GetTimeStep() != 240 || options.GetFrom() != "+15005550006" {
		t.Errorf("Read = %v", read)
	}
	if options.TwilioToken != nil && options.GetTwilioToken() == "a token of nobody" {
		t.Error("a stored secret is given back to a token without read:connections_secrets")
	}

	options.Template = auth0.String("@@password@@ is the code")
	if err := api.Connection.Update(ctx, id, &management.Connection{Options: options}); err != nil {
		t.Fatal(err)
	}
	if read, err = api.Connection.ReadByName(ctx, "made-by-go"); err != nil {
		t.Fatal(err)
	}
	if changed := read.Options.(*management.ConnectionOptionsSMS); changed.GetTemplate() != "@@password@@ is the code" ||
		changed.GetOTP().GetLength() != 8 {
		t.Errorf("after the update: %v", read)
	}

	enabled, err := api.Connection.ReadEnabledClients(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if clients := enabled.GetClients(); len(clients) != 1 || clients[0].GetClientID() != s.ClientID {
		t.Errorf("ReadEnabledClients = %v", enabled)
	}
	if err := api.Connection.UpdateEnabledClients(ctx, id, []management.ConnectionEnabledClient{
		{ClientID: auth0.String(s.ClientID), Status: auth0.Bool(false)},
	}); err != nil {
		t.Fatal(err)
	}

	if err := api.Connection.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Connection.Read(ctx, id); !notFound(err) {
		t.Errorf("a deleted connection gave %v", err)
	}
}

func TestClient(t *testing.T) {
	s := connect(t)
	api, ctx := s.manage(t), t.Context()
	made := &management.Client{
		Name: auth0.String("Made by go"), AppType: auth0.String("regular_web"),
		Callbacks:  &[]string{"https://app.example.com/callback"},
		GrantTypes: &[]string{"http://auth0.com/oauth/grant-type/passwordless/otp", "refresh_token"},
		JWTConfiguration: &management.ClientJWTConfiguration{
			Algorithm: auth0.String("RS256"), LifetimeInSeconds: auth0.Int(3600),
		},
	}
	if err := api.Client.Create(ctx, made); err != nil {
		t.Fatal(err)
	}
	id := made.GetClientID()
	if len(id) != 32 || made.GetClientSecret() == "" {
		t.Fatalf("a new client has the id %q", id)
	}

	read, err := api.Client.Read(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if read.GetName() != "Made by go" || read.GetAppType() != "regular_web" ||
		read.GetJWTConfiguration().GetLifetimeInSeconds() != 3600 || len(read.GetCallbacks()) != 1 {
		t.Errorf("Read = %v", read)
	}

	if err := api.Client.Update(ctx, id, &management.Client{Description: auth0.String("described by go")}); err != nil {
		t.Fatal(err)
	}
	if read, err = api.Client.Read(ctx, id); err != nil {
		t.Fatal(err)
	}
	if read.GetDescription() != "described by go" || read.GetName() != "Made by go" {
		t.Errorf("after the update: %v", read)
	}

	list, err := api.Client.List(ctx, management.PerPage(100))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, c := range list.Clients {
		found = found || c.GetClientID() == id
	}
	if !found {
		t.Error("the list of clients leaves out the new one")
	}

	if err := api.Client.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, err := api.Client.Read(ctx, id); !notFound(err) {
		t.Errorf("a deleted client gave %v", err)
	}
}

// Package goauth0 drives a running server with go-auth0, unmodified. It is run
// by the test of the package above it, which starts the server and names its
// ready file in DOORCODE_READY.
package goauth0

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/auth0/go-auth0/authentication"
	"github.com/auth0/go-auth0/management"
	"golang.org/x/oauth2"
)

// ready is the part of the ready file that the tests need.
type ready struct {
	Domain           string `json:"domain"`
	ClientID         string `json:"client_id"`
	ClientSecret     string `json:"client_secret"`
	ManagementID     string `json:"management_client_id"`
	ManagementSecret string `json:"management_client_secret"`
	OutboxURL        string `json:"outbox_url"`
	CAFile           string `json:"ca_file"`
}

// A server is what the tests talk to, and a client that trusts it.
type server struct {
	ready
	http *http.Client
}

func connect(t *testing.T) *server {
	t.Helper()
	path := os.Getenv("DOORCODE_READY")
	if path == "" {
		t.Fatal("DOORCODE_READY is not set: run go test ./test/sdk in the repository")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{}
	if err := json.Unmarshal(text, &s.ready); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	s.http = &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
		Timeout:   20 * time.Second,
	}
	return s
}

// auth returns the SDK's client for signing people in.
func (s *server) auth(t *testing.T) *authentication.Authentication {
	t.Helper()
	a, err := authentication.New(t.Context(), s.Domain,
		authentication.WithClientID(s.ClientID), authentication.WithClientSecret(s.ClientSecret),
		authentication.WithClient(s.http))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// manage returns the SDK's client for the Management API. It gets its token by
// itself, with the HTTP client in the context.
func (s *server) manage(t *testing.T) *management.Management {
	t.Helper()
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, s.http)
	m, err := management.New(s.Domain,
		management.WithClientCredentials(ctx, s.ManagementID, s.ManagementSecret),
		management.WithClient(s.http))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// read has the id of the message that was read last, for each that it went to.
var read sync.Map

// code waits for a message to a number or address that was not read before.
func (s *server) code(t *testing.T, to string) string {
	t.Helper()
	query := url.Values{"to": {to}, "wait": {"5s"}}
	if id, ok := read.Load(to); ok {
		query.Set("since", id.(string))
	}
	res, err := s.http.Get(s.OutboxURL + "/api/messages?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var doc struct {
		Messages []struct {
			ID   string `json:"id"`
			Code string `json:"code"`
		} `json:"messages"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Messages) == 0 {
		t.Fatal("no message has arrived")
	}
	read.Store(to, doc.Messages[0].ID)
	return doc.Messages[0].Code
}

var people atomic.Int32

// phone returns a number that no other test has.
func phone() string { return fmt.Sprintf("+99922%d%02d", os.Getpid(), people.Add(1)) }

// email returns an address that no other test has.
func email() string { return fmt.Sprintf("go-%d-%d@mail.example", os.Getpid(), people.Add(1)) }

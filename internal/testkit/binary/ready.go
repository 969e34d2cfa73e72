package binary

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"
)

// Ready is what a server writes into its ready file once it answers.
type Ready struct {
	URL                    string `json:"url"`
	Domain                 string `json:"domain"`
	Issuer                 string `json:"issuer"`
	ClientID               string `json:"client_id"`
	ClientSecret           string `json:"client_secret"`
	SPAClientID            string `json:"spa_client_id"`
	NativeClientID         string `json:"native_client_id"`
	ManagementClientID     string `json:"management_client_id"`
	ManagementClientSecret string `json:"management_client_secret"`
	TerraformClientID      string `json:"terraform_client_id"`
	TerraformClientSecret  string `json:"terraform_client_secret"`
	OutboxURL              string `json:"outbox_url"`
	PrivateURL             string `json:"private_url"`
	CAFile                 string `json:"ca_file"`
	PID                    int    `json:"pid"`
}

// readReady reads the ready file. The file is written in one step, so it is
// either not there or whole.
func readReady(path string) (Ready, bool, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Ready{}, false, nil
	}
	if err != nil {
		return Ready{}, false, err
	}
	var r Ready
	if err := json.Unmarshal(text, &r); err != nil {
		return Ready{}, false, fmt.Errorf("read ready file: %w\n%s", err, text)
	}
	return r, true, nil
}

// client returns an HTTP client for the server: it takes no proxy, trusts the
// server's own authority, and keeps a connection for each concurrent caller.
func (r Ready) client() (*http.Client, error) {
	transport := &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 1024, IdleConnTimeout: 30 * time.Second}
	if r.CAFile != "" {
		text, err := os.ReadFile(r.CAFile)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", r.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{
		Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

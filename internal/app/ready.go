package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Ready is what a program that started the server needs to talk to it. It is
// written to the ready file once the server answers.
type Ready struct {
	URL                    string `json:"url"`
	Domain                 string `json:"domain"`
	Issuer                 string `json:"issuer"`
	ClientID               string `json:"client_id,omitempty"`
	ClientSecret           string `json:"client_secret,omitempty"`
	SPAClientID            string `json:"spa_client_id,omitempty"`
	NativeClientID         string `json:"native_client_id,omitempty"`
	ManagementClientID     string `json:"management_client_id,omitempty"`
	ManagementClientSecret string `json:"management_client_secret,omitempty"`
	TerraformClientID      string `json:"terraform_client_id,omitempty"`
	TerraformClientSecret  string `json:"terraform_client_secret,omitempty"`
	OutboxURL              string `json:"outbox_url,omitempty"`
	DashboardURL           string `json:"dashboard_url"`
	PrivateURL             string `json:"private_url"`
	CAFile                 string `json:"ca_file,omitempty"`
	PID                    int    `json:"pid"`
}

// writeReady writes the file so that nobody ever reads half of it.
func writeReady(path string, r Ready) error {
	doc, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write ready file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".ready-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write ready file: %w", err)
	}
	_, err = f.Write(append(doc, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write ready file: %w", err)
	}
	return nil
}

package binary

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
)

// A Manager calls the Management API with a token of its own.
type Manager struct {
	server *Server
	token  string
}

// Manage gets a token with the scopes of the ready-made management
// application, which does not end with the process.
func (s *Server) Manage(ctx context.Context) *Manager {
	s.run.t.Helper()
	a := s.post(ctx, "/oauth/token", nil, map[string]string{
		"grant_type": "client_credentials", "client_id": s.ManagementClientID,
		"client_secret": s.ManagementClientSecret, "audience": "https://" + s.Domain + "/api/v2/",
	})
	if !a.OK() || a.AccessToken == "" {
		s.run.t.Fatalf("a management token: %v", a)
	}
	return &Manager{s, a.AccessToken}
}

// Do calls the API. A body that is not nil is sent as JSON.
func (m *Manager) Do(ctx context.Context, method, path string, body any) Answer {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return Answer{Err: err}
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, m.server.URL+path, bytes.NewReader(text))
	if err != nil {
		return Answer{Err: err}
	}
	req.Header.Set("Authorization", "Bearer "+m.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return m.server.Do(req)
}

// Must calls the API, ends the test unless it did what was asked, and reads
// the answer into out unless that is nil.
func (m *Manager) Must(ctx context.Context, method, path string, body, out any) {
	m.server.run.t.Helper()
	a := m.Do(ctx, method, path, body)
	if !a.OK() {
		m.server.run.t.Fatalf("%s %s answered %d: %s%v", method, path, a.Status, a.Body, a.Err)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		m.server.run.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// Connection returns the id of a connection that has a name.
func (m *Manager) Connection(ctx context.Context, name string) string {
	m.server.run.t.Helper()
	var list []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	m.Must(ctx, http.MethodGet, "/api/v2/connections?name="+name, nil, &list)
	for _, c := range list {
		if c.Name == name {
			return c.ID
		}
	}
	m.server.run.t.Fatalf("there is no connection %s", name)
	return ""
}

// NewApp makes a confidential application that may use the connection. More
// are fields of the client beside those.
func (m *Manager) NewApp(ctx context.Context, name, connection string, more map[string]any) *App {
	m.server.run.t.Helper()
	body := map[string]any{
		"name": name, "app_type": "regular_web",
		"grant_types": []string{GrantOTP, "refresh_token"},
	}
	for key, value := range more {
		body[key] = value
	}
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	m.Must(ctx, http.MethodPost, "/api/v2/clients", body, &made)
	m.server.run.Note(made.Secret)
	m.Must(ctx, http.MethodPatch, "/api/v2/connections/"+connection+"/clients",
		[]map[string]any{{"client_id": made.ID, "status": true}}, nil)
	return &App{m.server, made.ID, made.Secret}
}

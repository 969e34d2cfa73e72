package binary

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// GrantOTP is the grant type that takes a code.
const GrantOTP = "http://auth0.com/oauth/grant-type/passwordless/otp"

// An Answer is what a server answered, or why it did not.
type Answer struct {
	Err    error // the request was not answered
	Status int
	Header http.Header
	Body   []byte

	AccessToken  string
	RefreshToken string
	IDToken      string
	ExpiresIn    int64
	Error        string
	Description  string
}

// OK reports whether the server did what was asked.
func (a Answer) OK() bool { return a.Err == nil && a.Status >= 200 && a.Status < 300 }

// String is the answer in short, without what must stay secret.
func (a Answer) String() string {
	switch {
	case a.Err != nil:
		return a.Err.Error()
	case a.Error != "":
		return fmt.Sprintf("%d %s: %s", a.Status, a.Error, a.Description)
	}
	return fmt.Sprint(a.Status)
}

// The refusals of a code.
const (
	WrongSMS    = "Wrong phone number or verification code."
	TooManyDesc = "You've reached the maximum number of attempts. Please try to login again."
)

// Wrong reports whether a code was refused as wrong, replaced or used.
func (a Answer) Wrong() bool {
	return a.Status == http.StatusForbidden && a.Error == "invalid_grant" && strings.HasPrefix(a.Description, "Wrong ")
}

// Dead reports whether a code was refused because its three tries are used up.
func (a Answer) Dead() bool {
	return a.Status == http.StatusForbidden && a.Error == "invalid_grant" && a.Description == TooManyDesc
}

// NoTries reports whether the person's tries of the day are used up.
func (a Answer) NoTries() bool {
	return a.Status == http.StatusTooManyRequests && a.Error == "too_many_attempts" && a.Header.Get("Retry-After") != ""
}

// An App is an application at one server.
type App struct {
	Server *Server
	ID     string
	Secret string
}

// App returns the ready-made confidential application.
func (s *Server) App() *App { return &App{s, s.ClientID, s.ClientSecret} }

// Native returns the ready-made native application, which has no secret.
func (s *Server) Native() *App { return &App{s, s.NativeClientID, ""} }

// On returns the same application at another server of the same database.
func (a *App) On(s *Server) *App { return &App{s, a.ID, a.Secret} }

// A Start asks for a code. The connection is found from the form of To.
type Start struct {
	To         string
	Connection string
	Language   string // header X-Request-Language; comes back in the outbox
	From       string // the address that a proxy says it comes from
}

// Start asks for a code.
func (a *App) Start(ctx context.Context, st Start) Answer {
	body := map[string]string{"client_id": a.ID, "connection": connectionOf(st.Connection, st.To)}
	if a.Secret != "" {
		body["client_secret"] = a.Secret
	}
	if strings.Contains(st.To, "@") {
		body["email"], body["send"] = st.To, "code"
	} else {
		body["phone_number"] = st.To
	}
	header := http.Header{}
	if st.Language != "" {
		header.Set("X-Request-Language", st.Language)
	}
	from(header, st.From)
	return a.Server.post(ctx, "/passwordless/start", header, body)
}

// A Code is a code that somebody types.
type Code struct {
	To         string
	Connection string
	Code       string
	Scope      string // "openid offline_access" if empty; "-" for none
	Audience   string
	From       string // the address that a proxy says it comes from
}

// Token exchanges a code for tokens.
func (a *App) Token(ctx context.Context, c Code) Answer {
	body := a.grant(GrantOTP)
	body["username"], body["otp"], body["realm"] = c.To, c.Code, connectionOf(c.Connection, c.To)
	body["scope"] = c.Scope
	switch c.Scope {
	case "":
		body["scope"] = "openid offline_access"
	case "-":
		delete(body, "scope")
	}
	if c.Audience != "" {
		body["audience"] = c.Audience
	}
	header := http.Header{}
	from(header, c.From)
	return a.Server.post(ctx, "/oauth/token", header, body)
}

// from says in a header where a request comes from.
func from(header http.Header, address string) {
	if address != "" {
		header.Set("X-Forwarded-For", address)
	}
}

// Refresh exchanges a refresh token for tokens.
func (a *App) Refresh(ctx context.Context, token string) Answer {
	body := a.grant("refresh_token")
	body["refresh_token"] = token
	return a.Server.post(ctx, "/oauth/token", nil, body)
}

// An AuthorizationCode is what /authorize has answered.
type AuthorizationCode struct{ Code, RedirectURI string }

// Redeem exchanges an authorization code for tokens.
func (a *App) Redeem(ctx context.Context, c AuthorizationCode) Answer {
	body := a.grant("authorization_code")
	body["code"], body["redirect_uri"] = c.Code, c.RedirectURI
	return a.Server.post(ctx, "/oauth/token", nil, body)
}

// Revoke ends a refresh token.
func (a *App) Revoke(ctx context.Context, token string) Answer {
	body := a.grant("")
	delete(body, "grant_type")
	body["token"] = token
	return a.Server.post(ctx, "/oauth/revoke", nil, body)
}

func (a *App) grant(grantType string) map[string]string {
	body := map[string]string{"grant_type": grantType, "client_id": a.ID}
	if a.Secret != "" {
		body["client_secret"] = a.Secret
	}
	return body
}

func connectionOf(named, to string) string {
	switch {
	case named != "":
		return named
	case strings.Contains(to, "@"):
		return "email"
	}
	return "sms"
}

func (s *Server) post(ctx context.Context, path string, header http.Header, body any) Answer {
	text, err := json.Marshal(body)
	if err != nil {
		return Answer{Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, bytes.NewReader(text))
	if err != nil {
		return Answer{Err: err}
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Content-Type", "application/json")
	return s.Do(req)
}

// Do sends a request and remembers the tokens of its answer.
func (s *Server) Do(req *http.Request) Answer {
	res, err := s.HTTP.Do(req)
	if err != nil {
		return Answer{Err: err}
	}
	defer func() { _ = res.Body.Close() }()
	a := Answer{Status: res.StatusCode, Header: res.Header}
	if a.Body, a.Err = io.ReadAll(res.Body); a.Err != nil {
		return a
	}
	var doc struct {
		AccessToken  string          `json:"access_token"`
		RefreshToken string          `json:"refresh_token"`
		IDToken      string          `json:"id_token"`
		ExpiresIn    int64           `json:"expires_in"`
		Error        json.RawMessage `json:"error"`
		Description  string          `json:"error_description"`
	}
	if json.Unmarshal(a.Body, &doc) == nil {
		a.AccessToken, a.RefreshToken, a.IDToken = doc.AccessToken, doc.RefreshToken, doc.IDToken
		a.ExpiresIn, a.Description = doc.ExpiresIn, doc.Description
		_ = json.Unmarshal(doc.Error, &a.Error) // an object elsewhere
		s.run.Note(a.AccessToken, a.RefreshToken, a.IDToken)
	}
	return a
}

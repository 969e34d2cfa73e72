package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
)

type tryVerb struct {
	Channel string `arg:"" enum:"sms,email" help:"sms or email."`
	To      string `arg:"" optional:"" help:"Number, such as +447700900123, or address. Not with --check."`
	databaseFlags
	providerFlags
	Check      bool   `help:"Send nothing: ask the provider of each connection whether it would take messages, and show what is in its way."`
	Connection string `help:"With --check: only the connection of this name." placeholder:"NAME"`
	Config     string `help:"With --check: the server's configuration file, for its settings." env:"DOORCODE_CONFIG" placeholder:"FILE"`
	URL        string `help:"Development server to use (default: the one running on this database, else one started for this)." placeholder:"URL"`
}

// tryTimeout bounds the whole loop.
const tryTimeout = 20 * time.Second

// Run asks for a code, reads it in the outbox, exchanges it for tokens, and
// prints each step. It uses the development server of this folder's database
// if that is running, and else starts one that is gone afterwards.
func (v *tryVerb) Run(ctx context.Context, s *streams) error {
	switch {
	case v.Check && v.To != "":
		return usageError{errors.New("--check sends nothing, so it takes no number and no address")}
	case v.Check:
		return v.check(ctx, s)
	case v.To == "":
		return usageError{errors.New("say who the code is for: a number, such as +447700900123, or an address. --check goes without one")}
	}
	if err := recipient(v.Channel, v.To); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	server, client, stop, err := v.server(ctx, s)
	if err != nil {
		return err
	}
	defer stop()
	loop := &tryLoop{base: server, client: client, out: s.out, channel: v.Channel, to: v.To}
	return loop.run(ctx)
}

// recipient looks at what was typed before a server is started for it.
func recipient(channel, to string) error {
	if channel == "email" {
		if _, err := address.Email(to); err != nil {
			return usageError{fmt.Errorf("%q is no e-mail address: give one such as someone@example.com", to)}
		}
		return nil
	}
	if _, err := address.Phone(to); err != nil {
		return usageError{fmt.Errorf("%q is no phone number as the API takes it: give it with + and country code, without spaces, such as +447700900123", to)}
	}
	return nil
}

// server finds or starts the server.
func (v *tryVerb) server(ctx context.Context, s *streams) (base, client string, stop func(), err error) {
	cfg, err := v.config("")
	if err != nil {
		return "", "", nil, err
	}
	if t, err := app.OpenTools(ctx, cfg); err == nil {
		made, merr := t.DevServer(ctx)
		if cerr := t.Close(); merr == nil && cerr == nil && made.ClientID != "" {
			if v.URL != "" {
				made.URL = strings.TrimRight(v.URL, "/")
			}
			if answers(ctx, made.URL) {
				fmt.Fprintf(s.out, "  server   %s, which is running\n", made.URL)
				return made.URL, made.ClientID, func() {}, nil
			}
		}
	}
	if v.URL != "" {
		return "", "", nil, fmt.Errorf("no development server of this folder's database answers at %s: "+
			"start \"doorcode dev\" there, or leave --url out", v.URL)
	}
	return v.temporary(ctx, s)
}

func (v *tryVerb) temporary(ctx context.Context, s *streams) (base, client string, stop func(), err error) {
	a, err := app.Open(ctx, config.Config{Mode: config.Dev, Addr: "127.0.0.1:0", Ephemeral: true},
		app.Options{Log: io.Discard})
	if err != nil {
		return "", "", nil, err
	}
	serving, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() { ended <- a.Run(serving, func() { close(ready) }) }()
	stop = func() {
		end()
		<-ended
	}
	select {
	case <-ready:
	case err := <-ended:
		end()
		return "", "", nil, err
	}
	fmt.Fprintf(s.out, "  server   %s, started for this (none was running here)\n", a.Ready.URL)
	return a.Ready.URL, a.Ready.NativeClientID, stop, nil
}

func answers(ctx context.Context, base string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/health", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// tryLoop is one sign-in from the first request to the tokens.
type tryLoop struct {
	base, client string
	channel, to  string
	out          io.Writer
}

func (l *tryLoop) run(ctx context.Context) error {
	before, err := l.inbox(ctx, nil)
	if err != nil {
		return err
	}
	begun := time.Now()
	field := "phone_number"
	if l.channel == "email" {
		field = "email"
	}
	if err := l.call(ctx, "/passwordless/start", map[string]string{
		"client_id": l.client, "connection": l.channel, "send": "code", field: l.to,
	}, nil); err != nil {
		return err
	}
	l.step("start", "POST /passwordless/start was answered in %v", took(begun))
	m, err := l.message(ctx, before)
	if err != nil {
		return err
	}
	code := m.Code
	l.step("message", "arrived in the outbox after %v:", took(begun))
	for line := range strings.Lines(strings.TrimSpace(m.Text)) {
		fmt.Fprintf(l.out, "           | %s\n", strings.TrimRight(line, "\n"))
	}
	l.step("code", "%s", code)
	exchange := time.Now()
	var tokens struct {
		IDToken      string `json:"id_token"`
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		ExpiresIn    int    `json:"expires_in"`
	}
	if err := l.call(ctx, "/oauth/token", map[string]string{
		"grant_type": "http://auth0.com/oauth/grant-type/passwordless/otp", "client_id": l.client,
		"realm": l.channel, "username": l.to, "otp": code, "scope": "openid profile email phone offline_access",
	}, &tokens); err != nil {
		return err
	}
	l.step("tokens", "POST /oauth/token was answered in %v", took(exchange))
	l.step("", "access token for %v, refresh token: %t", time.Duration(tokens.ExpiresIn)*time.Second, tokens.RefreshToken != "")
	l.step("id token", "%s", claims(tokens.IDToken))
	return nil
}

func (l *tryLoop) step(name, format string, args ...any) {
	fmt.Fprintf(l.out, "  %-8s "+format+"\n", append([]any{name}, args...)...)
}

func took(since time.Time) time.Duration { return time.Since(since).Round(100 * time.Microsecond) }

// inMessage is a message as the outbox has it.
type inMessage struct {
	ID   string `json:"id"`
	Code string `json:"code"`
	Text string `json:"text"`
}

// inbox is what the outbox has for whom the code goes to, newest first.
func (l *tryLoop) inbox(ctx context.Context, more url.Values) ([]inMessage, error) {
	query := url.Values{"channel": {l.channel}, "to": {l.to}}
	maps.Copy(query, more)
	var box struct {
		Messages []inMessage `json:"messages"`
	}
	err := l.do(ctx, http.MethodGet, l.base+"/outbox/api/messages?"+query.Encode(), nil, &box)
	return box.Messages, err
}

// message waits for a message in the outbox that was not there before.
func (l *tryLoop) message(ctx context.Context, before []inMessage) (inMessage, error) {
	more := url.Values{"wait": {"5s"}}
	if len(before) > 0 {
		more.Set("since", before[0].ID)
	}
	// What comes, comes at once; two waits are for a server that is busy.
	for range 2 {
		got, err := l.inbox(ctx, more)
		if err != nil {
			return inMessage{}, err
		}
		if len(got) > 0 {
			return got[0], nil
		}
	}
	return inMessage{}, fmt.Errorf("no message arrived in the outbox: %s/dashboard/messages says what became of it", l.base)
}

func (l *tryLoop) call(ctx context.Context, path string, body map[string]string, into any) error {
	doc, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return l.do(ctx, http.MethodPost, l.base+path, doc, into)
}

func (l *tryLoop) do(ctx context.Context, method, address string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	defer res.Body.Close()
	doc, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return l.refused(res.StatusCode, doc)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(doc, into)
}

// refused says what the server had against a request. Whatever is in the answer
// besides the words for people stays out of it.
func (l *tryLoop) refused(status int, doc []byte) error {
	var reply struct {
		Description string `json:"error_description"`
	}
	why := http.StatusText(status)
	if json.Unmarshal(doc, &reply) == nil && reply.Description != "" {
		why = strings.TrimSuffix(reply.Description, ".")
	}
	return fmt.Errorf("the server refused it (%d): %s: look at the connection %q and the application at %s/dashboard", status, why, l.channel, l.base)
}

// claims shows what is in an ID token. It was not verified: it came straight
// from the server that made it.
func claims(idToken string) string {
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		return "(none)"
	}
	doc, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "(not readable)"
	}
	return string(doc)
}

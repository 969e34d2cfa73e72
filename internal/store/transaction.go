package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ authorize.Ledger = (*Store)(nil)

// requestDoc is an authorize request as it is stored.
type requestDoc struct {
	RedirectURI   string   `json:"redirect_uri"`
	RedirectGiven bool     `json:"redirect_given,omitempty"`
	ResponseType  string   `json:"response_type"`
	ResponseMode  string   `json:"response_mode"`
	Scope         string   `json:"scope,omitempty"`
	Audience      string   `json:"audience,omitempty"`
	State         string   `json:"state,omitempty"`
	Nonce         string   `json:"nonce,omitempty"`
	Challenge     string   `json:"challenge,omitempty"`
	Prompt        []string `json:"prompt,omitempty"`
	MaxAge        int64    `json:"max_age,omitempty"` // seconds
	HasMaxAge     bool     `json:"has_max_age,omitempty"`
	LoginHint     string   `json:"login_hint,omitempty"`
	HintUser      string   `json:"hint_user,omitempty"`
	Connection    string   `json:"connection,omitempty"`
	ScreenHint    string   `json:"screen_hint,omitempty"`
	UILocales     string   `json:"ui_locales,omitempty"`
	ACR           string   `json:"acr,omitempty"`
	Claims        string   `json:"claims,omitempty"`
	Device        string   `json:"device,omitempty"`
	DPoPKey       string   `json:"dpop_jkt,omitempty"`
	Legacy        bool     `json:"legacy,omitempty"`
	UserCode      []byte   `json:"user_code,omitempty"` // sealed
}

func userCodePlace(transaction string) string { return "transactions/" + transaction + "/user_code" }

func (s *Store) encodeRequest(id string, r *tenant.AuthorizeRequest) (string, error) {
	var userCode []byte
	if r.UserCode != "" {
		userCode = s.secrets.Seal(secret.AtRest, []byte(r.UserCode), userCodePlace(id))
	}
	doc, err := json.Marshal(requestDoc{
		RedirectURI: r.RedirectURI, RedirectGiven: r.RedirectGiven, ResponseType: r.ResponseType, ResponseMode: r.ResponseMode,
		Scope: r.Scope, Audience: r.Audience, State: r.State, Nonce: r.Nonce, Challenge: r.Challenge, Prompt: r.Prompt,
		MaxAge: int64(r.MaxAge / time.Second), HasMaxAge: r.HasMaxAge, LoginHint: r.LoginHint, HintUser: string(r.HintUser),
		Connection: r.Connection, ScreenHint: r.ScreenHint, UILocales: r.UILocales, ACR: r.ACR, Claims: r.Claims,
		Device: r.Device, DPoPKey: r.DPoPKey, Legacy: r.Legacy, UserCode: userCode,
	})
	return string(doc), err
}

func (s *Store) decodeRequest(id, doc string, client tenant.ClientID) (tenant.AuthorizeRequest, error) {
	var d requestDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return tenant.AuthorizeRequest{}, err
	}
	var userCode []byte
	if len(d.UserCode) > 0 {
		var err error
		if userCode, err = s.secrets.Open(secret.AtRest, d.UserCode, userCodePlace(id)); err != nil {
			return tenant.AuthorizeRequest{}, err
		}
	}
	return tenant.AuthorizeRequest{
		Client:      client,
		RedirectURI: d.RedirectURI, RedirectGiven: d.RedirectGiven, ResponseType: d.ResponseType, ResponseMode: d.ResponseMode,
		Scope: d.Scope, Audience: d.Audience, State: d.State, Nonce: d.Nonce, Challenge: d.Challenge, Prompt: d.Prompt,
		MaxAge: time.Duration(d.MaxAge) * time.Second, HasMaxAge: d.HasMaxAge, LoginHint: d.LoginHint, HintUser: tenant.UserID(d.HintUser),
		Connection: d.Connection, ScreenHint: d.ScreenHint, UILocales: d.UILocales, ACR: d.ACR, Claims: d.Claims,
		Device: d.Device, DPoPKey: d.DPoPKey, Legacy: d.Legacy, UserCode: string(userCode),
	}, nil
}

// AddTransaction implements authorize.Ledger.
func (s *Store) AddTransaction(ctx context.Context, t authorize.NewTransaction) (wait time.Duration, err error) {
	doc, err := s.encodeRequest(t.ID, &t.Request)
	if err != nil {
		return 0, fmt.Errorf("store sign-in: %w", err)
	}
	err = s.write(ctx, func(tx querier) error {
		wait = 0
		if t.Requests.Name != "" {
			tat, ok, err := takeRequest(ctx, tx, t.Requests, t.CreatedAt)
			if err != nil {
				return err
			}
			if !ok {
				wait = t.Requests.Wait(tat, t.CreatedAt)
				return noteLimit(ctx, tx, note{event.APILimit, t.Requests.Name, "Too many sign-ins were begun from one address"}, t.Limited, t.CreatedAt)
			}
		}
		_, err := tx.exec(ctx, `
			INSERT INTO transactions (id, browser, client_id, request, step, connection_id, channel, identifier,
				digits, session_id, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			t.ID, t.Browser, t.Request.Client, doc, t.Step, t.Connection, t.Channel, t.Identifier, t.Digits, t.Session,
			toMillis(t.CreatedAt), toMillis(t.Expires))
		if err != nil {
			return fmt.Errorf("store sign-in: %w", err)
		}
		return nil
	})
	return wait, err
}

// PendingTransaction implements authorize.Ledger.
func (s *Store) PendingTransaction(ctx context.Context, now time.Time, id string) (tenant.Transaction, error) {
	t := tenant.Transaction{ID: id}
	var client tenant.ClientID
	var doc string
	err := s.read.row(ctx, `
		SELECT browser, client_id, request, step, connection_id, channel, identifier, digits, resend_at, session_id, created_at, expires_at
		FROM transactions WHERE id = $1 AND step <> $2 AND expires_at > $3`, id, tenant.StepDone, toMillis(now)).
		Scan(&t.Browser, &client, &doc, &t.Step, &t.Connection, &t.Channel, &t.Identifier, &t.Digits, millis{&t.ResendAt}, &t.Session, millis{&t.CreatedAt}, millis{&t.Expires})
	if errors.Is(err, sql.ErrNoRows) {
		return t, tenant.ErrTransaction
	}
	if err == nil {
		t.Request, err = s.decodeRequest(id, doc, client)
	}
	if err != nil {
		return t, fmt.Errorf("read sign-in: %w", err)
	}
	return t, nil
}

// TransactionClient implements authorize.Ledger.
func (s *Store) TransactionClient(ctx context.Context, id string) (tenant.ClientID, error) {
	var client tenant.ClientID
	err := s.read.row(ctx, `SELECT client_id FROM transactions WHERE id = $1`, id).Scan(&client)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read sign-in: %w", err)
	}
	return client, nil
}

// ChooseIdentifier implements authorize.Ledger.
func (s *Store) ChooseIdentifier(ctx context.Context, c authorize.Choice) error {
	from := [2]tenant.TransactionStep{c.From[0], c.From[len(c.From)-1]}
	return s.write(ctx, func(tx querier) error {
		n, err := tx.exec(ctx, `
			UPDATE transactions SET step = $3, connection_id = $4, channel = $5, identifier = $6, digits = $7, resend_at = $8
			WHERE id = $1 AND expires_at > $2 AND (step = $9 OR step = $10)`,
			c.ID, toMillis(c.Now), c.To, c.Connection, c.Channel, c.Identifier, c.Digits, toMillis(c.ResendAt), from[0], from[1])
		return oneRow(n, err)
	})
}

// AbandonTransaction implements authorize.Ledger.
func (s *Store) AbandonTransaction(ctx context.Context, now time.Time, id string, e tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		n, err := tx.exec(ctx, `UPDATE transactions SET step = $3 WHERE id = $1 AND expires_at > $2 AND step <> $3`,
			id, toMillis(now), tenant.StepDone)
		if err := oneRow(n, err); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

// oneRow turns a step that was not due into its fault.
func oneRow(n int64, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("change sign-in: %w", err)
	case n == 0:
		return tenant.ErrTransaction
	}
	return nil
}

// GrantAuthorization implements authorize.Ledger.
func (s *Store) GrantAuthorization(ctx context.Context, g authorize.Granting) (user tenant.User, proved time.Time, err error) {
	err = s.write(ctx, func(tx querier) error {
		var id tenant.UserID
		var err error
		if id, proved, err = useSession(ctx, tx, g.Now, g.Session, g.IP, g.UserAgent); err != nil {
			return err
		}
		if g.Transaction != "" {
			n, err := tx.exec(ctx, `UPDATE transactions SET step = $4
				WHERE id = $1 AND expires_at > $2 AND step = $5 AND session_id = $3`,
				g.Transaction, toMillis(g.Now), g.Session, tenant.StepDone, tenant.StepSignedIn)
			if err := oneRow(n, err); err != nil {
				return err
			}
		}
		user = tenant.User{}
		if err := scanUser(tx.row(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, id), &user); err != nil {
			return fmt.Errorf("read user: %w", err)
		}
		return storeAuthorization(ctx, tx, g, id, proved)
	})
	return user, proved, err
}

// storeAuthorization stores what a request is answered with.
func storeAuthorization(ctx context.Context, tx querier, g authorize.Granting, user tenant.UserID, proved time.Time) error {
	grant := g.Grant
	grant.User, grant.SessionID, grant.AuthTime = user, g.Session, proved
	if err := insertGrant(ctx, tx, &grant, false); err != nil {
		return err
	}
	if g.Refresh != nil {
		if err := addRefresh(ctx, tx, &grant, g.Refresh); err != nil {
			return err
		}
	}
	if _, err := tx.exec(ctx, `INSERT INTO session_clients (session_id, client_id, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (session_id, client_id) DO NOTHING`, g.Session, grant.Client, toMillis(g.Now)); err != nil {
		return fmt.Errorf("store application of session: %w", err)
	}
	if g.Code != nil {
		if err := insertCode(ctx, tx, g.Code); err != nil {
			return err
		}
	}
	if g.Consent != nil {
		if err := addConsent(ctx, tx, user, g.Consent, g.Now); err != nil {
			return err
		}
	}
	var events []tenant.LogEvent
	for _, e := range []*tenant.LogEvent{g.Event, g.Deprecated} {
		if e != nil {
			events = append(events, *e)
			events[len(events)-1].User = user
		}
	}
	return insertLogs(ctx, tx, events...)
}

// addConsent adds scopes to those that a person has allowed an application. The
// first statement locks the row, so that a withdrawal at the same moment
// comes before all of it or after.
func addConsent(ctx context.Context, tx querier, user tenant.UserID, c *tenant.Consent, now time.Time) error {
	var all string
	err := tx.row(ctx, `
		INSERT INTO consents (user_id, client_id, audience, scope, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (user_id, client_id, audience) DO UPDATE SET scope = consents.scope || ' ' || excluded.scope, updated_at = excluded.updated_at
		RETURNING scope`, user, c.Client, c.Audience, c.Scope, toMillis(now)).Scan(&all)
	if err != nil {
		return fmt.Errorf("store consent: %w", err)
	}
	once := oauth.ParseScopes(all).String()
	if once == all {
		return nil
	}
	if _, err := tx.exec(ctx, `UPDATE consents SET scope = $4 WHERE user_id = $1 AND client_id = $2 AND audience = $3`,
		user, c.Client, c.Audience, once); err != nil {
		return fmt.Errorf("store consent: %w", err)
	}
	return nil
}

// Consent implements authorize.Ledger.
func (s *Store) Consent(ctx context.Context, user tenant.UserID, client tenant.ClientID, audience string) (scope string, found bool, err error) {
	err = s.read.row(ctx, `SELECT scope FROM consents WHERE user_id = $1 AND client_id = $2 AND audience = $3`,
		user, client, audience).Scan(&scope)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read consent: %w", err)
	}
	return scope, true, nil
}

package races

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// subject reads the subject of a token that comes from the server itself.
func subject(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("an ID token of %d parts", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	if err := json.Unmarshal(text, &claims); err != nil || claims.Subject == "" {
		t.Fatalf("an ID token without a subject: %v", err)
	}
	return claims.Subject
}

// rotating makes an application whose refresh tokens are replaced by each use.
func (f *field) rotating(leeway int) *binary.App {
	f.Helper()
	manager := f.at(0).Manage(f.ctx())
	app := manager.NewApp(f.ctx(), "rotating", manager.Connection(f.ctx(), "sms"), map[string]any{
		"refresh_token": map[string]any{
			"rotation_type": "rotating", "expiration_type": "expiring", "leeway": leeway,
			"token_lifetime": 86400, "infinite_token_lifetime": false,
			"idle_token_lifetime": 3600, "infinite_idle_token_lifetime": false,
		},
	})
	time.Sleep(time.Second) // the other process has seen it by then
	return app
}

// refreshToken signs somebody in.
func (f *field) refreshToken(app *binary.App) string {
	f.Helper()
	to := f.Phone()
	a := app.Token(f.ctx(), binary.Code{To: to, Code: f.code(app, to, 0), Scope: "offline_access"})
	if !a.OK() || a.RefreshToken == "" {
		f.Fatalf("sign-in: %v", a)
	}
	return a.RefreshToken
}

// RAC-05: a refresh token that a hundred callers use at the same moment leaves
// at most one that still works, and the old one works for nobody.
func TestRAC05RefreshTokenIsReplacedOnce(t *testing.T) {
	each(t, func(f *field) {
		n, began := rounds(t), time.Now()
		app := f.rotating(0)
		for round := range n {
			old := f.refreshToken(app)
			answers := together(100, func(i int) binary.Answer { return app.On(f.at(i)).Refresh(f.ctx(), old) })
			got := f.tally(answers)
			refused := 0
			for _, a := range answers {
				if a.Status == 403 && a.Error == "invalid_grant" {
					refused++
				}
			}
			if got["ok"] != 1 || refused != 99 {
				f.Fatalf("round %d: a hundred uses of one refresh token gave %v", round, got)
			}
			if a := app.On(f.at(round)).Refresh(f.ctx(), old); a.OK() {
				f.Errorf("round %d: a replaced refresh token still works", round)
			}
			live := 0
			for _, a := range answers {
				if a.OK() && app.On(f.at(round+1)).Refresh(f.ctx(), a.RefreshToken).OK() {
					live++
				}
			}
			// Using a replaced token ends the whole family: somebody else may
			// have the other one.
			if live != 0 {
				f.Errorf("round %d: %d refresh tokens of a family still work after the first was used again", round, live)
			}
		}
		f.Logf("measured: 1 of 100 refreshes, %s: %d of %d rounds in %.1f s", f.name, n, n, time.Since(began).Seconds())
	})
}

// RAC-05: within the leeway, a client that asks twice because an answer was
// lost is answered, and what it got first ends with what it got last.
func TestRAC05RefreshWithLeewayKeepsOneGeneration(t *testing.T) {
	each(t, func(f *field) {
		app := f.rotating(60)
		for round := range rounds(t) {
			old := f.refreshToken(app)
			first := together(20, func(i int) binary.Answer { return app.On(f.at(i)).Refresh(f.ctx(), old) })
			f.mustAll(first)
			// The family moves on with one of the twenty. The token before
			// them is then two generations old and works for nobody.
			if a := app.Refresh(f.ctx(), first[round%20].RefreshToken); !a.OK() {
				f.Fatalf("round %d: a refresh token of the new generation: %v", round, a)
			}
			if a := app.On(f.at(1)).Refresh(f.ctx(), old); a.OK() {
				f.Errorf("round %d: a refresh token of two generations ago still works", round)
			}
		}
	})
}

// RAC-06: when a revocation has been answered, no refresh token of the family
// works, also none that was handed out while it was under way.
func TestRAC06RevokedFamilyIsDead(t *testing.T) {
	each(t, func(f *field) {
		n, began := rounds(t), time.Now()
		app := f.rotating(60)
		for round := range n {
			old := f.refreshToken(app)
			answers := together(40, func(i int) binary.Answer {
				if i == 20 {
					return app.On(f.at(round)).Revoke(f.ctx(), old)
				}
				return app.On(f.at(i)).Refresh(f.ctx(), old)
			})
			if a := answers[20]; a.Status != 200 {
				f.Fatalf("round %d: the revocation gave %v", round, a)
			}
			for i, a := range answers {
				if a.Status >= 500 || a.Err != nil {
					f.Errorf("round %d: %v", round, a)
				}
				if i != 20 && a.OK() && app.On(f.at(i)).Refresh(f.ctx(), a.RefreshToken).OK() {
					f.Errorf("round %d: a refresh token works after its family was revoked", round)
				}
			}
		}
		f.Logf("measured: no live token after a revocation, %s: %d of %d rounds in %.1f s", f.name, n, n, time.Since(began).Seconds())
	})
}

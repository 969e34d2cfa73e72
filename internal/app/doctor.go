package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/doctor"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// doctor looks at this server.
func (a *App) doctor(send *senders) *doctor.Doctor {
	d := &doctor.Doctor{
		Place: doctor.Place{
			PublicURL: a.url, Dev: a.cfg.Mode == config.Dev, Limits: a.cfg.Limits,
			ServesTLS: a.cfg.TLSCert != "" || a.cfg.TLS, Proxies: len(a.proxies) > 0, PreviousKey: a.cfg.KeyPrevious != "",
		},
		Database: a.Store, Keys: a.Keys, Settings: tenantSettings{a.Store}, Now: a.now, Reach: reach,
		Sealed: func(ctx context.Context) (int, error) { return underOtherKeys(ctx, a.Store, a.Secrets) },
		Sender: func(ctx context.Context, c *tenant.Connection) (delivery.Sender, error) {
			return send.sender(ctx, c, c.Channel)
		},
	}
	if a.worker != nil {
		d.Accounts = a.worker.Accounts
	}
	return d
}

// tenantSettings reads what the doctor looks at.
type tenantSettings struct{ *store.Store }

// AllClients implements doctor.Settings.
func (s tenantSettings) AllClients(ctx context.Context) ([]*tenant.Client, error) {
	list, err := s.ListClients(ctx, manage.Window{Limit: 1 << 30}, nil)
	return list.Items, err
}

// maxMetadata bounds what is read of an answer.
const maxMetadata = 1 << 20

// reach asks the server at a URL for its issuer, as applications do (OpenID
// Connect Discovery §4).
func reach(ctx context.Context, url string) (issuer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/.well-known/openid-configuration", nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var v struct {
		Issuer string `json:"issuer"`
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the answer has the status %d", resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxMetadata)).Decode(&v); err != nil {
		return "", errors.New("the answer is not JSON")
	}
	return v.Issuer, nil
}

// Examine looks at the server that cfg describes, whether or not it runs. It
// makes no key, no database and no step of the schema: what is not there is
// what it reports.
func Examine(ctx context.Context, cfg config.Config, checks doctor.Checks) (doctor.Report, error) {
	cfg.Mode = config.Serve
	cfg.Fill()
	values := cfg
	values.PublicURL, values.DashboardURL = "", "" // of the first there are findings
	if err := values.CheckValues(); err != nil {
		return doctor.Report{}, err
	}
	early := func(check, detail, fix string) (doctor.Report, error) {
		return doctor.Report{At: time.Now(), Findings: []doctor.Finding{{Check: check, Verdict: delivery.Fail, Detail: detail, Fix: fix}}}, nil
	}
	ring, err := keys(cfg)
	if err != nil {
		return early("root_key", sentence(err), "Give the key that the server is started with: DOORCODE_KEY or --key-file.")
	}
	if path, ok := strings.CutPrefix(cfg.Database, "sqlite:"); ok && !exists(path) {
		return early("database", "There is no database at "+path+".", "Start a server first, or name the database with --database.")
	}
	s, err := store.Open(ctx, cfg.Database, ring)
	if err != nil {
		return early("database", sentence(err), "Look whether it runs and whether --database names it.")
	}
	report, err := examine(ctx, cfg, s, ring, checks)
	return report, errors.Join(err, s.Close())
}

func examine(ctx context.Context, cfg config.Config, s *store.Store, ring *secret.Ring, checks doctor.Checks) (doctor.Report, error) {
	a := &App{cfg: cfg, now: time.Now, Store: s, Secrets: ring, Log: slog.New(slog.DiscardHandler), url: strings.TrimRight(cfg.PublicURL, "/")}
	broken := func(check, detail, fix string) (doctor.Report, error) {
		d := &doctor.Doctor{Database: s, Now: time.Now}
		r := d.OfDatabase(ctx)
		if check != "" {
			r.Findings = append(r.Findings, doctor.Finding{Check: check, Verdict: delivery.Fail, Detail: detail, Fix: fix})
		}
		return r, nil
	}
	if c, err := s.Condition(ctx); err != nil || c.Pending > 0 {
		return broken("", "", "") // its own findings say so
	}
	if fits, err := fitsKey(ctx, s, ring); err != nil || !fits {
		return broken("root_key", "The database was made with another root key.",
			"Give the key it was made with: DOORCODE_KEY or --key-file, or DOORCODE_KEY_PREVIOUS if it was changed.")
	}
	made, err := s.Meta(ctx, "made_by")
	if err != nil {
		return doctor.Report{}, err
	}
	if made == string(config.Dev) {
		a.cfg.Mode = config.Dev
	}
	if a.url == "" {
		if a.url, err = s.Meta(ctx, metaURL); err != nil {
			return doctor.Report{}, err
		}
	}
	if a.proxies, err = web.ParseProxies(cfg.TrustedProxies); err != nil {
		return doctor.Report{}, mistaken("--trusted-proxies", err)
	}
	if a.networks, err = web.ParseProxies(cfg.AllowNetworks); err != nil {
		return doctor.Report{}, mistaken("--allow-networks", err)
	}
	a.Keys = &signing.Ring{Store: s, Secrets: ring, Now: time.Now, Name: a.hostname()}
	send, err := a.buildSenders()
	if err != nil {
		return doctor.Report{}, err
	}
	if a.cfg.Mode == config.Dev {
		send.outbox = &outbox.Outbox{Terminal: io.Discard, Now: time.Now}
	}
	return a.doctor(send).Examine(ctx, checks), nil
}

// fitsKey is checkKey without leaving a mark on a database that has none.
func fitsKey(ctx context.Context, s *store.Store, ring *secret.Ring) (bool, error) {
	stored, err := s.Meta(ctx, metaCheck)
	return stored == "" || which(checks(ring), stored) >= 0, err
}

// sentence is an error as the beginning and end of one.
func sentence(err error) string {
	text := err.Error()
	word, _, _ := strings.Cut(text, " ")
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" && word != "" { // no name of a file
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return text + "."
}

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/backchannel"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/delivery/gateway"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/delivery/sendgrid"
	"github.com/doorcode/doorcode/internal/delivery/ses"
	"github.com/doorcode/doorcode/internal/delivery/smtp"
	"github.com/doorcode/doorcode/internal/delivery/sns"
	"github.com/doorcode/doorcode/internal/delivery/twilio"
	"github.com/doorcode/doorcode/internal/delivery/vonage"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/logout"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/outbound"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/token"
	"github.com/doorcode/doorcode/internal/web"
	"github.com/doorcode/doorcode/internal/web/ops"
)

// Where the public URL and that of the Dashboard are kept for commands beside
// the server.
const (
	metaURL          = "public_url"
	metaDashboardURL = "dashboard_url"
)

// build makes engines, use cases and surfaces, and the servers in front.
func (a *App) build(ctx context.Context, opts Options) error {
	tlsConfig, ca, err := certificates(a.cfg, a.dataDir(), a.hostname(), a.dashboardHost())
	if err != nil {
		return err
	}
	a.Keys = &signing.Ring{Store: a.Store, Secrets: a.Secrets, Now: a.now, Name: a.hostname()}
	if err := a.Keys.Load(ctx); err != nil {
		return err
	}
	if err := a.Store.SetMeta(ctx, metaURL, a.url); err != nil {
		return err
	}
	if err := a.Store.SetMeta(ctx, metaDashboardURL, a.dashboardURL); err != nil {
		return err
	}
	a.Tokens = &token.Issuer{Issuer: a.issuer(), Keys: a.Keys, Secrets: a.Secrets, Now: a.now}
	a.Ready = Ready{
		URL: a.url, Domain: a.host(), Issuer: a.issuer(), CAFile: ca, PID: os.Getpid(),
		DashboardURL: a.dashboardURL + "/dashboard", PrivateURL: "http://" + a.private.Addr().String(),
	}
	if err := a.prepare(ctx); err != nil {
		return err
	}
	send, err := a.buildDelivery(opts.Out)
	if err != nil {
		return err
	}
	a.buildUseCases(send)
	a.admins, a.mail = a.administrators(send)
	handler, err := a.handler(send)
	if err != nil {
		return err
	}
	a.count(send)
	private := &ops.Ops{Ready: a.Store.Ping, Metrics: a.registry, Log: a.Log}
	public := web.Server(handler)
	public.TLSConfig, a.tls = tlsConfig, tlsConfig != nil
	a.servers = []*http.Server{public, web.Server(private.Handler())}
	for _, s := range a.servers {
		// What net/http has to say goes through the same masks as all else.
		s.ErrorLog = slog.NewLogLogger(a.Log.Handler(), slog.LevelWarn)
	}
	return nil
}

func (a *App) buildDelivery(out io.Writer) (*senders, error) {
	send, err := a.buildSenders()
	if err != nil {
		return nil, err
	}
	if a.cfg.Mode == config.Dev {
		if out == nil {
			out = io.Discard
		}
		a.Outbox = &outbox.Outbox{Terminal: out, Now: a.now}
		a.Ready.OutboxURL = a.url + "/outbox"
		send.outbox = a.Outbox
	}
	a.renderer = &passwordless.Renderer{
		Codes: otp.Maker{Keys: a.Secrets}, Clients: a.Store, Settings: a.Store.Settings,
		Host: a.hostname(), URL: a.url, Now: a.now,
	}
	a.worker = &delivery.Worker{
		Queue: a.Store, Renderer: a.renderer, Senders: send.sender,
		Connections: a.Store.ConnectionByID, Now: a.now, OnOutcome: a.renderer.Note, Log: a.Log,
		Answering: delivery.Answering,
	}
	return send, nil
}

// buildSenders makes the clients of all providers.
func (a *App) buildSenders() (*senders, error) {
	send := &senders{mode: a.cfg.Mode, email: a.Store.EmailProvider, log: a.Log}
	send.gateway = gateway.New(gateway.Options{
		Outbound: outbound.Options{Allow: a.networks, PlainHTTP: true}, Issuer: a.issuer(), Now: a.now,
	})
	send.smtp = smtp.New(smtp.Options{Hello: a.hostname(), Now: a.now})
	http := call.New(a.now)
	var errs [5]error
	send.twilio, errs[0] = twilio.New(twilio.Options{BaseURL: a.cfg.TwilioURL, PublicURL: a.url, Now: a.now})
	send.vonage, errs[1] = vonage.New(http, vonage.Options{BaseURL: a.cfg.ProviderURL(vonage.Provider), PublicURL: a.url})
	send.sns, errs[2] = sns.New(http, a.cfg.ProviderURL(sns.Provider))
	a.senders = send
	send.ses, errs[3] = ses.New(http, a.cfg.ProviderURL(ses.Provider))
	send.grid, errs[4] = sendgrid.New(http, a.cfg.ProviderURL(sendgrid.Provider))
	return send, errors.Join(errs[:]...)
}

func (a *App) buildUseCases(send *senders) {
	a.signIns = &passwordless.Service{
		Connections: a.Store, Ledger: a.Store, Outbox: mailbox{a.worker, send}, CanCall: send.canCall,
		Codes: otp.Maker{Keys: a.Secrets}, Keys: a.Secrets, Limits: attack.Mode(a.cfg.Limits),
		Links: a.Store, HTTPS: strings.HasPrefix(a.url, "https://"),
		Settings: a.Store.Settings, Protection: a.Store.Protection, TestIdentities: a.Store.TestIdentity, Now: a.now,
	}
	a.grants = &grant.Service{
		Settings: a.Store, Ledger: a.Store, Passwordless: a.signIns, Tokens: a.Tokens, Devices: a.Store,
		Management: managementAudiences(a.url), Now: a.now,
		UserinfoLimit: a.meter(attack.UserinfoRate), DelegationLimit: a.meter(attack.DelegationRate),
		TokenInfoLimit: a.meter(attack.TokenInfoRate),
	}
	a.authorize = &authorize.Service{
		Settings: a.Store, Ledger: a.Store, Passwordless: a.signIns, Grants: a.grants, Tokens: a.Tokens,
		Secrets: a.Secrets, HTTPS: strings.HasPrefix(a.url, "https://"), Limits: attack.Mode(a.cfg.Limits), Now: a.now, Pushed: a.grants,
	}
	a.signIns.Grantable = a.authorize.Grantable // which is made with it
	a.notifier = &logout.Notifier{
		Queue: a.Store, Clients: a.Store, Tokens: a.Tokens, Now: a.now, Log: a.Log,
		Post: backchannel.New(a.outward()).Post,
	}
	a.logout = &logout.Service{
		Settings: a.Store, Ledger: a.Store, Tokens: a.Tokens, Secrets: a.Secrets, Now: a.now, Ended: a.notifier.Wake,
	}
}

// outward says where applications may be called that tenants give addresses of:
// in dev on this machine too, which is the developer's own.
func (a *App) outward() outbound.Options {
	o := outbound.Options{Allow: a.networks, PlainHTTP: true}
	if a.cfg.Mode == config.Dev {
		o.Allow = append(slices.Clone(o.Allow), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	return o
}

// hostname is the public host without its port.
func (a *App) hostname() string { return hostOf(a.url) }

// dashboardHost is the Dashboard's host without its port.
func (a *App) dashboardHost() string { return hostOf(a.dashboardURL) }

// hostOf is the host of an address that origin has made.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// dataDir is where files beside the database go.
func (a *App) dataDir() string {
	if a.temp != "" {
		return a.temp
	}
	return "."
}

// DataPlace says where the data is, without a password in it.
func (a *App) DataPlace() string {
	if path, ok := strings.CutPrefix(a.cfg.Database, "sqlite:"); ok {
		return path
	}
	u, err := url.Parse(a.cfg.Database)
	if err != nil {
		return "PostgreSQL"
	}
	return fmt.Sprintf("PostgreSQL at %s%s", u.Host, u.Path)
}

// ConfigFile is the configuration file that was read, or "".
func (a *App) ConfigFile() string { return a.cfg.File }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

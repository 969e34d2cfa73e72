// Package app builds the server out of its parts, runs it, and stops it in
// order. It is the only package that knows them all.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/logout"
	"github.com/doorcode/doorcode/internal/observe"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/token"
	"github.com/doorcode/doorcode/internal/web"
)

// Version is the version of the program.
const Version = "0.1.0"

// drain is how long requests under way have to finish when the server stops.
const drain = 10 * time.Second

// Options are what tests and the command line decide beside the
// configuration. The zero value is right for a program.
type Options struct {
	Now func() time.Time
	Log io.Writer // where log lines go; standard error if nil
	Out io.Writer // where dev shows messages; nowhere if nil
}

// An App is a server that is ready to Run. Everything is open: Run or Close
// must be called.
type App struct {
	Ready   Ready
	Store   *store.Store
	Keys    *signing.Ring
	Tokens  *token.Issuer
	Outbox  *outbox.Outbox // nil in serve
	Secrets *secret.Ring
	Log     *slog.Logger

	// Warnings are what the operator should know at start.
	Warnings []string

	cfg config.Config
	now func() time.Time
	url string
	// dashboardURL is where the Dashboard is: url, unless it has a host of its
	// own.
	dashboardURL string
	tls          bool
	registry     *observe.Registry
	senders      *senders
	worker       *delivery.Worker
	renderer     *passwordless.Renderer
	signIns      *passwordless.Service
	grants       *grant.Service
	// authorize answers /authorize.
	authorize *authorize.Service
	// logout ends sessions, and notifier tells applications of it.
	logout   *logout.Service
	notifier *logout.Notifier
	// admins are who may use the Dashboard, and mail sends their codes.
	admins   *admin.Service
	mail     *mailRoom
	proxies  []netip.Prefix
	networks []netip.Prefix // that gateways may be in though they are not public

	public  []net.Listener
	private net.Listener
	servers []*http.Server
	// stopping closes when the server begins to stop: what waits or streams
	// ends then.
	stopping chan struct{}
	temp     string // directory to remove at the end
}

// Open reads the keys, opens and migrates the database, takes the ports and
// builds the server. Nothing is served before Run.
func Open(ctx context.Context, cfg config.Config, opts Options) (a *App, err error) {
	cfg.Fill()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a = &App{cfg: cfg, now: opts.Now, registry: observe.NewRegistry(), stopping: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
			a = nil
		}
	}()
	if a.now == nil {
		a.now = time.Now
	}
	if opts.Log == nil {
		opts.Log = os.Stderr
	}
	a.Log = observe.NewLogger(opts.Log, observe.Format(cfg.LogFormat), slog.LevelInfo)
	if a.proxies, err = web.ParseProxies(cfg.TrustedProxies); err != nil {
		return a, mistaken("--trusted-proxies", err)
	}
	// They are written as proxies are.
	if a.networks, err = web.ParseProxies(cfg.AllowNetworks); err != nil {
		return a, mistaken("--allow-networks", err)
	}
	if len(a.networks) > 0 {
		a.Log.InfoContext(ctx, "SMS gateways may be in networks that are not public", "networks", fmt.Sprint(a.networks))
	}
	if err = a.openDatabase(ctx); err != nil {
		return a, err
	}
	if err = a.listen(); err != nil {
		return a, err
	}
	if err = a.build(ctx, opts); err != nil {
		return a, err
	}
	return a, nil
}

// openDatabase opens the keys and the database and makes sure that they
// belong together and to this mode.
func (a *App) openDatabase(ctx context.Context) error {
	if a.cfg.Mode == config.Dev && a.cfg.Ephemeral {
		var err error
		if a.temp, err = os.MkdirTemp("", "doorcode-"); err != nil {
			return fmt.Errorf("make temporary directory: %w", err)
		}
		if a.cfg.Database == config.DefaultDatabase {
			a.cfg.Database = "sqlite:" + filepath.Join(a.temp, "doorcode.db")
			a.cfg.KeyFile = filepath.Join(a.temp, "doorcode.key")
		}
	}
	var err error
	if a.Secrets, err = keys(a.cfg); err != nil {
		return err
	}
	if a.Store, err = openStore(ctx, a.cfg.Database, a.Secrets); err != nil {
		return err
	}
	if err := a.Store.Migrate(ctx); err != nil {
		return err
	}
	if err := checkKey(ctx, a.Store, a.Secrets); err != nil {
		return err
	}
	if err := a.checkMode(ctx); err != nil {
		return err
	}
	return a.changeKey(ctx)
}

// mistaken is the error of a flag that names networks.
func mistaken(flag string, err error) error {
	return &config.Mistake{Err: fmt.Errorf("%s must be addresses and networks, such as 10.1.0.0/16: %w", flag, err)}
}

// checkMode keeps a database that was made by dev out of production: its
// secrets were shown to whoever asked.
func (a *App) checkMode(ctx context.Context) error {
	made, err := a.Store.SetMetaOnce(ctx, "made_by", string(a.cfg.Mode))
	if err != nil {
		return err
	}
	switch {
	case made == string(config.Dev) && a.cfg.Mode == config.Serve:
		return errors.New("this database was made by \"doorcode dev\" and has its ready-made secrets in it: " +
			"start \"doorcode serve\" with a new one (--database)")
	case made == string(config.Serve) && a.cfg.Mode == config.Dev:
		return errors.New("this database belongs to \"doorcode serve\": start \"doorcode dev\" with another one (--database or --ephemeral)")
	}
	return nil
}

// listen takes the ports. The public one decides the issuer in dev.
func (a *App) listen() error {
	var err error
	if a.public, err = listen(a.cfg); err != nil {
		return err
	}
	if a.private, err = net.Listen("tcp", a.cfg.PrivateAddr); err != nil {
		if a.cfg.Mode == config.Serve {
			return explain("--private-addr", a.cfg.PrivateAddr, err, portOf(a.Addr()))
		}
		// A second dev server on one machine is no reason to fail.
		if a.private, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return explain("--private-addr", a.cfg.PrivateAddr, err, portOf(a.Addr()))
		}
	}
	if a.url, err = publicURL(a.cfg, a.public[0].Addr()); err != nil {
		return err
	}
	a.dashboardURL, err = dashboardURL(a.cfg, a.url)
	return err
}

// issuer is the public URL with a slash at its end, as the SDKs demand (R15).
func (a *App) issuer() string { return a.url + "/" }

// host is the public host and port.
func (a *App) host() string {
	_, host, _ := strings.Cut(a.url, "://")
	return host
}

// Run serves until ctx ends, then finishes what is under way and closes
// everything. The ready callback is called once requests are answered.
func (a *App) Run(ctx context.Context, ready func()) error {
	jobs, stopJobs := context.WithCancel(context.WithoutCancel(ctx))
	defer stopJobs()
	jobsEnded := a.startJobs(jobs)
	failed := make(chan error, len(a.public)+1)
	a.serve(failed)
	if err := a.announce(ready); err != nil {
		stopJobs()
		<-jobsEnded
		return errors.Join(err, a.Close())
	}
	// What starting left behind goes back to the system: twice, because pools
	// are emptied by the second collection only.
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	close(a.stopping)
	stop, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	for _, s := range a.servers {
		if serr := s.Shutdown(stop); serr != nil {
			// Somebody is still connected: a browser with a live page, mostly.
			_ = s.Close()
		}
	}
	stopJobs()
	<-jobsEnded
	return errors.Join(err, a.Close())
}

// announce tells that the server answers.
func (a *App) announce(ready func()) error {
	if a.cfg.ReadyFile != "" {
		if err := writeReady(a.cfg.ReadyFile, a.Ready); err != nil {
			return err
		}
	}
	if ready != nil {
		ready()
	}
	return nil
}

// serve starts the servers. An unexpected end of one is sent to failed.
func (a *App) serve(failed chan<- error) {
	start := func(serve func(l net.Listener) error, l net.Listener) {
		go func() {
			if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
		}()
	}
	public, private := a.servers[0], a.servers[1]
	serve := public.Serve
	if a.tls {
		serve = func(l net.Listener) error { return public.ServeTLS(l, "", "") }
	}
	for _, l := range a.public {
		start(serve, l)
	}
	start(private.Serve, a.private)
}

// Close releases everything. It may be called more than once.
func (a *App) Close() error {
	var errs []error
	for _, l := range append(a.public, a.private) {
		if l != nil {
			_ = l.Close() // closed already where a server had it
		}
	}
	a.public, a.private = nil, nil
	if a.Store != nil {
		errs = append(errs, a.Store.Close())
		a.Store = nil
	}
	if a.temp != "" {
		errs = append(errs, os.RemoveAll(a.temp))
		a.temp = ""
	}
	return errors.Join(errs...)
}

// Addr is the address that the public server listens on.
func (a *App) Addr() string { return a.public[0].Addr().String() }

// Devices answers the requests of devices.
func (a *App) Devices() *grant.Service { return a.grants }

package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/message"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The pages that take the secret of a link, which stands in the fragment:
// browsers send it to nobody. The first is for links that are made on this
// machine, the second for those beside a code.
const (
	setupPath   = "/dashboard/setup#"
	emailedPath = "/dashboard/login/link#"
)

// administrators is who may use the Dashboard, and the mail room that sends
// their codes.
func (a *App) administrators(send *senders) (*admin.Service, *mailRoom) {
	room := &mailRoom{app: a, send: send, letters: make(chan admin.Letter, maxLetters)}
	return &admin.Service{
		Ledger: a.Store, Mail: room, Codes: otp.Maker{Keys: a.Secrets}, Keys: a.Secrets,
		Limits: attack.Mode(a.cfg.Limits), Now: a.now,
	}, room
}

// SetupURL returns a link for the first administrator, or "" where there is one
// or where none is needed: a development server lets its developer in.
func (a *App) SetupURL(ctx context.Context) (string, error) {
	if a.cfg.Mode == config.Dev {
		return "", nil
	}
	none, err := a.admins.None(ctx)
	if err != nil || !none {
		return "", err
	}
	text, err := a.admins.NewLink(ctx, "", tenant.Owner, true)
	if err != nil {
		return "", err
	}
	return a.dashboardURL + setupPath + text, nil
}

// maxLetters is how many codes of administrators wait to be sent.
const maxLetters = 64

// How a letter is sent: each attempt bounded, a second one after a pause where
// the first may have failed by chance.
const (
	letterTime  = 15 * time.Second
	letterPause = time.Second
)

// mailRoom sends codes to administrators, in the order they were asked for. What
// waits when the server stops is lost: whoever asked asks again.
type mailRoom struct {
	app     *App
	send    *senders
	letters chan admin.Letter
}

// connection stands for the Dashboard where a message has a connection.
func (m *mailRoom) connection() *tenant.Connection {
	return &tenant.Connection{ID: "administrators", Name: "dashboard", Channel: tenant.Email}
}

// Ready implements admin.Mail.
func (m *mailRoom) Ready(ctx context.Context) (bool, error) {
	sender, err := m.send.sender(ctx, m.connection(), tenant.Email)
	var missing *delivery.Error
	if errors.As(err, &missing) {
		return false, nil
	}
	return sender != nil, err
}

// Offer implements admin.Mail.
func (m *mailRoom) Offer(l admin.Letter) {
	select {
	case m.letters <- l:
	default:
		m.app.Log.Warn("too many codes of administrators are waiting to be sent: one was dropped")
	}
}

// run sends until ctx ends.
func (m *mailRoom) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-m.letters:
			if err := m.deliver(ctx, l); err != nil && ctx.Err() == nil {
				m.app.Log.ErrorContext(ctx, "the code of an administrator was not sent", "err", err)
			}
		}
	}
}

func (m *mailRoom) deliver(ctx context.Context, l admin.Letter) error {
	out, err := m.letter(ctx, l)
	if err != nil {
		return err
	}
	sender, err := m.send.sender(ctx, out.Connection, tenant.Email)
	if err != nil {
		return err
	}
	if sender == nil {
		return errors.New("there is no email provider any more")
	}
	err = attemptLetter(ctx, sender, out)
	var refused *delivery.Error
	if errors.As(err, &refused) && refused.Class == delivery.Temporary {
		time.Sleep(letterPause)
		err = attemptLetter(ctx, sender, out)
	}
	return err
}

func attemptLetter(ctx context.Context, sender delivery.Sender, out delivery.Outgoing) error {
	ctx, cancel := context.WithTimeout(ctx, letterTime)
	defer cancel()
	_, err := sender.Send(ctx, out)
	return err
}

// letter writes the e-mail, in the words that people who sign in get.
func (m *mailRoom) letter(ctx context.Context, l admin.Letter) (delivery.Outgoing, error) {
	t, err := message.ParseMail(message.DefaultMailFrom, message.DefaultMailSubject, message.DefaultMailBody)
	if err != nil {
		return delivery.Outgoing{}, fmt.Errorf("read template: %w", err)
	}
	set, err := m.app.Store.Settings(ctx)
	if err != nil {
		return delivery.Outgoing{}, err
	}
	now, link := m.app.now(), m.app.dashboardURL+emailedPath+l.Link
	mail, err := t.Render(message.Vars{
		Code: l.Code, Link: link, Send: "link", Email: l.To, ApplicationName: "the Dashboard of " + m.app.hostname(),
		ExpiresMinutes: max(1, int(l.Expires.Sub(now).Round(time.Minute)/time.Minute)),
		TenantName:     set.FriendlyName, SupportEmail: set.SupportEmail, SupportURL: set.SupportURL, Now: now,
	})
	if err != nil {
		return delivery.Outgoing{}, fmt.Errorf("write e-mail: %w", err)
	}
	return delivery.Outgoing{
		MessageID: event.NewMessageID(now), Channel: tenant.Email, To: l.To, From: mail.From, Subject: mail.Subject,
		Text: mail.Text, HTML: mail.HTML, Code: l.Code, Link: link, Expires: l.Expires, Connection: m.connection(), ClientName: "Dashboard",
	}, nil
}

// commandLine is who commands act as.
func commandLine() admin.Caller { return admin.Caller{Channel: "command line"} }

func (t *Tools) admins() *admin.Service {
	return &admin.Service{Ledger: t.Store, Codes: otp.Maker{Keys: t.Secrets}, Keys: t.Secrets, Limits: attack.Strict, Now: time.Now}
}

// AdministratorLink makes a link for an administrator with the role: for that
// address, or for whoever uses it first and says theirs. It leads to dashboard,
// if that is not empty, or to where the Dashboard was when the server was last
// started.
func (t *Tools) AdministratorLink(ctx context.Context, public, dashboard, email string, role tenant.AdministratorRole) (string, error) {
	url, err := t.dashboardURL(ctx, public, dashboard)
	if err != nil {
		return "", err
	}
	text, err := t.admins().NewLink(ctx, email, role, false)
	if err != nil {
		return "", err
	}
	return url + setupPath + text, nil
}

// dashboardURL is where the Dashboard is. A public URL that is not the one the
// server was last started with says that things have changed since: a server
// whose Dashboard is elsewhere leads there from it.
func (t *Tools) dashboardURL(ctx context.Context, public, dashboard string) (string, error) {
	if dashboard != "" {
		return dashboard, nil
	}
	last, err := t.Store.Meta(ctx, metaURL)
	if err != nil {
		return "", err
	}
	if public != "" && public != last {
		return public, nil
	}
	if dashboard, err = t.Store.Meta(ctx, metaDashboardURL); err != nil {
		return "", err
	}
	if url := cmp.Or(dashboard, last); url != "" {
		return url, nil
	}
	return "", errors.New("the server has not been started on this database yet: start it, or give --public-url")
}

// Administrators returns all.
func (t *Tools) Administrators(ctx context.Context) ([]tenant.Administrator, error) {
	return t.admins().Administrators(ctx)
}

// RemoveAdministrator removes the one with the address.
func (t *Tools) RemoveAdministrator(ctx context.Context, email string) error {
	return t.admins().RemoveByEmail(ctx, commandLine(), email)
}

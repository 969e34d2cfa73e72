package manage

import (
	"context"
	"net/http"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The faults of the e-mail provider, in Auth0's words.
var (
	ErrEmailProvider       = fault.New(fault.NotFound, "inexistent_email_provider", "There is not a configured email provider")
	ErrEmailProviderExists = fault.New(fault.Conflict, "conflict", "Email provider is already configured.")
)

// EmailProviders keeps the tenant's e-mail provider.
type EmailProviders interface {
	// EmailProvider returns it.
	EmailProvider(ctx context.Context) (*tenant.EmailProvider, error)
	// CreateEmailProvider stores it and the event. The fault is
	// ErrEmailProviderExists if there is one.
	CreateEmailProvider(ctx context.Context, p tenant.EmailProvider, e tenant.LogEvent) error
	// ChangeEmailProvider replaces it by what change makes of it. No other
	// change comes between. The function may be called more than once.
	ChangeEmailProvider(ctx context.Context, change ChangeEmailProvider) error
	// DeleteEmailProvider removes it. The fault is ErrManaged if the
	// configuration file manages it.
	DeleteEmailProvider(ctx context.Context, e tenant.LogEvent) error
}

// A ChangeEmailProvider makes the e-mail provider that takes the place of p,
// which is its to change.
type ChangeEmailProvider func(p *tenant.EmailProvider) (tenant.LogEvent, error)

// EmailProvider returns the tenant's e-mail provider. The fault is
// ErrEmailProvider if there is none.
func (s *Service) EmailProvider(ctx context.Context) (*tenant.EmailProvider, error) {
	p, err := s.EmailProviders.EmailProvider(ctx)
	return p, as(err, ErrEmailProvider)
}

// CreateEmailProvider creates the e-mail provider that a body describes.
func (s *Service) CreateEmailProvider(ctx context.Context, by Actor, body *settings.Object) (*tenant.EmailProvider, error) {
	p, err := settings.NewEmailProvider(body)
	if err != nil {
		return nil, err
	}
	e, err := s.recordProvider(by, outcome{what: "Configure email provider", status: http.StatusCreated}, &p)
	if err != nil {
		return nil, err
	}
	if err := s.EmailProviders.CreateEmailProvider(ctx, p, e); err != nil {
		return nil, err
	}
	return &p, nil
}

// ChangeEmailProvider changes the e-mail provider as a body asks.
func (s *Service) ChangeEmailProvider(ctx context.Context, by Actor, body *settings.Object) (*tenant.EmailProvider, error) {
	var after tenant.EmailProvider
	err := s.EmailProviders.ChangeEmailProvider(ctx, func(p *tenant.EmailProvider) (tenant.LogEvent, error) {
		if p.Managed {
			return tenant.LogEvent{}, ErrManaged
		}
		var err error
		if after, err = settings.ChangeEmailProvider(p, body, settings.Auto); err != nil {
			return tenant.LogEvent{}, err
		}
		*p = after
		return s.recordProvider(by, outcome{what: "Update email provider", status: http.StatusOK}, p)
	})
	if err != nil {
		return nil, as(err, ErrEmailProvider)
	}
	return &after, nil
}

// DeleteEmailProvider deletes the e-mail provider.
func (s *Service) DeleteEmailProvider(ctx context.Context, by Actor) error {
	e := s.record(by, outcome{what: "Delete email provider", status: http.StatusNoContent})
	return as(s.EmailProviders.DeleteEmailProvider(ctx, e), ErrEmailProvider)
}

// recordProvider is record for a change of the e-mail provider, which is also
// the answer.
func (s *Service) recordProvider(by Actor, o outcome, p *tenant.EmailProvider) (tenant.LogEvent, error) {
	body, err := settings.EmailProviderAnswer(p, false)
	if err != nil {
		return tenant.LogEvent{}, err
	}
	o.body = body
	return s.record(by, o), nil
}

// emailProvider plans the e-mail provider of the file.
func (p *planner) emailProvider() error {
	d := p.file.EmailProvider
	if d == nil {
		return nil
	}
	body, err := p.read(*d)
	if err != nil {
		return err
	}
	if body.Len() == 0 {
		return nil // what deploy-cli writes for none
	}
	var provider tenant.EmailProvider
	if before := p.all.EmailProvider; before != nil && before.Name == body.Text("name") {
		provider, err = settings.ChangeEmailProvider(before, body, settings.Replace)
	} else {
		provider, err = settings.NewEmailProvider(body)
	}
	if err != nil {
		return p.at(*d, err)
	}
	p.plan.EmailProvider = &provider
	return nil
}

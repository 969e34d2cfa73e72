package manage_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

const providerFile = `emailProvider:
  name: smtp
  default_from_address: no-reply@example.com
  credentials:
    smtp_host: mail.example.com
    smtp_user: u
    smtp_pass: canary
`

// The e-mail provider of the file is the one there is, whatever was there, and
// is changed nowhere else.
func TestEmailProviderOfTheFile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, m, by := t.Context(), service(t, s), manage.Actor{}
		if _, err := s.EmailProvider(ctx); !fault.Has(err, fault.NotFound) {
			t.Errorf("at first: %v", err)
		}
		if _, err := m.CreateEmailProvider(ctx, by, object(t, `{"name":"ses","credentials":{"accessKeyId":"a","secretAccessKey":"k","region":"eu-west-1"},"settings":{"message":{}}}`)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := m.ApplyFile(ctx, file(t, providerFile)); err != nil {
				t.Fatal(err)
			}
		}
		p, err := s.EmailProvider(ctx)
		if err != nil || !p.Managed || p.Name != "smtp" || p.Secrets["smtp_pass"] != "canary" || len(p.Secrets) != 1 || strings.Contains(string(p.Doc), "settings") {
			t.Errorf("provider: %+v, %v", p, err)
		}
		_, changed := m.ChangeEmailProvider(ctx, by, object(t, `{"enabled":false}`))
		if deleted := m.DeleteEmailProvider(ctx, by); !errors.Is(changed, manage.ErrManaged) || !errors.Is(deleted, manage.ErrManaged) {
			t.Errorf("changed: %v, deleted: %v", changed, deleted)
		}
		// What the file leaves out of the same account stays.
		if err := m.ApplyFile(ctx, file(t, strings.Replace(providerFile, "    smtp_pass: canary\n", "", 1))); err != nil {
			t.Error(err)
		}
		err = m.ApplyFile(ctx, file(t, strings.NewReplacer("    smtp_pass: canary\n", "", "mail.", "evil.").Replace(providerFile)))
		if err == nil || !strings.HasPrefix(err.Error(), "dc.yaml:4: ") || !strings.Contains(err.Error(), "smtp_pass") {
			t.Errorf("another host without the password: %v", err)
		}
		for _, text := range []string{"emailProvider: {}\n", "emailProvider:\n", "tenant: {}\n"} {
			if err := m.ApplyFile(ctx, file(t, text)); err != nil {
				t.Error(err)
			}
		}
		if _, err := m.ChangeEmailProvider(ctx, by, object(t, `{"enabled":false}`)); err != nil {
			t.Errorf("without the file it is not free: %v", err)
		}
		if err := m.DeleteEmailProvider(ctx, by); err != nil {
			t.Error(err)
		}
		if _, err := m.EmailProvider(ctx); !errors.Is(err, manage.ErrEmailProvider) {
			t.Errorf("after all: %v", err)
		}
	})
}

package app_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/testkit"
)

// The start warns of settings of the tenant that do nothing, with the line they
// are in, and serves all the same: other tools may want them there.
func TestStartWarnsOfIdleSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doorcode.yaml")
	const text = `
tenant:
  friendly_name: Acme
  foo: 1
  sandbox_version: "22"
  flags:
    standards_strict: false
    standard_strict: true
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testkit.Start(t, func(c *config.Config) { c.File = path })
	want := []string{
		path + `:4: tenant: "foo" is not known here and does nothing`,
		path + `:5: tenant: "sandbox_version" is kept, and not used by this version`,
		path + `:8: tenant: "flags.standard_strict" is not known here and does nothing; did you mean "flags.standards_strict"?`,
	}
	if !slices.Equal(s.Warnings, want) {
		t.Errorf("the start warns of %q, want %q", s.Warnings, want)
	}
	if set, err := s.Store.Settings(t.Context()); err != nil || set.FriendlyName != "Acme" {
		t.Errorf("the settings are %+v, %v", set, err)
	}
}

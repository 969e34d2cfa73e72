package oidf

import "testing"

// The plans and how many modules each has.
const (
	basicModules       = 38
	logoutModules      = 11
	backchannelModules = 2
)

// TestPlans counts: a module that is taken out is missed.
func TestPlans(t *testing.T) {
	for _, p := range []struct {
		name    string
		modules []module
		want    int
	}{{"basic", basic, basicModules}, {"logout", logout, logoutModules}, {"backchannel", backchannel, backchannelModules}} {
		names := map[string]bool{}
		for _, m := range p.modules {
			if m.asks == "" || m.run == nil {
				t.Errorf("%s: module %q is empty", p.name, m.name)
			}
			names[m.name] = true
		}
		if len(names) != p.want {
			t.Errorf("the plan %s has %d modules, not %d", p.name, len(names), p.want)
		}
	}
}

// TestConformance runs the five plans against one server.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short")
	}
	p := newProvider(t)
	t.Run("config", func(t *testing.T) {
		plan(t, p, "", []module{{"oidcc-discovery-endpoint-verification", "the metadata is complete, true and well-formed", nil, false, checkMetadata}})
	})
	t.Run("basic", func(t *testing.T) { plan(t, p, "", basic) })
	t.Run("form_post", func(t *testing.T) { plan(t, p, "form_post", basic) })
	t.Run("rp-initiated-logout", func(t *testing.T) { plan(t, p, "", logout) })
	t.Run("backchannel-rp-initiated-logout", func(t *testing.T) { plan(t, p, "", backchannel) })
	p.server.NoteOutbox()
}

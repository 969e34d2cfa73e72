package oidf

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

// A module is one row of a plan.
type module struct {
	name string
	// asks says in our words what it is about.
	asks string
	// warns are the ids of the checks that warn in it. One that no longer does
	// is an error: it would hide the next warning of that id.
	warns []string
	// skips is set where the module ends before it has asked anything, since
	// the server's metadata says that it does not offer this.
	skips bool
	run   func(*run)
}

// patience is how long one module may take. One of them waits half a minute.
const patience = 3 * time.Minute

// A run is one module at work: an application and a person who begins without
// any cookies.
type run struct {
	*testing.T
	ctx      context.Context
	module   module
	provider *provider
	party    *party
	person   *person
	mode     string // response_mode of every request; empty leaves it out
	warnings []string
	warned   map[string]bool // by id
	skipped  string
}

// stop ends a module at once.
type stop struct{}

// fail records what breaks the rule that is known by id.
func (r *run) fail(id, format string, args ...any) {
	r.Helper()
	r.Errorf("%s: %s", id, fmt.Sprintf(format, args...))
}

// must is fail for what the rest of the module cannot do without.
func (r *run) must(ok bool, id, format string, args ...any) {
	r.Helper()
	if !ok {
		r.fail(id, format, args...)
		panic(stop{})
	}
}

// want records a failure unless ok.
func (r *run) want(ok bool, id, format string, args ...any) {
	r.Helper()
	if !ok {
		r.fail(id, format, args...)
	}
}

// should records a warning unless ok. It fails the module unless its row allows
// a warning of that id.
func (r *run) should(ok bool, id, format string, args ...any) {
	r.Helper()
	if ok {
		return
	}
	text := id + ": " + fmt.Sprintf(format, args...)
	if !slices.Contains(r.module.warns, id) {
		r.Errorf("warning that this module has no allowance for: %s", text)
		return
	}
	r.warnings, r.warned[id] = append(r.warnings, text), true
}

// skip ends a module that does not apply, because of what the metadata says.
func (r *run) skip(why string) {
	r.skipped = why
	panic(stop{})
}

func (r *run) no(err error) {
	r.Helper()
	if err != nil {
		r.Errorf("%v", err)
		panic(stop{})
	}
}

// plan runs modules side by side and prints their results.
func plan(t *testing.T, p *provider, mode string, modules []module) {
	for _, m := range modules {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			r := &run{T: t, ctx: ctx, module: m, provider: p, mode: mode, party: p.main, warned: map[string]bool{}}
			r.perform()
		})
	}
}

func (r *run) perform() {
	defer func() {
		if e := recover(); e != nil && e != (stop{}) {
			panic(e)
		}
		result := "PASSED"
		switch {
		case r.Failed():
			result = "FAILED"
		case r.skipped != "":
			result = "SKIPPED: " + r.skipped
		case len(r.warnings) > 0:
			result = "WARNING: " + strings.Join(r.warnings, "; ")
		}
		if r.skipped != "" && !r.module.skips {
			r.Errorf("skipped, which its row does not expect: %s", r.skipped)
		}
		if r.skipped == "" && r.module.skips && !r.Failed() {
			r.Errorf("it was expected to be skipped and was not: its row is out of date")
		}
		r.Logf("%s: %s", r.module.name, result)
	}()
	r.discovered()
	r.person = r.newPerson("email")
	r.module.run(r)
	for _, id := range r.module.warns {
		r.want(r.warned[id], id, "its row allows a warning that does not come: it is out of date")
	}
}

// scope is a request's scope parameter.
func scope(names ...string) url.Values { return url.Values{"scope": {strings.Join(names, " ")}} }

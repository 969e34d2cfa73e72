package mgmtapi_test

import (
	"context"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/doctor"
)

// sick finds one thing at hand, and another when it may ask others.
type sick struct{}

func (sick) Examine(_ context.Context, checks doctor.Checks) doctor.Report {
	r := doctor.Report{At: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Findings: []doctor.Finding{
		{Check: "database", Verdict: delivery.OK, Detail: "Good."},
	}}
	if checks.Network {
		r.Findings = append(r.Findings, doctor.Finding{Check: "sender", Verdict: delivery.Fail, Detail: "Bad.", Fix: "Mend it."})
	}
	return r
}

func TestDoctor(t *testing.T) {
	sv := one(t)
	sv.wants(sv.ask("scopes.read-doctor", "GET /api/doorcode/v1/doctor", ""), 200,
		`{"at":"2026-05-01T12:00:00.000Z","verdict":"ok","findings":[{"check":"database","verdict":"ok","detail":"Good."}]}`)
	sv.wants(sv.ask("scopes.read-doctor", "GET /api/doorcode/v1/doctor?check=true", ""), 200,
		`{"at":"2026-05-01T12:00:00.000Z","verdict":"fail","findings":[{"check":"database","verdict":"ok","detail":"Good."},`+
			`{"check":"sender","verdict":"fail","detail":"Bad.","fix":"Mend it."}]}`)
	if a := sv.ask("scopes.read-doctor", "GET /api/doorcode/v1/doctor?check=maybe", ""); a.status != 400 {
		t.Errorf("check=maybe answered %d", a.status)
	}
	if a := sv.ask("scopes.read-messages", "GET /api/doorcode/v1/doctor", ""); a.status != 403 {
		t.Errorf("without the scope it answered %d", a.status)
	}
}

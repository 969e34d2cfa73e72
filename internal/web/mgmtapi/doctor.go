package mgmtapi

import (
	"context"
	"net/http"

	"github.com/doorcode/doorcode/internal/doctor"
	"github.com/doorcode/doorcode/internal/web"
)

// A Doctor looks at the server.
type Doctor interface {
	// Examine reports everything it finds, and changes nothing.
	Examine(ctx context.Context, checks doctor.Checks) doctor.Report
}

// examine is GET /api/doorcode/v1/doctor. With "check=true" providers are asked
// as well.
func (a *API) examine(w http.ResponseWriter, r *request) error {
	ask, err := boolParam(r.URL.Query(), "check", false)
	if err != nil {
		return err
	}
	report := a.Doctor.Examine(r.Context(), doctor.Checks{Network: ask})
	return web.WriteJSON(w, http.StatusOK, DoctorReply(report))
}

// A DoctorReport is a report as our API and the command line give it.
type DoctorReport struct {
	At       string          `json:"at"`
	Verdict  string          `json:"verdict"` // the worst: "ok", "warn" or "fail"
	Findings []DoctorFinding `json:"findings"`
}

// A DoctorFinding is one thing that was looked at.
type DoctorFinding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
	Fix     string `json:"fix,omitempty"`
}

// DoctorReply makes a report into what is sent.
func DoctorReply(r doctor.Report) DoctorReport {
	out := DoctorReport{At: r.At.UTC().Format(stampUTC), Verdict: string(r.Worst()), Findings: make([]DoctorFinding, len(r.Findings))}
	for i, f := range r.Findings {
		out.Findings[i] = DoctorFinding{f.Check, string(f.Verdict), f.Detail, f.Fix}
	}
	return out
}

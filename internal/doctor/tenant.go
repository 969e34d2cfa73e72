package doctor

import (
	"context"
	"strings"

	"github.com/doorcode/doorcode/internal/settings"
)

// tenant looks for settings that somebody made and that change nothing. The API
// keeps what it does not know, for tools that compare.
func (e *examination) tenant(ctx context.Context) {
	const check = "tenant_settings"
	set, err := e.Settings.Settings(ctx)
	if err != nil {
		e.unread(check, err)
		return
	}
	var kept []string
	idle := settings.IdleTenant(set.Doc)
	for _, m := range idle {
		if m.Known {
			kept = append(kept, printable(m.Path))
			continue
		}
		detail := "The tenant's settings: " + printable(m.Warning())
		if !strings.HasSuffix(detail, "?") {
			detail += "."
		}
		e.warn(check, detail, "Correct its name, or remove it: null in the configuration file or at PATCH /api/v2/tenants/settings.")
	}
	if len(kept) > 0 {
		e.warn(check, "The tenant's settings are kept and not used: "+strings.Join(kept, ", ")+".", "Nothing, if another tool wants them there. Nobody should rely on them.")
	}
	if len(idle) == 0 {
		e.ok(check, "Every setting of the tenant does something.")
	}
}

package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/doorcode/doorcode/internal/app"
)

type versionVerb struct{}

// Run prints the version, and what it was built from where Go knows it.
func (versionVerb) Run(s *streams) error {
	built := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		built = origin(info)
	}
	_, err := fmt.Fprintf(s.out, "doorcode %s%s %s %s/%s\n", app.Version, built, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// origin names the version of the module, unless it only repeats the commit,
// and the commit, with what says that files differed from it.
func origin(info *debug.BuildInfo) string {
	var parts []string
	commit, changed := "", ""
	for _, set := range info.Settings {
		switch {
		case set.Key == "vcs.revision":
			commit = set.Value[:min(12, len(set.Value))]
		case set.Key == "vcs.modified" && set.Value == "true":
			changed = " and changes"
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" && (commit == "" || !strings.Contains(v, commit)) {
		parts = append(parts, "module "+v)
	}
	if commit != "" {
		parts = append(parts, "commit "+commit+changed)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/doorcode/doorcode/internal/app"
)

type versionVerb struct{}

// Run prints the version, and the commit it was built from where Go knows it.
func (versionVerb) Run(s *streams) error {
	commit := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, set := range info.Settings {
			if set.Key == "vcs.revision" {
				commit = " (" + set.Value[:min(12, len(set.Value))] + ")"
			}
		}
	}
	_, err := fmt.Fprintf(s.out, "doorcode %s%s %s %s/%s\n", app.Version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

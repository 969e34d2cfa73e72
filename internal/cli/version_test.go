package cli

import (
	"runtime/debug"
	"testing"
)

func TestOrigin(t *testing.T) {
	commit := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "899378b0123456789abcdef"}, {Key: "vcs.modified", Value: "false"}}
	changed := append([]debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}, commit[:2]...)
	tests := []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"", nil, ""},
		{"(devel)", nil, ""},
		{"v1.2.3", nil, " (module v1.2.3)"},
		{"(devel)", commit, " (commit 899378b01234)"},
		{"v0.0.0-20261122065416-899378b01234", commit, " (commit 899378b01234)"},
		{"v1.2.3", commit, " (module v1.2.3, commit 899378b01234)"},
		{"v1.2.3+dirty", changed, " (module v1.2.3+dirty, commit 899378b01234 and changes)"},
	}
	for _, tt := range tests {
		info := &debug.BuildInfo{Main: debug.Module{Version: tt.version}, Settings: tt.settings}
		if got := origin(info); got != tt.want {
			t.Errorf("of %s and %v: %q, want %q", tt.version, tt.settings, got, tt.want)
		}
	}
}

func TestPrivateURL(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8788": "http://127.0.0.1:8788", ":9000": "http://127.0.0.1:9000", "0.0.0.0:9000": "http://127.0.0.1:9000",
		"[::]:9000": "http://[::1]:9000", "10.0.0.1:1": "http://10.0.0.1:1", "[::1]:2": "http://[::1]:2", "9000": "", "": "",
	} {
		got, err := privateURL(addr)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("of %q: %q, %v, want %q", addr, got, err, want)
		}
	}
}

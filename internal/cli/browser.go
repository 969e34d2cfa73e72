package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/term"
)

// wantsBrowser reports whether somebody sits there to see a browser: at a
// terminal, not in CI, and where there is a screen at all.
func wantsBrowser(never bool, out io.Writer, env func(string) string) bool {
	if never || env("CI") != "" || !terminal(out) {
		return false
	}
	return runtime.GOOS != "linux" || env("DISPLAY") != "" || env("WAYLAND_DISPLAY") != ""
}

// terminal reports whether what is printed is read by a person as it comes.
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// openBrowser shows an address in the browser that the system prefers. It does
// not wait for it.
func openBrowser(ctx context.Context, address string) error {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	// The browser stays when the server goes.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _ = cmd.Wait() }()
	return nil
}

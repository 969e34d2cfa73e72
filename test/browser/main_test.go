package browser

import (
	"fmt"
	"os"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// The browser and what it shows gain nothing from the race detector, which only
// makes them slow; the handlers behind the pages run under it in the tests of
// their own packages.
func TestMain(m *testing.M) {
	if binary.Race() {
		fmt.Println("not under the race detector: the pages are the same")
		return
	}
	os.Exit(binary.Main(m))
}

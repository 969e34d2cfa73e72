package app

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// portsTried is how many ports are looked at for a free one.
const portsTried = 50

// freePort is the first port after a taken one that can be had, but for those
// that the server needs itself; any other if none of them can.
func freePort(host string, taken int, own ...int) int {
	try := func(port int) (int, bool) {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return 0, false
		}
		port = l.Addr().(*net.TCPAddr).Port
		return port, l.Close() == nil
	}
next:
	for port := taken + 1; port <= min(taken+portsTried, 65535); port++ {
		for _, o := range own {
			if port == o {
				continue next
			}
		}
		if got, ok := try(port); ok {
			return got
		}
	}
	got, _ := try(0)
	return got
}

// tcpListen is the state of a listening socket in /proc/net/tcp.
const tcpListen = "0A"

// holder names the program that listens on a port of this machine, such as
// "node (process 1234)"; "" where the system does not tell cheaply, which only
// Linux does, of one's own programs.
func holder(port int) string {
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == tcpListen && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				sockets["socket:["+f[9]+"]"] = true
			}
		}
	}
	if len(sockets) == 0 {
		return ""
	}
	open, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, fd := range open {
		if to, err := os.Readlink(fd); err == nil && sockets[to] {
			process := filepath.Dir(filepath.Dir(fd))
			name, err := os.ReadFile(filepath.Join(process, "comm"))
			if err != nil {
				return ""
			}
			return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), filepath.Base(process))
		}
	}
	return ""
}

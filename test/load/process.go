package load

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc (USER_HZ, which is 100 on every
// Linux that Go runs on).
const tick = 10 * time.Millisecond

// A stat is what /proc says about a process.
type stat struct {
	parent int
	own    time.Duration // processor time of the process
	ended  time.Duration // and of its children that have ended
}

// readStat reads /proc/PID/stat.
func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The name, in brackets, may hold anything. The third field comes after.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	number := func(field int) time.Duration {
		n, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return time.Duration(n)
	}
	return stat{
		parent: int(number(4)), own: (number(14) + number(15)) * tick, ended: (number(16) + number(17)) * tick,
	}, nil
}

// processor returns the processor time that a process has used.
func processor(pid int) time.Duration {
	s, err := readStat(pid)
	if err != nil {
		return 0
	}
	return s.own
}

// family returns the processor time of a process and all its children, those
// that have ended as well. It is what a PostgreSQL server uses.
func family(pid int) time.Duration {
	if pid == 0 {
		return 0
	}
	s, err := readStat(pid)
	if err != nil {
		return 0
	}
	sum := s.own + s.ended
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if c, err := readStat(child); err == nil && c.parent == pid {
			sum += c.own + c.ended
		}
	}
	return sum
}

// memory returns how many megabytes of memory a process has now and had at
// most.
func memory(pid int) (now, most float64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmRSS":
			now = kilobytes * 1024 / 1e6
		case "VmHWM":
			most = kilobytes * 1024 / 1e6
		}
	}
	return now, most
}

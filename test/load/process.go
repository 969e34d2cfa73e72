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
	own    time.Duration // processor time
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
	return stat{parent: int(number(4)), own: (number(14) + number(15)) * tick}, nil
}

// processor returns the processor time that a process has used.
func processor(pid int) time.Duration {
	s, err := readStat(pid)
	if err != nil {
		return 0
	}
	return s.own
}

// thread returns the processor time that the calling thread has used.
func thread() time.Duration {
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return 0
	}
	used, _, _ := strings.Cut(string(text), " ")
	ns, _ := strconv.ParseInt(used, 10, 64)
	return time.Duration(ns)
}

// A postgres is a PostgreSQL server on this machine and a database of it.
type postgres struct {
	postmaster int // its process id, or 0 when there is none
	database   string
}

// processor returns the processor time of the server's processes that work for
// the database or for all databases. Backends of others, who may use the server
// at the same time, do not count. The title of a process tells what it does.
func (p postgres) processor() time.Duration {
	if p.postmaster == 0 {
		return 0
	}
	var sum time.Duration
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		s, err := readStat(child)
		if err != nil || s.parent != p.postmaster {
			continue
		}
		title, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		for _, work := range []string{" " + p.database + " ", "checkpointer", "walwriter", "background writer"} {
			if bytes.Contains(title, []byte(work)) {
				sum += s.own
				break
			}
		}
	}
	return sum
}

// busy says how many processes have wanted to run in the last minute.
func busy() string {
	text, _ := os.ReadFile("/proc/loadavg")
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

// memory returns how many megabytes of memory a process has now, how many of
// them are pages of the program's file, which the kernel can drop at any time and
// all processes of the program share, and how many it had at most.
func memory(pid int) (now, file, most float64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, 0
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmRSS":
			now = kilobytes * 1024 / 1e6
		case "RssFile":
			file = kilobytes * 1024 / 1e6
		case "VmHWM":
			most = kilobytes * 1024 / 1e6
		}
	}
	return now, file, most
}

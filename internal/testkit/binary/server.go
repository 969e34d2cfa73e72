package binary

import (
	crand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// readyWithin is how long a server may take to answer, when nothing else is
// asked of it than to answer at all.
const readyWithin = 30 * time.Second

// A Server is a running "doorcode dev" or "doorcode serve", or one that has been
// ended.
type Server struct {
	Ready
	// ReadyAfter is how long it took from the start of the process to the
	// ready file.
	ReadyAfter time.Duration
	// HTTP talks to it.
	HTTP *http.Client

	run            *Run
	serve          bool
	dir            string
	args           []string
	port           string
	stdout, stderr string // files
	cmd            *exec.Cmd
	ended          chan struct{} // closed when the process has ended
	err            error         // how it ended
	asked          bool          // it was told to end
}

// Start starts a server with flags of "doorcode dev" beside those that every
// test server has. Its data is in a new directory unless the flags say
// otherwise.
func (r *Run) Start(args ...string) *Server {
	r.t.Helper()
	return r.begin(false, args)
}

// Serve is Start for "doorcode serve", which sends through real providers: the
// flags name stand-ins. A key file that they name is made.
func (r *Run) Serve(args ...string) *Server {
	r.t.Helper()
	if i := slices.Index(args, "--key-file"); i >= 0 {
		key := make([]byte, 32)
		_, _ = crand.Read(key) // never fails
		if err := os.WriteFile(args[i+1], []byte(base64.StdEncoding.EncodeToString(key)), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	return r.begin(true, args)
}

func (r *Run) begin(serve bool, args []string) *Server {
	r.t.Helper()
	Path(r.t)
	dir, err := os.MkdirTemp(r.dir, "server-")
	if err != nil {
		r.t.Fatal(err)
	}
	s := &Server{
		run: r, serve: serve, dir: dir, args: args, port: freePort(),
		stdout: filepath.Join(dir, "stdout.log"), stderr: filepath.Join(dir, "stderr.log"),
	}
	r.mu.Lock()
	r.servers = append(r.servers, s)
	r.mu.Unlock()
	if err := s.start(); err != nil {
		r.t.Fatal(err)
	}
	return s
}

// Restart starts a server that was ended again: at the same address, on the
// same data.
func (s *Server) Restart() {
	s.run.t.Helper()
	if err := s.start(); err != nil {
		s.run.t.Fatal(err)
	}
}

func (s *Server) start() error {
	path, ready := Path(s.run.t), s.ReadyFile()
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	args := []string{"dev", "--no-open"}
	if s.serve {
		args = []string{"serve", "--public-url", "http://127.0.0.1:" + s.port}
	}
	args = append(append(args, "--addr", "127.0.0.1:"+s.port,
		"--private-addr", "127.0.0.1:0", "--ready-file", ready), s.args...)
	s.cmd = exec.Command(path, args...)
	s.cmd.Dir = s.dir
	// A killed server leaves its temporary files where the test's are.
	s.cmd.Env = Environment("TMPDIR="+s.dir, "GORACE=halt_on_error=0")
	out, err := os.OpenFile(s.stdout, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	log, err := os.OpenFile(s.stderr, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	s.cmd.Stdout, s.cmd.Stderr = out, log
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.ended, s.asked = make(chan struct{}), false
	go func(cmd *exec.Cmd, ended chan struct{}) {
		s.err = cmd.Wait()
		close(ended)
	}(s.cmd, s.ended)
	return s.awaitReady(ready, began)
}

func (s *Server) awaitReady(path string, began time.Time) error {
	for {
		r, ok, err := readReady(path)
		if err != nil {
			return err
		}
		if ok {
			s.ReadyAfter, s.Ready = time.Since(began), r
			s.noteReady()
			s.HTTP, err = r.client()
			return err
		}
		select {
		case <-s.ended:
			return fmt.Errorf("the server ended before it was ready (%v):\n%s", s.err, tail(s.stderr, 4<<10))
		case <-time.After(time.Millisecond):
		}
		if time.Since(began) > readyWithin {
			s.Kill()
			return fmt.Errorf("the server was not ready after %v:\n%s", readyWithin, tail(s.stderr, 4<<10))
		}
	}
}

func (s *Server) noteReady() {
	s.run.Note(s.ClientSecret, s.ManagementClientSecret, s.TerraformClientSecret)
	file := filepath.Join(s.dir, "doorcode.key")
	if i := slices.Index(s.args, "--key-file"); i >= 0 {
		file = s.args[i+1]
	}
	if key, err := os.ReadFile(file); err == nil {
		s.run.Note(strings.TrimSpace(string(key)))
	}
}

// Dir is where the server runs, and where its data is unless its flags say
// otherwise: doorcode.db and doorcode.key.
func (s *Server) Dir() string { return s.dir }

// ReadyFile is the path of the file that Ready was read from.
func (s *Server) ReadyFile() string { return filepath.Join(s.dir, "ready.json") }

// Ended is closed when the process has ended.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// running reports whether the process is there.
func (s *Server) running() bool {
	if s.ended == nil {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// Kill ends the server as a power cut would and waits until it is gone.
func (s *Server) Kill() {
	s.asked = true
	_ = s.cmd.Process.Kill()
	<-s.ended
	s.closeIdle()
}

// Stop ends the server in order, and reports to the test if it does not.
func (s *Server) Stop() {
	s.run.t.Helper()
	s.asked = true
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.run.t.Errorf("stop the server: %v", err)
	}
	select {
	case <-s.ended:
		if s.err != nil {
			s.run.t.Errorf("the server ended with %v", s.err)
		}
	case <-time.After(20 * time.Second):
		s.run.t.Error("the server did not end within 20 s of SIGTERM")
		s.Kill()
	}
	s.closeIdle()
}

// closeIdle lets go of connections to a process that is gone.
func (s *Server) closeIdle() {
	if s.HTTP != nil {
		s.HTTP.CloseIdleConnections()
	}
}

// freePort finds a port below those that the system gives to outgoing
// connections, so that a server which is started again finds it free.
func freePort() string {
	for range 100 {
		port := strconv.Itoa(12000 + rand.IntN(18000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		_ = l.Close()
		if l, err = net.Listen("tcp", "[::1]:"+port); err == nil {
			_ = l.Close()
		} else if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		return port
	}
	return "0"
}

// remarks returns the lines of a log that are not about a request that was
// answered, the newest of them if there are many.
func remarks(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "level=INFO msg=request ") && !strings.Contains(line, `"level":"INFO","msg":"request"`) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[max(0, len(kept)-40):], "")
}

// tail returns the end of a file.
func tail(path string, size int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if len(text) > size {
		text = text[len(text)-size:]
	}
	return string(text)
}

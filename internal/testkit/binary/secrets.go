package binary

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// secrets are values that must not be in a log. Short ones, the codes, are
// looked for as words; long ones anywhere in a line, also in other writings.
type secrets struct {
	mu    sync.Mutex
	words map[string]bool
	long  map[string]bool

	index map[[gram]byte][]string
}

// gram is how many bytes of a long value are looked up at once.
const gram = 8

// kept is how much of a token is remembered and looked for.
const kept = 32

func (s *secrets) note(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.words == nil {
		s.words, s.long = map[string]bool{}, map[string]bool{}
	}
	for _, v := range values {
		v = strings.TrimPrefix(v, "+") // of a number, the digits are the secret
		switch {
		case v == "":
		case len(v) < gram:
			s.words[v] = true
		case strings.HasPrefix(v, "eyJ"):
			// Of a JWT the header is public, the rest is not.
			for _, part := range strings.Split(v, ".")[1:] {
				s.long[part[max(0, len(part)-kept):]] = true
			}
		default:
			s.long[v[max(0, len(v)-kept):]] = true
		}
	}
}

func (s *secrets) size() int { return len(s.words) + len(s.long) }

// prepare makes the index of all long values as they are, in hex and in
// base64.
func (s *secrets) prepare() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index = map[[gram]byte][]string{}
	add := func(v string) {
		if len(v) >= gram {
			key := [gram]byte([]byte(v[:gram]))
			s.index[key] = append(s.index[key], v)
		}
	}
	for v := range s.long {
		add(v)
		add(hex.EncodeToString([]byte(v)))
		add(base64.RawStdEncoding.EncodeToString([]byte(v))[:len(v)])
	}
}

// random is what is random or a clock in a log line, where six digits in a row
// are no code.
var random = regexp.MustCompile(`\b(time|dur_us|request_id)"?[=:]("[^"]*"|[^\s,}]+)`)

var word = regexp.MustCompile(`[0-9A-Za-z]+`)

// find returns a secret that the line contains, or "".
func (s *secrets) find(line []byte) string {
	lower := bytes.ToLower(line)
	for i := 0; i+gram <= len(line); i++ {
		for _, text := range [][]byte{line, lower} {
			for _, v := range s.index[[gram]byte(text[i:i+gram])] {
				if bytes.HasPrefix(text[i:], []byte(v)) {
					return v
				}
			}
		}
	}
	for _, w := range word.FindAll(random.ReplaceAll(line, nil), -1) {
		if s.words[string(w)] {
			return string(w)
		}
	}
	return ""
}

// checkLogs reports every line of the server's logs, and of its metrics if it
// still runs, that has a secret in it, and every data race.
func (s *Server) checkLogs() {
	s.checkFile(s.stderr, func([]byte) bool { return true })
	// The banner and the messages that dev shows are there to be read. Log
	// lines do not belong here at all.
	s.checkFile(s.stdout, func(line []byte) bool {
		return bytes.HasPrefix(line, []byte("time=")) || bytes.HasPrefix(line, []byte(`{"time"`))
	})
}

// checkFile looks at the lines of a file that is says yes to.
func (s *Server) checkFile(path string, is func(line []byte) bool) {
	f, err := os.Open(path)
	if err != nil {
		s.run.t.Errorf("read log: %v", err)
		return
	}
	defer func() { _ = f.Close() }()
	found := 0
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadBytes('\n')
		if bytes.Contains(line, []byte("WARNING: DATA RACE")) {
			s.run.t.Errorf("the race detector reports a race in the server:\n%s", nextLines(lines, 40))
			return
		}
		if !is(line) {
			line = nil
		}
		if v := s.run.secrets.find(line); v != "" {
			s.run.t.Errorf("%q is in a log line:\n%s", v, line)
			found++
		}
		if err != nil || found == 10 {
			return
		}
	}
}

// nextLines returns the next lines, as many as there are up to n.
func nextLines(r *bufio.Reader, n int) string {
	var text strings.Builder
	for range n {
		line, err := r.ReadString('\n')
		text.WriteString(line)
		if err != nil {
			break
		}
	}
	return text.String()
}

// CheckMetrics reports if the metrics of the running server tell a secret.
func (s *Server) CheckMetrics() {
	s.run.t.Helper()
	client := &http.Client{Timeout: 5 * time.Second}
	res, err := client.Get(s.PrivateURL + "/metrics")
	if err != nil {
		s.run.t.Error(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || len(text) == 0 {
		s.run.t.Errorf("GET /metrics answered %d with %d bytes: %v", res.StatusCode, len(text), err)
		return
	}
	s.run.secrets.prepare()
	for line := range bytes.Lines(text) {
		name, _, _ := bytes.Cut(line, []byte(" ")) // the value counts something
		if v := s.run.secrets.find(name); v != "" {
			s.run.t.Errorf("%q is in the metrics:\n%s", v, line)
		}
	}
}

package authapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/testkit"
)

// Conversations are told in testdata/*.http: lines with > are sent (the first
// is the request line, then headers, then the body), lines with < are expected
// back (status, then headers, then a JSON body in which "*" stands for
// anything), a line with ~ is a message expected in the outbox with # for each
// digit of its code, which {code} means from then on. A line "+ 3m" lets time
// pass. Everything else is talk.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".http"), func(t *testing.T) {
			s := testkit.Start(t)
			r := s.Ready
			c := &conversation{t: t, s: s, values: map[string]string{
				"client": r.ClientID, "secret": r.ClientSecret, "native": r.NativeClientID, "spa": r.SPAClientID,
				"machine": r.ManagementClientID, "machine_secret": r.ManagementClientSecret, "issuer": r.Issuer, "url": r.URL,
				"big": strings.Repeat("x", 70_000),
			}}
			c.play(f)
		})
	}
}

type conversation struct {
	t      *testing.T
	s      *testkit.Server
	values map[string]string

	status int
	header map[string][]string
	body   string
}

func (c *conversation) play(file string) {
	f, err := os.Open(file)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	var sent, want []string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		if kind != "<" && want != nil {
			c.expect(fmt.Sprintf("%s:%d", filepath.Base(file), n), want)
			want = nil
		}
		switch kind {
		case ">":
			sent = append(sent, c.fill(rest))
		case "<":
			if sent != nil {
				c.send(sent)
				sent = nil
			}
			want = append(want, c.fill(rest))
		case "~":
			c.message(c.fill(rest))
		case "+":
			d, err := time.ParseDuration(rest)
			if err != nil {
				c.t.Fatal(err)
			}
			c.s.Clock.Advance(d)
		}
	}
	if want != nil {
		c.expect(filepath.Base(file)+": end", want)
	}
}

var name = regexp.MustCompile(`\{[a-z_]+\}`)

func (c *conversation) fill(s string) string {
	return name.ReplaceAllStringFunc(s, func(n string) string {
		if v, ok := c.values[n[1:len(n)-1]]; ok {
			return v
		}
		return n
	})
}

func (c *conversation) send(lines []string) {
	method, path, _ := strings.Cut(lines[0], " ")
	var header []string
	rest := lines[1:]
	for len(rest) > 0 {
		k, v, ok := strings.Cut(rest[0], ": ")
		if !ok || strings.ContainsAny(k, `{"&= `) {
			break
		}
		header = append(header, k, v)
		rest = rest[1:]
	}
	c.status, c.header, c.body = c.s.Do(c.t, method, path, strings.Join(rest, "\n"), header...)
	var answer map[string]any
	if json.Unmarshal([]byte(c.body), &answer) == nil {
		for k, v := range answer {
			if s, ok := v.(string); ok {
				c.values[k] = s
			}
		}
	}
}

func (c *conversation) expect(at string, want []string) {
	c.t.Helper()
	status, err := strconv.Atoi(want[0])
	if err != nil || status != c.status {
		c.t.Errorf("%s: status %d %s, want %s", at, c.status, c.body, want[0])
		return
	}
	rest := want[1:]
	for len(rest) > 0 && !strings.HasPrefix(rest[0], "{") && strings.Contains(rest[0], ": ") {
		k, v, _ := strings.Cut(rest[0], ": ")
		if got := strings.Join(c.header[k], ","); got != v && (v != "*" || got == "") {
			c.t.Errorf("%s: header %s is %q, want %q", at, k, got, v)
		}
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return
	}
	var wantJSON, gotJSON any
	if err := json.Unmarshal([]byte(strings.Join(rest, "\n")), &wantJSON); err != nil {
		if c.body != strings.Join(rest, "\n") {
			c.t.Errorf("%s: body %q, want %q", at, c.body, rest)
		}
		return
	}
	if err := json.Unmarshal([]byte(c.body), &gotJSON); err != nil || !like(wantJSON, gotJSON) {
		c.t.Errorf("%s: body %s, want %s", at, c.body, strings.Join(rest, "\n"))
	}
}

// like compares JSON values; "*" is like anything.
func like(want, got any) bool {
	if want == "*" {
		return true
	}
	w, ok := want.(map[string]any)
	if !ok {
		return reflect.DeepEqual(want, got)
	}
	g, ok := got.(map[string]any)
	if !ok || len(w) != len(g) {
		return false
	}
	for k, v := range w {
		if have, ok := g[k]; !ok || !like(v, have) {
			return false
		}
	}
	return true
}

func (c *conversation) message(want string) {
	c.t.Helper()
	to, text, _ := strings.Cut(want, " ")
	if text == "nothing" {
		time.Sleep(50 * time.Millisecond)
		if got := c.s.Outbox.Messages(outbox.Filter{To: to}); len(got) > 0 {
			c.t.Errorf("%s got %q, want nothing", to, got[0].Text)
		}
		return
	}
	pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(text), "#", "[0-9]"))
	for range 200 {
		got := c.s.Outbox.Messages(outbox.Filter{To: to})
		if len(got) == 0 {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if !pattern.MatchString(got[0].Text) {
			c.t.Errorf("%s got %q, want %q", to, got[0].Text, text)
		}
		c.values["code"] = got[0].Code
		c.values["wrong"] = strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, got[0].Code)
		c.s.Outbox.Clear()
		return
	}
	c.t.Errorf("%s got no message", to)
}

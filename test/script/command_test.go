package script

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

// command runs the program in a directory and returns what it printed and its
// exit status.
func command(t *testing.T, dir string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary.Path(t), args...)
	cmd.Dir = dir
	cmd.Env = binary.Environment("TMPDIR=" + dir)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// The exit status is 0 for done, 1 for failed and 2 for wrong use.
func TestExitStatus(t *testing.T) {
	tests := []struct {
		args   string
		status int
		says   string // in what it prints
	}{
		{"version", 0, `doorcode \d+\.\d+\.\d+`},
		{"--help", 0, `dev .*\n(.*\n)*.*serve `},
		{"dev --help", 0, `--addr`},
		{"no-such-command", 2, `doorcode: `},
		{"dev --no-such-flag", 2, `doorcode: .*--no-such-flag`},
		{"try pigeon +447700900123", 2, `doorcode: .*pigeon|sms`},
		{"dev --limits sometimes", 2, `doorcode: .*--limits must be off, auth0 or strict`},
		{"dev --addr nonsense", 2, `doorcode: .*--addr must be HOST:PORT, such as 127\.0\.0\.1:8787, not "nonsense"`},
		{"dev --addr 127.0.0.1:nonsense", 2, `doorcode: .*--addr must be HOST:PORT`},
		{"dev --private-addr nonsense", 2, `doorcode: .*--private-addr must be HOST:PORT`},
		{"dev --keep-days soon", 2, `doorcode: .*--keep-days must be a number of days`},
		{"dev --log-format xml", 2, `doorcode: .*--log-format must be text or json`},
		{"dev --public-url nonsense", 2, `doorcode: .*--public-url must be an http or https address`},
		{"dev --trusted-proxies nonsense", 2, `doorcode: .*--trusted-proxies must be addresses and networks, such as .*"nonsense"`},
		{"dev --allow-networks nonsense", 2, `doorcode: .*--allow-networks must be addresses and networks, such as .*"nonsense"`},
		{"dev --tls-cert c.pem", 2, `doorcode: .*--tls-cert and --tls-key belong together`},
		{"dev --database nonsense", 2, `doorcode: --database must be sqlite:PATH`},
		{"keys list --database mysql://u:canary@db.example/x", 2, `doorcode: --database must be sqlite:PATH`},
		{"doctor --limits sometimes", 2, `doorcode: .*--limits must be off`},
		{"doctor --allow-networks nonsense --database nonsense", 2, `doorcode: --database must be`},
		{"dev --addr 0.0.0.0:0 --no-open", 2, `doorcode: .*loopback`},
		{"serve --public-url https://login.example.com", 1, `doorcode: .*doorcode keys new`},
		{"serve", 2, `doorcode: .*--public-url`},
		{"try sms 0777", 2, `doorcode: "0777" is no phone number .*such as \+447700900123`},
		{"try email nobody", 2, `doorcode: "nobody" is no e-mail address: .*someone@example\.com`},
		{"dev --config none.yaml", 1, `doorcode: read configuration file: open none\.yaml: .*: name one with --config .*doorcode init`},
		{"dev --addr 127.0.0.1:0 --tls-cert c.pem --tls-key k.pem", 1, `doorcode: load certificate: open c\.pem: .*: name two PEM files`},
		{"init nowhere/doorcode.yaml", 1, `doorcode: write the configuration file: .*: name a file in a folder`},
		{"keys new --key-file nowhere/doorcode.key", 1, `doorcode: make key file: .*: name a place with --key-file`},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			stdout, stderr, status := command(t, t.TempDir(), strings.Fields(tt.args)...)
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			if !regexp.MustCompile(tt.says).MatchString(stdout + stderr) {
				t.Errorf("it says nothing of %s:\n%s%s", tt.says, stdout, stderr)
			}
			if tt.status != 0 && stdout != "" {
				t.Errorf("an error is on standard output:\n%s", stdout)
			}
			if strings.Contains(stderr, "canary") {
				t.Errorf("a password is shown:\n%s", stderr)
			}
			if tt.status == 1 && strings.Count(strings.TrimSpace(stderr), "\n") > 3 {
				t.Errorf("an error is longer than a few lines:\n%s", stderr)
			}
		})
	}
}

// A failure says what, why and what to do, in words for people: no code of a
// fault, and no password.
func TestFailuresSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	if _, stderr, status := command(t, dir, "keys", "new"); status != 0 {
		t.Fatal(stderr)
	}
	write(t, dir, "text.db", strings.Repeat("this is no database ", 100))
	serve(t, dir)()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ args, says string }{
		{"keys new", `^doorcode: doorcode\.key is there already, and is not replaced: .* Name another file with --key-file\n$`},
		{"keys list --database sqlite:text.db", `^doorcode: open database: text\.db is no SQLite database: name another file with --database, or bring a backup back with "doorcode restore"\n$`},
		{"serve --public-url https://login.example.com --database sqlite:nowhere/doorcode.db", `^doorcode: open database: .*no such file or directory: make the folder, or name another place with --database\n$`},
		{"keys list --database postgres://nobody:canary@" + closed + "/doorcode", `^doorcode: open database: PostgreSQL cannot be reached: nothing listens there: look whether it runs at ` + regexp.QuoteMeta(closed) + ` and .* --database names it\n$`},
		{"keys list --database postgres://nobody:canary@name.invalid/doorcode", `^doorcode: open database: PostgreSQL cannot be reached: its name cannot be resolved: look whether it runs at name\.invalid and`},
		{"keys list --database postgres://nobody:canary@127.0.0.1:port/doorcode", `^doorcode: open database: the postgres:// address cannot be read: write it as postgres://USER:PASSWORD@HOST:5432/NAME`},
		{"keys revoke canary-less", `^doorcode: there is no key "canary-less": "doorcode keys list" shows those there are\n$`},
		{"keys rotate", `^doorcode: The next RS256 key has not been published .* --now, then "keys revoke"\n$`},
		{"admin link --email nobody", `^doorcode: That is not an e-mail address\.\n$`},
	} {
		_, stderr, status := command(t, dir, strings.Fields(tt.args)...)
		if status != 1 || !regexp.MustCompile(tt.says).MatchString(stderr) {
			t.Errorf("%s: status %d:\n%swant 1 and %s", tt.args, status, stderr, tt.says)
		}
		if strings.Contains(strings.ReplaceAll(stderr, "canary-less", ""), "canary") {
			t.Errorf("%s shows a password:\n%s", tt.args, stderr)
		}
		if code := regexp.MustCompile(`\b[a-z]+_[a-z_]+: `).FindString(stderr); code != "" {
			t.Errorf("%s shows the code %q:\n%s", tt.args, code, stderr)
		}
	}
}

// doorcode try goes through the whole loop by itself: with the server that runs
// in the same folder, and without one.
func TestTry(t *testing.T) {
	steps := []string{"start", "message", "code", "tokens", "id token"}
	check := func(t *testing.T, to, stdout, stderr string, status int) {
		t.Helper()
		if status != 0 {
			t.Fatalf("status %d:\n%s%s", status, stdout, stderr)
		}
		at := 0
		for _, step := range steps {
			i := strings.Index(stdout[at:], "\n  "+step)
			if i < 0 {
				t.Fatalf("the step %q is not there, or not in its place:\n%s", step, stdout)
			}
			at += i
		}
		if !strings.Contains(stdout, to) {
			t.Errorf("the ID token is not about %s:\n%s", to, stdout)
		}
	}
	t.Run("with the server of the folder", func(t *testing.T) {
		run := binary.New(t)
		s := run.Start()
		run.Note("+447700900123", "someone@mail.example")
		for channel, to := range map[string]string{"sms": "+447700900123", "email": "someone@mail.example"} {
			for range 3 { // what was sent before is in the outbox too
				stdout, stderr, status := command(t, s.Dir(), "try", channel, to)
				check(t, to, stdout, stderr, status)
				if !strings.Contains(stdout, s.URL) {
					t.Errorf("it did not use the server that runs:\n%s", stdout)
				}
			}
		}
		s.NoteOutbox()
		s.Stop()
	})
	t.Run("without a server", func(t *testing.T) {
		stdout, stderr, status := command(t, t.TempDir(), "try", "sms", "+447700900124")
		check(t, "+447700900124", stdout, stderr, status)
	})
}

// doorcode try --check asks the provider and sends nothing: each step has its
// verdict, and one that failed says what to do.
func TestTryCheck(t *testing.T) {
	stand := twiliotest.Start(t)
	run := binary.New(t)
	s := run.Start()
	check := func(t *testing.T, status int, says []string, args ...string) {
		t.Helper()
		stdout, stderr, got := command(t, s.Dir(), append([]string{"try", "sms", "--check", "--twilio-url", stand.URL}, args...)...)
		if got != status {
			t.Errorf("status %d, want %d:\n%s%s", got, status, stdout, stderr)
		}
		for _, want := range says {
			if !regexp.MustCompile(want).MatchString(stdout + stderr) {
				t.Errorf("it says nothing of %s:\n%s%s", want, stdout, stderr)
			}
		}
		if strings.Contains(stdout+stderr, twiliotest.Token) {
			t.Errorf("it tells the Auth Token:\n%s%s", stdout, stderr)
		}
	}
	check(t, 1, []string{`connection sms\n`, `fail  settings +The connection "sms" lacks the Twilio Account SID`, `-> Complete the Twilio settings`, `doorcode: .*1 of the steps`})
	m := s.Manage(t.Context())
	run.Note(twiliotest.Token)
	set := func(options map[string]any) {
		m.Must(t.Context(), "PATCH", "/api/v2/connections/"+m.Connection(t.Context(), "sms"), map[string]any{"options": options}, nil)
	}
	set(map[string]any{"twilio_sid": twiliotest.SID, "twilio_token": twiliotest.Token, "from": twiliotest.From})
	check(t, 0, []string{`ok +credentials`, `ok +account`, `ok +balance +The balance is 12\.34 USD`, `ok +sender`, `warn +reports`, `-> Give the server a public URL`})
	check(t, 0, []string{`connection sms\n`}, "--connection", "sms")
	check(t, 1, []string{`doorcode: there is no connection of that name`}, "--connection", "smoke-signals")
	set(map[string]any{"from": "+15005550099"})
	check(t, 1, []string{`fail +sender +The From number \+15005550099 is not one of the account's`, `doorcode: .*1 of the steps`})
	check(t, 2, []string{`doorcode: --check sends nothing`}, "+447700900123")
	if _, stderr, status := command(t, s.Dir(), "try", "sms"); status != 2 || !strings.Contains(stderr, "say who the code is for") {
		t.Errorf("try without a recipient: status %d, %s", status, stderr)
	}
	set(map[string]any{"provider": "sms_gateway", "gateway_url": "http://10.0.0.5/x"})
	check(t, 1, []string{`fail +address +The address of the SMS gateway is not one that this server may call: every message fails`, `-> It is not a public one \(private\)`})
	check(t, 0, []string{`ok +address`, `warn +provider +The settings are complete`}, "--allow-networks", "10.0.0.0/24")
	if n := len(stand.Sent()); n != 0 {
		t.Errorf("checking sent %d messages", n)
	}
	s.Stop()
}

package script

import (
	"bytes"
	"context"
	"errors"
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
		{"dev --limits sometimes", 1, `doorcode: .*--limits must be off, auth0 or strict`},
		{"dev --addr 0.0.0.0:0 --no-open", 1, `doorcode: .*loopback`},
		{"serve --public-url https://login.example.com", 1, `doorcode: .*doorcode keys new`},
		{"serve", 1, `doorcode: .*--public-url`},
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
			if tt.status == 1 && strings.Count(strings.TrimSpace(stderr), "\n") > 3 {
				t.Errorf("an error is longer than a few lines:\n%s", stderr)
			}
		})
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
			stdout, stderr, status := command(t, s.Dir(), "try", channel, to)
			check(t, to, stdout, stderr, status)
			if !strings.Contains(stdout, s.URL) {
				t.Errorf("it did not use the server that runs:\n%s", stdout)
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

package script

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// A signedIn is somebody who was given a refresh token.
type signedIn struct{ to, refresh string }

// people sign in at a server, one after another from several callers, and are
// kept with their refresh tokens once those are acknowledged.
type people struct {
	mu   sync.Mutex
	list []signedIn
}

func (p *people) so() []signedIn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.list[:len(p.list):len(p.list)]
}

func (p *people) signIn(ctx context.Context, t *testing.T, run *binary.Run, inbox *binary.Inbox, app *binary.App) {
	for ctx.Err() == nil {
		to := run.Phone()
		if a := app.Start(context.WithoutCancel(ctx), binary.Start{To: to}); !a.OK() {
			t.Errorf("start: %v", a)
			return
		}
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		m, err := inbox.Wait(wait, to, 0)
		cancel()
		if err != nil {
			t.Error(err)
			return
		}
		a := app.Token(context.WithoutCancel(ctx), binary.Code{To: to, Code: m.Code})
		if !a.OK() {
			t.Errorf("token: %v", a)
			return
		}
		p.mu.Lock()
		p.list = append(p.list, signedIn{to, a.RefreshToken})
		p.mu.Unlock()
		time.Sleep(60 * time.Millisecond) // some 50 requests a second in all
	}
}

// OPS-04: a backup that is made while people sign in is sound, and has
// everything that was acknowledged before it began.
func TestOPS04BackupWhileServing(t *testing.T) {
	rounds := binary.Count(t, "DOORCODE_TEST_BACKUPS", 5)
	run := binary.New(t)
	server := run.Start()
	inbox, app := run.Inbox(server), server.App()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var folk people
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { folk.signIn(ctx, t, run, inbox, app) })
	}
	key := filepath.Join(server.Dir(), "doorcode.key")
	var known []signedIn
	var file string
	for round := range rounds {
		time.Sleep(300 * time.Millisecond)
		known = folk.so()
		file = filepath.Join(run.Dir(), "backup-"+string(rune('a'+round)))
		out, errs, status := command(t, server.Dir(), "backup", file)
		if status != 0 || !strings.Contains(out, "It is sound, and the root key opens it.") {
			t.Fatalf("backup: status %d\n%s%s", status, out, errs)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the backup is %v, %v", info.Mode(), err)
		}
		keyText, err := os.ReadFile(key)
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(file)
		if err != nil || strings.Contains(string(content), strings.TrimSpace(string(keyText))) {
			t.Errorf("the root key is in the backup (%v)", err)
		}
	}
	stop()
	wg.Wait()
	if len(known) < 5 {
		t.Fatalf("only %d people had signed in before the last backup", len(known))
	}
	// Somebody who asked for a code, but had not used it when the backup was made.
	late := run.Phone()
	if a := app.Start(t.Context(), binary.Start{To: late}); !a.OK() {
		t.Fatal(a)
	}
	code, err := inbox.Wait(t.Context(), late, 0)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(run.Dir(), "backup-last")
	if _, errs, status := command(t, server.Dir(), "backup", file); status != 0 {
		t.Fatal(errs)
	}

	restored := filepath.Join(run.Dir(), "restored.db")
	began := time.Now()
	if out, errs, status := command(t, server.Dir(), "restore", file, "--database", "sqlite:"+restored); status != 0 {
		t.Fatalf("restore: status %d\n%s%s", status, out, errs)
	}
	took := time.Since(began)
	again := run.Start("--database", "sqlite:"+restored, "--key-file", key)
	for _, p := range known {
		if a := app.On(again).Refresh(t.Context(), p.refresh); !a.OK() {
			t.Errorf("a refresh token from before the backup is refused: %v", a)
		}
	}
	if a := app.On(again).Token(t.Context(), binary.Code{To: late, Code: code.Code}); !a.Wrong() {
		t.Errorf("a code from before the restore gave %v", a)
	}
	run.Inbox(again)
	if n := len(again.Messages(t.Context(), "")); n != 0 {
		t.Errorf("%d messages were sent again after the restore", n)
	}
	again.Stop()
	t.Logf("measured: %d backups under load, %d people known before the last but one and all of them after it, restore %d ms", rounds+1, len(known), took.Milliseconds())
}

// Nothing is replaced that is in use, or without being asked to; what is
// replaced is kept; and a file that is no backup is refused before anything is
// touched.
func TestRestoreIsCareful(t *testing.T) {
	run := binary.New(t)
	server := run.Start()
	inbox, app := run.Inbox(server), server.App()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	to := run.Phone()
	if a := app.Start(ctx, binary.Start{To: to}); !a.OK() {
		t.Fatal(a)
	}
	m, err := inbox.Wait(ctx, to, 0)
	if err != nil {
		t.Fatal(err)
	}
	token := app.Token(ctx, binary.Code{To: to, Code: m.Code})
	if !token.OK() {
		t.Fatal(token)
	}
	dir := server.Dir()
	refused := func(want string, args ...string) {
		t.Helper()
		out, errs, status := command(t, dir, args...)
		if status != 1 || !strings.Contains(errs, want) || out != "" {
			t.Errorf("%v: status %d, want 1 with %q:\n%s%s", args, status, want, out, errs)
		}
	}
	if _, errs, status := command(t, dir, "backup", "good"); status != 0 {
		t.Fatal(errs)
	}
	refused("is there already", "backup", "good")
	refused("there is no database", "backup", "other", "--database", "sqlite:nothing.db")
	refused("pg_dump --format=custom", "backup", "other", "--database", "postgres://somebody:secret@127.0.0.1:1/x")
	refused("pg_restore", "restore", "good", "--database", "postgres://somebody:secret@127.0.0.1:1/x")
	refused("--replace", "restore", "good")
	refused("uses the database", "restore", "good", "--replace")
	refused("there is no file", "restore", "nothing", "--replace")

	whole, err := os.ReadFile(filepath.Join(dir, "good"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte(nil), whole...)
	for i := len(damaged) / 2; i < len(damaged)/2+5000; i++ {
		damaged[i] ^= 0xa5
	}
	write(t, dir, "damaged", string(damaged))
	write(t, dir, "half", string(whole[:len(whole)/2]))
	write(t, dir, "text", "this is no backup")
	write(t, dir, "empty", "")
	for _, name := range []string{"damaged", "half", "text", "empty"} {
		refused("no sound database", "restore", name, "--replace")
	}
	command(t, dir, "keys", "new", "--key-file", "other.key")
	refused("another root key", "restore", "good", "--database", "sqlite:new.db", "--key-file", "other.key")
	refused("a log of its own", "restore", "doorcode.db", "--database", "sqlite:new.db")
	write(t, dir, "new.db.partial", "")
	refused("delete the file", "restore", "good", "--database", "sqlite:new.db")
	if err := os.Remove(filepath.Join(dir, "new.db.partial")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "new.db")); err == nil {
		t.Error("a restore that was refused left a database")
	}

	// The server has not been disturbed, and gives way when it ends.
	if a := app.Refresh(ctx, token.RefreshToken); !a.OK() {
		t.Errorf("the server is disturbed: %v", a)
	}
	server.Stop()
	out, errs, status := command(t, dir, "restore", "good", "--replace", "--end-sessions")
	if status != 0 || !strings.Contains(out, "doorcode.db.before-restore-") {
		t.Fatalf("restore --replace: status %d\n%s%s", status, out, errs)
	}
	aside, err := filepath.Glob(filepath.Join(dir, "doorcode.db.before-restore-*"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("kept aside: %v, %v", aside, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.partial*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	server.Restart()
	if a := app.On(server).Refresh(ctx, token.RefreshToken); a.OK() {
		t.Error("with --end-sessions a refresh token goes on working")
	}
	server.Stop()
	// What was kept aside is a database like any other.
	kept := run.Start("--database", "sqlite:"+aside[0], "--key-file", filepath.Join(dir, "doorcode.key"))
	if a := app.On(kept).Refresh(ctx, token.RefreshToken); !a.OK() {
		t.Errorf("what was kept aside refuses its refresh token: %v", a)
	}
	kept.Stop()
}

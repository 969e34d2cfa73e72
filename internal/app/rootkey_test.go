package app_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
)

// R4: who has used up the tries of an identifier does not get new ones because
// the operator has changed the root key. Nor do the tries go to anybody else.
func TestRootKeyChangesAndTriesStay(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		first := base64.StdEncoding.EncodeToString(secret.Bytes(secret.RootSize))
		second := base64.StdEncoding.EncodeToString(secret.Bytes(secret.RootSize))
		third := base64.StdEncoding.EncodeToString(secret.Bytes(secret.RootSize))
		start := func(key, previous string) *testkit.Server {
			return testkit.Start(t, func(c *config.Config) {
				c.Database, c.Ephemeral, c.Key, c.KeyPrevious = address, false, key, previous
				c.KeyFile = filepath.Join(t.TempDir(), "none")
			})
		}
		const spent, fresh = "+447700900123", "+447700900124"
		ask := func(s *testkit.Server, to string) int {
			st, _, _ := s.Post(t, "/passwordless/start", fmt.Sprintf(
				`{"client_id":%q,"connection":"sms","phone_number":%q}`, s.Ready.NativeClientID, to))
			return st
		}
		wrong := func(s *testkit.Server, to string) int {
			st, _, body := s.Post(t, "/oauth/token", fmt.Sprintf(
				`{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp","client_id":%q,"realm":"sms","username":%q,"otp":"0000"}`,
				s.Ready.NativeClientID, to))
			if st == 429 && !strings.Contains(body, "too_many_attempts") {
				t.Error(body)
			}
			return st
		}
		s := start(first, "")
		for n := range 10 {
			if n%3 == 0 && ask(s, spent) != 200 {
				t.Fatalf("start %d was refused", n)
			}
			if st := wrong(s, spent); st != 403 {
				t.Fatalf("wrong try %d gave %d", n, st)
			}
		}
		s.Stop(t)
		for _, k := range []struct{ name, key, previous string }{
			{"the same key", first, ""},
			{"the next key", second, first},
			{"the next key again", second, first},
			{"back to the first", first, second},
			{"another one", third, first},
		} {
			s := start(k.key, k.previous)
			if st := ask(s, spent); st != 429 {
				t.Errorf("%s: a start after ten wrong tries gave %d", k.name, st)
			}
			if st := wrong(s, spent); st != 429 {
				t.Errorf("%s: a try after ten wrong ones gave %d", k.name, st)
			}
			if st := ask(s, fresh); st != 200 {
				t.Errorf("%s: somebody else's start gave %d", k.name, st)
			}
			s.Stop(t)
		}
	})
}

// TOK-10: without a root key, or with one that is too short or could be guessed,
// the server does not start, wherever the key is from; and what it says of it has
// nothing of the key.
func TestTOK10BadRootKeys(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(secret.Bytes(secret.RootSize))
	bad := map[string]string{
		"of 16 bytes":      base64.StdEncoding.EncodeToString(secret.Bytes(16)),
		"of 31 bytes":      base64.StdEncoding.EncodeToString(secret.Bytes(31)),
		"of 64 bytes":      base64.StdEncoding.EncodeToString(secret.Bytes(64)),
		"of zeros":         base64.StdEncoding.EncodeToString(make([]byte, secret.RootSize)),
		"of one text":      base64.StdEncoding.EncodeToString([]byte(strings.Repeat("changeme", 4))),
		"that is no value": "changeme-changeme-changeme-changeme",
		"in hexadecimal":   fmt.Sprintf("%x", secret.Bytes(secret.RootSize)),
	}
	open := func(c config.Config) error {
		c.Mode, c.Addr, c.PublicURL, c.NoOpen = config.Serve, "127.0.0.1:0", "https://login.example.com", true
		c.Database = "sqlite:" + filepath.Join(t.TempDir(), "x.db")
		a, err := app.Open(t.Context(), c, app.Options{Now: time.Now, Log: io.Discard})
		if err == nil {
			_ = a.Close()
		}
		return err
	}
	none := filepath.Join(t.TempDir(), "none")
	if err := open(config.Config{Key: good, KeyFile: none}); err != nil {
		t.Fatalf("with a good key: %v", err)
	}
	if err := open(config.Config{KeyFile: none}); err == nil || !strings.Contains(err.Error(), "doorcode keys new") {
		t.Errorf("without a key: %v", err)
	}
	for name, key := range bad {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for from, c := range map[string]config.Config{
			"DOORCODE_KEY":          {Key: key, KeyFile: none},
			"DOORCODE_KEY_PREVIOUS": {Key: good, KeyPrevious: key, KeyFile: none},
			file:                    {KeyFile: file},
		} {
			err := open(c)
			if err == nil || !strings.Contains(err.Error(), from) {
				t.Errorf("a key %s from %s: %v", name, from, err)
			} else if strings.Contains(err.Error(), key) {
				t.Errorf("a key %s from %s is in the error", name, from)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(good), 0o644); err != nil { //nolint:gosec // that is what is refused
		t.Fatal(err)
	}
	if err := open(config.Config{KeyFile: file}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
}

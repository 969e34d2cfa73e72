package app_test

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

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

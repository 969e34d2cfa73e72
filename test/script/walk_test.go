// Package script runs what the documents tell people to type, as they would
// type it: with a shell and curl, against the real program.
package script

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

// readme is the document with the walk in it.
const readme = "../../README.md"

// walkText is what lies between the marks, and blockText a block of shell
// commands in it.
var (
	walkText  = regexp.MustCompile(`(?s)<!-- walk -->(.*?)<!-- /walk -->`)
	blockText = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
)

// blocks returns the shell commands between the marks of a document.
func blocks(document string) ([]string, error) {
	var found []string
	for _, walk := range walkText.FindAllStringSubmatch(document, -1) {
		for _, block := range blockText.FindAllStringSubmatch(walk[1], -1) {
			found = append(found, block[1])
		}
	}
	if len(found) == 0 {
		return nil, errors.New("there is no block of shell commands between <!-- walk --> and <!-- /walk -->")
	}
	return found, nil
}

func TestBlocks(t *testing.T) {
	const document = "```sh\nbefore\n```\n<!-- walk -->\nText.\n```sh\none\n\ntwo\n```\nMore.\n```go\nno\n```\n```sh\nthree\n```\n<!-- /walk -->\n```sh\nafter\n```\n"
	got, err := blocks(document)
	if want := []string{"one\n\ntwo\n", "three\n"}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("blocks = %q, %v, want %q", got, err, want)
	}
	if _, err := blocks("```sh\nnothing\n```\n"); err == nil {
		t.Error("a document without a walk gave no error")
	}
}

// asTyped makes one script of the blocks: with the values that a person copies
// from the server's terminal, and the address of the server of this test in
// place of the usual one. A command that fails ends it.
func asTyped(t *testing.T, blocks []string, s *binary.Server) string {
	t.Helper()
	script := strings.Join(blocks, "\n")
	for name, value := range map[string]string{"CLIENT_ID": s.ClientID, "CLIENT_SECRET": s.ClientSecret} {
		placeholder := regexp.MustCompile(`(?m)^` + name + `=\.\.\.$`)
		if n := len(placeholder.FindAllString(script, -1)); n != 1 {
			t.Fatalf("the walk has %d lines %s=..., want 1", n, name)
		}
		script = placeholder.ReplaceAllString(script, name+"="+value)
	}
	if !strings.Contains(script, "http://localhost:8787/") {
		t.Fatal("the walk does not use the server's usual address")
	}
	return "set -eu\n" + strings.ReplaceAll(script, "localhost:8787", s.Domain)
}

// documents returns the JSON documents in what a script has printed.
func documents(t *testing.T, out []byte) []map[string]any {
	t.Helper()
	var found []map[string]any
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var doc map[string]any
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatalf("what the walk prints is not JSON: %v\n%s", err, out)
		}
		found = append(found, doc)
	}
}

// The walk of the README, line by line: a code is asked for, read and exchanged
// for tokens, and the ID token verifies with somebody else's library against
// the keys that the server publishes.
func TestReadmeWalk(t *testing.T) {
	shell := binary.Tool(t, "sh", "")
	binary.Tool(t, "curl", "")
	binary.Tool(t, "grep", "")
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	walk, err := blocks(string(text))
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	run := binary.New(t)
	s := run.Start()
	run.Note("+447700900123")

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, "-c", asTyped(t, walk, s))
	cmd.Dir = t.TempDir()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("the walk: %v\n%s%s", err, &stdout, &stderr)
	}
	answers := documents(t, stdout.Bytes())
	if len(answers) < 2 {
		t.Fatalf("the walk printed %d answers:\n%s", len(answers), &stdout)
	}
	if started := answers[0]; started["_id"] == nil || started["phone_number"] != "+447700900123" {
		t.Errorf("the start answered %v", started)
	}
	tokens := answers[len(answers)-1]
	for _, name := range []string{"access_token", "id_token", "refresh_token"} {
		value, _ := tokens[name].(string)
		if value == "" {
			t.Fatalf("the walk ends without %s:\n%s", name, &stdout)
		}
		run.Note(value)
	}
	verify(t, s, tokens["id_token"].(string), tokens["access_token"].(string))
	s.NoteOutbox()
	s.CheckMetrics()
	s.Stop()
}

// verify checks an ID token as an application does that knows nothing but the
// issuer.
func verify(t *testing.T, s *binary.Server, idToken, accessToken string) {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), s.HTTP)
	provider, err := oidc.NewProvider(ctx, s.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	token, err := provider.Verifier(&oidc.Config{ClientID: s.ClientID}).Verify(ctx, idToken)
	if err != nil {
		t.Fatalf("verify the ID token: %v", err)
	}
	if err := token.VerifyAccessToken(accessToken); err != nil {
		t.Errorf("the ID token does not belong to the access token: %v", err)
	}
	var claims struct {
		PhoneNumber string `json:"phone_number"`
		Verified    bool   `json:"phone_number_verified"`
	}
	if err := token.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.PhoneNumber != "+447700900123" || !claims.Verified || !strings.HasPrefix(token.Subject, "sms|") {
		t.Errorf("the ID token is about %s with %+v", token.Subject, claims)
	}
}

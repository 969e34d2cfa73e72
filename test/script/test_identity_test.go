package script

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// X6: a test identity signs in to the program as people do, is sent nothing,
// and is told apart in the log, in the list of messages and by the doctor.
func TestX6TestIdentity(t *testing.T) {
	run := binary.New(t)
	server := run.Start()
	inbox, app := run.Inbox(server), server.App()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	manager := server.Manage(ctx)
	number := run.Phone()
	var made struct {
		ID     string `json:"id"`
		Code   string `json:"code"`
		UserID string `json:"user_id"`
	}
	body := map[string]any{"connection": "sms", "phone_number": number, "clients": []string{app.ID}, "note": "Review"}
	manager.Must(ctx, "POST", "/api/doorcode/v1/test-identities", body, &made)
	run.Note(made.Code)

	var token binary.Answer
	for range 2 {
		if a := app.Start(ctx, binary.Start{To: number}); !a.OK() {
			t.Fatal(a)
		}
		if token = app.Token(ctx, binary.Code{To: number, Code: made.Code}); !token.OK() {
			t.Fatal(token)
		}
	}
	if a := app.Token(ctx, binary.Code{To: number, Code: made.Code}); !a.Wrong() {
		t.Errorf("the code without a start gave %v", a)
	}
	if a := app.Refresh(ctx, token.RefreshToken); !a.OK() {
		t.Fatal(a)
	}
	if n := len(inbox.To(number)); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
	// An application that it is not for.
	other := server.Native()
	if a := other.Start(ctx, binary.Start{To: number}); !a.OK() {
		t.Fatal(a)
	}
	if a := other.Token(ctx, binary.Code{To: number, Code: made.Code}); !a.Wrong() {
		t.Errorf("another application's sign-in gave %v", a)
	}

	var logs []struct {
		Type string `json:"type"`
		Test bool   `json:"test"`
		User string `json:"user_id"`
	}
	manager.Must(ctx, "GET", "/api/v2/logs?per_page=100", nil, &logs)
	types := map[string]int{}
	for _, l := range logs {
		if l.Test {
			types[l.Type]++
		} else if l.User == made.UserID {
			t.Errorf("the event %s of its user is not marked", l.Type)
		}
	}
	for typ, n := range map[string]int{"cs": 2, "s": 2, "sepft": 2, "sertft": 1, "sapi": 1, "fepotpft": 2, "f": 1} {
		if types[typ] != n {
			t.Errorf("%d events of type %s are marked as a test, want %d (%v)", types[typ], typ, n, types)
		}
	}
	var messages struct {
		Messages []struct {
			State  string `json:"state"`
			Events []struct {
				Detail string `json:"detail"`
			} `json:"events"`
		} `json:"messages"`
	}
	manager.Must(ctx, "GET", "/api/doorcode/v1/messages", nil, &messages)
	for _, m := range messages.Messages {
		if m.State != "suppressed" || !strings.Contains(strings.ToLower(m.Events[0].Detail), "test identity") {
			t.Errorf("a message is %+v", m)
		}
	}
	if len(messages.Messages) != 3 {
		t.Errorf("%d messages are listed, want 3", len(messages.Messages))
	}
	if out, _, status := command(t, server.Dir(), "doctor"); status != 0 || !strings.Contains(out, "The test identity "+made.ID+" (Review) signs in with a fixed code") {
		t.Errorf("the doctor does not tell (status %d):\n%s", status, out)
	}
	manager.Must(ctx, "DELETE", "/api/doorcode/v1/test-identities/"+made.ID, nil, nil)
	if a := app.Refresh(ctx, token.RefreshToken); a.OK() {
		t.Error("a refresh token outlives its test identity")
	}
}

package mgmtapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

func TestMessages(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		sms := text(sv.must(201, "POST /api/v2/connections", `{"name":"sms","strategy":"sms"}`)["id"])
		var ids []string
		for i := range 3 {
			now := time.Date(2026, 5, 1, 10, 0, i, 0, time.UTC)
			m := tenant.Message{
				ID: event.NewMessageID(now), State: tenant.MessageQueued, Channel: tenant.SMS, To: fmt.Sprintf("+447700900%03d", i),
				Connection: tenant.ConnectionID(sms), Client: "app", Language: "nl", Send: "code", Digits: 6, NextAt: now, LeaseUntil: now.Add(time.Minute), CreatedAt: now,
				Events: []tenant.MessageEvent{{At: now, State: tenant.MessageRequested}},
			}
			m.Code = tenant.CodeKey{Connection: m.Connection, Identifier: m.To, Client: m.Client}
			_, err := sv.store.Begin(t.Context(), passwordless.Begin{
				Now: now, To: tenant.Recipient{Connection: m.Connection, Channel: tenant.SMS, Identifier: m.To}, Identifier: m.To, Life: time.Minute,
				Code:    tenant.Code{Key: m.Code, Salt: []byte("salt"), Digest: []byte("digest"), Digits: 6, FirstSent: now, Expires: now.Add(time.Minute)},
				Message: m, Event: event.New(event.CodeSent, now), Refused: event.New(event.LoginFailed, now),
			})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, m.ID)
		}
		list := sv.ask("scopes.read-messages", "GET /api/doorcode/v1/messages?take=2", "")
		want := `{"id":"` + ids[2] + `","state":"queued","channel":"sms","to_masked":"+44••••••0002","connection":"sms","client_id":"app","user_id":null,"provider":null,"provider_id":null,"language":"nl","template_version":0,"segments":0,"encoding":null,"price":null,"error":null,"events":[{"at":"2026-05-01T10:00:02.000Z","detail":"","state":"requested"}],"created_at":"2026-05-01T10:00:02.000Z"}`
		if !strings.HasPrefix(list.body, `{"messages":[`) || !strings.HasSuffix(list.body, `"next":"`+ids[1]+`"}`) || strings.Contains(list.body, "447700900") {
			t.Errorf("%s", list.body)
		}
		one := sv.ask("scopes.read-messages", "GET /api/doorcode/v1/messages/"+ids[2], "")
		if strings.ReplaceAll(one.body, "•", "") != strings.ReplaceAll(want, "•", "") {
			t.Errorf("%s\nwant %s", one.body, want)
		}
		sent := time.Date(2026, 5, 1, 10, 0, 2, 0, time.UTC)
		failed := tenant.MessageEvent{At: sent.Add(time.Second), State: tenant.MessageFailed, Detail: "Refused: Authenticate (20003).", Fix: "Enter the token."}
		if err := sv.store.Finish(t.Context(), ids[2], sent.Add(time.Minute), delivery.Outcome{
			State: tenant.MessageFailed, ErrorCode: "20003", ErrorText: "Authenticate", Events: []tenant.MessageEvent{failed},
		}); err != nil {
			t.Fatal(err)
		}
		one = sv.ask("scopes.read-messages", "GET /api/doorcode/v1/messages/"+ids[2], "")
		for _, want := range []string{
			`"error":{"code":"20003","text":"Authenticate","fix":"Enter the token."}`,
			`"detail":"Refused: Authenticate (20003). Enter the token.","state":"failed"`,
		} {
			if !strings.Contains(one.body, want) {
				t.Errorf("%s\nlacks %s", one.body, want)
			}
		}
		rest := sv.ask("scopes.read-messages", "GET /api/doorcode/v1/messages?from="+ids[1], "")
		if strings.Count(rest.body, `"id"`) != 1 || strings.Contains(rest.body, "next") {
			t.Errorf("%s", rest.body)
		}
		sv.wants(sv.ask("scopes.read-messages", "GET /api/doorcode/v1/messages/msg_x", ""), 404,
			`{"statusCode":404,"error":"Not Found","message":"The message does not exist.","errorCode":"inexistent_message"}`)
		for _, q := range []string{"take=0", "from=x", "take=1000"} {
			if a := sv.ask("scopes.read-messages", "GET /api/doorcode/v1/messages?"+q, ""); a.status != 400 {
				t.Errorf("%s answered %d", q, a.status)
			}
		}
	})
}

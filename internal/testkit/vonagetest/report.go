package vonagetest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/standin"
)

// SignatureSecret is the one that the account's webhooks are signed with.
const SignatureSecret = "the signature secret of the account 0123456789"

// Claims are those of a webhook's token, for now and this body.
func Claims(now time.Time, body string) map[string]any {
	sum := sha256.Sum256([]byte(body))
	return map[string]any{
		"iat": now.Unix(), "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5", "iss": "Vonage", "payload_hash": hex.EncodeToString(sum[:]),
		"api_key": Key, "application_id": Application,
	}
}

// Token is a token with the claims, as webhooks bear it.
func Token(secret, algorithm string, claims map[string]any) string {
	header, _ := json.Marshal(map[string]string{"alg": algorithm, "typ": "JWT"}) // texts, which can always be written
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	enc := base64.RawURLEncoding.EncodeToString
	signed := enc(header) + "." + enc(payload)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + enc(mac.Sum(nil))
}

// Status is the body of a status webhook. A code of 0 stands for no error.
func Status(id, status string, code int) string {
	doc := map[string]any{
		"message_uuid": id, "to": "447700900123", "from": From, "timestamp": "2026-01-01T14:00:00.000Z", "status": status, "channel": "sms",
	}
	if code != 0 {
		doc["error"] = map[string]any{
			"type": fmt.Sprintf("https://developer.vonage.com/api-errors/messages#%d", code), "title": code, "detail": "Detail of the error",
		}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// Report sends the body of a webhook to where the message asked for it, by way
// of a server's own address, and returns the status of the answer.
func (s *Server) Report(ctx context.Context, server string, of standin.Request, body, token string) (int, error) {
	to, err := url.Parse(of.Message.Headers["webhook_url"])
	if err != nil || to.Path == "" {
		return 0, fmt.Errorf("the message asked for no reports: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server+to.EscapedPath(), strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

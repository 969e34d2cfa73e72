package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// tokenLife is how long a token is good for: long enough for clocks that differ.
const tokenLife = 5 * time.Minute

// claims are those of a token (RFC 7519 §4.1).
type claims struct {
	Issuer   string `json:"iss,omitempty"`
	Subject  string `json:"sub,omitempty"`
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// bearer makes the token that the gateway knows us by: HS256 with the secret it
// shares with the tenant (RFC 7515, RFC 7518 §3.2). It says nothing of the
// message, whose text has the code in it.
func (s *sender) bearer() string {
	now := s.client.now()
	payload, _ := json.Marshal(claims{
		Issuer: s.client.issuer, Subject: s.auth.Subject, Audience: s.auth.Audience,
		IssuedAt: now.Unix(), Expires: now.Add(tokenLife).Unix(),
	}) // texts and numbers, which can always be written
	enc := base64.RawURLEncoding
	signed := enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + enc.EncodeToString(payload)
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(signed))
	return signed + "." + enc.EncodeToString(mac.Sum(nil))
}

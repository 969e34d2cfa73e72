package vonage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// SignatureOption is the name of the account's signature secret among a
// connection's Secrets. Reports are asked for where it is set.
const SignatureOption = "doorcode.vonage.signature_secret"

// signatureLife is how old a signature may be (Vonage: signed webhooks).
const signatureLife = 5 * time.Minute

// maxStatus bounds a status that is not known here.
const maxStatus = 40

// errNotReport is the fault of callbacks that are Vonage's and say nothing about
// a message.
var errNotReport = fault.New(fault.Invalid, "invalid_request", "This is not a report about a message.")

// Listen reads a status webhook of the Messages API. It bears a token that is
// signed with the account's signature secret and names the body by its digest.
func (c *Client) Listen(conn *tenant.Connection, cb delivery.Callback) (delivery.Report, error) {
	var r delivery.Report
	if !c.signed(conn, cb) {
		return r, delivery.ErrForged
	}
	var got struct {
		ID     string `json:"message_uuid"`
		Status string `json:"status"`
		Error  struct {
			Type   string `json:"type"`
			Detail string `json:"detail"`
		} `json:"error"`
	}
	if err := json.Unmarshal(cb.Body, &got); err != nil {
		return r, errNotReport.Because(err)
	}
	p := call.Party{Name: "Vonage"}
	r.ProviderID, r.Status = p.ID(got.ID), p.ID(got.Status)
	if r.ProviderID == "" || r.Status == "" || len(r.Status) > maxStatus {
		return r, errNotReport
	}
	r.State = stateOf(r.Status)
	if r.State != tenant.MessageFailed && r.State != tenant.MessageUndelivered {
		return r, nil
	}
	_, code, _ := strings.Cut(got.Error.Type, "#")
	r.ErrorCode, r.Text, r.Fix = p.ID(code), p.Text(got.Error.Detail), "Look the message up in the Vonage dashboard."
	if r.Text == "" {
		r.Text = "Vonage gives no reason."
	}
	if v, ok := judgeMessage(r.ErrorCode); ok && v.fix != "" {
		r.Fix = v.fix
	}
	return r, nil
}

// stateOf is what Vonage's status means. One that is new is told in the timeline
// and moves nothing.
func stateOf(status string) tenant.MessageState {
	switch status {
	case "submitted":
		return tenant.MessageSent
	case "delivered", "read":
		return tenant.MessageDelivered
	case "undeliverable":
		return tenant.MessageUndelivered
	case "rejected":
		return tenant.MessageFailed
	}
	return tenant.MessageAccepted
}

// signed reports whether the callback bears a token of Vonage's for the
// connection's account and this very body.
func (c *Client) signed(conn *tenant.Connection, cb delivery.Callback) bool {
	given, secret := cb.Header.Values("Authorization"), conn.Secrets[SignatureOption]
	if secret == "" || len(given) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	parts := strings.Split(token, ".")
	if !strings.EqualFold(scheme, "Bearer") || len(parts) != 3 {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(sig, mac.Sum(nil)) {
		return false
	}
	var header struct {
		Alg string `json:"alg"`
	}
	var claims struct {
		Issuer      string `json:"iss"`
		IssuedAt    int64  `json:"iat"`
		Payload     string `json:"payload_hash"`
		APIKey      string `json:"api_key"`
		Application string `json:"application_id"`
	}
	if !readPart(parts[0], &header) || header.Alg != "HS256" || !readPart(parts[1], &claims) || claims.Issuer != "Vonage" {
		return false
	}
	// Whoever has one secret of several accounts speaks for that account only.
	account := conn.Sender.Vonage
	if claims.Application != "" && claims.Application != account.ApplicationID || account.APIKey != "" && claims.APIKey != account.APIKey {
		return false
	}
	age := c.http.Now().Sub(time.Unix(claims.IssuedAt, 0))
	sum := sha256.Sum256(cb.Body)
	return age <= signatureLife && age >= -signatureLife &&
		hmac.Equal([]byte(strings.ToLower(claims.Payload)), []byte(hex.EncodeToString(sum[:])))
}

func readPart(s string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && json.Unmarshal(raw, into) == nil
}

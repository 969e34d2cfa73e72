package binary

import (
	"encoding/base64"
	"encoding/hex"
	"testing"
)

// The search of the logs is worth something only if it finds what is there.
func TestSecretsAreFound(t *testing.T) {
	const (
		phone  = "+447700900123"
		secret = "Vq3kJd8sLw0aZx7cNb2mPo5iUy4tRe1W"
		jwt    = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzbXN8MDEyMzQ1Njc4OWFiIn0.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl"
	)
	var s secrets
	s.note("482913", phone, "someone@mail.example", secret, jwt, "")
	s.prepare()
	tests := []struct {
		line string
		want bool
	}{
		{`time=2026-11-22T03:44:12.482913Z level=INFO msg=request request_id=A482913 dur_us=482913 status=200`, false},
		{`{"time":"2026-11-22T03:44:12.482913Z","dur_us":482913,"status":200}`, false},
		{`level=WARN msg="the code 482913 was wrong"`, true},
		{`{"msg":"x","otp":"482913"}`, true},
		{`client_id=Ab482913Cd`, false}, // part of something longer
		{`msg="no such number +447700900123"`, true},
		{`msg="no such number" to=447700900123`, true},
		{`path="/start?phone_number=%2B447700900123"`, true},
		{`to=+4477009•••23`, false},
		{`user=Someone@Mail.Example`, true},
		{`user=s•••@mail.example`, false},
		{`secret=` + secret, true},
		{`secret=` + base64.StdEncoding.EncodeToString([]byte(secret)), true},
		{`secret=` + hex.EncodeToString([]byte(secret)), true},
		{`token=eyJhbGciOiJSUzI1NiJ9.…`, false}, // the header is public
		{`token=` + jwt, true},
		{`claims=eyJzdWIiOiJzbXN8MDEyMzQ1Njc4OWFiIn0`, true},
		{``, false},
	}
	for _, tt := range tests {
		if got := s.find([]byte(tt.line)); (got != "") != tt.want {
			t.Errorf("find(%s) = %q, want found %t", tt.line, got, tt.want)
		}
	}
}

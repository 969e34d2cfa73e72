package address

import (
	"testing"

	"github.com/doorcode/doorcode/internal/tenant"
)

func TestMask(t *testing.T) {
	tests := []struct {
		channel  tenant.Channel
		to, want string
	}{
		{tenant.SMS, "+447700900123", "+44••••••0123"},
		{tenant.SMS, "+15555550100", "+15•••••0100"},
		{tenant.SMS, "+1234567", "+•••••67"},
		{tenant.SMS, "+12", "+•••"},
		{tenant.SMS, "", "•••"},
		{tenant.Email, "jane@example.com", "j•••@e•••.com"},
		{tenant.Email, "é@x.co.uk", "é•••@x•••.uk"},
		{tenant.Email, "nonsense", "•••"},
	}
	for _, tt := range tests {
		if got := Mask(tt.channel, tt.to); got != tt.want {
			t.Errorf("Mask(%q) = %q, want %q", tt.to, got, tt.want)
		}
	}
}

package delivery

import (
	"testing"

	"github.com/doorcode/doorcode/internal/tenant"
)

func TestMaskTo(t *testing.T) {
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
		if got := MaskTo(tt.channel, tt.to); got != tt.want {
			t.Errorf("MaskTo(%q) = %q, want %q", tt.to, got, tt.want)
		}
	}
}

func TestCheckLine(t *testing.T) {
	for _, s := range []string{"a\rb", "a\nb", "a\x00b", "a\u2028b", "a\u2029b", "a\u0085b", "a\x7fb", "a\xffb", "\t"} {
		if CheckLine("subject", s) == nil {
			t.Errorf("CheckLine(%q) lets it through", s)
		}
	}
	for _, s := range []string{"", "+447700900123", "Ærø & Co", "日本"} {
		if err := CheckLine("subject", s); err != nil {
			t.Errorf("CheckLine(%q) = %v", s, err)
		}
	}
}

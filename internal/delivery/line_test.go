package delivery

import "testing"

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

package address

import (
	"strings"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/tenant"
)

const dots = "•••"

// Mask is a number or an address as it is shown where it need not be read:
// "+44••••••0123" or "j•••@e•••.com". Enough is left to tell it from others, too
// little to write to.
func Mask(channel tenant.Channel, to string) string {
	if channel == tenant.Email {
		return maskEmail(to)
	}
	digits := strings.TrimPrefix(to, "+")
	plus := to[:len(to)-len(digits)]
	// Of a short number only the end, else it would be all there.
	head, tail := 2, 4
	if len(digits) < 9 {
		head, tail = 0, 2
	}
	if len(digits) <= tail {
		return plus + dots
	}
	hidden := utf8.RuneCountInString(digits[head : len(digits)-tail])
	return plus + digits[:head] + strings.Repeat("•", hidden) + digits[len(digits)-tail:]
}

func maskEmail(to string) string {
	at := strings.LastIndexByte(to, '@')
	if at < 1 {
		return dots
	}
	domain := to[at+1:]
	top := ""
	if dot := strings.LastIndexByte(domain, '.'); dot > 0 {
		domain, top = domain[:dot], domain[dot:]
	}
	return first(to[:at]) + dots + "@" + first(domain) + dots + top
}

func first(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}

package doctor

import (
	"fmt"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery"
)

// accounts tells which provider accounts the running server holds back.
func (e *examination) accounts() {
	const check = "provider_accounts"
	if e.Accounts == nil {
		return // nobody sends here
	}
	held := e.Accounts()
	for _, a := range held {
		reason := fmt.Sprintf("%s (%s)", strings.TrimSuffix(a.Last.Text, "."), a.Last.Code)
		if a.Refused {
			e.add(check, delivery.Fail, fmt.Sprintf("%s has refused this server's account since %s: %s. Messages fail.",
				a.Provider, a.Since.UTC().Format("15:04:05 MST"), reason), a.Last.Fix)
			continue
		}
		e.add(check, delivery.Warn, fmt.Sprintf("%s has not taken a message since %s: %s. Messages wait, and one is tried every few seconds.",
			a.Provider, a.Since.UTC().Format("15:04:05 MST"), reason), a.Last.Fix)
	}
	if len(held) == 0 {
		e.ok(check, "Every provider account takes messages, as far as this process has tried.")
	}
}

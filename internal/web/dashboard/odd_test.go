package dashboard_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// Whatever stands in an address, the answer is a page or that there is none: also
// for what PostgreSQL takes for no text, and numbers that are too large.
func TestOddAddresses(t *testing.T) {
	address := storetest.Postgres(t)
	w := newWorld(t, func(c *config.Config) {
		c.Ephemeral, c.Database, c.Key = false, address, base64.StdEncoding.EncodeToString(secret.Bytes(secret.RootSize))
	})
	w.developer()
	for _, path := range []string{
		users + "?q=%00", users + "?q=%ff", users + "?before=1.%00", users + "/sms%7C%00", users + "?q=sms%7Ca%00b", users + "/sms%7C1/history?before=%00",
		logs + "?q=%00", logs + "?ip=%00", logs + "?client=%ff", logs + "?before=%00", logs + "?before=x", logs + "/%00", logs + "/tail?after=%00", logs + "?q=msg_%00",
	} {
		if p := w.get(w.browser, path); p.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
	for _, path := range []string{
		users + "?offset=9223372036854775807&q=a", users + "?offset=-1&q=a", users + "?q=%25_%5C", users + "?before=9999999999999999.x", users + "?before=x",
		logs + "?q=%25_%5C", logs + "?type=,s,", logs + "?q=type:s&type=s%27", logs + "/tail?after=x", logs + "?from=0001-01-01&to=9999-12-31",
	} {
		if p := w.get(w.browser, path); p.Status != http.StatusOK {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
}

package manage_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// OAU-02: addresses that run in a page or lead into the machine are refused in
// the configuration file too, in any case mix, and nothing of the file is kept.
func TestOAU02AddressesInTheFile(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	m := service(t, s)
	vectors := 0
	for _, scheme := range []string{"javascript", "data", "vbscript", "file", "blob"} {
		mixed := []byte(scheme)
		for i := 0; i < len(mixed); i += 2 {
			mixed[i] -= 'a' - 'A'
		}
		for _, written := range []string{scheme, strings.ToUpper(scheme), string(mixed), strings.ToUpper(scheme[:1]) + scheme[1:]} {
			for _, rest := range []string{":alert(1)", "://app.example.com/cb", ":https://app.example.com/cb"} {
				vectors++
				address := written + rest
				for _, member := range []string{
					"callbacks: [%q]", "allowed_logout_urls: [%q]", "web_origins: [%q]", "allowed_origins: [%q]", "initiate_login_uri: %q",
				} {
					text := "clients:\n  - name: Web\n    client_id: web\n    " + fmt.Sprintf(member, address) + "\n"
					if err := m.ApplyFile(t.Context(), file(t, text)); err == nil {
						t.Errorf("taken: %s", text)
					}
				}
			}
		}
	}
	if vectors != 60 {
		t.Errorf("%d vectors", vectors)
	}
	list, err := s.ListClients(t.Context(), manage.Window{Limit: 10}, nil)
	if err != nil || len(list.Items) != 0 {
		t.Errorf("%d applications were made, %v", len(list.Items), err)
	}
}

package mgmtapi_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// TOK-13: a place to go on from is one that an answer of the same list has
// named; every other is refused before it comes near the database.
func TestTOK13ForgedCheckpoints(t *testing.T) {
	sv := one(t)
	var connection, role string
	for n := range 2 {
		connection = text(sv.must(201, "POST /api/v2/connections", fmt.Sprintf(`{"name":"c%d","strategy":"sms"}`, n))["id"])
		sv.must(201, "POST /api/v2/clients", fmt.Sprintf(`{"name":"app %d"}`, n))
		sv.must(201, "POST /api/v2/resource-servers", fmt.Sprintf(`{"identifier":"https://api%d.example"}`, n))
		role = text(sv.must(200, "POST /api/v2/roles", fmt.Sprintf(`{"name":"role %d"}`, n))["id"])
	}
	lists := []string{
		"/api/v2/connections", "/api/v2/clients", "/api/v2/resource-servers", "/api/v2/client-grants",
		"/api/v2/connections/" + connection + "/clients", "/api/v2/roles/" + role + "/users", "/api/doorcode/v1/test-identities",
	}
	good := map[string]string{}
	for _, list := range lists[:3] {
		next := text(sv.must(200, "GET "+list+"?take=1", "")["next"])
		if next == "" || sv.ask(everything, "GET "+list+"?take=1&from="+next, "").status != 200 {
			t.Fatalf("%s cannot be gone on with from %q", list, next)
		}
		good[list] = next
	}
	for _, list := range lists {
		forged := forgeries(good[lists[0]])
		for _, other := range lists[:3] {
			if other != list {
				forged = append(forged, good[other])
			}
		}
		if len(forged) < 100 {
			t.Errorf("%d are forged for %s, want 100", len(forged), list)
		}
		for _, from := range forged {
			if a := sv.ask(everything, "GET "+list+"?take=1&from="+url.QueryEscape(from), ""); a.status != 400 || !strings.Contains(a.body, "format checkpoint") {
				t.Errorf("%s from %q answered %d %s", list, from, a.status, a.body)
			}
		}
	}
}

// forgeries are a sealed place with each of its bytes changed, parts of it, and
// what somebody would write who takes it for text or for SQL.
func forgeries(good string) []string {
	sealed, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		return nil
	}
	encode := base64.RawURLEncoding.EncodeToString
	list := []string{good + "A", good + "\n", good + "=", "'", "1 OR 1=1", "-1", "0", "x", "null", "{}", "../.."}
	for i := range sealed {
		changed := append([]byte(nil), sealed...)
		changed[i] ^= 1
		list = append(list, encode(changed), encode(sealed[:max(i, 1)]))
	}
	for _, plain := range []string{
		"0,", "0,x", "1777636800000,con_0", "1777636800000,' OR '1'='1", "0,x'; DROP TABLE clients; --",
		"0 UNION SELECT secret FROM clients,x", "9223372036854775807,x", "-9223372036854775808,x", "0,\x00", `{"at":0,"id":"x"}`,
	} {
		list = append(list, encode([]byte(plain)), encode(append(sealed[:1:1], plain...)))
	}
	return list
}

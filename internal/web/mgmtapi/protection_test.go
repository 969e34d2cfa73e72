package mgmtapi_test

import (
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/tenant"
)

const protection = " /api/v2/attack-protection/"

// The exchanges are those that were recorded of Auth0, after its defaults.
func TestProtection(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		for _, c := range []struct{ name, request, body, want string }{
			{
				"the default", "GET" + protection + "brute-force-protection", "",
				`{"enabled":true,"shields":["block","user_notification"],"mode":"count_per_identifier_and_ip","allowlist":[],"max_attempts":10}`,
			},
			{
				"all of it", "PATCH" + protection + "brute-force-protection",
				`{"enabled":true,"shields":["user_notification","block"],"mode":"count_per_identifier","allowlist":["127.0.0.1"],"max_attempts":1}`,
				`{"enabled":true,"shields":["user_notification","block"],"mode":"count_per_identifier","allowlist":["127.0.0.1"],"max_attempts":1}`,
			},
			{
				"a part of it", "PATCH" + protection + "brute-force-protection", `{"enabled":true,"max_attempts":10}`,
				`{"enabled":true,"shields":["user_notification","block"],"mode":"count_per_identifier","allowlist":["127.0.0.1"],"max_attempts":10}`,
			},
			{
				"nothing", "PATCH" + protection + "brute-force-protection", `{}`,
				`{"enabled":true,"shields":["user_notification","block"],"mode":"count_per_identifier","allowlist":["127.0.0.1"],"max_attempts":10}`,
			},
			{
				"the default", "GET" + protection + "suspicious-ip-throttling", "",
				`{"enabled":true,"shields":["admin_notification","block"],"allowlist":[],"stage":{"pre-login":{"max_attempts":100,"rate":864000},"pre-user-registration":{"max_attempts":50,"rate":1728000},"pre-custom-token-exchange":{"max_attempts":10,"rate":600000}}}`,
			},
			{
				"two stages", "PATCH" + protection + "suspicious-ip-throttling",
				`{"enabled":true,"allowlist":["127.0.0.1","10.0.0.0/8","2001:db8::/32"],"stage":{"pre-login":{"max_attempts":1,"rate":34560},"pre-user-registration":{"max_attempts":50,"rate":1200}}}`,
				`{"enabled":true,"shields":["admin_notification","block"],"allowlist":["127.0.0.1","10.0.0.0/8","2001:db8::/32"],"stage":{"pre-login":{"max_attempts":1,"rate":34560},"pre-user-registration":{"max_attempts":50,"rate":1200},"pre-custom-token-exchange":{"max_attempts":10,"rate":600000}}}`,
			},
			{
				"half a stage", "PATCH" + protection + "suspicious-ip-throttling", `{"shields":[],"allowlist":[],"stage":{"pre-login":{"max_attempts":2500}}}`,
				`{"enabled":true,"shields":[],"allowlist":[],"stage":{"pre-login":{"max_attempts":2500,"rate":34560},"pre-user-registration":{"max_attempts":50,"rate":1200},"pre-custom-token-exchange":{"max_attempts":10,"rate":600000}}}`,
			},
			{
				"there are no passwords", "GET" + protection + "breached-password-detection", "",
				`{"enabled":false,"shields":[],"admin_notification_frequency":[],"method":"standard","stage":{"pre-user-registration":{"shields":[]},"pre-change-password":{"shields":[]}}}`,
			},
			{
				"stored all the same", "PATCH" + protection + "breached-password-detection",
				`{"enabled":true,"method":"standard","stage":{"pre-change-password":{"shields":["block"]},"pre-user-registration":{"shields":["block"]}}}`,
				`{"enabled":true,"shields":[],"admin_notification_frequency":[],"method":"standard","stage":{"pre-user-registration":{"shields":["block"]},"pre-change-password":{"shields":["block"]}}}`,
			},
			{
				"robots", "PATCH" + protection + "bot-detection",
				`{"bot_detection_level":"low","challenge_passwordless_policy":"when_risky","allowlist":["192.168.1.1"],"monitoring_mode_enabled":true}`,
				`{"challenge_password_policy":"never","challenge_passwordless_policy":"when_risky","challenge_password_reset_policy":"never","allowlist":["192.168.1.1"],"bot_detection_level":"low","monitoring_mode_enabled":true}`,
			},
		} {
			t.Run(c.name, func(t *testing.T) {
				outer := sv.t
				sv.t = t
				defer func() { sv.t = outer }()
				a := sv.ask(everything, c.request, c.body)
				sv.wants(a, 200, c.want)
				sv.wants(sv.ask(everything, "GET"+strings.TrimPrefix(strings.TrimPrefix(c.request, "PATCH"), "GET"), ""), 200, c.want)
			})
		}
		if a := sv.ask(everything, "GET /api/v2/logs", ""); !strings.Contains(a.body, `"Update Brute-force settings"`) {
			t.Errorf("the log: %s", a.body)
		}
	})
}

func TestProtectionThatIsRefused(t *testing.T) {
	sv := one(t)
	const brute, suspicious = "brute-force-protection", "suspicious-ip-throttling"
	for _, c := range []struct{ part, body, want string }{
		{brute, `{"max_attempts":0}`, "Value 0 is less than minimum 1' on property max_attempts"},
		{brute, `{"max_attempts":101}`, "Value 101 is greater than maximum 100' on property max_attempts"},
		{brute, `{"max_attempts":1.5}`, "Expected type integer but found type number' on property max_attempts"},
		{brute, `{"enabled":"yes"}`, "Expected type boolean but found type string' on property enabled"},
		{brute, `{"enabled":null}`, "Expected type boolean but found type null' on property enabled"},
		{brute, `{"mode":"count"}`, "No enum match for: count' on property mode"},
		{brute, `{"shields":["admin_notification"]}`, "No enum match for: admin_notification' on property shields[0]"},
		{brute, `{"allowlist":["localhost"]}`, "Object didn't pass validation for format ipv4, ipv6 or cidr: localhost' on property allowlist[0]"},
		{brute, `{"allowlist":["10.0.0.0/33"]}`, "format ipv4, ipv6 or cidr: 10.0.0.0/33"},
		{brute, `{"allowlist":["fe80::1%eth0"]}`, "format ipv4, ipv6 or cidr"},
		{brute, `{"allowlist":[` + strings.Repeat(`"10.0.0.1",`, 100) + `"10.0.0.1"]}`, "Array is too long (101), maximum 100' on property allowlist"},
		{brute, `{"stage":{}}`, "Additional properties not allowed: stage"},
		{suspicious, `{"shields":["user_notification"]}`, "No enum match for: user_notification"},
		{suspicious, `{"stage":{"pre-login":{"max_attempts":2501}}}`, "Value 2501 is greater than maximum 2500' on property stage.pre-login.max_attempts"},
		{suspicious, `{"stage":{"pre-login":{"rate":34559}}}`, "Value 34559 is less than minimum 34560' on property stage.pre-login.rate"},
		{suspicious, `{"stage":{"pre-login":{"rate":86400001}}}`, "Value 86400001 is greater than maximum 86400000"},
		{suspicious, `{"stage":{"pre-user-registration":{"max_attempts":72001}}}`, "Value 72001 is greater than maximum 72000"},
		{suspicious, `{"stage":{"pre-user-registration":{"rate":1199}}}`, "Value 1199 is less than minimum 1200"},
		{suspicious, `{"stage":{"post-login":{}}}`, "Additional properties not allowed: post-login' on property stage"},
		{suspicious, `{"max_attempts":5}`, "Additional properties not allowed: max_attempts"},
		{"breached-password-detection", `{"method":"best"}`, "No enum match for: best"},
		{"bot-detection", `{"bot_detection_level":"max"}`, "No enum match for: max"},
	} {
		a := sv.ask(everything, "PATCH"+protection+c.part, c.body)
		if a.status != 400 || !strings.Contains(a.body, c.want) || !strings.Contains(a.body, `"errorCode":"invalid_body"`) {
			t.Errorf("%.80s answered %d %s, want %s", c.body, a.status, a.body, c.want)
		}
	}
	for request, want := range map[string]int{
		"GET" + protection + "captcha": 404, "PATCH" + protection + "captcha": 404, "DELETE" + protection + brute: 404,
	} {
		if a := sv.ask(everything, request, "{}"); a.status != want {
			t.Errorf("%s answered %d, want %d", request, a.status, want)
		}
	}
	for method, scope := range map[string]string{"GET": "read", "PATCH": "update"} {
		if a := sv.ask("scopes.read-clients", method+protection+brute, "{}"); a.status != 403 || !strings.Contains(a.body, scope+":attack_protection") {
			t.Errorf("%s without its scope: %d %s", method, a.status, a.body)
		}
	}
}

// What the file names of attack protection is the file's, and the rest is not.
func TestProtectionOfTheFile(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		apply := func(text string) error {
			f, err := config.ParseFile("dc.yaml", []byte(text), func(string) (string, bool) { return "", false })
			if err != nil {
				t.Fatal(err)
			}
			return sv.manage.ApplyFile(t.Context(), f)
		}
		sv.must(200, "PATCH"+protection+"brute-force-protection", `{"mode":"count_per_identifier","max_attempts":3}`)
		if err := apply("attackProtection:\n  bruteForceProtection:\n    enabled: true\n    max_attempts: 5\n"); err != nil {
			t.Fatal(err)
		}
		// What it does not say of the part is as by default.
		sv.wants(sv.ask(everything, "GET"+protection+"brute-force-protection", ""), 200,
			`{"enabled":true,"shields":["block","user_notification"],"mode":"count_per_identifier_and_ip","allowlist":[],"max_attempts":5}`)
		p, err := sv.store.Protection(t.Context())
		if err != nil || p.BruteForce.MaxAttempts != 5 || !p.Settings[tenant.BruteForcePart].Managed {
			t.Errorf("Protection = %+v, %v", p, err)
		}
		if a := sv.ask(everything, "PATCH"+protection+"brute-force-protection", `{"enabled":false}`); a.status != 409 {
			t.Errorf("changing what the file names: %d %s", a.status, a.body)
		}
		sv.must(200, "PATCH"+protection+"suspicious-ip-throttling", `{"enabled":false}`)
		if err := apply("tenant: {}"); err != nil {
			t.Fatal(err)
		}
		sv.must(200, "PATCH"+protection+"brute-force-protection", `{"max_attempts":6}`)
		for text, want := range map[string]string{
			"attackProtection:\n  bruteForceProtection:\n    enabled: true\n    max_attempts: 500\n":        "dc.yaml:4: Payload validation error: 'Value 500 is greater than maximum 100'",
			"attackProtection:\n  bruteForce: {}\n":                                                         `dc.yaml:2: "bruteForce" is not known here`,
			"attackProtection:\n  botDetection: always\n":                                                   "dc.yaml:2: names with values are expected here",
			"attackProtection:\n  suspiciousIpThrottling:\n    stage:\n      pre-login:\n        rate: 1\n": "dc.yaml:5: Payload validation error: 'Value 1 is less than minimum 34560'",
		} {
			if err := apply(text); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q gave %v, want %s", text, err, want)
			}
		}
	})
}

package twilio_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/deliverytest"
	"github.com/doorcode/doorcode/internal/delivery/twilio"
)

// documented are the codes that Twilio documents for messages, for calls and
// for what is near them: each with what kind of failure it is (that of the
// number, opted out, the account, the configuration, later, try again,
// ambiguous) and with the text for whoever waits, by its letter. A slash stands
// between two that would do.
const documented = `
10001 ACC S, 10002 ACC S, 11200 CFG -, 14107 LATER W, 20003 ACC S, 20005 ACC S, 20006 ACC S, 20008 CFG S,
20403 ACC S, 20404 CFG S, 20422 CFG S, 20423 CFG S, 20429 RT S, 20500 AMB S, 20503 AMB S, 21211 NUM N,
21212 CFG S, 21401 CFG S, 21408 CFG R, 21601 CFG S, 21602 CFG S, 21603 CFG S, 21604 CFG S, 21606 CFG S,
21608 ACC S, 21609 CFG S, 21610 OPT O, 21611 LATER S, 21612 NUM/CFG M, 21614 NUM M, 21616 CFG S, 21617 CFG S,
21618 CFG S, 21624 CFG S, 30045 CFG S, 90007 CFG S, 21635 NUM M, 21654 CFG X, 21655 CFG X, 21656 CFG X,
21657 CFG S, 21659 CFG S, 21660 CFG S, 21661 CFG S, 21701 CFG S, 21702 CFG S, 21703 CFG R, 21704 CFG S,
21705 CFG S, 21708 CFG S, 21709 CFG S, 21711 CFG S, 30001 LATER S, 30002 ACC S, 30003 LATER H,
30004 NUM/OPT O/M, 30005 NUM N, 30006 NUM M, 30007 CFG S, 30008 LATER S, 30010 CFG S, 30017 LATER S,
30018 CFG S, 30019 CFG S, 30022 LATER S, 30023 LATER S, 30024 CFG S, 30025 any -, 30026 any -, 30027 LATER S,
30032 CFG S, 30033 CFG S, 30034 CFG S, 30035 LATER S, 30036 LATER S, 30037 ACC S, 30038 NUM M, 30044 ACC S,
30400 CFG S, 30404 CFG S, 30409 any -, 30410 LATER S, 30440-30449 CFG -, 30450 LATER S, 30453 LATER S,
30500 AMB S, 30610 any S, 30640 any S, 30649 CFG -/R, 30880-30898 CFG -, 572005 ACC S, 13224 NUM/CFG N,
13227 NUM/CFG N/R, 21210 ACC S, 21219 ACC S, 21214 NUM N, 21217 NUM N, 21215 CFG/NUM R/M, 21216 CFG/NUM R/M,
32017 CFG S, 60200 NUM/CFG N, 60202 LATER W, 60203 LATER W, 60205 NUM M, 60207 CFG S,
60212 LATER W, 60220 ACC R, 60223 CFG S, 60238 ACC R, 60410 LATER S, 60605 CFG R, 60600 any -,
60601 any -, 60606 any -, 63001 CFG X, 63002 CFG X, 63007 CFG X, 63003 NUM X, 63024 NUM X, 63005 CFG X,
63013 CFG X, 63021 CFG X, 63026 CFG X, 63010 LATER X, 63011 LATER X, 63012 LATER X, 63023 LATER X, 63014 OPT X,
63033 OPT X, 63015 CFG X, 63016 CFG X, 63017 LATER X, 63018 LATER X, 63038 LATER X, 63020 ACC X, 63051 ACC X,
63027 CFG X, 63028 CFG X, 63032 NUM X, 63041 CFG X, 63042 CFG X, 68008 CFG X`

// A code's class is that of its kind.
func TestEveryDocumentedCodeIsClassified(t *testing.T) {
	classes := map[string][]delivery.Class{
		"NUM": {delivery.Permanent}, "OPT": {delivery.Permanent},
		"CFG": {delivery.Configuration}, "ACC": {delivery.Configuration},
		// What only an operator brings to an end does not pass by itself.
		"LATER": {delivery.Temporary, delivery.Configuration}, "RT": {delivery.Temporary}, "AMB": {delivery.Temporary},
		"any": {delivery.Permanent, delivery.Temporary, delivery.Configuration},
	}
	told := map[string]string{ // how the text of each letter begins
		"N": "That number doesn't look right", "M": "This number can't receive", "O": "Messages to this number are switched off",
		"R": "We can't send texts to this country", "S": "We couldn't send the text", "H": "Your phone couldn't be reached",
		"W": "Too many tries", "X": "We couldn't reach you on WhatsApp", "-": "",
	}
	seen := 0
	for _, row := range strings.Split(strings.ReplaceAll(documented, "\n", " "), ",") {
		var span, kind, letters string
		if _, err := fmt.Sscan(row, &span, &kind, &letters); err != nil {
			t.Fatalf("row %q: %v", row, err)
		}
		var first, last int
		if _, err := fmt.Sscanf(span, "%d-%d", &first, &last); err != nil {
			last = first
		}
		for code := first; code <= last; code++ {
			seen++
			a, ok := twilio.About(fmt.Sprint(code))
			if !ok {
				t.Errorf("%d is not known", code)
				continue
			}
			fits := false
			for k := range strings.SplitSeq(kind, "/") {
				for _, class := range classes[k] {
					fits = fits || a.Class == class
				}
			}
			if !fits {
				t.Errorf("%d is %v, and should be what %s is", code, a.Class, kind)
			}
			fits = false
			for letter := range strings.SplitSeq(letters, "/") {
				fits = fits || a.Person == "" && letter == "-" || letter != "-" && a.Person != "" && strings.HasPrefix(a.Person, told[letter])
			}
			if !fits {
				t.Errorf("%d tells the person %q, want that of %s", code, a.Person, letters)
			}
		}
	}
	if seen < 160 {
		t.Errorf("only %d codes were looked at", seen)
	}
}

// What is told to operators are whole sentences, and what is told to people
// says nothing of the operator's affairs.
func TestAdviceIsPlain(t *testing.T) {
	for code := range 1000000 {
		a, ok := twilio.About(fmt.Sprint(code))
		if !ok {
			continue
		}
		for _, s := range []string{a.Text, a.Fix} {
			if s == "" || !strings.HasSuffix(s, ".") || strings.Contains(s, "  ") || strings.ContainsAny(s, "\n\r") {
				t.Errorf("%d: %q is not a sentence", code, s)
			}
		}
		if p := deliverytest.Promise(a.Text + " " + a.Fix); p != "" {
			t.Errorf("%d says %q, which is not so after the last try", code, p)
		}
		for _, word := range []string{"Twilio", "account", "SID", "sender", "campaign", fmt.Sprint(code)} {
			if strings.Contains(a.Person, word) {
				t.Errorf("%d: the person is told of %q: %q", code, word, a.Person)
			}
		}
	}
	if _, ok := twilio.About("no_answer"); ok {
		t.Error("a code that is not Twilio's is known")
	}
}

// The guide says what the program says.
func TestGuideQuotesTheTable(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/guides/twilio.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d{5}) \| (.*) \| (.*) \|$`).FindAllStringSubmatch(string(guide), -1)
	if len(rows) < 20 {
		t.Errorf("the guide has %d codes", len(rows))
	}
	for _, row := range rows {
		if a, ok := twilio.About(row[1]); !ok || a.Text != row[2] || a.Fix != row[3] {
			t.Errorf("%s is explained as %q, %q; the program says %q, %q", row[1], row[2], row[3], a.Text, a.Fix)
		}
	}
}

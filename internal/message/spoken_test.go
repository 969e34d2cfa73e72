package message_test

import (
	"testing"

	"github.com/doorcode/doorcode/internal/message"
)

// A call is in the language that the browser wants most of those that are spoken.
func TestSpokenLanguage(t *testing.T) {
	for languages, want := range map[string]string{
		"":                                "en-US",
		"de":                              "de-DE",
		"DE-at":                           "de-DE",
		"en;q=0.1, de;q=0.9":              "de-DE",
		"fr;q=0.5,it;q=0.8,nl;q=0.65":     "it-IT",
		"pl, es;q=0.3, fr;q=0.4":          "fr-FR",
		"fr-CA, fr;q=0.9, en;q=0.8, *":    "fr-FR",
		"es;q=0.8,pt;q=0.8":               "es-ES",
		"de;q=0.9,nl":                     "nl-NL",
		"de; q=0.2 , it ;q=0.3":           "it-IT",
		"nl;q=0.000,de;q=0.001":           "de-DE",
		"de;Q=0.1,pt-BR;q=0.2":            "pt-BR",
		"de;q=0":                          "en-US",
		"*;q=0.9,fr;q=0.1":                "fr-FR",
		"en-GB;q=0.9,de;q=0.8":            "en-US",
		"enm,de;q=0.5":                    "de-DE",
		"de;q=,it;q=x,fr;q=NaN,nl;q=0.1":  "nl-NL",
		"de;q=7,it;q=-1,es;q=Inf,fr;q=.1": "fr-FR",
		"de;v=1,it;q=0.1":                 "it-IT",
		"de;q":                            "en-US", // cut short
		",;=,":                            "en-US",
	} {
		if got := message.Speak("123456", "App", languages).Language; got != want {
			t.Errorf("%q is answered in %s, want %s", languages, got, want)
		}
	}
}

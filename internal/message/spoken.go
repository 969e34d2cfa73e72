package message

import (
	"strings"
	"unicode"
)

// Spoken is what a call says, in a language that the text is written in.
type Spoken struct {
	Language string // BCP 47, such as "en-GB"
	Text     string
}

// maxSpokenName bounds the name of an application that is read out.
const maxSpokenName = 60

// phrase is what comes before the digits, by language; %s is the application.
func phrase(tag string) (language, text string) {
	switch primary, _, _ := strings.Cut(strings.ToLower(tag), "-"); primary {
	case "de":
		return "de-DE", "Ihr Anmeldecode für %s lautet:"
	case "es":
		return "es-ES", "Su código de acceso para %s es:"
	case "fr":
		return "fr-FR", "Votre code de connexion pour %s est :"
	case "it":
		return "it-IT", "Il suo codice di accesso per %s è:"
	case "nl":
		return "nl-NL", "Uw inlogcode voor %s is:"
	case "pt":
		return "pt-BR", "Seu código de acesso para %s é:"
	}
	return "en-US", "Your sign-in code for %s is:"
}

// Speak writes a message for a call: digit by digit, which voices otherwise read
// as one large number. The language is the first of a header Accept-Language
// that is spoken here, English if there is none. Of the application's name only
// letters, digits and spaces are read out.
func Speak(code, application, languages string) Spoken {
	s := Spoken{}
	var text string
	s.Language, text = phrase("en")
	for tag := range strings.SplitSeq(languages, ",") {
		tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
		if language, t := phrase(tag); language != "en-US" || strings.HasPrefix(strings.ToLower(tag), "en") {
			s.Language, text = language, t
			break
		}
	}
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return r
		}
		return ' '
	}, application)
	if runes := []rune(name); len(runes) > maxSpokenName {
		name = string(runes[:maxSpokenName])
	}
	s.Text = strings.Replace(text, "%s", strings.Join(strings.Fields(name), " "), 1) + " " + strings.Join(strings.Split(code, ""), ", ") + "."
	return s
}

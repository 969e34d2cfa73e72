package message

import (
	"cmp"
	"slices"
	"strconv"
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

// phrase is what comes before the digits, by the tag of a language in lower case;
// %s is the application.
func phrase(tag string) (language, text string) {
	switch primary, _, _ := strings.Cut(tag, "-"); primary {
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

// preferred are the tags of a header Accept-Language, the one that is wanted most
// first (RFC 9110 §12.5.4). Those that are not wanted at all, and those whose
// weight cannot be read, are not among them.
func preferred(languages string) []string {
	type weighted struct {
		tag    string
		weight float64
	}
	var list []weighted
	for part := range strings.SplitSeq(languages, ",") {
		tag, parameter, has := strings.Cut(part, ";")
		l := weighted{strings.ToLower(strings.TrimSpace(tag)), 1}
		if has {
			name, value, _ := strings.Cut(parameter, "=")
			weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !strings.EqualFold(strings.TrimSpace(name), "q") {
				continue
			}
			l.weight = weight
		}
		if l.weight > 0 && l.weight <= 1 {
			list = append(list, l)
		}
	}
	slices.SortStableFunc(list, func(a, b weighted) int { return cmp.Compare(b.weight, a.weight) })
	tags := make([]string, 0, len(list))
	for _, l := range list {
		tags = append(tags, l.tag)
	}
	return tags
}

// Speak writes a message for a call: digit by digit, which voices otherwise read
// as one large number. The language is the one that a header Accept-Language
// wants most of those that are spoken here, English if it wants none. Of the
// application's name only letters, digits and spaces are read out.
func Speak(code, application, languages string) Spoken {
	s := Spoken{}
	var text string
	s.Language, text = phrase("en")
	for _, tag := range preferred(languages) {
		if language, t := phrase(tag); language != "en-US" || tag == "en" || strings.HasPrefix(tag, "en-") {
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

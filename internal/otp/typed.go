package otp

// maxTyped bounds what is looked at: a code has at most 40 digits.
const maxTyped = 128

// Typed reads a code as people type it: with spaces or hyphens between the
// digits, and with the digits of their own keyboard (full-width, Arabic-Indic,
// and Extended Arabic-Indic as used for Persian and Urdu). It reports false
// for anything else, which is then simply a wrong code.
func Typed(s string) (string, bool) {
	if len(s) > maxTyped {
		return "", false
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			out = append(out, byte(r))
		case r >= '０' && r <= '９':
			out = append(out, byte('0'+r-'０'))
		case r >= '٠' && r <= '٩':
			out = append(out, byte('0'+r-'٠'))
		case r >= '۰' && r <= '۹':
			out = append(out, byte('0'+r-'۰'))
		case separates(r):
		default:
			return "", false
		}
	}
	return string(out), len(out) > 0
}

// separates reports whether r only groups digits: ASCII, no-break, thin,
// figure and ideographic spaces, and hyphens.
func separates(r rune) bool {
	switch r {
	case ' ', '\t', '\u00a0', '\u2007', '\u2009', '\u202f', '\u3000', '-', '\u2010', '\u2011', '\u2012', '\u2013':
		return true
	}
	return false
}

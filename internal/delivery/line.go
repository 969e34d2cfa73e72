package delivery

import (
	"fmt"
	"unicode/utf8"
)

// CheckLine refuses a value that must stay on one line of a protocol: an
// address, a subject, a header. Senders check all of these, whatever was checked
// before, since what ends a line is where a second recipient begins.
func CheckLine(what, value string) error {
	for _, r := range value {
		switch {
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, r == 0x2028, r == 0x2029, r == utf8.RuneError:
			return &Error{
				Code: CodeBadAddress, Class: Permanent,
				Text: fmt.Sprintf("The %s contains a character that is not allowed there (%U).", what, r),
			}
		}
	}
	return nil
}

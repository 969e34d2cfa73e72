package twilio

import (
	"net/http"
	"strconv"

	"github.com/doorcode/doorcode/internal/delivery"
)

// Advice is what an error code of Twilio means and what follows from it.
type Advice struct {
	Class delivery.Class
	Text  string // what happened, in our words
	Fix   string // what to do about it
	// Person is what whoever waits for the message may be told. It says nothing
	// of codes, accounts or settings, and is empty where it would not help.
	Person string
}

// both is the advice in one piece.
func (a Advice) both() string { return a.Text + " " + a.Fix }

// What people are told. One text for each thing that they can do.
const (
	personNumber   = "That number doesn't look right. Check it and try again."
	personMobile   = "This number can't receive text messages. Use a mobile number or another way to log in."
	personOptedOut = "Messages to this number are switched off. Text START to the number that the codes come from, or use another way to log in."
	personRegion   = "We can't send texts to this country. Use another way to log in."
	personLater    = "We couldn't send the text right now. Try again in a few minutes, or use another way to log in."
	personPhone    = "Your phone couldn't be reached. Check that it is on and has signal, then ask for a new code."
	personWait     = "Too many tries. Wait a little, then try again."
	personWhatsApp = "We couldn't reach you on WhatsApp. Get the code by text instead."
)

// About returns what is known of an error code. Twilio splits its codes into
// finer ones from time to time: one that is not known counts as the status that
// it came with, and if it came in a delivery report, as permanent.
func About(code string) (Advice, bool) {
	n, err := strconv.Atoi(code)
	if err != nil {
		return Advice{}, false
	}
	return advice(n)
}

// advice looks the code up. The reasons for which registrations are refused
// have a code each, and one thing to do.
func advice(code int) (Advice, bool) {
	switch {
	case code >= 30440 && code <= 30449:
		code = 30440
	case code >= 30880 && code <= 30898:
		code = 30880
	}
	a, ok := table[code]
	return a, ok
}

// judge says what a refusal means for the messages after it, and what to do
// about it.
func judge(code, status int) (delivery.Class, string) {
	a, known := advice(code)
	switch {
	// Whatever the code, these and no others are worth repeating soon.
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		if known {
			return delivery.Temporary, a.both()
		}
		return delivery.Temporary, ""
	// What passes by itself does not pass within the seconds of a retry.
	case known && a.Class == delivery.Temporary:
		return delivery.Permanent, a.both()
	case known:
		return a.Class, a.both()
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return delivery.Configuration, "Check the Twilio Account SID and Auth Token, and the state of the account."
	case status == http.StatusNotFound || status == http.StatusConflict || status == http.StatusUnprocessableEntity:
		return delivery.Configuration, "Check the Twilio settings of the connection."
	case status < 400:
		return delivery.Configuration, "The base URL of Twilio answers with a redirect, which is not followed. Correct it."
	}
	return delivery.Permanent, ""
}

// scope says whether a failure is about the whole account. Of the many that an
// operator has to put right only those about credentials and suspension are:
// a country that is not enabled must not keep messages to others back.
func scope(code, status int) delivery.Scope {
	switch code {
	case 10001, 20003, 20005, 20006, 20008, 20403, 30002, 30037:
		return delivery.OfAccount
	}
	if status == http.StatusUnauthorized {
		return delivery.OfAccount
	}
	return delivery.ByClass
}

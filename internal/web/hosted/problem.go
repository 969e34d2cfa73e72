package hosted

import (
	"errors"
	"fmt"
	"math"
	"time"
	"unicode"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// A problem is what went wrong, in words for the person.
type problem struct {
	text  string
	field bool // it is about what was typed
	// country says that it is about the country beside that.
	country bool
	fresh   bool          // only a new code helps
	wait    time.Duration // how long until it is worth another try
	// puzzle is not a fault of the person: the browser has to solve it.
	puzzle *attack.Puzzle
}

// What is wrong with what was typed.
const (
	textNoPhone   = "Enter your mobile number."
	textBadPhone  = "Enter a mobile number with its country code, like +44 7700 900123."
	textNoCountry = "Choose the country of your number, or begin it with its country code, like +44 7700 900123."
	textNoEmail   = "Enter your e-mail address."
	textBadEmail  = "Enter an e-mail address, like sam@example.com."
	textExpired   = "This code has expired."
	textTooOften  = "Too many tries. We've stopped this code."
)

// explain puts a fault into words. Whether somebody is known, no words tell.
func explain(v *authorize.View, f *fault.Error, sent web.Params) problem {
	if errors.Is(f, authorize.ErrLength) {
		return problem{field: true, text: fmt.Sprintf("The code has %d digits.", v.Transaction.Digits) + entered(sent.Get("code"))}
	}
	if errors.Is(f, authorize.ErrNoCode) {
		return problem{text: noCode(v)}
	}
	var refused *passwordless.RefusedError
	if errors.As(f, &refused) {
		return refusal(refused, f.RetryAfter)
	}
	switch {
	case f.Kind == fault.TooMany && f.RetryAfter > 0:
		return problem{wait: f.RetryAfter, text: "You can ask for another code in " + span(f.RetryAfter) + "."}
	case f.Kind == fault.TooMany:
		return problem{text: "Too many codes were asked for. Try again later."}
	case f == passwordless.ErrNoSMS, f == passwordless.ErrNoEmail:
		return problem{text: "We can't send codes at the moment. Try again later, or sign in another way."}
	case f.Code == "bad.phone_number", f.Code == "sms_provider_error":
		why := problem{field: v.Page == authorize.PageIdentify, text: "We can't text this number. Check it, or sign in another way."}
		if c, ok := unserved(v, entry{typed: sent.Get("username"), country: sent.Get("country")}); ok {
			why.text = "We can't text numbers of this country yet (" + c.Name + ")."
		}
		return why
	case f.Code == "bad.email":
		return problem{field: true, text: textBadEmail}
	}
	return problem{text: "We couldn't send the code. Try again in a moment."}
}

// noCode says why no code is asked for: the last was for another sign-in, or is
// used up, and the wait for the next goes on.
func noCode(v *authorize.View) string {
	where := "this number"
	if v.Transaction.Channel == tenant.Email {
		where = "this address"
	}
	text := "The last code that was sent to " + where + " does not work here. "
	if v.ResendAfter > 0 {
		return text + "You can ask for another in " + span(v.ResendAfter) + "."
	}
	return text + "Ask for another."
}

// entered says what was typed in place of a code. It costs no try.
func entered(code string) string {
	digits := 0
	for _, r := range code {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			return " Enter only those."
		}
	}
	if digits == 0 {
		return ""
	}
	return fmt.Sprintf(" You entered %d.", digits)
}

func refusal(r *passwordless.RefusedError, wait time.Duration) problem {
	switch r.Outcome {
	case passwordless.Late:
		return problem{text: textExpired, fresh: true}
	case passwordless.Dead:
		return problem{text: textTooOften, fresh: true}
	case passwordless.NoTries, passwordless.TooManyFailures:
		return problem{text: "Too many wrong codes. Ask for a new code, or try again in " + span(wait) + ".", fresh: true, wait: wait}
	default:
	}
	switch r.Left {
	case 0:
		return problem{field: true, text: "That code isn't right."}
	case 1:
		return problem{field: true, text: "That code isn't right. 1 try left."}
	}
	return problem{field: true, text: fmt.Sprintf("That code isn't right. %d tries left.", r.Left)}
}

// span writes a time to wait, rounded up.
func span(d time.Duration) string {
	seconds := int(math.Ceil(d.Seconds()))
	switch {
	case seconds <= 1:
		return "1 second"
	case seconds < 100:
		return fmt.Sprintf("%d seconds", seconds)
	case seconds < 100*60:
		return fmt.Sprintf("%d minutes", (seconds+59)/60)
	}
	return fmt.Sprintf("%d hours", (seconds+3599)/3600)
}

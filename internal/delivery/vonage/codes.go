package vonage

import "github.com/doorcode/doorcode/internal/delivery"

// A verdict is what an error code means for the messages after it.
type verdict struct {
	class delivery.Class
	scope delivery.Scope
	fix   string
	// unsure says that the message may have been taken all the same.
	unsure bool
}

// apply puts the verdict into an error. A status that asks to come back means
// it whatever the code.
func (v verdict) apply(e *delivery.Error) {
	if v.fix != "" {
		e.Fix = v.fix
	}
	if e.Class == delivery.Temporary {
		return
	}
	e.Class, e.Unanswered = v.class, v.unsure
	if v.scope != delivery.ByClass {
		e.Scope = v.scope
	}
	if v.class == delivery.Temporary {
		e.Fix = v.fix
	}
}

const (
	fixNumber  = "The number is not valid or not one that takes text messages. It must be complete, with + and country code."
	fixAccount = "Vonage does not let the account send. Check its balance and its state in the Vonage dashboard."
	fixKeys    = "Enter the API key and API secret of Vonage again, or the application ID and its private key. A number that is linked to an application needs the application's."
	fixSender  = "Vonage does not send from this From to this country. Use a number of the account, or register the name there."
	fixSetting = "Vonage does not accept a setting. Check From and options.doorcode.vonage of the connection."
	fixFilter  = "Carriers or regulators refuse the wording or the sender. Change the message, and register both where the country wants it."
	fixStop    = "The person has answered STOP to this sender. They can answer START, or sign in by e-mail."
	fixOutage  = "See vonageapi.statuspage.io if it goes on."
	fixDemo    = "The account is a trial and sends only to numbers on its list. Add the number in the Vonage dashboard, or top the account up."
)

// judgeMessage is about the error codes of the Messages API (Vonage: API
// errors).
func judgeMessage(code string) (verdict, bool) {
	switch code {
	case "1000", "1241":
		return verdict{class: delivery.Temporary}, true
	case "1030", "1100":
		return verdict{class: delivery.Temporary, fix: fixOutage, unsure: true}, true
	case "1010", "1020":
		return verdict{class: delivery.Configuration, fix: fixSetting}, true
	case "1040", "1050", "1170", "1430":
		return verdict{class: delivery.Permanent, fix: fixNumber}, true
	case "1060", "1070", "1160", "1460":
		return verdict{class: delivery.Configuration, scope: delivery.OfAccount, fix: fixAccount}, true
	case "1080":
		return verdict{class: delivery.Configuration, scope: delivery.OfAccount, fix: fixKeys}, true
	case "1290":
		return verdict{class: delivery.Configuration, fix: fixDemo}, true
	case "1120", "1420":
		return verdict{class: delivery.Configuration, fix: fixSender}, true
	case "1240", "1476":
		return verdict{class: delivery.Permanent, fix: fixStop}, true
	case "1210", "1470", "1472", "1480", "1481", "1482", "1483":
		return verdict{class: delivery.Configuration, fix: fixFilter}, true
	}
	return verdict{}, false
}

// judgeStatus is about the statuses of the SMS API (Vonage: troubleshooting
// SMS).
func judgeStatus(status string) (verdict, bool) {
	switch status {
	case "1", "10":
		return verdict{class: delivery.Temporary}, true
	case "5":
		return verdict{class: delivery.Temporary, fix: fixOutage, unsure: true}, true
	case "2", "3", "22", "23":
		return verdict{class: delivery.Configuration, fix: fixSetting}, true
	case "6", "7", "33":
		return verdict{class: delivery.Permanent, fix: fixNumber}, true
	case "4", "14", "32":
		return verdict{class: delivery.Configuration, scope: delivery.OfAccount, fix: fixKeys}, true
	case "8", "9", "11":
		return verdict{class: delivery.Configuration, scope: delivery.OfAccount, fix: fixAccount}, true
	case "12":
		return verdict{class: delivery.Configuration, fix: "The message is too long. Shorten the template of the connection."}, true
	case "15":
		return verdict{class: delivery.Configuration, fix: fixSender}, true
	case "29":
		return verdict{class: delivery.Configuration, fix: fixDemo}, true
	}
	return verdict{}, false
}

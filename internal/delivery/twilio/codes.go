package twilio

import (
	"net/http"
	"strconv"

	"github.com/doorcode/doorcode/internal/delivery"
)

// judge says what a failure means for the messages after it, and what to do
// about it. Twilio splits its codes into finer ones from time to time, so an
// unknown one counts as its status does.
func judge(code, status int) (delivery.Class, string) {
	// Whatever the code, only these are worth repeating soon.
	if status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500 {
		_, fix, _ := advice(code)
		return delivery.Temporary, fix
	}
	if class, fix, ok := advice(code); ok {
		return class, fix
	}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return delivery.Configuration, "Check the Twilio Account SID and Auth Token, and the state of the account."
	case status == http.StatusNotFound || status == http.StatusConflict || status == http.StatusUnprocessableEntity:
		return delivery.Configuration, "Check the Twilio settings of the connection."
	case status < 400:
		return delivery.Configuration, "The base URL of Twilio answers with a redirect, which is not followed. Correct it."
	}
	return delivery.Permanent, ""
}

// Fix returns what to do about an error code of Twilio, in plain words, or "".
func Fix(code string) string {
	n, err := strconv.Atoi(code)
	if err != nil {
		return ""
	}
	_, fix, _ := advice(n)
	return fix
}

// advice looks the code up.
func advice(code int) (class delivery.Class, fix string, ok bool) {
	if fix := accountFix(code); fix != "" {
		return delivery.Configuration, fix, true
	}
	if fix := senderFix(code); fix != "" {
		return delivery.Configuration, fix, true
	}
	if fix := messageFix(code); fix != "" {
		return delivery.Configuration, fix, true
	}
	if fix := numberFix(code); fix != "" {
		return delivery.Permanent, fix, true
	}
	if fix := carrierFix(code); fix != "" {
		return delivery.Permanent, fix, true
	}
	return delivery.Permanent, "", false
}

// accountFix is about the account.
func accountFix(code int) string {
	switch code {
	case 10001:
		return "The Twilio account is disabled. Check its balance, or ask Twilio."
	case 10002:
		return "Trial accounts cannot do this. Upgrade the Twilio account."
	case 20003:
		return "Enter the Twilio Account SID and Auth Token again. They belong to one account and one region, and test credentials send nothing."
	case 20005:
		return "The Twilio account is not active. Top it up, or finish its activation."
	case 20006, 20403:
		return "The Twilio credentials may not send messages. Use the Auth Token, or a key with that permission."
	case 20008:
		return "These are Twilio test credentials. Use the live ones."
	case 20404:
		return "Twilio does not know this Account SID or Messaging Service. Check both, and the region of the base URL."
	case 20429:
		return "The Twilio account has too many requests under way. Nothing is lost: the message is tried again."
	case 20500, 20503:
		return "Twilio has a problem. See status.twilio.com."
	case 21608, 572005:
		return "A Twilio trial account only sends to verified numbers. Verify the number in the Twilio console, or upgrade the account."
	case 30002, 30037:
		return "Twilio has suspended the account. Ask Twilio."
	case 30044:
		return "Trial accounts send short messages only. Shorten the message, or upgrade the Twilio account."
	}
	return ""
}

// senderFix is about the From number or the Messaging Service.
func senderFix(code int) string {
	switch code {
	case 21212, 21601, 21616, 21659:
		return "The From number is not one that Twilio can send from. Enter a number of the account, with + and country code."
	case 21603:
		return "Neither a From number nor a Twilio Messaging Service SID is set. Set one of them as SMS Source."
	case 21401, 21606, 21661:
		return "The From number cannot send text messages to this destination. Use another number, or a Messaging Service."
	case 21611, 30001:
		return "The sender's queue at Twilio is full. Add senders, or use a Messaging Service with several."
	case 21657, 30018:
		return "The destination wants the sender's name registered. Register it with Twilio, or send from a number."
	case 21660:
		return "The From number belongs to another Twilio account. Use the Account SID that owns it."
	case 21701, 21702, 21705:
		return "The Twilio Messaging Service SID is wrong, or the service cannot send. It begins with MG."
	case 21703:
		return "No sender of the Messaging Service fits the destination. Add one for that country."
	case 21704:
		return "The Messaging Service has no senders. Add a number to it."
	case 21708, 21709:
		return "The Messaging Service's sender name is missing or not allowed. Correct its senders."
	case 21711:
		return "The From number is not part of the Messaging Service. Add it there, or leave From empty."
	case 30024, 30035:
		return "The number is not set up at the carrier yet. Wait, or ask Twilio."
	case 30032:
		return "The toll-free number is not verified. Have it verified in the Twilio console."
	case 30033, 30034:
		return "Numbers of the United States need a registered campaign (A2P 10DLC). Register it, or use a verified toll-free number."
	}
	return ""
}

// messageFix is about the text and the other settings.
func messageFix(code int) string {
	switch code {
	case 20422, 20423, 30400, 30404:
		return "Twilio does not accept a setting. Check the Twilio settings of the connection."
	case 21408:
		return "Twilio may not send to this country. Enable it under Messaging Geo Permissions in the Twilio console."
	case 21602:
		return "The message is empty. Correct its template."
	case 21604:
		return "The request had no recipient. This is a defect of Doorcode: please report it."
	case 21609:
		return "The address for delivery reports is not a public one. Correct the public URL."
	case 21617, 30019:
		return "The message is longer than 1,600 characters. Shorten its template."
	case 21618, 30007:
		return "Carriers refuse the wording. Change the message: no shortened links, and say who it is from."
	case 21624, 30045:
		return "The validity period is outside 1 to 36,000 seconds. Correct the setting."
	case 30010:
		return "The message costs more than the highest price that is set. Remove that limit."
	}
	return ""
}

// numberFix is about the person's number.
func numberFix(code int) string {
	switch code {
	case 21211:
		return "The number is not valid. It must be complete, with + and country code."
	case 21610:
		return "The person has answered STOP to this sender. They can answer START, or sign in by e-mail."
	case 21612:
		return "Twilio has no way from this sender to this number. Another kind of sender may have one."
	case 21614, 21635, 30006:
		return "The number is not a mobile phone's, so text messages do not reach it."
	case 30004:
		return "The number, or its carrier, refuses messages from this sender."
	case 30005:
		return "The number is not in use any more."
	case 30038:
		return "The number is itself one of Twilio's, which do not receive codes."
	}
	return ""
}

// carrierFix is about what happened on the way.
func carrierFix(code int) string {
	switch code {
	case 14107:
		return "Too many messages between two numbers in a short time. Look for something that asks again and again."
	case 30003:
		return "The phone is off or has no signal. Asking for a new code later may help."
	case 30008, 30017, 30410, 30500:
		return "The carrier did not deliver the message. Asking for a new code may help; ask Twilio if it goes on."
	case 30022, 30023, 30027:
		return "The limit of the United States campaign is reached. Raise it with Twilio, or use a toll-free number."
	case 30036:
		return "The message waited for too long. Add senders if this goes on."
	case 30450, 30453:
		return "Twilio's protection against SMS pumping blocks this destination for a while. Look for an attack; real people can be put on the safe list."
	case 30610, 30640:
		return "Twilio took the message for marketing. Register its use as one-time codes."
	}
	return ""
}

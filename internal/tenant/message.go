package tenant

import (
	"slices"
	"strings"
	"time"
)

// A Message is one text message or e-mail from the request for it to what
// became of it. It holds what the text is rendered from, not the text.
type Message struct {
	ID         string // "msg_" and 24 letters and digits
	State      MessageState
	Channel    Channel
	To         string
	Connection ConnectionID
	Client     ClientID
	User       UserID // empty when nobody is known by the address yet

	Language    string // what the templates see as request_language
	Send        string // "code", "link" or SendVoice
	Code        CodeKey
	Salt        []byte
	Digits      int
	CodeExpires time.Time
	// AuthParams are what its link leads to, if the API has asked for one: a
	// JSON object.
	AuthParams string
	RequestIP  string
	UserAgent  string

	Provider        string
	ProviderID      string // the provider's own id of the message
	TemplateVersion int64
	Encoding        string
	Segments        int
	ErrorCode       string
	ErrorText       string

	// Exchange is what was last said to the provider, and what it answered,
	// without secrets: of a message that was not taken, and of one that is
	// Traced.
	Exchange Exchange
	Traced   bool

	Attempts   int       // hand-overs tried
	NextAt     time.Time // when the next attempt is due
	LeaseUntil time.Time // until when one process has it
	Events     []MessageEvent
	CreatedAt  time.Time
}

// An Exchange is a request to a provider and its answer, as texts for people.
type Exchange struct{ Request, Answer string }

// SendVoice says that a message's code is read out by a call.
const SendVoice = "voice"

// A MessageEvent is one line of a message's timeline.
type MessageEvent struct {
	At        time.Time
	State     MessageState
	Detail    string
	Fix       string // what the operator can do about it; may be empty
	Duplicate bool   // from here on the message may arrive twice
}

// Told is the line in words: what happened, and what to do about it.
func (e MessageEvent) Told() string { return strings.TrimSpace(e.Detail + " " + e.Fix) }

// Fix is what the operator can do about the error that the message has, in plain
// words. It is empty where there is no error, or nothing to be done.
func (m *Message) Fix() string {
	if m.ErrorCode == "" && m.ErrorText == "" {
		return ""
	}
	for _, e := range slices.Backward(m.Events) {
		if e.Fix != "" {
			return e.Fix
		}
	}
	return ""
}

// Duplicate reports whether the message may have arrived twice.
func (m *Message) Duplicate() bool {
	return slices.ContainsFunc(m.Events, func(e MessageEvent) bool { return e.Duplicate })
}

// MessageState is where a message is on its way.
type MessageState string

// The states. Requested and queued messages are still ours; the provider has
// the accepted, sent, delivered and undelivered ones.
const (
	MessageRequested   MessageState = "requested"
	MessageQueued      MessageState = "queued"
	MessageAccepted    MessageState = "accepted"
	MessageSent        MessageState = "sent"
	MessageDelivered   MessageState = "delivered"
	MessageUndelivered MessageState = "undelivered"
	MessageFailed      MessageState = "failed"
	MessageExpired     MessageState = "expired"
	MessageSuppressed  MessageState = "suppressed"
	MessageUsed        MessageState = "used"
)

// Over reports whether no further attempt is made.
func (s MessageState) Over() bool { return s != MessageRequested && s != MessageQueued }

// Arrived reports whether the person is known to have the message.
func (s MessageState) Arrived() bool { return s == MessageDelivered || s == MessageUsed }

// Failed reports whether the message has not come, and will not.
func (s MessageState) Failed() bool {
	return s == MessageUndelivered || s == MessageFailed || s == MessageExpired
}

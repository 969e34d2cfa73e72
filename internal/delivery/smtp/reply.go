package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/observe"
)

// codeTLS is the code of failures to encrypt.
const codeTLS = "tls"

// maxText bounds the text of an error.
const maxText = 500

// failure is the error of a conversation that did not end well.
func (s *sender) failure(m delivery.Outgoing, at step, err error) error {
	var ours *delivery.Error
	if errors.As(err, &ours) {
		return ours
	}
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code >= 400 && reply.Code < 600 {
		return s.refusal(m, at, reply)
	}
	e := &delivery.Error{Class: delivery.Temporary, Unanswered: at == ending}
	var garbled textproto.ProtocolError
	switch {
	case reply != nil || errors.As(err, &garbled):
		e.Code, e.Text = delivery.CodeBadAnswer, "The answer is not that of a mail server."
	case at == ending && errors.Is(err, context.DeadlineExceeded):
		e.Code, e.Text = delivery.CodeNoAnswer, "The mail server did not say in time whether it has the message."
	case at == ending:
		e.Code, e.Text = delivery.CodeNoAnswer, "The connection to the mail server broke off before it said whether it has the message."
	case at == connecting:
		e.Code, e.Text = delivery.CodeUnreachable, "The mail server cannot be reached."
		e.Fix = "Check smtp_host and smtp_port of the email provider, and that this server may open connections there."
	case errors.Is(err, context.DeadlineExceeded):
		e.Code, e.Text = delivery.CodeUnreachable, "The mail server was too slow to take the message."
	case at == encrypting:
		e.Code, e.Text = codeTLS, s.clean(m, "The mail server's encryption cannot be relied on: "+first(err))
		e.Fix = "Check smtp_host and smtp_port of the email provider, and the server's certificate."
	default:
		e.Code, e.Text = delivery.CodeUnreachable, "The mail server ended the conversation before it had the message."
	}
	// What it wrapped may say more than anybody should read.
	return e.Because(errors.New(s.clean(m, err.Error())))
}

// first is the first line of an error.
func first(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// refusal is the error of a server that said no.
func (s *sender) refusal(m delivery.Outgoing, at step, reply *textproto.Error) error {
	enhanced, text := told(reply.Msg)
	e := &delivery.Error{Code: strconv.Itoa(reply.Code), Text: s.clean(m, strings.TrimSpace(enhanced+" "+text))}
	if e.Text == "" {
		e.Text = "The mail server refused the message and gave no reason."
	}
	e.Class, e.Fix = judge(at, reply.Code, enhanced)
	e.Scope = scope(at, reply.Code)
	if e.Class == delivery.Temporary {
		e.RetryAfter = pause(text)
		// A server that forwards while it listens may have done so already.
		e.Unanswered = at == ending
	}
	return e
}

// scope says whether another message would fare alike. From the recipient on a
// server speaks of the message: one that is put off for now, as servers do with
// strangers, keeps nobody else's back. 421 is the server's own end (RFC 5321
// §3.8).
func scope(at step, code int) delivery.Scope {
	switch {
	case code == 421:
		return delivery.ByClass
	case at >= addressing && code != 530 && code != 535:
		return delivery.OfMessage
	case at <= signingIn || code == 530 || code == 535:
		if code >= 500 {
			return delivery.OfAccount
		}
	}
	return delivery.ByClass
}

// judge says what a refusal means for the messages after it, by where it came
// and by its code (RFC 5321 §4.2, RFC 3463).
func judge(at step, code int, enhanced string) (delivery.Class, string) {
	switch {
	case code < 500:
		return delivery.Temporary, ""
	case at == signingIn || code == 530 || code == 534 || code == 535 || code == 538:
		return delivery.Configuration, "Check smtp_user and smtp_pass of the email provider, and whether the account may send."
	case at <= encrypting:
		return delivery.Configuration, "Check smtp_host and smtp_port of the email provider: this server does not want to hear from us."
	case code <= 504:
		return delivery.Configuration, "The mail server does not understand what was said to it. Check smtp_port of the email provider, and what is behind it."
	case at == naming || enhanced == "5.1.7" || enhanced == "5.1.8":
		return delivery.Configuration, "The mail server does not send for this From address. Have it verified there, or set another one."
	case strings.HasPrefix(enhanced, "5.7."):
		return delivery.Configuration, "The mail server does not send this. Check what the account may send, and the SPF, DKIM and DMARC records of From's domain."
	case enhanced == "5.3.4" || strings.HasPrefix(enhanced, "5.6."):
		return delivery.Configuration, "The mail server does not take the message as it is. Shorten the template of the connection."
	}
	return delivery.Permanent, ""
}

var (
	enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}(?: |$)`)
	pauseText    = regexp.MustCompile(`(?i)\b(?:in|after|for) (\d{1,4}) ?(s|sec|seconds?|m|min|minutes?)\b`)
	greylisted   = regexp.MustCompile(`(?i)gr[ae]y-?list`)
)

// told takes a reply of several lines apart: its enhanced status code, which
// may be on each line, and the text.
func told(msg string) (enhanced, text string) {
	var lines []string
	for line := range strings.Lines(msg) {
		line = strings.TrimSpace(line)
		if code := enhancedCode.FindString(line); code != "" {
			enhanced = strings.TrimSpace(code)
			line = line[len(code):]
		}
		lines = append(lines, line)
	}
	return enhanced, strings.Join(lines, " ")
}

// greylist is how long a server that turns strangers away at first is left
// alone if it does not say. Sooner it would say no again.
const greylist = 30 * time.Second

// pause is how long a server asks to be left alone.
func pause(text string) time.Duration {
	if m := pauseText.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // four digits at most
		if strings.HasPrefix(strings.ToLower(m[2]), "m") {
			n *= 60
		}
		return time.Duration(n) * time.Second
	}
	if greylisted.MatchString(text) {
		return greylist
	}
	return 0
}

// clean makes a short line of what came from outside, without what nobody may
// read: servers quote addresses and sometimes what they were sent.
func (s *sender) clean(m delivery.Outgoing, text string) string {
	b64 := base64.RawStdEncoding.EncodeToString
	for _, hidden := range []string{
		s.password, b64([]byte("\x00" + s.server.User + "\x00" + s.password)), b64([]byte(s.password)), m.Link, m.Code,
	} {
		if len(hidden) >= 4 {
			text = strings.ReplaceAll(text, hidden, "[redacted]")
		}
	}
	text = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	text = observe.Mask(text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	return strings.TrimSpace(text)
}

// Package event makes the entries of the tenant's log: their ids, types and
// words (Auth0: tenant log events).
package event

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The types of log events that this server writes (Auth0: log event type
// codes).
const (
	CodeSent              = "cs"
	CodeLinkSent          = "cls"
	Login                 = "s"
	LoginFailed           = "f"
	SignUp                = "ss"
	ExchangeOTPFailed     = "fepotpft"
	ExchangePasswordless  = "sepft"
	ExchangeClient        = "seccft"
	ExchangeClientFailed  = "feccft"
	ExchangeCode          = "seacft"
	ExchangeCodeFailed    = "feacft"
	SilentAuth            = "ssa"
	SilentAuthFailed      = "fsa"
	CrossOrigin           = "scoa"
	CrossOriginFailed     = "fcoa"
	CrossOriginForeign    = "fco"
	Deprecated            = "depnote"
	Logout                = "slo"
	LogoutFailed          = "flo"
	BackchannelLogout     = "oidc_backchannel_logout_succeeded"
	BackchannelFailed     = "oidc_backchannel_logout_failed"
	ExchangeRefresh       = "sertft"
	ExchangeRefreshFailed = "fertft"
	RefreshReused         = "ferrt"
	ExchangeDevice        = "sede"
	DeviceAskFailed       = "fdeaz"
	DeviceFailed          = "fdeac"
	DeviceDenied          = "fdecc"
	RefreshRevoked        = "srrt"
	TooManyTries          = "limit_wc"
	TooManyFailures       = "limit_mu"
	Unblocked             = "ublkdu"
	APILimit              = "api_limit"
	PhoneLimit            = "limit_phone"
	NotificationFailed    = "fn"
	NotificationWarning   = "wn"
	UserDeleted           = "sdu"
	EmailChanged          = "sce"
	PhoneChanged          = "scpn"
	ManagementWrite       = "sapi"
	ManagementFailed      = "fapi"
	ManagementSecret      = "mgmt_api_read"
)

// New returns an event of the type at now, with an id.
func New(typ string, now time.Time) tenant.LogEvent {
	return tenant.LogEvent{ID: NewID(now), At: now, Type: typ, StrategyType: "passwordless"}
}

// NewID returns 56 digits that sort by time: "900", the moment to the
// millisecond, and 36 random digits, so that no two processes need to agree.
func NewID(now time.Time) string {
	var b strings.Builder
	b.Grow(56)
	b.WriteString(FirstID(now))
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	// Two numbers of eighteen digits. The slight favour of small numbers in
	// the remainder does not matter: ids are unique, not secret.
	for i := range 2 {
		fmt.Fprintf(&b, "%018d", binary.BigEndian.Uint64(raw[8*i:])%1_000_000_000_000_000_000)
	}
	return b.String()
}

// FirstID is what the ids of a moment begin with: it sorts after all of earlier
// ones and before its own.
func FirstID(at time.Time) string {
	at = at.UTC()
	return fmt.Sprintf("900%s%03d", at.Format("20060102150405"), at.Nanosecond()/1_000_000)
}

// About fills in what the event is about.
func About(e *tenant.LogEvent, c *tenant.Connection, client *tenant.Client) {
	if c != nil {
		e.Connection, e.ConnectionID, e.Strategy = c.Name, c.ID, c.Channel
	}
	if client != nil {
		e.Client, e.ClientName = client.ID, client.Name
	}
}

// NewMessageID returns an id for a message: "msg_" and 24 letters and digits
// that sort by time.
func NewMessageID(now time.Time) string {
	return FirstMessageID(now) + secret.Alphanumeric(15)
}

// FirstMessageID is to the ids of messages what FirstID is to those of events.
func FirstMessageID(at time.Time) string {
	return fmt.Sprintf("msg_%09s", strconv.FormatInt(at.UnixMilli(), 36))
}

package dashboard

import (
	"bytes"
	"encoding/json"
	"net/url"
	"sort"
	"strings"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// userAddress is the address of a tab of a user's pages.
func userAddress(id tenant.UserID, tab string) string {
	a := pathUsers + "/" + url.PathEscape(string(id))
	if tab != "" {
		a += "/" + tab
	}
	return a
}

// shownIdentifier is a number or an address as a page shows it.
func shownIdentifier(channel tenant.Channel, to string, revealed bool) string {
	switch {
	case !revealed:
		return address.Mask(channel, to)
	case channel == tenant.Email:
		return to
	}
	return address.Readable(to)
}

// shownIdentity is what people know a user by.
func shownIdentity(u *tenant.User, revealed bool) string {
	if len(u.Identities) == 0 {
		return string(u.ID)
	}
	return shownIdentifier(u.Identities[0].Channel, u.Identities[0].Identifier, revealed)
}

// ownName is a user's name, if it is one and not their number or address.
func ownName(u *tenant.User) string {
	for _, i := range u.Identities {
		if strings.EqualFold(u.Name, i.Identifier) {
			return ""
		}
	}
	if u.Name == u.Phone || u.Name == u.Email {
		return ""
	}
	return u.Name
}

// channelFor is what a number or an address is for.
func channelFor(identifier string) tenant.Channel {
	if strings.Contains(identifier, "@") {
		return tenant.Email
	}
	return tenant.SMS
}

// secretsOf are all spellings of a user that say who they are.
func secretsOf(u *tenant.User) []string {
	list := []string{u.Phone, u.Email}
	for _, i := range u.Identities {
		list = append(list, i.Identifier)
	}
	return list
}

// documentOf writes an object for people, with the identifiers masked unless they
// were revealed.
func documentOf(o *settings.Object, identifiers []string, revealed bool) string {
	var b bytes.Buffer
	if json.Indent(&b, o.Bytes(), "", "  ") != nil {
		return "{}" // it was JSON
	}
	text := b.String()
	if revealed {
		return text
	}
	// The longest first: one may be a part of another.
	sort.Slice(identifiers, func(i, j int) bool { return len(identifiers[i]) > len(identifiers[j]) })
	for _, id := range identifiers {
		if id == "" {
			continue
		}
		written, err := json.Marshal(id)
		if err != nil {
			continue // texts always marshal
		}
		for _, form := range []string{id, string(written[1 : len(written)-1])} {
			text = strings.ReplaceAll(text, form, address.Mask(channelFor(id), id))
		}
	}
	return text
}

// userDocument is a user as the Management API shows one. What is made of an
// address says it as well.
func userDocument(u *tenant.User, revealed bool) string {
	o := settings.UserDocument(u)
	local, _, isEmail := strings.Cut(u.Email, "@")
	if !revealed && isEmail {
		if u.Nickname == local {
			o.Set("nickname", "•••")
		}
		if strings.Contains(u.Picture, "gravatar") {
			o.Set("picture", "•••")
		}
	}
	return documentOf(o, secretsOf(u), revealed)
}

// browserOf says which browser and system a browser says it is.
func browserOf(agent string) string {
	first := func(pairs ...string) string {
		for i := 0; i < len(pairs); i += 2 {
			if strings.Contains(agent, pairs[i]) {
				return pairs[i+1]
			}
		}
		return ""
	}
	browser := first("Edg", "Edge", "OPR/", "Opera", "SamsungBrowser", "Samsung Internet", "Firefox/", "Firefox", "FxiOS", "Firefox",
		"CriOS", "Chrome", "Chrome/", "Chrome", "Safari/", "Safari")
	system := first("iPhone", "iPhone", "iPad", "iPad", "Android", "Android", "Windows", "Windows", "Mac OS X", "macOS", "CrOS", "ChromeOS", "Linux", "Linux")
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser != "":
		return browser
	case agent == "":
		return "Unknown browser"
	}
	return agent[:min(len(agent), 60)]
}

package manage

import (
	"context"
	"net/http"

	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Protections keeps the settings of attack protection.
type Protections interface {
	// Protection returns them.
	Protection(ctx context.Context) (*tenant.Protection, error)
	// ChangeProtection replaces a part by what change makes of it. No other
	// change comes between. The function may be called more than once.
	ChangeProtection(ctx context.Context, part tenant.ProtectionPart, change ChangeProtection) error
}

// A ChangeProtection makes the document that takes the place of that of s,
// which is its to change.
type ChangeProtection func(s *tenant.ProtectionSetting) (tenant.LogEvent, error)

// Protection returns the document of a part of attack protection.
func (s *Service) Protection(ctx context.Context, part tenant.ProtectionPart) (*settings.Object, error) {
	p, err := s.Protections.Protection(ctx)
	if err != nil {
		return nil, err
	}
	return settings.ParseObject(p.Settings[part].Doc)
}

// ChangeProtection changes a part of attack protection as a body asks, and
// returns its document.
func (s *Service) ChangeProtection(ctx context.Context, by Actor, part tenant.ProtectionPart, body *settings.Object) (*settings.Object, error) {
	var after *settings.Object
	err := s.Protections.ChangeProtection(ctx, part, func(set *tenant.ProtectionSetting) (tenant.LogEvent, error) {
		if set.Managed {
			return tenant.LogEvent{}, ErrManaged
		}
		var err error
		if set.Doc, err = settings.ChangeProtection(part, set.Doc, body); err != nil {
			return tenant.LogEvent{}, err
		}
		if after, err = settings.ParseObject(set.Doc); err != nil {
			return tenant.LogEvent{}, err
		}
		return s.record(by, outcome{what: "Update " + protectionWords(part) + " settings", status: http.StatusOK, body: after}), nil
	})
	if err != nil {
		return nil, err
	}
	return after, nil
}

func protectionWords(part tenant.ProtectionPart) string {
	switch part {
	case tenant.BruteForcePart:
		return "Brute-force"
	case tenant.SuspiciousIPPart:
		return "Suspicious IP Throttling"
	case tenant.BreachedPasswordPart:
		return "Breached Password Detection"
	}
	return "Bot Detection"
}

// protectionKeys are the names of the parts in the configuration file, which
// are the deploy CLI's.
func protectionKeys() map[string]tenant.ProtectionPart {
	return map[string]tenant.ProtectionPart{
		"bruteForceProtection": tenant.BruteForcePart, "suspiciousIpThrottling": tenant.SuspiciousIPPart,
		"breachedPasswordDetection": tenant.BreachedPasswordPart, "botDetection": tenant.BotDetectionPart,
	}
}

// protection plans the attack protection of the file. What the file does not
// say of a part that it names is as by default.
func (p *planner) protection() error {
	d := p.file.AttackProtection
	if d == nil {
		return nil
	}
	all, err := p.read(*d)
	if err != nil {
		return err
	}
	p.plan.Protection = map[tenant.ProtectionPart][]byte{}
	for _, name := range all.Names() {
		part, known := protectionKeys()[name]
		body := all.Object(name)
		switch {
		case name == "captcha":
			continue // the file's reader has warned of it
		case !known:
			return p.bad(*d, name, "%q is not known here; known are bruteForceProtection, suspiciousIpThrottling, "+
				"breachedPasswordDetection and botDetection", name)
		case body == nil:
			return p.bad(*d, name, "names with values are expected here, such as \"enabled: true\"")
		}
		doc, err := settings.ChangeProtection(part, nil, body)
		if err != nil {
			return p.at(*d, settings.Within(name, err))
		}
		p.plan.Protection[part] = doc
	}
	return nil
}

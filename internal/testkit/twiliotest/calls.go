package twiliotest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxTwiml is the longest document that Twilio takes with a call.
const maxTwiml = 4000

// checkCall returns the error code for a request to make a call, or 0.
func (s *Server) checkCall(a Account, form url.Values) int {
	to, from := form.Get("To"), form.Get("From")
	switch {
	case to == "":
		return 21201
	case from == "":
		return 21213
	case !form.Has("Twiml") && !form.Has("Url"):
		return 21205
	case !e164(to):
		return 21211
	case s.invalid[to] != 0:
		return s.invalid[to]
	case !e164(from), !slices.Contains(a.Numbers, from):
		return 21210
	case len(form.Get("Twiml")) > maxTwiml:
		return 21604
	}
	if _, err := Said(form.Get("Twiml")); err != nil {
		return 12100
	}
	return 0
}

// call makes the call resource.
func (s *Server) call(a Account, r *Request) map[string]any {
	s.made++
	r.SID = fmt.Sprintf("CA%032x", s.made)
	at := r.At.UTC().Format(time.RFC1123Z)
	return map[string]any{
		"sid": r.SID, "account_sid": a.SID, "api_version": "2010-04-01", "status": "queued", "direction": "outbound-api",
		"to": r.Form.Get("To"), "from": r.Form.Get("From"), "date_created": at, "date_updated": at, "duration": nil, "price": nil,
		"uri": "/2010-04-01/Accounts/" + a.SID + "/Calls/" + r.SID + ".json",
	}
}

// Said is what a voice says for a document, one line for each Say. An element
// that is neither Say nor Pause is an error: a call does nothing else here.
func Said(twiml string) ([]string, error) {
	var said []string
	d := xml.NewDecoder(strings.NewReader(twiml))
	depth, saying := 0, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && depth == 0 && said != nil {
			return said, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read TwiML: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			name := t.Name.Local
			if depth == 1 && name != "Response" || depth == 2 && name != "Say" && name != "Pause" || depth > 2 {
				return nil, fmt.Errorf("unexpected element %s", name)
			}
			if saying = name == "Say"; saying {
				said = append(said, "")
			}
		case xml.EndElement:
			depth--
			saying = false
		case xml.CharData:
			if saying {
				said[len(said)-1] += string(t)
			}
		}
	}
}

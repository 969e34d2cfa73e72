package deliverytest

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery"
)

// exchange checks that what was said is noted for whoever looks after a failure:
// both sides of it, and neither credentials nor the code, the link or who the
// message is to, also where the provider quotes them.
func exchange(t *testing.T, open func(t *testing.T) Fixture) {
	for name, trouble := range map[string]*Trouble{
		"taken": nil, "refused": ref(Refuses), "quoted": ref(Echoes), "at length": ref(Endless), "in its own form": ref(Babbles),
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			if trouble != nil {
				f.Cause(*trouble)
			}
			ctx, said := delivery.Noting(t.Context())
			_, err := f.Sender.Send(ctx, f.Message)
			if (err == nil) != (trouble == nil) {
				t.Fatal(err)
			}
			// What is no answer in the provider's form may be none at all.
			if said.Request == "" || said.Answer == "" && (trouble == nil || *trouble != Babbles) {
				t.Errorf("noted is %q, answered by %q", said.Request, said.Answer)
			}
			for _, half := range []string{said.Request, said.Answer} {
				if len(half) > 2100 {
					t.Errorf("%d bytes are noted", len(half))
				}
				for _, hidden := range append([]string{f.Message.Code, f.Message.Link, f.Message.To}, f.Secrets...) {
					for _, form := range []string{hidden, url.QueryEscape(hidden), strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(hidden)), "=")} {
						if hidden != "" && strings.Contains(half, form) {
							t.Errorf("%q is noted in:\n%s", hidden, half)
						}
					}
				}
			}
		})
	}
}

func ref(t Trouble) *Trouble { return &t }

package hosted

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"

	"github.com/doorcode/doorcode/internal/oauth"
)

// respond sends the answer to the application.
func (p *Pages) respond(w http.ResponseWriter, r *oauth.Response) error {
	switch r.Mode {
	case oauth.ModeFormPost:
		return p.sending(w, "form_post", "frame-ancestors 'none'", r, nil)
	case oauth.ModeWebMessage:
		target := oauth.Origin(r.RedirectURI)
		if target == "" {
			return fmt.Errorf("answer by message: %s has no origin", r.RedirectURI)
		}
		message := make(map[string]string, len(r.Pairs))
		for _, pair := range r.Pairs {
			message[pair.Name] = pair.Value
		}
		// The page may be in a frame of the application, and of nobody else.
		return p.sending(w, "web_message", "frame-ancestors "+target, r, map[string]any{
			"target": target, "response": message,
		})
	}
	p.redirect(w, r.Location())
	return nil
}

// sending writes a page that does nothing but send the answer. Its script comes
// from a file, and takes what it sends from the page, where it cannot be
// anything but data.
func (p *Pages) sending(w http.ResponseWriter, name, ancestors string, r *oauth.Response, message map[string]any) error {
	var b bytes.Buffer
	if err := p.pages.ExecuteTemplate(&b, name, map[string]any{
		// The redirect URI was checked: it is not one that would run here,
		// which is all that the template's own check keeps out.
		"Action": template.URL(r.RedirectURI), "Pairs": r.Pairs, "Message": message, //nolint:gosec // see above
	}); err != nil {
		return fmt.Errorf("make page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; base-uri 'none'; "+ancestors)
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(b.Bytes())
	return nil
}

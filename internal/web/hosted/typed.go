package hosted

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// showTyped asks whether to sign in with the code that a request brings. The
// form has the whole request in it, since nothing is stored before the answer.
func (p *Pages) showTyped(w http.ResponseWriter, r *http.Request) error {
	params, repeated, err := web.ReadForm(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	in, step, err := p.Authorize.ShowTyped(r.Context(), authorize.Request{Values: params, Repeated: repeated})
	if err != nil {
		return p.refuse(w, r, params, err)
	}
	web.RecordOf(r.Context()).ClientID = string(in.Client.ID)
	if step.Response != nil {
		return p.respond(w, step.Response)
	}
	d := linkPage{Title: "Sign in to " + in.Client.Name + "?", Lang: "en", Dir: "ltr", App: in.Client.Name, Email: in.Identifier}
	if in.Channel == tenant.SMS {
		d.Email = address.Readable(in.Identifier)
	}
	for _, name := range params.Names() {
		d.Pairs = append(d.Pairs, oauth.Pair{Name: name, Value: params.Get(name)})
	}
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	return p.write(w, http.StatusOK, "typed", d)
}

// followTyped signs in with the code. The form is of our own page.
func (p *Pages) followTyped(w http.ResponseWriter, r *http.Request) error {
	form, repeated, err := web.ReadForm(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	step, err := p.Authorize.FollowTyped(r.Context(), authorize.Request{Values: form, Repeated: repeated}, p.browser(r))
	if err != nil {
		return p.refuse(w, r, form, err)
	}
	web.RecordOf(r.Context()).ClientID = form.Get("client_id")
	return p.next(w, r, step)
}

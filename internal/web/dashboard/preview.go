package dashboard

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/doorcode/doorcode/internal/message"
	"github.com/doorcode/doorcode/internal/tenant"
)

// previewPolicy is that of the frame with a message: it runs nothing and loads
// nothing from elsewhere. E-mails bring their style along.
const previewPolicy = "sandbox; default-src 'none'; style-src 'self' 'unsafe-inline'; img-src data:; frame-src 'self'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

// previewPage is a message as it would be sent.
type previewPage struct {
	Problem        string
	Past           bool // what was typed is broken: the message is the stored one
	Text           string
	Encoding       string
	Segments       int
	Autofill       string // the host that phones fill the code in for
	Mail           *message.Mail
	SMS            bool
	Link, Language string
}

// The sample values of a preview. The number is one that is kept for examples.
const (
	sampleNumber = "+447700900123"
	sampleEmail  = "ada@mail.example"
	sampleDigits = "4829130576482913057648291305764829130576"
)

// preview shows the message that a connection is set to send.
func (d *Dashboard) preview(w http.ResponseWriter, q *request) error {
	c, _, err := d.connection(q, tabSettings)
	if err != nil {
		return err
	}
	return d.showPreview(w, q, c, formOf(c), form{})
}

// previewTyped shows the message that was typed and not saved yet.
func (d *Dashboard) previewTyped(w http.ResponseWriter, q *request) error {
	c, _, err := d.connection(q, tabSettings)
	if err != nil {
		return err
	}
	sent, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	return d.showPreview(w, q, c, readConnectionForm(sent, c), sent)
}

func (d *Dashboard) showPreview(w http.ResponseWriter, q *request, c *tenant.Connection, f connectionForm, sent form) error {
	vars, err := d.sample(q, f, sent)
	if err != nil {
		return err
	}
	p := previewPage{SMS: c.Channel == tenant.SMS, Language: vars.RequestLanguage}
	if p.SMS {
		vars.PhoneNumber = sampleNumber
	} else if vars.Email = sampleEmail; sent.Get("preview_send") == "link" {
		vars.Send, vars.Link = "link", d.URL+"/sample-link"
	}
	if err := p.render(&f, vars, d.Host); err != nil {
		p.Problem = err.Error()
		stored := formOf(c)
		p.Past = p.render(&stored, vars, d.Host) == nil
	}
	var b bytes.Buffer
	if err := d.pages.ExecuteTemplate(&b, "preview", p); err != nil {
		return fmt.Errorf("make preview: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", previewPolicy)
	_, _ = w.Write(b.Bytes())
	return nil
}

// sample are the values of a preview: for the application and the language that
// were picked.
func (d *Dashboard) sample(q *request, f connectionForm, sent form) (message.Vars, error) {
	set, err := d.Manage.Clients.Settings(q.Context())
	if err != nil {
		return message.Vars{}, err
	}
	v := message.Vars{
		Code: sampleDigits[:6], Send: "code", ApplicationName: "My app", RequestLanguage: or(sent.line("preview_language"), f.Language),
		ExpiresMinutes: 3, TenantName: set.FriendlyName, SupportEmail: set.SupportEmail, SupportURL: set.SupportURL, Now: d.Now(),
	}
	if n, err := strconv.Atoi(f.Length); err == nil && n >= tenant.MinDigits && n <= tenant.MaxDigits {
		v.Code = sampleDigits[:n]
	}
	if n, err := strconv.Atoi(f.Expiry); err == nil {
		v.ExpiresMinutes = max(1, min(n, int(tenant.MaxLifetime.Seconds()))/60)
	}
	if id := sent.Get("preview_app"); id != "" {
		client, err := d.Manage.Client(q.Context(), tenant.ClientID(id))
		if err != nil {
			return v, err
		}
		v.ApplicationName, v.ClientID = client.Name, string(client.ID)
	}
	return v, nil
}

func (p *previewPage) render(f *connectionForm, v message.Vars, host string) error {
	if p.SMS {
		return p.renderSMS(f, v, host)
	}
	return p.renderMail(f, v)
}

func (p *previewPage) renderSMS(f *connectionForm, v message.Vars, host string) error {
	t, err := f.sms()
	if err != nil {
		return err
	}
	if !f.Autofill {
		host = ""
	}
	m, err := t.Render(v, host)
	if err != nil {
		return renderProblem(err)
	}
	p.Text, p.Encoding, p.Segments, p.Autofill = m.Body, string(m.Encoding), m.Segments, host
	return nil
}

func (p *previewPage) renderMail(f *connectionForm, v message.Vars) error {
	t, err := f.mail()
	if err != nil {
		return sentence(strings.TrimSuffix(err.Error(), "."))
	}
	m, err := t.Render(v)
	if err != nil {
		return renderProblem(err)
	}
	p.Mail = &m
	return nil
}

// renderProblem says why a template that is in order gave no message.
func renderProblem(err error) error {
	var r *message.RenderError
	if errors.As(err, &r) {
		return sentence(r.Error())
	}
	return err
}

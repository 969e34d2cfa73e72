package message

// DefaultSMS is the message of a new SMS connection. With a usual name and the
// autofill line it fits in one GSM-7 segment.
const DefaultSMS = `{{ code }} is your sign-in code for {{ application.name | default: 'your account' }}. Keep it to yourself.`

// The From, subject and body of a new e-mail connection. The body serves codes
// and links alike; it has no tables, and reads well on phones, in dark mode and
// as text.
const (
	DefaultMailFrom    = `{{ application.name | default: 'Sign-in' }} <{{ support_email | default: 'no-reply@localhost' }}>`
	DefaultMailSubject = `{% if send contains 'link' %}Your sign-in link{% else %}{{ code }} is your sign-in code{% endif %}{% if application.name %} for {{ application.name }}{% endif %}`
	DefaultMailBody    = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>Sign in</title>
<style>
  :root { color-scheme: light dark; }
  body { margin: 0; padding: 24px 16px; background: #f4f5f7; color: #16181d; font: 16px/1.5 -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
  .card { max-width: 480px; margin: 0 auto; padding: 28px 24px; background: #ffffff; border-radius: 12px; }
  h1 { margin: 0 0 12px; font-size: 20px; line-height: 1.3; }
  p { margin: 0 0 16px; }
  .code { padding: 14px 8px; background: #eef0f4; border-radius: 8px; text-align: center; font: 600 30px/1.2 ui-monospace, Menlo, Consolas, monospace; letter-spacing: 4px; }
  .button { display: inline-block; padding: 13px 26px; background: #1f4fd8; border-radius: 8px; color: #ffffff; font-weight: 600; text-decoration: none; }
  .small { margin: 0; color: #5b6270; font-size: 14px; }
  @media (prefers-color-scheme: dark) {
    body { background: #111318; color: #eceef2; }
    .card { background: #1b1e25; }
    .code { background: #282c36; }
    .button { background: #86a8ff; color: #0d1220; }
    .small { color: #a3abba; }
  }
</style>
</head>
<body>
<div class="card">
{% if operation == 'change_email' %}<h1>Confirm your new address</h1>
{% else %}<h1>Sign in{% if application.name %} to {{ application.name }}{% endif %}</h1>
{% endif %}{% if send contains 'link' %}<p>Use this button to go on. It works once.</p>
<p><a class="button" href="{{ link }}">Continue</a></p>
<p>Or type this code where you were asked for it:</p>
<p class="code">{{ code }}</p>
{% else %}<p>Type this code where you were asked for it. It works once.</p>
<p class="code">{{ code }}</p>
{% endif %}<p>It is good for {{ expires_minutes }} {% if expires_minutes == 1 %}minute{% else %}minutes{% endif %}.</p>
<p class="small">If you did not ask for this, nothing needs to be done: nobody gets in without this message.{% if support_url %} <a href="{{ support_url }}">Get help</a>{% elsif support_email %} <a href="mailto:{{ support_email }}">Get help</a>{% endif %}</p>
</div>
</body>
</html>
`
)

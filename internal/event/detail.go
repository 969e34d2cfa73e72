package event

// RejectedCallback is the name of the detail that has a redirect URI which is not
// the application's.
const RejectedCallback = "redirect_uri"

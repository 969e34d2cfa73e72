// Package oidf asks of a running server what the OpenID Foundation's
// conformance suite asks of a provider: the plans Basic, Basic with form_post,
// Config, RP-initiated logout and back-channel logout, one row for each of
// their modules, in our own words and code.
//
// The server is the real program over TLS, the person is a browser without
// scripts that reads its codes from the development outbox, and the application
// is a strict reader of everything it is answered. Checks have the suite's two
// levels: a failure fails the module, a warning is allowed only where the
// module's row says so, and must then come. Where the suite wants a person to
// look at a picture of a page, the page is checked instead.
//
// A module that the suite would skip, because the server says in its metadata
// that it does not offer what the module is about, is recorded as skipped and
// checked to be skipped for that reason.
package oidf

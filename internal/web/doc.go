// Package web is what all HTTP surfaces have in common. It knows no endpoint.
//
// It reads requests with limits and without leniency, since what one parser
// forgives another may read differently; finds out who is calling (ClientIP,
// BasicCredentials, BearerToken) in ways a caller cannot talk it out of;
// writes answers; and keeps one Record per request, which becomes the log line.
//
// A surface is a ServeMux of HandlerFuncs made into handlers by Handle, which
// gives every surface one place where errors become responses. The program
// wraps all of them once, outermost first:
//
//	web.Logged(web.Secure(mux, https), log, metrics)
package web

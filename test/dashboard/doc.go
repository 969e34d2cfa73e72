// Package dashboard measures how long the server takes for the pages of the
// Dashboard when there are many users and a long log.
package dashboard

package tenant

import "time"

// A CodeKey says whose code it is. There is at most one open code for each.
type CodeKey struct {
	Connection  ConnectionID
	Identifier  string
	Client      ClientID
	Transaction string // the login transaction that asked; empty for the API
}

// A Code is a one-time code as it is stored: what it can be made from again
// with the code key (Salt), and what a guess is compared with (Digest). Neither
// tells the code to somebody without the key.
type Code struct {
	Key       CodeKey
	Salt      []byte
	Digest    []byte
	Digits    int
	Attempts  int // wrong tries so far
	FirstSent time.Time
	Expires   time.Time
}

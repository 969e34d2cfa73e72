package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store"
)

// openStore opens the database, and says of a failure what to do about it.
func openStore(ctx context.Context, address string, ring *secret.Ring) (*store.Store, error) {
	s, err := store.Open(ctx, address, ring)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, databaseFix(address, err))
	}
	return s, nil
}

func databaseFix(address string, err error) string {
	switch {
	case errors.Is(err, store.ErrNoDatabase):
		return `name another file with --database, or bring a backup back with "doorcode restore"`
	case errors.Is(err, fs.ErrNotExist):
		return "make the folder, or name another place with --database"
	case errors.Is(err, fs.ErrPermission):
		return "let the user who runs this program write there, or name another place with --database"
	case errors.Is(err, store.ErrAddress):
		return "write it as postgres://USER:PASSWORD@HOST:5432/NAME, with %40 for an @ in the password, %2F for a /"
	case errors.Is(err, store.ErrUnreachable):
		return "look whether it runs" + atHost(address) + " and takes connections from this machine, and whether --database names it"
	}
	return "look whether --database names the right one, with its user and password"
}

// atHost names the host of an address, and nothing else of it: there may be a
// password in it, and the error of a parser repeats it.
func atHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return " at " + u.Host
}

// Package cli is the command line: one file for each verb.
//
// What was asked for goes to standard output; what the program says of itself
// goes to standard error. An error says what happened, why, and what to do, in
// one line. The exit status is 0 for done, 1 for failed, 2 for wrong use.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/fault"
)

// verbs are all there is.
type verbs struct {
	Dev     devVerb     `cmd:"" help:"Run a server for development. Nothing is sent to phones or inboxes: every code is shown."`
	Init    initVerb    `cmd:"" help:"Write a configuration file to begin with."`
	Serve   serveVerb   `cmd:"" help:"Run a server for people."`
	Try     tryVerb     `cmd:"" help:"Send yourself a code through a development server, enter it, and show each step."`
	Token   tokenVerb   `cmd:"" help:"Print a token for the Management API."`
	Keys    keysVerb    `cmd:"" help:"List, make, rotate and revoke keys."`
	Admin   adminVerb   `cmd:"" help:"Let administrators in to the Dashboard, list and remove them."`
	Migrate migrateVerb `cmd:"" help:"Bring the database's schema up to date. Starting a server does this too."`
	Doctor  doctorVerb  `cmd:"" help:"Look at keys, database, senders and settings, and say what to mend."`
	Health  healthVerb  `cmd:"" help:"Ask the server on this machine whether it runs. For health checks of containers."`
	Backup  backupVerb  `cmd:"" help:"Save the database to a file, also while the server runs."`
	Restore restoreVerb `cmd:"" help:"Make a backup the database."`
	Version versionVerb `cmd:"" help:"Print the version."`
}

// streams are where verbs read and write, and how they show a page.
type streams struct {
	in       io.Reader
	out, err io.Writer
	// open shows an address in a browser.
	open func(ctx context.Context, address string) error
}

// Main runs the command line and returns the exit status.
func Main(args []string, in io.Reader, out, errw io.Writer) int {
	var v verbs
	exited := -1
	parser, err := kong.New(&v,
		kong.Name("doorcode"),
		kong.Description("A login server without passwords. Every flag can also be set in the environment: "+
			"DOORCODE_ and its name in upper snake case."),
		kong.Writers(out, errw),
		kong.Exit(func(code int) { exited = code }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(errw, "doorcode:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	run, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(errw, "doorcode: %v. Run \"doorcode --help\" for what there is.\n", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run.BindTo(ctx, (*context.Context)(nil))
	if err := run.Run(&streams{in, out, errw, openBrowser}); err != nil {
		fmt.Fprintln(errw, "doorcode:", plain(err))
		var use usageError
		var mistake *config.Mistake
		if errors.As(err, &use) || errors.As(err, &mistake) {
			return 2
		}
		return 1
	}
	return 0
}

// plain is what people read of an error. A fault's code is for programs. Its cause
// is told where something does not work: whoever runs a command is the operator.
func plain(err error) string {
	text := err.Error()
	for _, f := range faults(err) {
		words := f.Message
		switch cause := f.Unwrap(); {
		case cause != nil && f.Kind == fault.Internal: // its message says nothing
			words = plain(cause)
		case cause != nil && f.Kind == fault.Unavailable:
			words = strings.TrimSuffix(words, ".") + ": " + plain(cause)
		}
		text = strings.Replace(text, f.Error(), words, 1)
	}
	return text
}

// faults are the outermost faults in an error, which may be several joined.
func faults(err error) (list []*fault.Error) {
	switch e := err.(type) {
	case *fault.Error:
		return []*fault.Error{e}
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			list = append(list, faults(part)...)
		}
	case interface{ Unwrap() error }:
		return faults(e.Unwrap())
	}
	return list
}

// usageError is an error of whoever typed the command.
type usageError struct{ error }

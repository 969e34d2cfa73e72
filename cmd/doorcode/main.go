// Command doorcode is a login server without passwords.
package main

import (
	"os"

	"github.com/doorcode/doorcode/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

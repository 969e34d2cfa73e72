package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// initFile is what init writes unless it is told another name.
const initFile = "doorcode.yaml"

// exampleConfig is what it writes: every setting is there, explained and
// switched off.
//
//go:embed doorcode.yaml
var exampleConfig []byte

type initVerb struct {
	File string `arg:"" optional:"" help:"File to write (default doorcode.yaml)." default:"doorcode.yaml"`
}

// Run writes the file, and never over one that is there.
func (v *initVerb) Run(s *streams) error {
	f, err := os.OpenFile(v.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: it was left as it is. Move it away, or name another file: doorcode init FILE", v.File)
	}
	if err != nil {
		return fmt.Errorf("write the configuration file: %w: name a file in a folder where this program may write", err)
	}
	_, err = f.Write(exampleConfig)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the configuration file: %w", errors.Join(err, os.Remove(v.File)))
	}
	_, err = fmt.Fprintf(s.out, "Wrote %s. Every setting in it is switched off; use it with: doorcode dev --config %s\n", v.File, v.File)
	return err
}

package app

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/secret"
)

// keys reads the root keys: from DOORCODE_KEY, else from the key file. In dev
// the file is made when it is missing; serve says how to make one.
func keys(cfg config.Config) (*secret.Ring, error) {
	text, from := cfg.Key, "DOORCODE_KEY"
	if text == "" {
		var err error
		from = cfg.KeyFile
		if text, err = keyFile(cfg); err != nil {
			return nil, err
		}
	}
	current, err := decodeKey(text, from)
	if err != nil {
		return nil, err
	}
	var previous [][]byte
	if cfg.KeyPrevious != "" {
		p, err := decodeKey(cfg.KeyPrevious, "DOORCODE_KEY_PREVIOUS")
		if err != nil {
			return nil, err
		}
		previous = append(previous, p)
	}
	return secret.NewRing(current, previous...)
}

func keyFile(cfg config.Config) (string, error) {
	info, err := os.Stat(cfg.KeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && cfg.Mode == config.Dev:
		return NewKeyFile(cfg.KeyFile)
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("the key that seals stored secrets is missing: set DOORCODE_KEY, "+
			"or make the file %s with \"doorcode keys new\"", cfg.KeyFile)
	case err != nil:
		return "", fmt.Errorf("read key file: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("the key file %s can be read by others (mode %v): run \"chmod 600 %s\"",
			cfg.KeyFile, info.Mode().Perm(), cfg.KeyFile)
	}
	b, err := os.ReadFile(cfg.KeyFile)
	if err != nil {
		return "", fmt.Errorf("read key file: %w", err)
	}
	return string(b), nil
}

// NewKeyFile makes a file with a new root key that only its owner can read,
// and returns the key. It never replaces a file.
func NewKeyFile(path string) (string, error) {
	key := base64.StdEncoding.EncodeToString(secret.Bytes(secret.RootSize))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return "", fmt.Errorf("%s is there already, and is not replaced: what is sealed with a key cannot be read without it. Name another file with --key-file", path)
	case err != nil:
		return "", fmt.Errorf("make key file: %w: name a place with --key-file where this program may write", err)
	}
	_, err = f.WriteString(key + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("make key file: %w", err)
	}
	return key, nil
}

// decodeKey reads a root key and refuses one that somebody could guess.
func decodeKey(text, from string) ([]byte, error) {
	text = strings.TrimSpace(text)
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		key, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	}
	if err != nil || len(key) != secret.RootSize {
		return nil, fmt.Errorf("%s must be %d bytes in base64: make one with \"doorcode keys new\" or \"openssl rand -base64 32\"",
			from, secret.RootSize)
	}
	seen := map[byte]bool{}
	for _, b := range key {
		seen[b] = true
	}
	if len(seen) < 12 { // 32 random bytes have about 30 different values
		return nil, fmt.Errorf("%s is not random: make one with \"doorcode keys new\"", from)
	}
	return key, nil
}

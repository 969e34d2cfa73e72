//go:build !linux && !darwin

package store

// freeBytes is not known on this system.
func freeBytes(string) int64 { return -1 }

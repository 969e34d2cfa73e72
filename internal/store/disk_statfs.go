//go:build linux || darwin

package store

import "syscall"

// freeBytes is how much room there is for this process in a directory;
// negative if that cannot be found out.
func freeBytes(dir string) int64 {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return -1
	}
	return int64(st.Bavail) * int64(st.Bsize) //nolint:unconvert // their types differ between systems
}

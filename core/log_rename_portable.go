//go:build !linux || mcl_portable

package mcl

// renameNew renames a file, but never over another one.
func renameNew(from, to string) error { return linkNew(from, to) }

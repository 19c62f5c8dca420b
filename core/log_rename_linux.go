//go:build !mcl_portable

package mcl

import "golang.org/x/sys/unix"

// renameNew renames a file, but never over another one.
func renameNew(from, to string) error {
	switch err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE); err {
	case unix.ENOSYS, unix.EINVAL: // a kernel before 3.15, or a file system that cannot do so, as NFS
		return linkNew(from, to)
	default:
		return err
	}
}

//go:build !mcl_portable

package notify

import "golang.org/x/sys/unix"

func open() (read, write int, err error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	return fd, fd, err
}

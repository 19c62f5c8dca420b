package main

import (
	"errors"

	mcl "libmcl/core"
)

func descriptorsOf(r any) []int {
	if d, ok := r.(interface{ Descriptors() []int }); ok {
		return d.Descriptors()
	}
	return nil
}

func descriptorOf(r any) (int, error) {
	if d, ok := r.(interface{ FD() (int, error) }); ok {
		return d.FD()
	}
	return -1, errors.New("no descriptor yet")
}

func releaseDescriptor(r any) {
	if d, ok := r.(interface{ Release() }); ok {
		d.Release()
	}
}

func setTarget(r any, name string, b *mcl.RawBroadcaster) error {
	if d, ok := r.(interface {
		SetTarget(string, *mcl.RawBroadcaster) error
	}); ok {
		return d.SetTarget(name, b)
	}
	return errors.New("no targets yet")
}

//go:build !linux || mcl_portable

package netwatch

func newSource() (source, error) { return newPoller(), nil }

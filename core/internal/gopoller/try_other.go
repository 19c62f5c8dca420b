//go:build !linux

package gopoller

func try() error { return nil }

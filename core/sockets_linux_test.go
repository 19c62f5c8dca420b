//go:build linux && !mcl_portable

package mcl

const portableSockets = false

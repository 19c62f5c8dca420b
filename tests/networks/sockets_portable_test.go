//go:build linux && mcl_portable

package networks

const portableSockets = true

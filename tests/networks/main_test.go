//go:build linux

// Package networks tests libmcl on networks that change, and on networks that lose, repeat and reorder: hosts are processes
// of this test program, each in a network namespace of its own, joined by veth pairs and bridges. All of it is made inside
// one private namespace, so nothing leaves the machine and nothing is left behind.
package networks

import (
	"os"
	"testing"

	"libmcl/tests/testnet"
)

func TestMain(m *testing.M) {
	if os.Getenv(lifeVariable) != "" {
		live()
		return
	}
	if os.Getenv(hostVariable) != "" {
		serve() // this process is a host
		return
	}
	testnet.Main(m)
}

// Package testnet runs a package's tests in a private network namespace, where IPv6 multicast works over the loopback
// interface and nothing leaves the machine.
package testnet

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

const inside = "MCL_TEST_NETNS"

// Main runs the tests, in a namespace of their own: it is what a TestMain calls. Outside of one it starts the test program
// again through the script tests/netns. Where the system has no namespaces, no test runs, and that is a failure.
func Main(m *testing.M) {
	if os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	_, file, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(file), "..", "..", "tests", "netns")
	os.Setenv(inside, "1")
	err := syscall.Exec(script, append([]string{script}, os.Args...), os.Environ())
	fmt.Fprintf(os.Stderr, "the tests need a private network namespace: %s: %v\n", script, err)
	os.Exit(1)
}

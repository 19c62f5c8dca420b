// Package notify gives a descriptor that poll(2) reports readable or not, as told: an eventfd(2) where there is one, else a
// pipe.
package notify

import "golang.org/x/sys/unix"

// A Notifier is not locked: its user has a state that must change together with it.
type Notifier struct {
	read, write int
	set         bool
}

// New opens one that is not readable.
func New() (*Notifier, error) {
	r, w, err := open()
	if err != nil {
		return nil, err
	}
	return &Notifier{read: r, write: w}, nil
}

// FD is what to poll; -1 once closed.
func (n *Notifier) FD() int { return n.read }

// Set makes it readable. It costs a system call only when it was not.
func (n *Notifier) Set() {
	if !n.set && n.write >= 0 {
		one := [8]byte{0: 1} // a byte is enough for a pipe, an eventfd wants eight
		unix.Write(n.write, one[:])
		n.set = true
	}
}

// Clear makes it not readable.
func (n *Notifier) Clear() {
	if n.set && n.read >= 0 {
		var b [8]byte
		unix.Read(n.read, b[:])
		n.set = false
	}
}

// Close closes it; closing again is nothing.
func (n *Notifier) Close() {
	if n.read < 0 {
		return
	}
	unix.Close(n.read)
	if n.write != n.read {
		unix.Close(n.write)
	}
	n.read, n.write = -1, -1
}

package mcl

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/gopoller"
	"libmcl/core/internal/netio"
)

// An Error is one of the kinds of failure that this package reports. Errors that it returns wrap one of them, so that
// errors.Is tells them apart. The values are the MCL_E… codes of include/mcl.h.
type Error int

const (
	ErrInvalid     Error = codeEINVAL       // an argument is out of its range
	ErrHandle      Error = codeEHANDLE      // C only: not a handle of this kind
	ErrClosed      Error = codeECLOSED      // the object is closed
	ErrAddress     Error = codeEADDRESS     // not an IPv6 multicast address
	ErrInterface   Error = codeEINTERFACE   // no such network interface
	ErrRoute       Error = codeEROUTE       // the network has no route for multicast
	ErrFormat      Error = codeEFORMAT      // not exactly one well-formed msgpack object
	ErrTooLarge    Error = codeETOOLARGE    // the message is larger than the limit
	ErrBuffer      Error = codeEBUFFER      // C only: the buffer is too small
	ErrTimeout     Error = codeETIMEOUT     // the time is over
	ErrInterrupted Error = codeEINTR        // C only: a signal handler ran while waiting
	ErrForked      Error = codeEFORKED      // C only: the library was loaded before a fork
	ErrUnknown     Error = codeEUNKNOWN     // no such name, key or callback
	ErrExists      Error = codeEEXISTS      // the name or the connection is taken
	ErrType        Error = codeETYPE        // the value or message is of another type
	ErrBusy        Error = codeEBUSY        // callbacks are subscribed, or one is still running
	ErrDescriptors Error = codeEDESCRIPTORS // no descriptor left
	ErrNoBuffers   Error = codeENOBUFS      // the system has no memory for sending now
	ErrSystem      Error = codeESYSTEM      // another error of the operating system
	ErrInternal    Error = codeEINTERNAL    // a defect of this library
)

// Error gives the meaning of the kind in a few words.
func (e Error) Error() string { return codeText(int(e)) }

// An OpError says what was being done, to what, why it failed and what to do about it.
type OpError struct {
	Op     string // "publish", "open listener", …
	On     string // the connection, message type or key it was done to; may be empty
	Detail string // what exactly is wrong; may be empty
	Remedy string // what to do about it; may be empty
	Kind   Error
	Err    error // the cause, such as a syscall.Errno; may be nil
}

func (e *OpError) Error() string {
	var s strings.Builder
	s.WriteString("mcl: ")
	s.WriteString(e.Op)
	if e.On != "" {
		s.WriteString(" " + e.On)
	}
	s.WriteString(": ")
	if e.Detail != "" {
		s.WriteString(e.Detail)
	} else {
		s.WriteString(e.Kind.Error())
	}
	if e.Err != nil {
		s.WriteString(" (" + e.Err.Error() + ")")
	}
	if e.Remedy != "" {
		s.WriteString("; " + e.Remedy)
	}
	return s.String()
}

// Unwrap gives the kind, one of the Err… constants, and the cause.
func (e *OpError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// CodeOf gives the kind of an error of this package: 0 for nil, ErrInternal for an error of elsewhere.
func CodeOf(err error) Error {
	if err == nil {
		return 0
	}
	var kind Error
	if errors.As(err, &kind) {
		return kind
	}
	return ErrInternal
}

// Start readies what everything here needs: two descriptors of Go's own, which it keeps. Importing this package does so where
// it can, and each opening where it could not. The error is ErrDescriptors.
func Start() error { return startRuntime("start libmcl", "") }

func init() { _ = gopoller.Start() } // most programs have descriptors when they begin

func startRuntime(op, on string) error {
	if err := gopoller.Start(); err != nil {
		return systemError(op, on, err)
	}
	return nil
}

// Complain is told of errors that no call can return where there is no OnError. The default prints to stderr; a C program has
// a stderr of its own. Set it before anything is opened.
var Complain = func(err error) { fmt.Fprintln(os.Stderr, err) }

func closedError(op, on string) error {
	return &OpError{Op: op, On: on, Kind: ErrClosed, Detail: "it is closed", Remedy: "open a new one"}
}

func noType(op string) error {
	return &OpError{Op: op, Kind: ErrInvalid, Detail: "the message type is nil", Remedy: "give one of Define or Lookup"}
}

// systemError translates an error of the operating system.
func systemError(op, on string, err error) error {
	e := &OpError{Op: op, On: on, Kind: ErrSystem, Err: err, Remedy: "look the system's error up in errno(3)"}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return e
	}
	switch errno {
	case unix.EMFILE, unix.ENFILE:
		e.Kind, e.Remedy = ErrDescriptors, descriptorsRemedy(errno)
	case unix.ENOBUFS, unix.ENOMEM:
		e.Kind = ErrNoBuffers
		e.Remedy = "publish more slowly, or ask for a larger send buffer"
	case unix.ENETUNREACH, unix.EHOSTUNREACH:
		e.Kind = ErrRoute
		e.Remedy = routeRemedy
	case unix.EADDRNOTAVAIL:
		e.Kind = ErrRoute
		e.Detail = "the interface has no IPv6 address that is ready"
		e.Remedy = "`ip link` tells whether it is up, `ip -6 address` what it has; a new address is tentative for a second or two"
	case unix.ENODEV, unix.ENXIO:
		e.Kind = ErrRoute
		e.Detail = "no interface takes the group"
		e.Remedy = routeRemedy
	case unix.EAFNOSUPPORT:
		e.Detail = "the system has no IPv6"
		e.Remedy = "`sysctl net.ipv6.conf.all.disable_ipv6=0`, or a kernel with IPv6"
	case unix.ENETDOWN:
		e.Kind = ErrRoute
		e.Detail = "the interface is down"
		e.Remedy = "`ip link set dev INTERFACE up`"
	case unix.EMSGSIZE:
		e.Kind = ErrTooLarge
		e.Detail = "a datagram is larger than the interface or the send buffer takes"
		e.Remedy = "ask for a larger send buffer"
	case unix.EADDRINUSE:
		e.Detail = "another program has the port for itself alone"
		e.Remedy = "`ss -ulnp` tells which; stop it, or use another port"
	case unix.EPERM, unix.EACCES:
		e.Detail = "the system refuses it"
		e.Remedy = "look at the firewall (`nft list ruleset`)"
	}
	return e
}

// descriptorsRemedy says how many descriptors there must be, where a process or the system has none left.
func descriptorsRemedy(errno syscall.Errno) string {
	if errno == unix.ENFILE {
		return "close what is not needed, or raise the system's limit (`sysctl fs.file-max`)"
	}
	remedy := fmt.Sprintf("close what is not needed, or raise the limit (`ulimit -n`): to open something takes up to %d for a moment", openDescriptors)
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		remedy += fmt.Sprintf(", and the process may have %d", limit.Cur)
	}
	return remedy
}

// networkError translates an error of a connection's socket. An interface that is missing is one of many ways in which a network
// cannot carry data now, hence ErrRoute.
func networkError(op string, r *resolved, err error) error {
	e := &OpError{Op: op, On: r.conn.String()}
	switch {
	case errors.Is(err, netio.ErrNoInterface):
		e.Kind, e.Detail = ErrRoute, fmt.Sprintf("there is no interface %q now", r.conn.Interface)
		e.Remedy = "`ip link` lists what there is"
	case errors.Is(err, netio.ErrNoRoute):
		e.Kind, e.Remedy = ErrRoute, routeRemedy
	default:
		return systemError(op, e.On, err)
	}
	return e
}

// openError is networkError for opening, which waits for interfaces that are named, but not for numbers.
func openError(op string, r *resolved, err error) error {
	if errors.Is(err, netio.ErrNoInterface) {
		return &OpError{Op: op, On: r.conn.String(), Kind: ErrInterface, Detail: fmt.Sprintf("there is no interface %s", r.conn.Interface),
			Remedy: "`ip link` lists what there is; one that may come later must be given by its name"}
	}
	return networkError(op, r, err)
}

const routeRemedy = "add a route: `ip -6 route add multicast ff00::/8 dev INTERFACE table local` for a network, or " +
	"`ip -6 route add local ff00::/8 dev lo table local` for this host alone"

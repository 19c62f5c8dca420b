//go:build !mcl_portable

package mcl

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libmcl/core/internal/buf"
	"libmcl/core/internal/netio"
)

// A sharedSocket is one that the goroutine in Receive never finds readable: what arrives, an owner reads.
type sharedSocket struct {
	netio.Receiver
	waits  []byte // a datagram
	before func() // runs before it is handled
}

// Receive waits for a deadline or a close. It never takes the lock, since an owner leaves reading to whoever has it.
func (s *sharedSocket) Receive(*sync.Mutex, func([]netio.Packet)) error {
	var own sync.Mutex
	for {
		if err := s.Receiver.Receive(&own, func([]netio.Packet) {}); err != nil {
			return err
		}
	}
}

func (s *sharedSocket) ReceiveNow(handle func([]netio.Packet)) error {
	b := buf.Get(len(s.waits))
	defer b.Release()
	s.before()
	handle([]netio.Packet{{Buf: b, Data: b.Bytes()[:copy(b.Bytes(), s.waits)], From: netip.MustParseAddrPort("[::1]:1"), Time: 1}})
	return nil
}

func (s *sharedSocket) Lend(bool) bool { return true }

type sharedNetwork struct{ socket *sharedSocket }

func (n *sharedNetwork) Listen(g netio.Group) (r netio.Receiver, err error) {
	n.socket.Receiver, err = netio.System.Listen(g)
	return n.socket, err
}

func (n *sharedNetwork) Dial(g netio.Group) (netio.Sender, error) { return netio.System.Dial(g) }

var messageOfOne = []byte{0x92, 0xc0, 0x01} // [nil, 1]

func shared(t *testing.T, queued bool) (*Listener, *sharedSocket) {
	socket := &sharedSocket{waits: messageOfOne, before: func() {}}
	l, err := Listen(newConnection(), ListenerOptions{Queued: queued, network: &sharedNetwork{socket}, OnError: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, socket
}

func beginPoll(t *testing.T, l *Listener) PollFDs {
	t.Helper()
	fds, queued, err := l.BeginPoll()
	if err != nil || queued {
		t.Fatalf("BeginPoll: queued=%v, error %v", queued, err)
	}
	return fds
}

func TestAnOwnerReadsWhatHeFoundReadable(t *testing.T) {
	l, _ := shared(t, false)
	fds := beginPoll(t, l)
	l.EndPoll(fds, false)
	if s := l.Stats(); s.Datagrams != 0 {
		t.Fatalf("it was read though nothing was found: %+v", s)
	}
	fds = beginPoll(t, l)
	l.EndPoll(fds, true)
	if _, queued, err := l.BeginPoll(); !queued || err != nil {
		t.Fatalf("queued=%v, error %v", queued, err)
	}
	if v := receive(t, l); v != int64(1) {
		t.Errorf("got %v", v)
	}
	balanced(t, l.Stats())
}

// Who polls is woken by what another has read, and only as long as he does.
func TestTheSignalIsSetWhileSomebodyPolls(t *testing.T) {
	l, _ := shared(t, false)
	fds := beginPoll(t, l)
	beginPoll(t, l)
	l.EndPoll(fds, true) // the other goes on polling
	if !readable(fds.Signal) {
		t.Error("the message that one has read does not wake the other")
	}
	l.EndPoll(fds, false)
	receive(t, l)
	if readable(fds.Signal) {
		t.Error("readable, and nothing is queued")
	}
	beginPoll(t, l)
	l.EndPoll(fds, true)
	if readable(fds.Signal) {
		t.Error("nobody polls")
	}
	if fd, err := l.FD(); err != nil || !readable(fd) {
		t.Errorf("a message is queued, and the descriptor that somebody asks for is not readable; error %v", err)
	}
}

// A callback that is subscribed while an owner reads gets what he has read.
func TestSubscribingWhileAnOwnerReads(t *testing.T) {
	for _, queued := range []bool{false, true} {
		l, socket := shared(t, queued)
		got := make(chan any, 1)
		socket.before = func() {
			if _, err := l.Subscribe(func(r *Received) { v, _ := r.Value(); got <- v }); err != nil {
				t.Error(err)
			}
		}
		fds := beginPoll(t, l)
		l.EndPoll(fds, true)
		select {
		case v := <-got:
			if v != int64(1) {
				t.Errorf("got %v", v)
			}
		case <-time.After(patience):
			t.Fatal("the callback got nothing")
		}
		if _, _, err := l.BeginPoll(); !errors.Is(err, ErrBusy) {
			t.Errorf("polling beside a callback: %v", err)
		}
	}
}

// borrow begins a wait in which the socket is the owner's. The first waits are not yet.
func borrow(t *testing.T, l *Listener) PollFDs {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		fds := beginPoll(t, l)
		if fds.Socket >= 0 {
			return fds
		}
		l.EndPoll(fds, false)
	}
	t.Fatal("the socket is never lent")
	return PollFDs{}
}

// While an owner polls the socket, datagrams wake nobody else; afterwards they are read as ever.
func TestALentSocketIsLeftToItsOwner(t *testing.T) {
	const count = 200
	conn := newConnection()
	l := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	read := uint64(0)
	for range 3 {
		fds := borrow(t, l)
		others := beginPoll(t, l) // a second owner
		for i := range count {
			publish(t, b, "", i)
		}
		if s := l.Stats(); s.Datagrams != read {
			t.Errorf("%d of %d were read by another", s.Datagrams-read, count)
		}
		if !readable(fds.Socket) {
			t.Error("the owner is not woken")
		}
		l.EndPoll(fds, false)
		if s := l.Stats(); s.Datagrams != read {
			t.Errorf("%d were read while the second owner waited", s.Datagrams-read)
		}
		l.EndPoll(others, false)
		read += count
		eventually(t, l, func(s ListenerStats) bool { return s.Datagrams == read })
		for i := range int64(count) {
			if v := receive(t, l); v != i {
				t.Fatalf("got %v, want %d", v, i)
			}
		}
		publish(t, b, "", "between")
		if v := receive(t, l); v != "between" {
			t.Fatalf("got %v", v)
		}
		read++
	}
}

func TestALentSocketIsReadForWhoSubscribes(t *testing.T) {
	for _, queued := range []bool{false, true} {
		conn := newConnection()
		l := open(t, nil, conn, ListenerOptions{Queued: queued})
		b := dial(t, nil, conn, BroadcasterOptions{})
		fds := borrow(t, l)
		got := make(chan any, 1)
		if _, err := l.Subscribe(func(r *Received) { v, _ := r.Value(); got <- v }); err != nil {
			t.Fatal(err)
		}
		publish(t, b, "", 7)
		select {
		case v := <-got:
			if v != int64(7) {
				t.Errorf("got %v", v)
			}
		case <-time.After(patience):
			t.Fatal("the callback got nothing while an owner had not yet left")
		}
		l.EndPoll(fds, false)
	}
}

// What a lent socket's descriptors and counters are belongs to the listener as before.
func TestLendingKeepsDescriptorsAndDrops(t *testing.T) {
	conn := newConnection()
	conn.RecvBuffer = 4096
	var mu sync.Mutex
	opened := make(map[int]bool)
	l := open(t, nil, conn, ListenerOptions{OnDescriptor: func(fd int, isOpen bool) {
		mu.Lock()
		defer mu.Unlock()
		if opened[fd] == isOpen {
			t.Errorf("descriptor %d: told twice that it is open: %v", fd, isOpen)
		}
		opened[fd] = isOpen
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			t.Errorf("descriptor %d is told of (open: %v) while it is closed", fd, isOpen)
		}
	}})
	b := dial(t, nil, conn, BroadcasterOptions{})
	const count = 100
	l.reading.Lock() // the first is taken out by the reader at most, and waits here
	for i := range count {
		publish(t, b, "", i)
	}
	l.reading.Unlock()
	eventually(t, l, func(s ListenerStats) bool { return s.Datagrams+s.DroppedKernel == count && s.DroppedKernel > 0 })
	if _, err := l.Drain(count, func(*Received) bool { return true }); err != nil {
		t.Fatal(err)
	}
	fds := borrow(t, l)
	for i := range count {
		publish(t, b, "", i)
	}
	l.EndPoll(fds, false)
	eventually(t, l, func(s ListenerStats) bool { return s.Datagrams+s.DroppedKernel == 2*count })
	if _, err := l.Drain(count, func(*Received) bool { return true }); err != nil {
		t.Fatal(err)
	}
	borrow(t, l) // closed amid a wait
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for fd, isOpen := range opened {
		if isOpen {
			t.Errorf("descriptor %d stays open", fd)
		}
	}
	if len(opened) < 3 {
		t.Errorf("told of %d descriptors, want the first, the one that can be lent and its epoll", len(opened))
	}
}

// await waits for a message as C does.
func await(l *Listener) error {
	fds, queued, err := l.BeginPoll()
	if err != nil || queued {
		return err
	}
	poll := []unix.PollFd{{Fd: int32(fds.Signal), Events: unix.POLLIN}, {Fd: int32(fds.Socket), Events: unix.POLLIN}}
	unix.Poll(poll, -1)
	l.EndPoll(fds, poll[1].Revents != 0)
	return nil
}

// A close amid owners that poll, and of whom one may be reading, has nobody wait for another.
func TestClosingBesidePollingOwners(t *testing.T) {
	const owners = 3
	conn := newConnection()
	b := dial(t, nil, conn, BroadcasterOptions{})
	for i := range 200 {
		l := open(t, nil, conn, ListenerOptions{})
		var running sync.WaitGroup
		running.Add(owners)
		for range owners {
			go func() {
				defer running.Done()
				var err error
				for err == nil {
					_, err = l.Drain(2, func(*Received) bool { return true })
					if err == nil {
						err = await(l)
					}
				}
				wantKind(t, err, ErrClosed)
			}()
		}
		closed := make(chan error, 1)
		for j := range 50 {
			publish(t, b, "", j)
			if j == i%50 {
				go func() { closed <- l.Close() }()
			}
		}
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		running.Wait()
		l.Release()
		balanced(t, l.Stats())
	}
}

// Owners that poll, the reading goroutine and callbacks that come and go: each message reaches one of them, once.
func TestManyPollingOwners(t *testing.T) {
	const count, owners = 20000, 3
	conn := newConnection()
	l := open(t, nil, conn, ListenerOptions{})
	b := dial(t, nil, conn, BroadcasterOptions{})
	free := make(chan struct{}, 1) // empty while a callback is subscribed
	free <- struct{}{}
	var mu sync.Mutex
	seen := make(map[int64]int, count)
	note := func(r *Received) bool {
		v, err := r.Value()
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		seen[v.(int64)]++
		return true
	}
	var running sync.WaitGroup
	for range owners {
		running.Add(1)
		go func() {
			defer running.Done()
			for {
				_, err := l.Drain(2, note)
				if err == nil {
					err = await(l)
				}
				switch {
				case errors.Is(err, ErrClosed):
					return
				case errors.Is(err, ErrBusy): // a callback has them now
					free <- <-free
				case err != nil:
					t.Error(err)
					return
				}
			}
		}()
	}
	var callback uint64
	for i := range count {
		publish(t, b, "", i)
		if i%1000 == 500 {
			<-free
			id, err := l.Subscribe(func(r *Received) { note(r) })
			if err != nil {
				t.Fatal(err)
			}
			callback = id
		}
		if i%1000 == 700 {
			if err := l.Unsubscribe(callback); err != nil {
				t.Fatal(err)
			}
			free <- struct{}{}
		}
		if i%100 == 99 { // no faster than they are taken
			eventually(t, l, func(s ListenerStats) bool { return s.Delivered > uint64(i)-50 })
		}
	}
	eventually(t, l, func(s ListenerStats) bool { return s.Delivered == count })
	l.Close()
	running.Wait() // nobody is counting any more
	l.Release()
	for i := range int64(count) {
		if seen[i] != 1 {
			t.Fatalf("message %d was taken %d times", i, seen[i])
		}
	}
}

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

func (s *sharedSocket) Shared() int { return s.Descriptor() }

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
	beginPoll(t, l)
	l.EndPoll(false)
	if s := l.Stats(); s.Datagrams != 0 {
		t.Fatalf("it was read though nothing was found: %+v", s)
	}
	beginPoll(t, l)
	l.EndPoll(true)
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
	l.EndPoll(true) // the other goes on polling
	if !readable(fds.Signal) {
		t.Error("the message that one has read does not wake the other")
	}
	l.EndPoll(false)
	receive(t, l)
	if readable(fds.Signal) {
		t.Error("readable, and nothing is queued")
	}
	beginPoll(t, l)
	l.EndPoll(true)
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
		beginPoll(t, l)
		l.EndPoll(true)
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

// What an owner finds while he reads is told by the reading goroutine: OnError may close the listener.
func TestOnErrorMayCloseWhileAnOwnerReads(t *testing.T) {
	conn := newConnection()
	typ := define(t, "Told", []string{"n"}, conn)
	socket := &sharedSocket{waits: messageOfOne, before: func() {}} // it is no message of the type
	listener, closed := make(chan *Listener, 1), make(chan error, 1)
	l, err := Listen(conn, ListenerOptions{Type: typ, network: &sharedNetwork{socket}, OnError: func(error) {
		l := <-listener
		if goroutineID() != l.readerID.Load() {
			t.Error("it runs on the owner's thread")
		}
		closed <- l.Close()
	}})
	if err != nil {
		t.Fatal(err)
	}
	listener <- l
	beginPoll(t, l)
	l.EndPoll(true)
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("it is not told, or the close waits for ever")
	}
	balanced(t, l.Stats())
}

// An owner who reads needs the membership, and the reader who has just been woken waits for the owner: a close must wait for
// neither while it keeps the membership to itself.
func TestClosingWhileAnOwnerReads(t *testing.T) {
	conn := newConnection()
	b := dial(t, nil, conn, BroadcasterOptions{})
	for range 20 {
		l := open(t, nil, conn, ListenerOptions{})
		l.reading.Lock()
		publish(t, b, "", 1)
		closed, read := make(chan error, 1), make(chan bool)
		go func() { closed <- l.Close() }()
		<-l.done
		go func() {
			l.rx.SetDeadline(time.Time{})
			l.reading.Unlock()
			close(read)
		}()
		select {
		case <-read:
		case <-time.After(patience):
			t.Fatal("the owner, the reader and the close wait for each other")
		}
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
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
	l.EndPoll(poll[1].Revents != 0)
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

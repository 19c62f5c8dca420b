// Package mcl publishes and receives messages over IPv6 UDP multicast: no broker, nothing to configure, one address for
// each kind of data. It talks to programs that use the Python 2 "multiprocess communication library" (MCL), both ways.
//
// # Publishing and receiving
//
// A [Connection] is a multicast address and a port. A broadcaster publishes values on it, anything that msgpack can hold,
// with an optional topic:
//
//	b, err := mcl.NewRawBroadcaster(mcl.Connection{URL: "ff15::1"})
//	…
//	err = b.Publish(map[string]any{"speed": 1.5})
//
// A [Listener] receives them, on the same host or on another one that the network reaches. Its messages are taken by
// callbacks, which run one at a time and in order of arrival:
//
//	l, err := mcl.NewRawListener(mcl.Connection{URL: "ff15::1"}, "odometry")
//	…
//	l.Subscribe(func(r *mcl.Received) { fmt.Println(r.Value()) })
//
// or by their owner, with [Listener.Receive] or [Listener.Take].
//
// Callbacks of [NewRawListener] run on the goroutine that reads the socket: that is quickest, and while one runs only the
// kernel's buffer holds what arrives. [NewQueuedListener] receives apart from its callbacks; a slow one loses nothing, up to
// limits that [ListenerOptions] sets.
//
// # Message types
//
// A [Type] gives messages a name, keys that each must have, and a connection of their own:
//
//	imu, err := mcl.Define("Imu", []string{"gyro", "accel"}, mcl.Connection{URL: "ff15::2"})
//	b, err := mcl.NewMessageBroadcaster(imu)
//	b.Publish(struct {
//		Gyro  [3]float64 `msgpack:"gyro"`
//		Accel [3]float64 `msgpack:"accel"`
//	}{…})
//
// A listener from [NewMessageListener] delivers only messages that fit, as a [Message] or into a struct.
//
// # Recording and replay
//
// [Record] writes what arrives on a connection to a log, [RecordNetwork] the messages of several types, each to a log of its
// own in a new folder. Data goes from the socket to the disk without the program's help; [Recorder.LogStats] tells what became
// of each message, also on a full disk:
//
//	r, err := mcl.RecordNetwork("/var/log/robot", []*mcl.Type{imu, pose}, mcl.RecordOptions{})
//	…
//	err = r.Close()
//
// A [Replay] publishes a log again, with the timing that it was recorded with:
//
//	log, err := mcl.OpenLogDirectory("/var/log/robot/20240102T030405_robot", mcl.LogReadOptions{})
//	p, err := mcl.NewReplay(log, 1, mcl.ReplayOptions{}) // at the recorded speed, on the types that are defined
//	p.Start()
//	err = p.Wait(ctx)
//
// It can be paused, stopped and made faster or slower at any time. Its entries may come from elsewhere, too: from a
// [ReplaySource] of your own, or pushed into a [ReplayFeed].
//
// # Logs
//
// A log is a text file, one line a message, in the format of the legacy system, which reads it too. A [LogWriter] writes one
// file, or several in turn; a [LogReader] reads a file, a split log, or all logs of a directory in the order of their times,
// in memory that does not grow with them:
//
//	w, err := mcl.CreateLog("/data/Imu", mcl.LogOptions{Type: "Imu", MaxTime: time.Hour})
//	err = w.Write("", packed, time.Now())
//	err = w.Close() // on the disk, and named …log
//
//	r, err := mcl.OpenLog("/data/Imu", mcl.LogReadOptions{})
//	for {
//		e, err := r.Next() // io.EOF at the end
//		…
//	}
//
// A program that crashes loses the last second at most; what it left, …tmp, can be read. On a full disk entries wait in
// memory, and writing goes on when there is space again. No existing file is ever replaced; [LogExisting] says what becomes of
// a log that has the name.
//
// # Loss
//
// Multicast is best effort. What is lost on a listener's side is counted, by cause, in [ListenerStats]; its sums are exact.
// The usual cause is a socket buffer that is too small for a burst: [Settings] tells what the kernel granted of what was
// asked for.
//
// # Networks that change
//
// Broadcasters and listeners follow the network without the program's doing: interfaces that go down, are deleted and made
// anew, or appear after all was opened; new addresses; routes that come or move. One watcher for the process sees to it.
// Data flows within two seconds of the network being able to carry it. Until then each publish returns [ErrRoute], and a
// listener tells OnError what it waits for; its [Settings] have the interface that it listens on.
//
// # Errors
//
// Errors wrap one of the Err constants, for errors.Is, and say what was being done, to what, and what to do about it.
//
// # Concurrency and lifetime
//
// Broadcasters and listeners may be used from any goroutine, and closed at any time. What a callback is given is valid until
// it returns. In steady state, publishing and receiving single datagrams allocate nothing besides what values need.
package mcl

// Version is the version of this library.
const Version = version

"""Takes messages out of a native listener: on a thread for callbacks, or on the caller's own.

The thread is Python's own and asks the library for messages; the library never calls Python. A
thread of the library would have to be made known to the interpreter and forgotten again at every
message, and could be in a callback while the interpreter exits.
"""
import atexit
import ctypes
import threading
import weakref

from mcl import _native
from mcl import _constants as constants
from mcl._compat import monotonic
from mcl._handles import is_alive
from mcl._report import report, report_callback
from mcl.codec import decode_topic, unpack
from mcl.errors import BusyError, ClosedError, MclError

_BATCH = 256  # messages a call
_BUFFER = 1 << 18  # bytes, to begin with
_WAIT_MAX = 2 ** 31 - 1  # milliseconds that fit the argument of mcl_listener_wait

# How long a close waits for a running callback, in seconds: the rule of mcl_listener_close.
_CLOSE_WAIT = constants.MCL_CLOSE_WAIT_MS / 1000.0
# The same for all listeners together when the interpreter exits, which a slow callback must not
# hold up.
_EXIT_WAIT = 0.5


class Batch(object):
    """Memory that messages are received into, used again for each batch. For one thread at a time.

    The buffer grows to what the largest message needs and keeps that size.
    """

    def __init__(self, handle, count):
        self._handle = handle
        self._count = count
        self._records = bytearray(_native.RECORD.size * count)
        self._records_address = _address(self._records)
        self._needed = ctypes.c_size_t()
        self._needed_pointer = ctypes.byref(self._needed)
        self._allocate(_BUFFER)

    def _allocate(self, size):
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)
        self._start = _address(self._buffer)

    def take(self):
        """Return the queued messages, at most `count`, without waiting.

        Returns:
            list: of (topic, payload, time): bytes or None, a view that holds until the next call,
            and nanoseconds since the Unix epoch.

        Raises:
            ClosedError: the listener is closed.
        """
        while True:
            count = self._handle.recv_batch(self._records_address, self._count, self._start,
                                            len(self._buffer), self._needed_pointer)
            if count != constants.MCL_EBUFFER:
                break
            self._allocate(max(2 * len(self._buffer), self._needed.value))
        read, size = _native.RECORD.unpack_from, _native.RECORD.size
        view, start, messages = self._view, self._start, []
        for offset in range(0, count * size, size):
            record = read(self._records, offset)
            topic = None
            if record[0]:
                topic = view[record[0] - start:record[0] - start + record[1]].tobytes()
            payload = record[2] - start
            messages.append((topic, view[payload:payload + record[3]], record[4]))
        return messages


def _address(memory):
    return ctypes.addressof((ctypes.c_char * len(memory)).from_buffer(memory))


class Reception(object):
    """The receiving side of one open listener.

    Args:
        handle (ListenerHandle): belongs to this object from now on.
    """

    def __init__(self, handle):
        self._handle = handle
        self._rejected = 0  # messages that reached Python and did not fit
        self._lock = threading.Lock()  # protects the next two
        self._wanted = False
        self._thread = None
        self._single_lock = threading.Lock()  # protects the next one
        self._single = None
        _receptions.add(self)

    @property
    def alive(self):
        """bool: open, and of this process."""
        return is_alive(self._handle)

    @property
    def delivers(self):
        """bool: is there a thread of this object."""
        return self._thread is not None

    def check_process(self):
        """Raise ForkError in a child of the process that opened it."""
        self._handle.check_process()

    def start(self, deliver):
        """Deliver what arrives from now on. What is queued already goes to nobody.

        Args:
            deliver (callable): takes a message: its topic (str or None), its payload, and when it
                was received, in nanoseconds since the Unix epoch; returns False when it does not
                fit. It runs on one daemon thread, one message at a time and in order. It is the
                same at each start. Only the thread keeps it, so that a listener without callbacks
                is in no cycle and closes as soon as it is dropped.
        """
        self.check_process()  # before the lock, which fork() may have copied while it was held
        with self._lock:
            if self._wanted or self._handle.closed:
                return
            try:
                self._discard()
            except ClosedError:  # by another thread, just now
                return
            self._wanted = True
            # A thread may be left of an earlier start, waiting for the message that ends it.
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, args=(deliver,),
                                                name="mcl: " + self._handle.where)
                self._thread.daemon = True
                self._thread.start()

    def pause(self):
        """Deliver no more, and leave what arrives in the queue."""
        self._wanted = False

    def _discard(self):
        queued = self._handle.stats()['queued']
        batch = Batch(self._handle, _BATCH) if queued else None
        while queued > 0:
            taken = len(batch.take())
            queued = queued - taken if taken else 0

    def _run(self, deliver):
        try:
            batch = Batch(self._handle, _BATCH)
            while True:
                if self._handle.wait(-1) != 1:
                    continue
                with self._lock:
                    if not self._wanted:
                        self._thread = None
                        return
                for topic, packed, time in batch.take():
                    if self._handle.closed:
                        return
                    message = self._decode(topic, packed, time)
                    if message is not None:
                        self._hand_over(message, deliver)
        except ClosedError:
            pass
        except MclError as error:
            report("%s receives no more: %s" % (self._handle.where, error))

    def _hand_over(self, message, deliver):
        try:
            if deliver(*message) is False:
                self._rejected += 1
        except Exception:  # pylint: disable=broad-except
            # No callback's, which a listener catches: of a subclass that does something else.
            report_callback(deliver)

    def _decode(self, topic, packed, time):
        """Return a message as `start` says, or None when Python cannot hold it."""
        try:
            return None if topic is None else decode_topic(topic), unpack(packed), time
        except Exception as error:  # pylint: disable=broad-except
            # Well-formed msgpack, as the library has checked, but say a map with a list as its key.
            self._rejected += 1
            report("%s: cannot decode a payload of %d bytes: %s: %s"
                   % (self._handle.where, len(packed), type(error).__name__, error))
            return None

    def receive(self, timeout):
        """Return the next message as `start` says, or None when `timeout` (seconds) is over."""
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            message = self._next()
            if message is not None:
                return message
            milliseconds = -1
            if deadline is not None:
                left = deadline - monotonic()
                if left <= 0:
                    return None
                milliseconds = min(int(left * 1000) + 1, _WAIT_MAX)
            # A signal ends the wait early, and Python runs its handlers before the next line.
            self._handle.wait(milliseconds)

    def _next(self):
        """Return the next message that can be decoded, or None when nothing is queued."""
        while True:
            self._handle.check()
            if self._wanted:
                raise BusyError("%s has callbacks subscribed, which messages go to: unsubscribe"
                                " them to receive or iterate"
                                % self._handle.where, constants.MCL_EBUSY)
            with self._single_lock:
                if self._single is None:
                    self._single = Batch(self._handle, 1)
                # One at a time, since what is taken is no longer there for poll() to see.
                taken = self._single.take()
                if not taken:
                    return None
                message = self._decode(*taken[0])
            if message is not None:
                return message

    def reject(self):
        """Count a message of `receive` as one that does not fit."""
        self._rejected += 1

    def stats(self):
        """The counters, as a dict."""
        stats = self._handle.stats()
        stats['delivered'] -= self._rejected
        stats['rejected'] += self._rejected
        return stats

    def settings(self):
        """What was asked for and granted, as a dict."""
        return self._handle.settings()

    def fileno(self):
        """A descriptor that polls readable while messages are queued."""
        return self._handle.fileno()

    def close(self, wait=_CLOSE_WAIT):
        """Close; returns False when it was closed already, or belongs to another process.

        Waits for a running callback, `wait` seconds at most, unless called from it.
        """
        if not self._handle.close():
            return False
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(wait)
        return True


_receptions = weakref.WeakSet()


def _close_all():
    # Daemon threads are not waited for at exit, and one that still ran Python code while the
    # interpreter is taken apart could crash it.
    deadline = monotonic() + _EXIT_WAIT
    for reception in list(_receptions):
        if reception.delivers:  # else, closing would raise in who waits in `receive`
            reception.close(max(0, deadline - monotonic()))


atexit.register(_close_all)

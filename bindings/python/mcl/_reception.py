"""Takes messages out of a native listener: on a thread for callbacks, or on the caller's own.

The thread is Python's own and asks the library for messages; the library never calls Python. A
thread of the library would have to be made known to the interpreter and forgotten again at every
message, and could be in a callback while the interpreter exits.
"""
import os

from mcl import _at_exit
from mcl import _constants as constants
from mcl._batch import Batch
from mcl._compat import ReentrantLock, monotonic
from mcl._delivery import CLOSE_WAIT, Delivery
from mcl._handles import is_alive, longest_wait
from mcl._pace import Pace
from mcl._pollable import Pollable
from mcl._report import Misfits
from mcl._unpacking import Packed
from mcl.codec import unpack_checked

_BATCH = 256  # messages a call, at most
_BUFFER = 1 << 18  # bytes a call, at most and unless one message is larger
# What the thread holds in hand comes on top of the native queue's limits. It is a sixteenth of them
# at most: so few that they hold, and so many that a call a batch costs little. Below 32 messages it
# is one at a time, and the limit is exact.
_SHARE = 16
_WAIT_MAX = 2 ** 31 - 1  # milliseconds that fit the argument of mcl_listener_wait


class Reception(Delivery):
    """The receiving side of one open listener.

    Args:
        handle (ListenerHandle): belongs to this object from now on.
        max_messages (int): the native queue's limit, or 0 for its default.
        max_bytes (int): the same in bytes.
        decode (bool): False: payloads stay views of their msgpack, whose memory is not used again
            while anybody has one.
    """

    def __init__(self, handle, max_messages=0, max_bytes=0, decode=True):
        super(Reception, self).__init__(handle.where, ReentrantLock())
        self._handle = handle
        self._decode = decode
        self._count = _share(max_messages or constants.MCL_QUEUE_MESSAGES_DEFAULT, _BATCH)
        self._size = _share(max_bytes or constants.MCL_QUEUE_BYTES_DEFAULT, _BUFFER)
        self._batch = None  # of the thread; what is in hand lies in its memory
        self._more = False  # the last batch was full: there may be more, without a wait
        large = self._count == _BATCH and self._size == _BUFFER
        self._pace = Pace() if large else None
        self._single = None  # of `receive`
        self._pollable = None
        self._misfits = Misfits()
        _at_exit.add(self)

    @property
    def pid(self):
        """int: the process that opened it."""
        return self._handle.pid

    @property
    def alive(self):
        """bool: open, and of this process."""
        return is_alive(self._handle)

    def check_process(self):
        """Raise ForkError in a child of the process that opened it."""
        self._handle.check_process()

    def start(self, receiver):
        self.check_process()  # before the lock, which fork() may have copied while it was held
        super(Reception, self).start(receiver)

    def _discard_waiting(self):
        self._discard_held()
        queued = self._handle.stats()['queued']
        batch = Batch(self._handle, _BATCH, _BUFFER) if queued else None
        while queued > 0:
            taken = batch.skip()
            self._discarded += taken
            queued = queued - taken if taken else 0

    def _first(self):
        """Return the first message in hand, waiting for it; None when this thread is to end."""
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = self._batch = None
                    self._changed()  # it may have taken the last one since the pause
                    return None
                if self._held:
                    return self._held[0]
            # The wait gives the interpreter lock up, which takes 5 ms to come back when another
            # thread computes.
            rested = not self._more and self._pace is not None and self._pace.rest()
            if not (self._more or rested) and self._handle.wait(-1) != 1:
                continue
            self._more = False
            with self._lock:
                if self._wanted and not self._held:
                    if self._batch is None:
                        self._batch = Batch(self._handle, self._count, self._size,
                                            lends=not self._decode)
                    # All are unpacked at once, which is faster than each when its turn comes.
                    messages, self._plain = (self._batch.take_unpacked() if self._decode
                                             else (self._batch.take(), True))
                    self._entered += len(messages)
                    self._held.extend(messages)
                    if self._pace is not None:
                        self._pace.came(len(messages))
                    self._more = self._batch.full

    def _make(self, message, accept):
        """Return what `accept` makes of a message; None when Python cannot hold it."""
        topic, payload, time, _ = message
        if type(payload) is Packed:
            try:
                payload = unpack_checked(payload)
            except Exception as error:  # pylint: disable=broad-except
                # Well-formed msgpack, as the library has checked, but say a map with a list as its
                # key.
                self._misfits("%s: cannot decode a payload of %d bytes"
                              % (self._where, len(payload)),
                              "%s: %s" % (type(error).__name__, error))
                return None
        return accept(topic, payload, time)

    def _next(self, deadline):
        """Take the oldest message for `receive`; None when the time is over."""
        while True:
            self._handle.check()
            with self._lock:
                self._check_receiving()
                message = self._take_held() or self._take_one()
                if message is not None:
                    self._making += (message,)
                    return message
            milliseconds = _WAIT_MAX
            if deadline is not None:
                left = deadline - monotonic()
                if left <= 0:
                    return None
                milliseconds = int(min(left * 1000 + 1, milliseconds))
            # A signal ends the wait early, and Python runs its handlers before the next line.
            self._handle.wait(longest_wait(milliseconds))

    def _take_held(self):
        try:
            message = self._held.popleft()
        except IndexError:
            return None
        self._left += 1
        self._changed()
        return message

    def _take_one(self):
        if self._single is None:
            self._single = Batch(self._handle, 1, min(self._size, 1 << 12))
        # One at a time, since what is taken is no longer there for poll() to see.
        for topic, payload, time, size in self._single.take():
            # A copy: the memory is used again, and perhaps before this one is decoded.
            packed = payload.tobytes()
            return topic, Packed(packed) if self._decode else memoryview(packed), time, size
        return None

    def _changed(self):
        if self._pollable is not None and self.alive:
            self._pollable.show(bool(self._held) and not self._wanted)

    def stats(self):
        """The counters, as a dict."""
        if self._handle.pid != os.getpid():  # the lock may be held for ever: see `start`
            return self._stats()
        with self._lock:
            return self._stats()

    def _stats(self):
        stats = self._handle.stats()
        held = list(self._held)
        waiting = held + list(self._making)
        stats['delivered'] = self._delivered(len(held))
        stats['rejected'] += self._rejected
        stats['discarded'] += self._discarded
        stats['queued'] += len(waiting)
        stats['queued_bytes'] += sum(size for _, _, _, size in waiting)
        return stats

    def settings(self):
        """What was asked for and granted, as a dict."""
        return self._handle.settings()

    def fileno(self):
        """A descriptor that polls readable while messages wait for `receive`."""
        self._handle.check()
        with self._lock:
            if self._pollable is None:
                self._pollable = Pollable(self._handle.fileno(), self._where)
                self._changed()
            return self._pollable.fileno()

    def close(self, wait=CLOSE_WAIT):
        """Close; returns False when it was closed already, or belongs to another process.

        Waits for a running callback, `wait` seconds at most, unless called from it.
        """
        if not self.alive:
            return False
        with self._lock:  # so that no counter is read between the native ones and Python's
            try:
                if not self._handle.close():
                    return False
            finally:  # also when the handler of a signal that came meanwhile raises
                if self._handle.closed:
                    self._discard_held()
                    if self._pollable is not None:
                        self._pollable.close()
        self._wait_for_callback(wait)
        return True

    def end(self):
        """Close when there are callbacks, and return their thread: the interpreter exits.

        Without them, closing would raise in who waits in `receive`.
        """
        with self._lock:  # a thread that is just being started counts, too
            thread = self._thread
        if thread is not None:
            self.close(0)
            self._ended, self._wanted = True, False
        return thread


def _share(limit, most):
    return max(1, min(most, limit // _SHARE))

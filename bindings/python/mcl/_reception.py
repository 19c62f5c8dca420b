"""Takes messages out of a native listener: on a thread for callbacks, or on the caller's own.

The thread is Python's own and asks the library for messages; the library never calls Python. A
thread of the library would have to be made known to the interpreter and forgotten again at every
message, and could be in a callback while the interpreter exits.
"""
import os
import threading

from mcl import _at_exit
from mcl import _constants as constants
from mcl._batch import Batch
from mcl._compat import ReentrantLock, monotonic
from mcl._delivery import CLOSE_WAIT, Delivery
from mcl._handles import is_alive, longest_wait
from mcl._report import Misfits
from mcl._unpacking import Packed
from mcl.codec import unpack_checked

# What the thread holds in hand comes on top of the native queue's limits. It is a sixteenth of them
# at most: so few that they hold, and so many that a call a batch costs little. Below 32 messages it
# is one at a time, and the limit is exact.
_SHARE, _MOST = 16, 64
_WAIT_MAX = 2 ** 31 - 1  # milliseconds that fit the argument of mcl_listener_wait
_TAKING_MAX = 1000  # milliseconds; Python 2 sees no signal in a longer wait of its own


class Reception(Delivery):
    """The receiving side of one open listener.

    What is in hand stays queued in the library until it is settled. So what is delivered, rejected
    and discarded is counted here, what came there, and the rest of that is queued.

    Args:
        handle (ListenerHandle): belongs to this object from now on.
        max_messages (int): the native queue's limit, or 0 for its default.
        decode (bool): False: payloads stay views of their msgpack.
    """

    def __init__(self, handle, max_messages=0, decode=True):
        super(Reception, self).__init__(handle.where, ReentrantLock())
        self._handle = handle
        self._decode = decode
        limit = max_messages or constants.MCL_QUEUE_MESSAGES_DEFAULT
        self._most = max(1, min(_MOST, limit // _SHARE))
        self._batch = None  # of the thread: what is in hand
        self._count = 0  # messages that are in it, delivered or not
        self._taking = False  # it waits for messages, and takes them
        self._taken_over = None  # an Event, set when it no longer does
        self._stale = 0  # messages of those that it takes which are to be discarded
        self._single = None  # of `receive`
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
        # What was in hand is queued again, and comes first.
        waiting = self._stats()['queued'] - len(self._making)
        batch = Batch(self._handle, 0)
        while waiting > 0:
            taken = batch.take()
            if not taken:
                break
            self._entered += taken
            self._left += taken
            self._discarded += taken
            waiting -= taken
            batch.settle(taken)
        # What an earlier thread's wait has just taken, before it could see that it was paused.
        self._stale = max(waiting, 0) if self._taking else 0

    def pause(self):
        with self._lock:
            super(Reception, self).pause()
            self._give_back()

    def _give_back(self):
        """Have what the thread has not begun to deliver queued again."""
        left = 0
        while self._held:
            try:
                self._held.pop()  # from the end, as the thread may be taking one meanwhile
            except IndexError:
                break
            left += 1
        if self._count and self.alive:
            self._entered -= left
            self._batch.settle(self._count - left)
            self._count = 0

    def _first(self):
        """Return the first message in hand, waiting for it; None when this thread is to end."""
        while True:
            with self._lock:
                if not self._wanted:
                    if self._batch is not None:
                        self._batch.put_back()
                    self._thread = self._batch = None
                    return None
                if self._held:
                    return self._held[0]
                if self._batch is None:
                    self._batch = Batch(self._handle, self._most, self._decode)
                batch = self._batch
                # What is in hand is delivered, and settled by the next call.
                self._count, self._taking = 0, True
            taken = 0
            try:
                taken = batch.wait_and_take()
            finally:
                with self._lock:
                    self._taking = False
                    if self._taken_over is not None:
                        self._taken_over.set()
                    if taken > 0:
                        self._took(batch, taken)

    def _took(self, batch, taken):
        """Take in hand what the thread's wait has brought, or have it queued again."""
        if not self._wanted:
            batch.settle(0)
            return
        # All are unpacked at once, which is faster than each when its turn comes.
        try:
            messages, self._plain = batch.messages()
        except BaseException:
            batch.put_back()
            raise
        stale, self._stale = min(self._stale, taken), 0
        self._count = taken
        self._discarded += stale
        self._left += stale
        self._entered += taken
        self._held.extend(messages[stale:])

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
                taking = self._taking
                if taking:
                    if self._taken_over is None or self._taken_over.is_set():
                        self._taken_over = threading.Event()
                    taken_over = self._taken_over
                else:
                    message = self._take_one()
                    if message is not None:
                        return message
            milliseconds = _WAIT_MAX
            if deadline is not None:
                left = deadline - monotonic()
                if left <= 0:
                    return None
                milliseconds = int(min(left * 1000 + 1, milliseconds))
            # A signal ends the wait early, and Python runs its handlers before the next line.
            if taking:
                # The thread has not seen yet that there are no more callbacks: it gets what comes
                # next, and has it queued again.
                taken_over.wait(min(longest_wait(milliseconds), _TAKING_MAX) / 1000.0)
            else:
                self._handle.wait(longest_wait(milliseconds))

    def _take_one(self):
        if self._single is None:
            self._single = Batch(self._handle, 1, False)
        # A handler of a signal may have raised since the last one.
        self._single.put_back()
        if not self._single.take():
            return None
        (topic, payload, time, size), = self._single.messages()[0]
        message = topic, Packed(payload.tobytes()) if self._decode else payload, time, size
        self._entered += 1
        self._left += 1
        self._making += (message,)
        self._single.settle(1)
        return message

    def _changed(self):
        """Nobody waits for anything but the library."""

    def stats(self):
        """The counters, as a dict."""
        if self._handle.pid != os.getpid():  # the lock may be held for ever: see `start`
            return self._stats()
        with self._lock:
            return self._stats()

    def _stats(self):
        stats = self._handle.stats()
        making = len(self._making)
        held = list(self._held)
        stats['delivered'] = delivered = self._delivered(len(held))
        stats['rejected'] += self._rejected
        left = stats['messages'] - delivered - stats['rejected'] - stats['dropped_queue']
        if self._handle.closed:
            stats['queued'], stats['discarded'] = making, left - making
        else:
            stats['discarded'] += self._discarded
            stats['queued'] = left - stats['discarded']
            if not stats['queued']:
                stats['queued_bytes'] = 0  # what is in hand is about to be settled
            elif self._count:
                stats['queued_bytes'] -= self._batch.size() - sum(size for _, _, _, size in held)
        return stats

    def settings(self):
        """What was asked for and granted, as a dict."""
        return self._handle.settings()

    def fileno(self):
        """A descriptor that polls readable while messages wait for `receive`."""
        return self._handle.fileno()

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

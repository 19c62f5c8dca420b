"""What sources of messages share: a thread for callbacks, the messages in hand, and the ledger.

At every moment, each message that was taken over is in one place only: in hand, being made into
what its receiver gets (both count as queued), delivered, rejected or discarded.
"""
import collections
import os
import sys
import threading

from mcl import _at_exit
from mcl import _constants as constants
from mcl._child import end_child
from mcl._compat import monotonic
from mcl._report import report, report_callback
from mcl.errors import BusyError, ClosedError, MclError

# How long a close waits for a running callback, in seconds: the rule of mcl_listener_close.
CLOSE_WAIT = constants.MCL_CLOSE_WAIT_MS / 1000.0


class Delivery(object):
    """Base class of sources: messages of any kind, to callbacks on one thread or to `receive`.

    A subclass has `alive`, `_first`, `_next`, `_decode`, `_discard_waiting` and `_changed`, and
    `_taken` when it is to be told of each message that goes to callbacks.

    Args:
        where (str): names it in errors and its thread.
        lock: a reentrant lock, as a signal handler may come to it in the middle of anything.
    """

    def __init__(self, where, lock):
        self._where = where
        self._lock = lock  # protects all that follows
        self._quick_lock = getattr(lock, 'plain', lock)
        self._held = collections.deque()  # messages in hand, the oldest first
        self._making = ()  # those that `receive` has taken and not returned yet
        self._delivered = self._rejected = self._discarded = 0
        self._wanted = False
        self._thread = None
        self._after = ()

    _taken = None

    @property
    def delivers(self):
        """bool: is there a thread of this object."""
        return self._thread is not None

    def follow(self, other):
        """Run no callback before a running one of `other`, a closed source, has returned."""
        threads = other._after + (other._thread,)
        self._after = tuple(thread for thread in threads if thread and thread.is_alive())

    def start(self, accept, callbacks, deliver):
        """Deliver what arrives from now on. What waits by now is discarded, and counted as that.

        Args:
            accept (callable): takes a message's topic (str or None), its payload, and when it was
                received, in nanoseconds since the Unix epoch; returns what callbacks get, or None
                when it does not fit.
            callbacks (callable): returns the callbacks of this moment, a tuple.
            deliver (callable): takes what callbacks get, and these. It runs on one daemon thread,
                one message at a time and in order.

        They are the same at each start. Only the thread keeps them, so that a listener without
        callbacks is in no cycle and closes as soon as it is dropped.
        """
        with self._lock:
            if self._wanted or not self.alive or _at_exit.begun:
                return
            self._discard_waiting()
            self._wanted = True
            self._changed()
            # A thread may be left of an earlier start: in its callback, or not yet aware of a
            # pause.
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mcl: " + self._where,
                                                args=(accept, callbacks, deliver))
                self._thread.daemon = True
                try:
                    self._thread.start()
                except Exception:  # of the system: there are too many
                    self._thread, self._wanted = None, False
                    raise

    def pause(self):
        """Deliver no more; what is in hand and what arrives is left for `receive`."""
        with self._lock:
            self._wanted = False
            self._changed()

    def _discard_held(self):
        self._discarded += len(self._held)
        self._held.clear()

    def _run(self, accept, callbacks, deliver):
        for thread in self._after:
            thread.join()
        self._after = ()
        getpid = os.getpid
        pid = getpid()
        try:
            while True:
                # Without the lock: this is done for each message.
                try:
                    message = self._held[0] if self._wanted else None
                except IndexError:
                    message = None
                if message is None:
                    data = begun = None  # not kept for as long as nothing arrives
                    message = self._first()
                    if message is None:
                        return
                # No callback raises here, which a listener catches, but a subclass of one may: and
                # whatever it likes, on Python 2 also what derives from nothing.
                try:
                    data = self._make(message, accept)
                except:  # noqa: E722
                    report_callback(accept)
                    data = None
                begun = self._begin(message, data, callbacks)
                if begun:
                    try:
                        deliver(data, begun)
                    except:  # noqa: E722
                        if getpid() != pid:
                            end_child(sys.exc_info()[1])
                        report_callback(deliver)
                    if getpid() != pid:
                        end_child()
        except ClosedError:
            pass
        except MclError as error:
            report("%s receives no more: %s" % (self._where, error))

    def _make(self, message, accept):
        decoded = self._decode(message)
        return None if decoded is None else accept(*decoded)

    def _begin(self, message, data, callbacks):
        """Take the first message out of hand; the callbacks it goes to, or () when to none."""
        with self._quick_lock:
            # While it was made, it may have been discarded, or received after a pause.
            if not (self._wanted and self._held and self._held[0] is message):
                return ()
            begun = callbacks()
            if not begun:  # the last one is just being unsubscribed: a pause follows
                return ()
            self._held.popleft()
            if self._taken is not None:
                self._taken()
            if data is None:
                self._rejected += 1
                return ()
            self._delivered += 1
            return begun

    def receive(self, timeout, accept):
        """Return the next message, as `accept` of `start` makes it.

        None when `timeout` (seconds, or None for no end) is over.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            message = self._next(deadline)
            if message is None:
                return None
            data = None
            try:
                data = self._make(message, accept)
            finally:
                with self._lock:
                    self._making = tuple(each for each in self._making if each is not message)
                    if data is None:
                        self._rejected += 1
                    else:
                        self._delivered += 1
            if data is not None:
                return data

    def _check_receiving(self):
        if self._wanted:
            raise BusyError("%s has callbacks subscribed, which messages go to: unsubscribe them to"
                            " receive or iterate" % self._where, constants.MCL_EBUSY)

    def _wait_for_callback(self, wait):
        """Wait for a running callback, `wait` seconds at most, unless called from it."""
        thread, current = self._thread, threading.current_thread()
        if thread is not None and thread is not current and current not in self._after:
            thread.join(wait)

"""What sources of messages share: a thread for callbacks, the messages in hand, and the ledger.

At every moment, each message that was taken over is in one place only: in hand, being made into
what its receiver gets (both count as queued), delivered, rejected or discarded. What has left the
hand otherwise is counted, and the rest has been delivered to callbacks: so that one step of the
interpreter delivers a message, and needs no lock.
"""
import collections
import os
import sys
import threading

from mcl import _at_exit
from mcl import _constants as constants
from mcl._child import end_child, mark_of, marked
from mcl._compat import join, monotonic
from mcl._report import report, report_callback
from mcl.errors import BusyError, ClosedError, MclError

# How long a close waits for a running callback, in seconds: the rule of mcl_listener_close.
CLOSE_WAIT = constants.MCL_CLOSE_WAIT_MS / 1000.0


class Receiver(object):
    """A listener, as its source sees it.

    Args:
        listener (RawListener)
        accept (callable): takes a message's topic (str or None), its payload, and when it was
            received, in nanoseconds since the Unix epoch; returns what callbacks get, or None when
            it does not fit.
        make (callable): does the same for a listener that takes all; None: it only makes a dict of
            topic and payload. Not for others.
        takes_all (bool): is every message accepted.
        callbacks (mcl.event.event.Callbacks): whose `now` are the callbacks of each moment.
        deliver (callable): takes what callbacks get, and these.
        trigger (function): the listener's `__trigger__`, unless somebody replaces it: this only
            calls each callback.
    """

    def __init__(self, listener, accept, make, takes_all, callbacks, deliver, trigger):
        self.listener, self.accept, self.make, self.takes_all = listener, accept, make, takes_all
        self.callbacks, self.deliver, self.trigger = callbacks, deliver, trigger


class Delivery(object):
    """Base class of sources: messages of any kind, to callbacks on one thread or to `receive`.

    A message is a tuple of its topic (str or None), its payload, when it was received, in
    nanoseconds since the Unix epoch, and its size in bytes, if that is known.

    A subclass has `alive`, `_first`, `_next`, `_discard_waiting` and `_changed`, and counts in
    `_entered` what comes in hand; it has `_make` when payloads may be Packed, and `_taken` when it
    is to be told of each message that goes to callbacks. It sets `_plain` while, in hand, there is
    nothing Packed, and nothing that others add or that `_taken` is to be told of.

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
        self._entered = 0  # that ever were in hand
        self._left = 0  # of them: to `receive`, rejected or discarded
        self._received = self._rejected = self._discarded = 0
        self._plain = False
        self._wanted = False
        self._ended = False  # the interpreter exits
        self._thread = None
        self._after = ()

    _taken = None

    def _delivered(self, held):
        """How many were delivered when so many were in hand; the thread takes them at any time."""
        return self._entered - self._left - held + self._received

    @property
    def delivers(self):
        """bool: is there a thread of this object."""
        return self._thread is not None

    def is_behind(self):
        """Does something wait for callbacks?"""
        try:
            return self._wanted and self.alive and self.stats()['queued'] > 0
        except MclError:  # it was closed meanwhile
            return False

    def follow(self, other):
        """Run no callback before a running one of `other`, a closed source, has returned."""
        threads = other._after + (other._thread,)
        self._after = tuple(thread for thread in threads if thread and thread.is_alive())

    def start(self, receiver):
        """Deliver what arrives from now on. What waits by now is discarded, and counted as that.

        Args:
            receiver (Receiver): of the listener, whose callbacks run on one daemon thread, one
                message at a time and in order.

        It is the same at each start. Only the thread keeps it, so that a listener without callbacks
        is in no cycle and closes as soon as it is dropped.
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
                                                args=(receiver,))
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
        # One by one, as the thread may be taking some meanwhile.
        while self._held:
            try:
                self._held.popleft()
            except IndexError:
                break
            self._discarded += 1
            self._left += 1

    def _run(self, receiver):
        for thread in self._after:
            thread.join()
        self._after = ()
        pid, mark = os.getpid(), mark_of(marked)
        try:
            while not self._ended and self._first() is not None:
                if self._plain and receiver.takes_all:
                    self._deliver_plain(receiver, mark, pid)
                else:
                    self._deliver_any(receiver, mark, pid)
        except ClosedError:
            pass
        except MclError as error:
            if os.getpid() != pid:  # a child that code in C has made, past Python
                end_child()
            report("%s receives no more: %s" % (self._where, error))

    # The next two do so much for each message, so what could be calls is written out: each would
    # cost some percent of what receiving and unpacking a small message from a socket does.

    # At exit, Python 2 takes away what modules define while a slow callback may still run here. So
    # what follows a callback is held by the functions themselves; the mark may go as well.

    def _deliver_plain(self, receiver, mark, pid, mark_of=mark_of, marked=marked,
                       getpid=os.getpid):
        """Deliver what is in hand, to a listener that takes all."""
        take, callbacks, listener = self._held.popleft, receiver.callbacks, receiver.listener
        make, trigger = receiver.make, receiver.trigger
        while self._wanted:
            begun = callbacks.now
            if not begun:  # the last one is just being unsubscribed: a pause follows
                return
            try:
                topic, payload, time, _ = take()  # by this it is delivered
            except IndexError:  # it was the last, or the others were discarded or received
                return
            if make is None:
                data = {'topic': topic, 'payload': payload}
            else:
                data = make(topic, payload, time)
            try:
                replaced = listener.__trigger__.__func__ is not trigger
            except AttributeError:  # by a function, at this object
                replaced = True
            if replaced:
                self._deliver(receiver, data, begun, mark, pid)
                continue
            for callback in begun:
                try:
                    callback(data)
                except:  # noqa: E722  (Python 2 raises classes too that derive from nothing)
                    if mark_of(marked) != mark and getpid() != pid:
                        end_child(sys.exc_info()[1])
                    report_callback(callback)
            if mark_of(marked) != mark and getpid() != pid:
                end_child()

    def _deliver_any(self, receiver, mark, pid):
        """Deliver what is in hand."""
        held, take, taken = self._held, self._held.popleft, self._taken
        lock, unlock = self._quick_lock.acquire, self._quick_lock.release  # `with` costs twice that
        accept, callbacks = receiver.accept, receiver.callbacks
        while self._wanted:
            try:
                message = held[0]
            except IndexError:  # it was the last, or the others were discarded or received
                return
            # No callback raises here, which a listener catches, but a subclass of one may: and
            # whatever it likes, on Python 2 also what derives from nothing.
            try:
                data = self._make(message, accept)
            except:  # noqa: E722
                report_callback(accept)
                data = None
            lock()
            try:
                # While it was made, it may have been discarded, or received after a pause.
                if not (self._wanted and held and held[0] is message):
                    return
                begun = callbacks.now
                if not begun:  # the last one is just being unsubscribed: a pause follows
                    return
                if data is None:
                    self._rejected += 1
                    self._left += 1
                take()
                if taken is not None:
                    taken()
            finally:
                unlock()
            if data is not None:
                self._deliver(receiver, data, begun, mark, pid)

    @staticmethod
    def _deliver(receiver, data, callbacks, mark, pid, mark_of=mark_of, marked=marked,
                 getpid=os.getpid):
        try:
            receiver.deliver(data, callbacks)
        except:  # noqa: E722
            if mark_of(marked) != mark and getpid() != pid:
                end_child(sys.exc_info()[1])
            report_callback(receiver.deliver)
        if mark_of(marked) != mark and getpid() != pid:
            end_child()

    def _make(self, message, accept):
        """Return what `accept` makes of a message; None when it cannot be made."""
        topic, payload, time, _ = message
        return accept(topic, payload, time)

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
                        self._received += 1
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
            join(thread, wait)

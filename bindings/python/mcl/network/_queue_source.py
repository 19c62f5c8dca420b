"""A queue between a listener of a user's own transport and the callbacks of a QueuedListener.

The native library has its own queue; this one is for transports written in Python.
"""
import io
import os
import time

from mcl import _at_exit
from mcl import _constants as constants
from mcl._compat import Condition, monotonic
from mcl._delivery import CLOSE_WAIT, Delivery
from mcl.errors import ClosedError

# Python 2 sees no signal, and so no Ctrl-C, in a wait without an end; in seconds.
_WAIT_MAX = 3600


class QueueSource(Delivery):
    """The like of mcl._reception.Reception over a RawListener written in Python.

    Args:
        listener (RawListener): an open one; belongs to this object from now on.
        max_messages (int): the queue's limit, or None for the default.
        policy (str): what happens beyond it, or None for the default.
    """

    def __init__(self, listener, max_messages, policy):
        super(QueueSource, self).__init__("the listener on %r" % (listener.connection,),
                                          Condition())
        self._listener = listener
        self._limit = max_messages or constants.MCL_QUEUE_MESSAGES_DEFAULT
        self._policy = policy or 'drop_oldest'
        self.alive = True
        self.pid = os.getpid()
        self._messages = self._dropped = 0
        _at_exit.add(self)
        listener.subscribe(self._enqueue)

    def check_process(self):
        """A transport written in Python looks after fork() itself."""

    def _enqueue(self, data):
        # With all that the transport gives, in the place of the topic.
        message = dict(data), None, int(time.time() * 1e9), 0
        with self._lock:
            while self._policy == 'block' and self.alive and len(self._held) >= self._limit:
                self._lock.wait()
            if not self.alive:
                return
            self._messages += 1
            if len(self._held) >= self._limit:
                self._dropped += 1
                if self._policy == 'drop_newest':
                    return
                self._held.popleft()
                self._left += 1
            self._entered += 1
            self._held.append(message)
            self._changed()

    def _changed(self):
        self._lock.notify_all()

    def _taken(self):
        self._lock.notify_all()

    def _discard_waiting(self):
        self._discard_held()

    def _first(self):
        """Return the first message in hand, waiting for it; None when this thread is to end."""
        with self._lock:
            while self.alive and self._wanted and not self._held:
                self._lock.wait()
            if self.alive and self._wanted:
                return self._held[0]
            self._thread = None
            return None

    def _next(self, deadline):
        """Take the oldest message for `receive`; None when the time is over."""
        with self._lock:
            while True:
                if not self.alive:
                    raise ClosedError("%s is closed" % self._where, constants.MCL_ECLOSED)
                self._check_receiving()
                if self._held:
                    message = self._held.popleft()
                    self._left += 1
                    self._making += (message,)
                    self._changed()
                    return message
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    return None
                self._lock.wait(_WAIT_MAX if left is None else min(left, _WAIT_MAX))

    def stats(self):
        """Those counters of mcl_listener_stats that are not of the network, as a dict."""
        with self._lock:
            held = len(self._held)
            return {'messages': self._messages, 'delivered': self._delivered(held),
                    'rejected': self._rejected, 'dropped_queue': self._dropped,
                    'discarded': self._discarded, 'queued': held + len(self._making)}

    def settings(self):
        """Nothing is known of another transport's settings."""
        return {}

    def fileno(self):
        """There is no descriptor."""
        raise io.UnsupportedOperation("a transport written in Python has no descriptor to poll")

    def close(self):
        """Close; returns False when it was closed already. Waits as Reception does."""
        with self._lock:
            if not self.alive:
                return False
            self.alive = False
            self._discard_held()
            self._changed()
        self._listener.unsubscribe(self._enqueue)
        self._listener.close()
        self._wait_for_callback(CLOSE_WAIT)
        return True

    def end(self):
        """End the thread, and return it: the interpreter exits. The transport is left as it is."""
        with self._lock:
            thread = self._thread
            if thread is not None:
                self.alive = False
                self._discard_held()
                self._ended, self._wanted = True, False
                self._changed()
        return thread

"""A queue between a listener of a user's own transport and the callbacks of a QueuedListener.

The native library has its own queue; this one is for transports written in Python.
"""
import collections
import io
import os
import time

from mcl import _constants as constants
from mcl._compat import Condition
from mcl.errors import ClosedError

# Python 2 sees no signal, and so no Ctrl-C, in a wait without an end; in seconds.
_WAIT_MAX = 3600


class Queue(object):
    """Does what ListenerHandle does, for a RawListener written in Python.

    Args:
        listener (RawListener): an open one; belongs to this object from now on.
        max_messages (int): the queue's limit, or None for the default.
        policy (str): what happens beyond it, or None for the default.
    """

    closed = False

    def __init__(self, listener, max_messages, policy):
        self.where = "the listener on %r" % (listener.connection,)
        self.pid = os.getpid()
        self._listener = listener
        self._limit = max_messages or constants.MCL_QUEUE_MESSAGES_DEFAULT
        self._policy = policy or 'drop_oldest'
        self._changed = Condition()
        self._waiting = collections.deque()
        self._messages = self._dropped = 0
        listener.subscribe(self._enqueue)

    def _enqueue(self, data):
        # With all that the transport gives, in the place of the topic.
        message = dict(data), None, int(time.time() * 1e9)
        with self._changed:
            while self._policy == 'block' and len(self._waiting) >= self._limit and not self.closed:
                self._changed.wait()
            if self.closed:
                return
            self._messages += 1
            if len(self._waiting) >= self._limit:
                self._dropped += 1
                if self._policy == 'drop_newest':
                    return
                self._waiting.popleft()
            self._waiting.append(message)
            self._changed.notify_all()

    def hand(self, most):
        """Return a Hand, whatever `most` is."""
        return Hand(self)

    def take(self):
        """Return the oldest message, or None."""
        with self._changed:
            self.check()
            message = self._waiting.popleft() if self._waiting else None
            self._changed.notify_all()
            return message

    def give_back(self, message):
        """Have a message be the oldest again; what is closed has discarded it."""
        with self._changed:
            if not self.closed:
                self._waiting.appendleft(message)
                self._changed.notify_all()

    def wait(self, milliseconds=_WAIT_MAX * 1000):
        """Wait for a message, so long at most."""
        with self._changed:
            if not (self._waiting or self.closed):
                self._changed.wait(min(milliseconds / 1000.0, _WAIT_MAX))

    def check(self):
        """Raise ClosedError when closed."""
        if self.closed:
            raise ClosedError("%s is closed" % self.where, constants.MCL_ECLOSED)

    def check_process(self):
        """A transport written in Python looks after fork() itself."""

    def stats(self):
        """Those counters of mcl_listener_stats that are not of the network, as a dict."""
        with self._changed:
            return {'messages': self._messages, 'rejected': 0, 'dropped_queue': self._dropped,
                    'discarded': 0}

    def settings(self):
        """Nothing is known of another transport's settings."""
        return {}

    def fileno(self):
        """There is no descriptor."""
        raise io.UnsupportedOperation("a transport written in Python has no descriptor to poll")

    def abandon(self):
        """End all waits, and leave the transport as it is; returns False when it was closed."""
        with self._changed:
            if self.closed:
                return False
            self.closed = True
            self._waiting.clear()
            self._changed.notify_all()
            return True

    def close(self):
        """Close; returns False when it was closed already."""
        if not self.abandon():
            return False
        self._listener.unsubscribe(self._enqueue)
        self._listener.close()
        return True


class Hand(object):
    """Does what mcl._hand.Hand does: one message at a time, so that the queue's limit is exact."""

    plain = True

    def __init__(self, queue):
        self._queue = queue
        self._message = None

    def take(self, wait=True):
        """Take the oldest message, if there is one, or once there is."""
        if wait:
            self._queue.wait()
        self._message = self._queue.take()
        return [] if self._message is None else [self._message]

    def settle(self, delivered):
        """End it: the message is delivered, or queued again."""
        message, self._message = self._message, None
        if not delivered and message is not None:
            self._queue.give_back(message)

    settle_open = settle

    def put_back(self):
        """Have what is in hand, if anything, queued again."""
        self.settle(0)

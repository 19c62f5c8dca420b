"""A queue between a listener of a user's own transport and the callbacks of a QueuedListener.

The native library has its own queue; this one is for transports written in Python.
"""
import collections
import io
import threading
import time

from mcl import _constants as constants
from mcl._compat import monotonic
from mcl._report import report_callback
from mcl.errors import BusyError, ClosedError

_CLOSE_WAIT = constants.MCL_CLOSE_WAIT_MS / 1000.0


class QueueSource(object):
    """The like of mcl._reception.Reception over a RawListener written in Python.

    Args:
        listener (RawListener): an open one; belongs to this object from now on.
        max_messages (int): the queue's limit, or None for the default.
        policy (str): what happens beyond it, or None for the default.
    """

    def __init__(self, listener, max_messages, policy):
        self._listener = listener
        self._limit = max_messages or constants.MCL_QUEUE_MESSAGES_DEFAULT
        self._policy = policy or 'drop_oldest'
        self._changed = threading.Condition()  # protects all that follows
        self._queue = collections.deque()
        self._wanted = False
        self._thread = None
        self.alive = True
        self._counters = dict.fromkeys(
            ('messages', 'delivered', 'rejected', 'dropped_queue', 'discarded'), 0)
        listener.subscribe(self._enqueue)

    def check_process(self):
        """A transport written in Python looks after fork() itself."""

    def _enqueue(self, data):
        message = data['topic'], data['payload'], int(time.time() * 1e9)
        with self._changed:
            while self._policy == 'block' and self.alive and len(self._queue) >= self._limit:
                self._changed.wait()
            if not self.alive:
                return
            self._counters['messages'] += 1
            if len(self._queue) >= self._limit:
                self._counters['dropped_queue'] += 1
                if self._policy == 'drop_newest':
                    return
                self._queue.popleft()
            self._queue.append(message)
            self._changed.notify_all()

    def start(self, deliver):
        """Deliver what arrives from now on, as Reception does."""
        with self._changed:
            if self._wanted or not self.alive:
                return
            self._counters['delivered'] += len(self._queue)
            self._queue.clear()
            self._wanted = True
            self._thread = threading.Thread(target=self._run, args=(deliver,), name="mcl: queue")
            self._thread.daemon = True
            self._thread.start()

    def pause(self):
        """Deliver no more, and leave what arrives in the queue."""
        with self._changed:
            self._wanted = False
            self._thread = None
            self._changed.notify_all()

    def _run(self, deliver):
        me = threading.current_thread()
        while True:
            with self._changed:
                while self._thread is me and self.alive and not self._queue:
                    self._changed.wait()
                if self._thread is not me or not self.alive:
                    return
                message = self._take()
            try:
                if deliver(*message) is False:
                    self.reject()
            except Exception:  # pylint: disable=broad-except
                report_callback(deliver)

    def _take(self):
        self._counters['delivered'] += 1
        self._changed.notify_all()
        return self._queue.popleft()

    def receive(self, timeout):
        """Return the next message, or None when `timeout` (seconds) is over."""
        deadline = None if timeout is None else monotonic() + timeout
        with self._changed:
            while True:
                if not self.alive:
                    raise ClosedError("the listener is closed", constants.MCL_ECLOSED)
                if self._wanted:
                    raise BusyError("callbacks are subscribed, which messages go to: unsubscribe"
                                    " them to receive or iterate", constants.MCL_EBUSY)
                if self._queue:
                    return self._take()
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    return None
                # Python 2 sees no signal, and so no Ctrl-C, in a wait without an end.
                self._changed.wait(3600 if left is None else left)

    def reject(self):
        """Count a delivered message as one that does not fit."""
        with self._changed:
            self._counters['delivered'] -= 1
            self._counters['rejected'] += 1

    def stats(self):
        """Those counters of mcl_listener_stats that are not of the network, as a dict."""
        with self._changed:
            return dict(self._counters, queued=len(self._queue))

    def settings(self):
        """Nothing is known of another transport's settings."""
        return {}

    def fileno(self):
        """There is no descriptor."""
        raise io.UnsupportedOperation("a transport written in Python has no descriptor to poll")

    def close(self):
        """Close; returns False when it was closed already. Waits as Reception does."""
        with self._changed:
            if not self.alive:
                return False
            self.alive = False
            self._counters['discarded'] += len(self._queue)
            self._queue.clear()
            thread = self._thread
            self._changed.notify_all()
        self._listener.unsubscribe(self._enqueue)
        self._listener.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_WAIT)
        return True

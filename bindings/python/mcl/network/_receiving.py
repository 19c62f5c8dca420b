"""What listeners with a queue have in common: callbacks, or receiving and iterating."""
import threading

from mcl import _constants as constants
from mcl._compat import monotonic
from mcl.errors import ClosedError


class Receiving(object):
    """Mixin for a RawListener whose data comes from a source: mcl._reception.Reception or its like.

    The class it is mixed into has `_new_source()`, which opens one, and
    `_data(topic, payload, time)`, which makes what callbacks get.
    """

    _source = None

    def __init__(self, *args, **kwargs):
        # Of the source, and of its being started while callbacks are subscribed and only then.
        self._changing = threading.RLock()
        super(Receiving, self).__init__(*args, **kwargs)

    def _is_open(self):
        source = self._source
        return source is not None and source.alive

    def _check_process(self):
        # A child made by fork() must not come to the lock: it may have been held, for ever, by a
        # thread that only the parent has.
        if self._source is not None:
            self._source.check_process()

    def _open(self):
        """Open again after `close`; return True, or False when it is open already."""
        self._check_process()
        with self._changing:
            if self._is_open():
                return False
            self._source = self._new_source()
            if self.num_subscriptions():
                self._source.start(self._received)
            return True

    def close(self):
        """Leave the group and discard what is queued. May be called from a callback.

        When it returns, no callback of this listener is running or will run, unless it is called
        from one, or one takes longer than a second.

        Returns:
            bool: True, or False when it was closed already, or opened before a fork().
        """
        return self._source is not None and self._source.close()

    def subscribe(self, callback):
        """Add a callback, as `Event.subscribe` does. Raises ForkError in a child made by fork()."""
        self._check_process()
        with self._changing:
            added = super(Receiving, self).subscribe(callback)
            if self._source is not None:
                self._source.start(self._received)
        return added

    def unsubscribe(self, callback):
        """Remove one, as `Event.unsubscribe` does. Raises ForkError in a child made by fork()."""
        self._check_process()
        with self._changing:
            removed = super(Receiving, self).unsubscribe(callback)
            if self._source is not None and not self.num_subscriptions():
                self._source.pause()
        return removed

    def _received(self, topic, payload, time):
        """Take a message from the source, on its thread; False when it does not fit."""
        return self.__trigger__(self._data(topic, payload, time))

    def _accept(self, data):
        """Return what a callback would get for `data`, or None when it does not fit."""
        return data

    def _opened(self):
        source = self._source
        if source is None:
            raise ClosedError("the listener on %r was not opened" % (self.connection,),
                              constants.MCL_ECLOSED)
        return source

    def receive(self, timeout=None):
        """Wait for the next data and return it, as a callback would get it.

        For listeners without callbacks. It takes the oldest data that is queued. Several threads
        may call it: each gets other data.

        Args:
            timeout (float): seconds to wait at most; 0 does not wait; None: for ever.

        Returns:
            dict: the data; or None, when the time is over.

        Raises:
            ClosedError: the listener is closed, or was while this waited.
            BusyError: callbacks are subscribed, which data goes to.
            ForkError: it was opened before a fork(), in the parent.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            source = self._opened()
            message = source.receive(None if deadline is None else max(0, deadline - monotonic()))
            if message is None:
                return None
            data = self._accept(self._data(*message))
            if data is not None:
                return data
            source.reject()

    def __iter__(self):
        """Iterate over the data, as `receive` gives it, until the listener is closed."""
        while True:
            try:
                data = self.receive()
            except ClosedError:
                return
            yield data

    def fileno(self):
        """Return a descriptor for select() and poll(): readable while data is queued, or closing.

        Only to be polled, and only without callbacks; then call `receive(0)`. It is the listener's,
        and gone when that is closed.
        """
        return self._opened().fileno()

    def stats(self):
        """Return the counters since it was opened, as a dict; the last ones once it is closed.

        Its keys are the fields of mcl_listener_stats in mcl.h, which says what they count;
        `malformed` is a dict by cause. `rejected` counts what did not fit the message type, and
        what Python cannot hold.
        """
        return self._opened().stats()

    def settings(self):
        """Return what was asked for and granted, as a dict of int: mcl_settings in mcl.h."""
        return self._opened().settings()

"""What listeners with a queue have in common: callbacks, or receiving and iterating."""
import os
import threading

from mcl import _constants as constants
from mcl._delivery import Receiver
from mcl.errors import ClosedError
from mcl.network import abstract

_FOREVER = float('inf')
_TRIGGER = vars(abstract.RawListener)['__trigger__']


class Receiving(object):
    """Mixin for a RawListener whose data comes from a source: mcl._reception.Reception or its like.

    The class it is mixed into has `_new_source()`, which opens one.
    """

    _source = None
    _begun = None  # the callbacks that the source's thread is calling

    def __init__(self, *args, **kwargs):
        # Of the source, and of its being started while callbacks are subscribed and only then.
        self._changing = threading.RLock()
        super(Receiving, self).__init__(*args, **kwargs)

    def __reduce_ex__(self, protocol):
        # By copy.copy() too; what that made would share the native listener.
        raise TypeError("a listener cannot be copied or pickled: open another on its connection")

    def _is_open(self):
        source = self._source
        return source is not None and source.alive

    def _is_of_parent(self):
        source = self._source
        return source is not None and source.pid != os.getpid()

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
            source = self._new_source()
            if self._source is not None:
                source.follow(self._source)
            self._source = source
            if self.num_subscriptions():
                source.start(self._receiver())
            return True

    def close(self):
        """Leave the group and discard what is queued. May be called from a callback.

        When it returns, no callback of this listener is running or will run, unless it is called
        from one, or one takes longer than a second. Ctrl-C ends the wait for that one; the listener
        is closed all the same.

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
                self._source.start(self._receiver())
        return added

    def unsubscribe(self, callback):
        """Remove one, as `Event.unsubscribe` does. Raises ForkError in a child made by fork().

        What waits when the last one goes stays for `receive` and iteration, in order.
        """
        self._check_process()
        with self._changing:
            removed = super(Receiving, self).unsubscribe(callback)
            if self._source is not None and not self.num_subscriptions():
                self._source.pause()
        return removed

    def _prepared(self, topic, payload, time):
        """Return what a callback would get for a message, or None when it does not fit."""
        return self._accept(self._data(topic, payload, time))

    def _receiver(self):
        takes_all = type(self)._accept == Receiving._accept
        make = None if type(self)._data == Receiving._data else self._data
        return Receiver(self, self._prepared, make, takes_all, self._live_callbacks(),
                        self._received, _TRIGGER)

    def _data(self, topic, payload, time):
        """Return what callbacks get, unless `_accept` makes another of it."""
        return {'topic': topic, 'payload': payload}

    def _received(self, data, callbacks):
        """Call these callbacks, on the source's thread."""
        self._begun = callbacks
        try:
            self.__trigger__(data)
        finally:
            self._begun = None

    def _subscribers(self):
        # Those that the source has counted the message as delivered to, although another thread
        # may have unsubscribed the last one since.
        begun = self._begun
        return super(Receiving, self)._subscribers() if begun is None else begun

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

        On the main thread signals are handled while it waits, and it goes on waiting. A handler
        that raises, as that of Ctrl-C does, ends it.

        Args:
            timeout (float): seconds to wait at most; 0 does not wait; None or infinity: for ever.

        Returns:
            dict: the data; or None, when the time is over.

        Raises:
            ClosedError: the listener is closed, or was while this waited.
            BusyError: callbacks are subscribed, which data goes to.
            ForkError: it was opened before a fork(), in the parent.
            ValueError: the timeout is not a number (NaN).
        """
        if timeout is not None:
            if timeout != timeout:
                raise ValueError("a timeout is a number of seconds or None, not %r" % timeout)
            if timeout == _FOREVER:
                timeout = None
        return self._opened().receive(timeout, self._prepared)

    def __iter__(self):
        """Iterate over the data, as `receive` gives it, until the listener is closed.

        Signals are handled as in `receive`: Ctrl-C ends it.
        """
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
        `malformed` is a dict by cause. At every moment,
        `messages = delivered + rejected + dropped_queue + discarded + queued`:

        - `delivered`: callbacks were begun for it, or `receive` or iteration returned it;
        - `rejected`: did not fit the message type, or Python cannot hold it;
        - `discarded`: waited when it was closed, or when the first callback was subscribed;
        - `queued`, `queued_bytes`: wait now, those included that Python has taken over already.
        """
        return self._opened().stats()

    def settings(self):
        """Return what was asked for and granted, as a dict of int: mcl_settings in mcl.h."""
        return self._opened().settings()

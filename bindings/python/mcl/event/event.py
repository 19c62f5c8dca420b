"""An event that callbacks subscribe to."""
import threading

__all__ = ['Event']


class Callbacks(object):
    """The callbacks of an event, `now`: a tuple that is replaced at each change, with `lock` held.

    copy.deepcopy and pickle take it, without the lock, and so any event and what derives from one.
    """

    __slots__ = ('now', 'lock')

    def __init__(self):
        self.now = ()
        self.lock = threading.Lock()

    def __reduce_ex__(self, protocol):
        return Callbacks, (), (self.now,)

    def __setstate__(self, state):
        self.now, = state


class Event(object):
    """Calls its callbacks when it is triggered.

    Callbacks may be added and removed from any thread, by a callback of this event too.
    `copy.deepcopy` and `pickle` give an event with copies of its callbacks.
    """

    def __init__(self):
        self.__callbacks = Callbacks()

    def subscribe(self, callback):
        """Add a callback; it is called after those that were added before it.

        Args:
            callback (callable): takes what the event is triggered with.

        Returns:
            bool: True, or False when it was there already.

        Raises:
            TypeError: `callback` cannot be called.
        """
        if not callable(callback):
            raise TypeError("a callback must be callable: %r is not" % (callback,))
        with self.__callbacks.lock:
            if callback in self.__callbacks.now:
                return False
            self.__callbacks.now += (callback,)
        return True

    def unsubscribe(self, callback):
        """Remove a callback.

        Returns:
            bool: True, or False when it was not there.
        """
        with self.__callbacks.lock:
            if callback not in self.__callbacks.now:
                return False
            self.__callbacks.now = tuple(c for c in self.__callbacks.now if c != callback)
        return True

    def is_subscribed(self, callback):
        """Return True when the callback is subscribed."""
        return callback in self.__callbacks.now

    def num_subscriptions(self):
        """Return how many callbacks are subscribed."""
        return len(self.__callbacks.now)

    def _live_callbacks(self):
        """The callbacks of each moment, for who looks often."""
        return self.__callbacks

    def _subscribers(self):
        """The callbacks at this moment, in order of their subscription."""
        return self.__callbacks.now

    def __trigger__(self, *args, **kwargs):
        """Call every callback, in order, with exactly these arguments.

        An exception of a callback goes to the caller, and the callbacks after it are not called.
        (Listeners differ: see `mcl.network.abstract.RawListener`.)
        """
        for callback in self.__callbacks.now:
            callback(*args, **kwargs)

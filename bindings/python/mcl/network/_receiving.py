"""The receiving side of listeners: callbacks on a thread, or receiving and iterating.

The thread is Python's own and asks for messages; the library never calls Python. A thread of the
library would have to be made known to the interpreter and forgotten again at every message, and
could be in a callback while the interpreter exits.
"""
import os
import sys
import threading
from time import sleep

from mcl import _at_exit
from mcl import _constants as constants
from mcl._child import end_child, mark_of, marked
from mcl._compat import ReentrantLock, join, monotonic
from mcl._hand import Packed
from mcl._handles import CLOSE_WAIT, is_alive, longest_wait
from mcl._report import Misfits, report, report_callback
from mcl.codec import unpack_checked
from mcl.errors import BusyError, ClosedError, MclError
from mcl.network import abstract

_FOREVER = float('inf')
_WAIT_MAX = 2 ** 31 - 1  # milliseconds that fit the argument of mcl_listener_wait
_TAKING_MAX = 1000  # milliseconds; Python 2 sees no signal in a longer wait of its own
_NOTHING = iter(())


class Source(object):
    """Who gets the messages of an open listener, and how many went where.

    At every moment each message is in one place only: delivered, rejected, dropped by the queue,
    discarded, or else queued, as it is for as long as it only is in hand. What makes it a delivered
    one is a single step of the interpreter, `next` of what is left in hand, which needs no lock.

    Args:
        handle: ListenerHandle or mcl._queue.Queue, an open one; belongs to this from now on.
        hand (callable): takes how many messages at most, and returns a Hand of that.
        most (int): how many the thread may have in hand.
    """

    def __init__(self, handle, hand, most):
        self._handle, self._new_hand, self._most = handle, hand, most
        # Protects all that follows. Reentrant, as a signal handler may come to it amid anything.
        self._lock = ReentrantLock()
        self._hand = None  # the thread's
        # How many messages it delivered from earlier hands, how many are in hand, an iterator of
        # those that are not delivered, and a list of those of them that were given back. One tuple,
        # as what a handler may interrupt must be one step.
        self._state = 0, 0, _NOTHING, []
        self._received = self._rejected = self._discarded = 0
        self._wanted = False  # are there callbacks
        self._taking = False  # the thread waits for messages, and takes them
        self._taken_over = None  # an Event, set when it no longer does
        self._stale = 0  # messages of those that it takes which are to be discarded
        self._thread = None
        self._after = ()
        self._single = None  # the Hand of `receive`
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

    # ---- Callbacks ----

    def start(self, listener):
        """Deliver what arrives from now on. What waits by now is discarded, and counted as that.

        Args:
            listener (Receiving): whose callbacks run on one daemon thread, one message at a time
                and in order. The same at each start. Only the thread keeps it, so that a listener
                without callbacks is in no cycle and closes as soon as it is dropped.
        """
        self.check_process()  # before the lock, which fork() may have copied while it was held
        with self._lock:
            if self._wanted or not self.alive or _at_exit.begun:
                return
            self._discard_waiting()
            # A thread may be left of an earlier start: in its callback, or not yet aware of a
            # pause.
            if self._thread is not None:
                self._wanted = True
                return
            thread = threading.Thread(target=self._run, args=(listener,),
                                      name="mcl: " + self._handle.where)
            thread.daemon = True
            try:
                self._thread, self._wanted = thread, True
                thread.start()
            except BaseException:  # there are too many, or a handler has raised
                self._thread, self._wanted = None, False  # by which one that has started ends
                raise

    def _discard_waiting(self):
        if self._single is not None:
            self._single.put_back()
        waiting = self._stats()['queued']
        hand = self._new_hand(0)
        while waiting > 0:
            taken = len(hand.take(False))
            if not taken:
                break
            self._discarded += taken
            waiting -= taken
            hand.settle(taken)
        # What an earlier thread's wait has just taken, before it could see that it was paused.
        self._stale = max(waiting, 0) if self._taking else 0

    def pause(self):
        """Deliver no more; what is in hand and what arrives is left for `receive`."""
        with self._lock:
            self._wanted = False
            if not self._taking:
                self._settle()

    def _settle(self):
        """Have what is left in hand queued again. Goes on where a handler has ended it."""
        passed, count, left, given_back = self._state
        if count:
            given_back.extend(left)
            passed += count - len(given_back)
            self._hand.settle_open(count - len(given_back))
            self._state = passed, 0, _NOTHING, []

    def _run(self, listener):
        for thread in self._after:
            thread.join()
        self._after = ()
        pid, mark = os.getpid(), mark_of(marked)
        with self._lock:
            if self._thread is not threading.current_thread():
                return
        try:
            self._hand = self._new_hand(self._most)
            self._deliver(listener, mark, pid)
        except ClosedError:
            pass
        except MclError as error:
            if os.getpid() != pid:  # a child that code in C has made, past Python
                end_child()
            report("%s receives no more: %s" % (self._handle.where, error))
            with self._lock:
                self._thread, self._wanted = None, False

    def _end_taking(self):
        self._taking = False
        if self._taken_over is not None:
            self._taken_over.set()
            self._taken_over = None

    def _is_over(self):
        """Is the thread, which was about to take, to end? Then nothing is in hand."""
        with self._lock:
            if self._wanted:
                return False
            self._end_taking()
            self._thread = None
            self._settle()
            return True

    def _took(self, messages):
        """Take in hand what a wait has brought; return what is to be delivered of it."""
        self._end_taking()
        passed, count, _, given_back = self._state
        passed += count - len(given_back)
        self._state = passed, 0, _NOTHING, []
        if messages and not self._wanted:
            self._hand.settle(0)
            messages = ()
        stale, self._stale = min(self._stale, len(messages)), 0
        self._discarded += stale
        self._state = passed - stale, len(messages), iter(messages[stale:]), []
        return messages[stale:]

    def _reject(self, left):
        """Count the next of what is left in hand; return False when it was given back."""
        with self._lock:
            if next(left, None) is None:
                return False
            passed, count, _, given_back = self._state
            self._rejected += 1
            self._state = passed - 1, count, left, given_back
            return True

    # Most of what a small message costs is Python code, which at the rates of robots is in none of
    # the processor's caches. So what could be calls is written out.

    # At exit, Python 2 takes away what modules define while a slow callback may still run here. So
    # what follows a callback is held by the function itself; the mark may go as well.

    def _deliver(self, listener, mark, pid, mark_of=mark_of, marked=marked, getpid=os.getpid,
                 next=next, sleep=sleep):
        """Deliver what comes, until this thread is to end."""
        # It runs no signal handlers, which would need a reentrant one.
        lock = getattr(self._lock, 'plain', self._lock)
        lock, unlock = lock.acquire, lock.release
        hand, take = self._hand, self._hand.take
        callbacks, made_by, trigger = (listener._live_callbacks(), listener._made_by(),
                                       listener._plain_trigger)
        messages, left, broke = (), _NOTHING, False
        while True:
            if broke and left.__length_hint__():
                # The last callback is just being unsubscribed, or another has come meanwhile.
                sleep(0.001)
                messages = messages[-left.__length_hint__():]
            else:
                # What has been delivered, and what was called for it, is not kept by a wait.
                next(left, None)  # at its end it holds no list
                topic = payload = data = begun = callback = None
                self._taking = True
                if not self._wanted and self._is_over():
                    return
                messages = ()
                try:
                    messages = take()
                finally:
                    lock()
                    try:
                        if (messages and self._wanted and not self._stale
                                and self._taken_over is None):
                            self._taking = False
                            passed, count, _, given_back = self._state
                            self._state = (passed + count - len(given_back), len(messages),
                                           iter(messages), [])
                        else:
                            messages = self._took(messages)  # which raises once it is closed
                        left = self._state[2]
                    finally:
                        unlock()
                make = made_by if hand.plain else self._unpacking(listener._prepared)
            broke = False
            for topic, payload, time in messages:
                if make is None:
                    data = {'topic': topic, 'payload': payload}
                else:
                    # No callback raises here, which a listener catches, but a subclass of one may:
                    # and whatever it likes, on Python 2 also what derives from nothing.
                    try:
                        data = make(topic, payload, time)
                    except:  # noqa: E722
                        report_callback(make)
                        data = None
                    if data is None:
                        broke = not self._reject(left)
                        if broke:
                            break
                        continue
                begun = callbacks.now
                # Without any, the last one is just being unsubscribed. What was given back by that
                # is left for `receive`.
                if not begun or next(left, None) is None:
                    broke = True
                    break
                try:
                    replaced = listener.__trigger__.__func__ is not trigger
                except AttributeError:  # by a function, at this object
                    replaced = True
                if replaced:
                    try:
                        listener._received(data, begun)
                    except:  # noqa: E722
                        if mark_of(marked) != mark and getpid() != pid:
                            end_child(sys.exc_info()[1])
                        report_callback(listener._received)
                else:
                    for callback in begun:
                        try:
                            callback(data)
                        except:  # noqa: E722
                            if mark_of(marked) != mark and getpid() != pid:
                                end_child(sys.exc_info()[1])
                            report_callback(callback)
                if mark_of(marked) != mark and getpid() != pid:
                    end_child()

    def _unpacking(self, accept):
        def make(topic, payload, time):
            return self._make(accept, topic, payload, time)
        return make

    def _make(self, accept, topic, payload, time):
        """Return what `accept` makes of a message; None when Python cannot hold it."""
        if type(payload) is Packed:
            try:
                payload = unpack_checked(payload)
            except Exception as error:  # pylint: disable=broad-except
                # Well-formed msgpack, as the library has checked, but say a map with a list as its
                # key.
                self._misfits("%s: cannot decode a payload of %d bytes"
                              % (self._handle.where, len(payload)),
                              "%s: %s" % (type(error).__name__, error))
                return None
        return accept(topic, payload, time)

    # ---- Receiving ----

    def receive(self, timeout, accept):
        """Return the next message, as `accept` makes it.

        None when `timeout` (seconds, or None for no end) is over.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            message = self._next(deadline)
            if message is None:
                return None
            data = None
            try:
                data = self._make(accept, *message)
            finally:
                if data is None:
                    with self._lock:
                        self._received -= 1
                        self._rejected += 1
            if data is not None:
                return data

    def _next(self, deadline):
        """Take the oldest message; None when the time is over."""
        while True:
            self._handle.check()
            with self._lock:
                if self._wanted:
                    raise BusyError("%s has callbacks subscribed, which messages go to: unsubscribe"
                                    " them to receive or iterate" % self._handle.where,
                                    constants.MCL_EBUSY)
                taking = self._taking
                if taking:
                    # The thread has not seen yet that there are no more callbacks. It gets what
                    # comes next, or is there already, and has that queued again.
                    if self._taken_over is None:
                        self._taken_over = threading.Event()
                    taken_over = self._taken_over
                    at_once = self._stats()['queued'] > 0
                else:
                    self._settle()  # which a handler may have kept `pause` from
                    message = self._take_one()
                    if message is not None:
                        return message
            milliseconds = _WAIT_MAX
            if deadline is not None and not (taking and at_once):
                left = deadline - monotonic()
                if left <= 0:
                    return None
                milliseconds = int(min(left * 1000 + 1, milliseconds))
            # A signal ends the wait early, and Python runs its handlers before the next line.
            if taking:
                taken_over.wait(min(longest_wait(milliseconds), _TAKING_MAX) / 1000.0)
            else:
                self._handle.wait(longest_wait(milliseconds))

    def _take_one(self):
        if self._single is None:
            self._single = self._new_hand(1)
        # A handler of a signal may have raised since the last one.
        self._single.put_back()
        for message in self._single.take(False):
            try:
                self._received += 1
            finally:
                self._single.settle(1)
            return message
        return None

    # ---- The ledger, and the end ----

    def stats(self):
        """The counters, as a dict."""
        if self.pid != os.getpid():  # the lock may be held for ever: see `start`
            return self._stats()
        with self._lock:
            return self._stats()

    def _stats(self):
        stats = self._handle.stats()
        passed, count, left, given_back = self._state
        begun = count - left.__length_hint__() - len(given_back)
        stats['delivered'] = delivered = passed + begun + self._received
        stats['rejected'] += self._rejected
        rest = stats['messages'] - delivered - stats['rejected'] - stats['dropped_queue']
        if self._handle.closed:
            stats['queued'], stats['discarded'] = 0, rest
        else:
            stats['discarded'] += self._discarded
            stats['queued'] = rest - stats['discarded']
            if 'queued_bytes' in stats and not stats['queued']:
                stats['queued_bytes'] = 0  # what is in hand is about to be settled
        return stats

    def settings(self):
        """What was asked for and granted, as a dict."""
        return self._handle.settings()

    def fileno(self):
        """A descriptor that polls readable while messages wait for `receive`."""
        return self._handle.fileno()

    def close(self):
        """Close; returns False when it was closed already, or belongs to another process.

        Waits for a running callback, CLOSE_WAIT at most, unless called from it.
        """
        return self._close(self._handle.close, CLOSE_WAIT)

    def _close(self, close, wait):
        if not self.alive:
            return False
        with self._lock:  # so that no counter is read between the native ones and Python's
            try:
                if not close():
                    return False
            finally:  # also when the handler of a signal that came meanwhile raises
                if self._handle.closed:
                    self._wanted = False
                    self._state[3].extend(self._state[2])  # which are discarded
        thread, current = self._thread, threading.current_thread()
        if thread is not None and thread is not current and current not in self._after:
            join(thread, wait)
        return True

    def end(self):
        """Close when there are callbacks, and return their thread: the interpreter exits.

        Without them, closing would raise in who waits in `receive`.
        """
        with self._lock:  # a thread that is just being started counts, too
            thread = self._thread
        if thread is not None:
            self._close(self._handle.abandon, 0)
        return thread


class Receiving(object):
    """Mixin for a RawListener whose data comes from a Source.

    The class it is mixed into has `_new_source()`, which opens one.
    """

    # __trigger__ where nobody has replaced it: of what was made it only calls each callback.
    _plain_trigger = staticmethod(vars(abstract.RawListener)['__trigger__'])
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
                source.start(self)
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
                self._source.start(self)
        return added

    def unsubscribe(self, callback):
        """Remove one, as `Event.unsubscribe` does. Raises ForkError in a child made by fork().

        What waits when the last one goes stays for `receive` and iteration, in order.
        """
        self._check_process()
        with self._changing:
            try:
                removed = super(Receiving, self).unsubscribe(callback)
            finally:
                if self._source is not None and not self.num_subscriptions():
                    self._source.pause()
        return removed

    def _prepared(self, topic, payload, time):
        """Return what a callback would get for a message, or None when it does not fit."""
        return self._accept(self._data(topic, payload, time))

    def _made_by(self):
        """Return what makes what callbacks get; None for a dict of topic and payload."""
        kind = type(self)
        if kind._accept != Receiving._accept:
            return self._prepared
        return None if kind._data == Receiving._data else self._data

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
        - `queued`, `queued_bytes`: wait now, those included that Python has taken over already. The
          bytes of these count until the last of them, of at most 64, is delivered.
        """
        return self._opened().stats()

    def settings(self):
        """Return what was asked for and granted, as a dict of int: mcl_settings in mcl.h."""
        return self._opened().settings()

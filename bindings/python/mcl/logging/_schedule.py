"""Publishes what a queue holds, at the times that it was recorded with."""
from __future__ import absolute_import

import atexit
import os
import threading
import weakref

from mcl import _constants as constants
from mcl._compat import Condition, join, monotonic, string_types
from mcl._handles import CLOSE_WAIT
from mcl._report import Misfits, report
from mcl._short import short
from mcl.codec import encode_topic
from mcl.errors import ClosedError
from mcl.logging._arguments import is_native, is_number, nanoseconds, text_bytes
from mcl.logging._buffer import Empty, check_process
from mcl.logging._clock import Clock
from mcl.logging._handles import ReplayHandle
from mcl.logging._linger import LINGER, LINGER_WAITS, Grace
from mcl.messages.messages import Message
from mcl.network.network import RawBroadcaster

# Entries that are handed to the library ahead of their time.
_AHEAD = 1000
_COUNTERS = ('read', 'published', 'errors', 'discarded', 'buffered', 'late_max')
# Milliseconds between looks at whether to stop, while the library takes nothing.
_LOOK = 100


def check_speed(speed):
    """Return `speed` as a float. TypeError when it is no number above 0."""
    if not is_number(speed) or not speed > 0:
        raise TypeError("speed must be a number above 0 (float('inf'): as fast as possible), not %r"
                        % (speed,))
    return float(speed)


def native_speed(speed):
    """Return a speed as the library takes it: 0 is as fast as possible."""
    if speed > constants.MCL_REPLAY_SPEED_MAX:  # a second of a log takes less than a nanosecond
        return 0.0
    return max(speed, constants.MCL_REPLAY_SPEED_MIN)  # it takes more than thirty years


class ScheduleBroadcasts(object):
    """Publishes messages out of a queue, on their types' connections, as they were timed.

    The first one is published at once, each other one when as much time has passed since as
    `elapsed_time` says, divided by the speed. They are taken out of the queue up to a thousand
    ahead. On UDP the library publishes them: it keeps the time also while this interpreter is busy.
    From the first message on a transport of your own on, a thread of Python does it, which is less
    exact: it is late by what else the interpreter does.

    It ends by itself when all is published, the queue is empty, and nothing has come for 0.1 s.

    What cannot be published is told on stderr, about once a second. In a child made by fork() it
    raises ForkError.

    Args:
        queue: any object with `get(block, timeout)` as that of queue.Queue and
            multiprocessing.Queue; of dicts with `elapsed_time` (seconds), `topic` (str or None) and
            `payload`, a message. `qsize()` tells, where it has that, whether it is empty.
        speed (float): above 0; 2 is twice as fast as recorded, infinity as fast as possible.

    Raises:
        TypeError: an argument is of another type, or the speed not above 0.
    """

    def __init__(self, queue, speed=1.0):
        if not callable(getattr(queue, 'get', None)):
            raise TypeError("a queue with the method get is needed, not %r" % (queue,))
        self._queue = queue
        self._pid = os.getpid()
        self._changing = threading.RLock()  # of start and stop
        self._lock = Condition()  # protects what follows
        self._speed = check_speed(speed)
        self._clock = Clock(native_speed(self._speed))
        self._thread = None
        self._stopping = False
        self._done = False  # nothing is left, and nothing will come, so far as is known
        self._finished = False  # the thread ended for that
        self._native = None  # ReplayHandle
        self._own_timing = False  # messages are published by Python from now on
        self._broadcasters = {}  # of Python, by connection
        self._targets = set()  # names of the types whose broadcasters the library has
        # What Python did, and the library's replays that are closed.
        self._counters = dict.fromkeys(_COUNTERS, 0)
        self._entry = None  # the thread has it in hand
        self._misfits = Misfits()

    @property
    def queue(self):
        """The queue, as given."""
        return self._queue

    @property
    def speed(self):
        """float: 2 is twice as fast as recorded. Can be set at any time, and takes effect at once.
        """
        return self._speed

    @speed.setter
    def speed(self, speed):
        speed = check_speed(speed)
        check_process(self._pid)
        with self._lock:
            self._speed = speed
            self._clock.set_speed(native_speed(speed), monotonic())
            if self._native is not None:
                self._native.set_speed(native_speed(speed))
            self._lock.notify_all()

    def has_ended(self):
        """Return True when nothing waits in the queue. A Replay knows what else comes."""
        size = getattr(self._queue, 'qsize', None)
        return size is None or size() == 0

    def is_alive(self):
        """Return True from `start` until a `stop`, or until it has ended by itself."""
        thread = self._thread
        return (self._pid == os.getpid() and thread is not None and thread.is_alive()
                and not self._stopping)

    def is_data_pending(self):
        """Return True when it has taken something out of the queue that is not published yet."""
        check_process(self._pid)
        with self._lock:
            return self._entry is not None or self._native is not None and self._native.pending()

    def start(self):
        """Begin to publish, or go on after a stop; after its end, begin anew.

        Returns:
            bool: True, or False when it does already.
        """
        check_process(self._pid)
        with self._changing:
            if self.is_alive():
                return False
            self._join()
            if self._finished:
                self.discard()
            with self._lock:
                self._stopping = self._done = False
                self._clock.resume(monotonic())
                if self._native is not None:
                    self._native.start()
            self._thread = threading.Thread(target=self._run, name="mcl: publishes a log")
            self._thread.daemon = True
            self._thread.start()
            _running.add(self)
            return True

    def stop(self):
        """Publish no more; recorded time stands still, and a start goes on from there.

        It waits for what is being published, a second at most. Ctrl-C ends that wait; it stops all
        the same.

        Returns:
            bool: True, or False when it does not publish.
        """
        if not self.is_alive():
            return False
        with self._changing:
            if not self.is_alive():
                return False
            with self._lock:
                self._stopping = True
                self._clock.halt(monotonic())
                if self._native is not None:
                    self._native.pause()
                self._lock.notify_all()
            self._join()
            return True

    def discard(self):
        """Stop, and forget what was taken out of the queue, so that a start begins anew.

        When Ctrl-C ends the wait of `stop`, nothing is forgotten: call it again.
        """
        check_process(self._pid)
        with self._changing:
            self.stop()
            with self._lock:
                native, self._native = self._native, None
                broadcasters, self._broadcasters = self._broadcasters, {}
                self._targets = set()
                self._entry = None
                self._own_timing = self._done = self._finished = False
                self._clock.reset()
            if native is not None:
                native.close()
                with self._lock:
                    self._counters = _sum(self._counters, native.stats())
            for broadcaster in broadcasters.values():
                broadcaster.close()

    def _join(self):
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            join(thread, CLOSE_WAIT)

    def _is_left_over(self):
        """Is this a thread of an earlier start, which a slow transport kept from ending?"""
        return self._thread is not threading.current_thread()

    def _is_over(self):
        return self._stopping or self._is_left_over()

    def _run(self):
        waits, grace = 0, Grace()  # with nothing to do
        try:
            while not self._is_over():
                if self._entry is None:
                    self._entry = self._next(LINGER / LINGER_WAITS if self._done else LINGER)
                if self._entry is not None:
                    self._done, waits = False, 0
                    grace.begin()
                    if self._dispatch(self._entry) and not self._is_left_over():
                        self._entry = None
                    continue
                self._done = self.has_ended() and not self.is_data_pending()
                waits = waits + 1 if self._done else 0
                if waits > LINGER_WAITS and not grace.lasts():
                    self._finished = True
                    return
        except ClosedError:  # the interpreter exits
            pass
        except Exception as error:  # pylint: disable=broad-except
            # The queue is closed, say.
            report("cannot replay any more: %s: %s" % (type(error).__name__, error))

    def _next(self, seconds):
        try:
            return self._queue.get(True, seconds)
        except Empty:
            return None

    def _dispatch(self, entry):
        """Have an entry published. False: it is to stop, and the entry is still in hand."""
        try:
            elapsed, topic, message = _checked(entry)
            if is_native(message.connection) and not self._own_timing:
                return self._push(elapsed, topic, message)
            self._own_timing = True
            if not self._wait(elapsed):
                return False
            self._broadcaster(message.connection).publish(message, topic=topic)
            self._count('published')
        except ClosedError:
            raise
        except Exception as error:  # pylint: disable=broad-except
            # Of any kind: a transport of the user's, what msgpack cannot pack, ...
            self._count('errors')
            self._misfits("cannot publish an entry", "%s: %s" % (type(error).__name__, error))
        return True

    def _push(self, elapsed, topic, message):
        name = text_bytes("the name of a message type", message.name)
        packed, topic = message.encode(), b'' if topic is None else encode_topic(topic)
        native = self._native_for(name, message.connection)
        time = nanoseconds('elapsed_time', elapsed, 'ROUND_HALF_EVEN')
        with self._lock:
            self._clock.delay(elapsed, monotonic())
        while not self._is_over():
            if native.push(name, time, topic, packed, _LOOK):
                return True
        return False

    def _native_for(self, name, connection):
        """Return the library's replay, with a target for a type; both are opened at first use."""
        with self._lock:
            if self._native is None:
                self._native = ReplayHandle(None, self._clock.speed, "the replay", buffer=_AHEAD)
                if not self._stopping:
                    self._native.start()
            if name not in self._targets:
                self._native.target(name, RawBroadcaster(connection))
                self._targets.add(name)
            return self._native

    def _wait(self, elapsed):
        """Wait until an entry is due. False: it is to stop."""
        with self._lock:
            delay = self._clock.delay(elapsed, monotonic())
            while not self._is_over() and delay is not None and delay > 0:
                self._lock.wait(min(delay, 3600))
                delay = self._clock.delay(elapsed, monotonic())
            return not self._is_over() and delay is not None

    def _broadcaster(self, connection):
        if connection not in self._broadcasters:
            self._broadcasters[connection] = RawBroadcaster(connection)
        return self._broadcasters[connection]

    def stats(self):
        """Return the counters since it began, as a dict; see Replay.stats."""
        check_process(self._pid)
        with self._lock:
            if self._native is None:
                return dict(self._counters)
            return _sum(self._counters, self._native.stats())

    def _count(self, name):
        with self._lock:
            self._counters[name] += 1
            self._counters['read'] += 1


def _sum(one, other):
    counters = {name: one[name] + other[name] for name in _COUNTERS}
    counters['late_max'] = max(one['late_max'], other['late_max'])
    return counters


def _checked(entry):
    """Return elapsed time, topic (str or None) and message of what a queue held."""
    if not isinstance(entry, dict) or not all(key in entry
                                              for key in ('elapsed_time', 'topic', 'payload')):
        raise TypeError("it needs 'elapsed_time', 'topic' and 'payload': %s" % short(entry))
    elapsed, topic, message = entry['elapsed_time'], entry['topic'], entry['payload']
    if not is_number(elapsed) or elapsed != elapsed:
        raise TypeError("'elapsed_time' is no number: %s" % short(elapsed))
    if topic is not None and not isinstance(topic, string_types):
        raise TypeError("'topic' is no string: %s" % short(topic))
    if not isinstance(message, Message):
        raise TypeError("'payload' is no message: %s" % short(message))
    return elapsed, topic or None, message


_running = weakref.WeakSet()


def _stop_all():
    for scheduler in list(_running):
        scheduler.stop()


atexit.register(_stop_all)

"""Reads ahead."""
from __future__ import absolute_import

import atexit
import os
import threading
import weakref

from mcl import _constants as constants
from mcl._compat import is_integer, join
from mcl._handles import CLOSE_WAIT
from mcl._report import Misfits, report_callback
from mcl.errors import ForkError
from mcl.logging._linger import LINGER, LINGER_WAITS
from mcl.logging._read import Reader

try:
    import queue
except ImportError:
    import Queue as queue

Empty = queue.Empty
_BAD = object()  # a line of a log that is no entry


def check_process(pid):
    """Raise ForkError when this is not the process `pid`, but a child that it made by fork()."""
    if pid != os.getpid():
        raise ForkError("this was made before fork(), by process %d: make a new one in this"
                        " process" % pid, constants.MCL_EFORKED)


def check_reader(reader):
    """Return `reader`, or raise NameError when it lacks a method of readers."""
    for name in ('read', 'is_data_pending'):
        if not callable(getattr(reader, name, None)):
            raise NameError("a reader needs the methods read and is_data_pending, and %r has no %s"
                            % (reader, name))
    return reader


class BufferData(object):
    """Reads entries of a log ahead, into a queue, on a daemon thread.

    Where a line of a log is no entry, that is told on stderr, and it goes on with the next. When a
    reader of your own raises, reading ends there.

    In a child made by fork() it raises ForkError.

    Args:
        reader: a ReadFile, a ReadDirectory, or an object with `read()` and `is_data_pending()` that
            do what theirs do; and `reset()`, if this is to be reset.
        length (int): entries that may wait.

    Raises:
        NameError: the reader lacks a method.
        TypeError: `length` is no integer.
        ValueError: `length` is below 1.
    """

    def __init__(self, reader, length=5000):
        self._reader = check_reader(reader)
        if not is_integer(length):
            raise TypeError("length must be an integer, not %r" % (length,))
        if length < 1:
            raise ValueError("length must be 1 or more, not %r" % length)
        self._queue = queue.Queue(length)
        self._changing = threading.RLock()
        self._pid = os.getpid()
        self._thread = None
        self._entry = None  # is read, and has no room yet
        self._stopping = False
        self._begin()
        self._misfits = Misfits()

    def _begin(self):
        self._ready = False  # was the queue full
        self._ended = False  # has the reader given None

    @property
    def queue(self):
        """Queue: of what `read` gave, dicts with `elapsed_time`, `topic` and `payload`."""
        return self._queue

    @property
    def length(self):
        """int: entries that may wait."""
        return self._queue.maxsize

    def is_alive(self):
        """Return True while it reads, and for 0.1 s more."""
        thread = self._thread
        return (self._pid == os.getpid() and thread is not None and thread.is_alive()
                and not self._stopping)

    def is_ready(self):
        """Return True once the queue was full, or all was read.

        It stays so until `start`, `reset`, or a `stop` that stops something.
        """
        check_process(self._pid)
        return self._ended or self._ready

    def is_data_pending(self):
        """Return True until the reader has given None: what waits in the queue does not count.

        `start`, `reset`, and a `stop` that stops something, make it True again.
        """
        check_process(self._pid)
        return not self._ended

    def has_ended(self):
        """Return True when all is read and taken out of the queue."""
        return self._ended and self._entry is None and self._queue.empty()

    def start(self):
        """Begin to read, or go on. True, or False when it does already."""
        check_process(self._pid)
        with self._changing:
            if self.is_alive():
                return False
            self._join()
            self._stopping = False
            self._begin()
            self._thread = threading.Thread(target=self._run, name="mcl: reads ahead")
            self._thread.daemon = True
            self._thread.start()
            _running.add(self)
            return True

    def stop(self):
        """Stop reading; what is in the queue stays. True, or False when it does not read.

        It waits for what is being read, a second at most. Ctrl-C ends that wait; it stops all the
        same.
        """
        if not self.is_alive():
            return False
        with self._changing:
            if not self.is_alive():
                return False
            with self._queue.mutex:
                self._stopping = True
                self._queue.not_full.notify_all()
            self._join()
            self._begin()
            return True

    def reset(self):
        """Stop, empty the queue, and reset the reader.

        When Ctrl-C ends the wait of `stop`, the queue is as it was: call it again.

        Raises:
            NameError: the reader has no method `reset`.
        """
        check_process(self._pid)
        if not callable(getattr(self._reader, 'reset', None)):
            raise NameError("the reader %r has no method reset, so it cannot go back to the"
                            " beginning" % (self._reader,))
        with self._changing:
            self.stop()
            self._entry = None
            try:
                while True:
                    self._queue.get_nowait()
            except Empty:
                pass
            self._reader.reset()
            self._begin()

    def _join(self):
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            join(thread, CLOSE_WAIT)

    def _run(self):
        while not self._is_over():
            if self._entry is not None:
                self._put()
                continue
            entry = self._read()
            if self._is_left_over():
                return
            if entry is None:
                self._ended = True
                self._linger()
                return
            if entry is not _BAD:
                self._entry = entry

    def _read(self):
        """Return the next entry, None at the end, or _BAD."""
        try:
            return self._reader.read()
        except IOError as error:
            if isinstance(self._reader, Reader) and self._reader.is_data_pending():
                self._misfits("cannot replay an entry", "%s" % error)
                return _BAD
            report_callback(self._reader.read)
        except BaseException:  # pylint: disable=broad-except
            report_callback(self._reader.read)
        return None

    def _put(self):
        """Put the entry in hand into the queue, when there is room; it may be over before."""
        room = self._queue.not_full
        with room:
            while len(self._queue.queue) >= self._queue.maxsize:
                self._ready = True
                if self._is_over():
                    return
                room.wait()
            fills = len(self._queue.queue) + 1 >= self._queue.maxsize
        # There is room, since nobody else puts anything in.
        self._queue.put(self._entry)
        self._entry = None
        self._ready = self._ready or fills

    def _linger(self):
        room = self._queue.not_full
        with room:
            for _ in range(LINGER_WAITS):
                if self._is_over():
                    return
                room.wait(LINGER / LINGER_WAITS)

    def _is_left_over(self):
        """Is this a thread of an earlier start, which a slow reader kept from ending?"""
        return self._thread is not threading.current_thread()

    def _is_over(self):
        return self._stopping or self._is_left_over()


_running = weakref.WeakSet()


def _stop_all():
    for buffered in list(_running):
        buffered.stop()


atexit.register(_stop_all)

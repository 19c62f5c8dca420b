"""Reads ahead."""
from __future__ import absolute_import

import atexit
import os
import threading
import weakref

from mcl import _constants as constants
from mcl._compat import is_integer, join
from mcl._delivery import CLOSE_WAIT
from mcl._report import Misfits, report_callback
from mcl.errors import ForkError
from mcl.logging._read import Reader

try:
    import queue
except ImportError:
    import Queue as queue

Empty = queue.Empty
_READER = ('read', 'is_data_pending', 'reset')


def check_process(pid):
    """Raise ForkError when this is not the process `pid`, but a child that it made by fork()."""
    if pid != os.getpid():
        raise ForkError("this was made before fork(), by process %d: make a new one in this"
                        " process" % pid, constants.MCL_EFORKED)


def check_reader(reader):
    """Return `reader`, or raise TypeError when it lacks a method of readers."""
    for name in _READER:
        if not callable(getattr(reader, name, None)):
            raise TypeError("a reader needs the methods %s, and %r has no %s"
                            % (", ".join(_READER), reader, name))
    return reader


class BufferData(object):
    """Reads entries of a log ahead, into a queue, on a daemon thread.

    Where a line of a log is no entry, that is told on stderr, and it goes on with the next. When a
    reader of your own raises, reading ends there.

    In a child made by fork() it raises ForkError.

    Args:
        reader: a ReadFile, a ReadDirectory, or an object with `read()`, `is_data_pending()` and
            `reset()` that do what theirs do.
        length (int): entries that may wait.

    Raises:
        TypeError: an argument is of another type.
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
        self._stopping = self._ended = False
        self._misfits = Misfits()

    @property
    def queue(self):
        """Queue: of what `read` gave, dicts with `elapsed_time`, `topic` and `payload`."""
        return self._queue

    @property
    def length(self):
        """int: entries that may wait."""
        return self._queue.maxsize

    def is_alive(self):
        """Return True while it reads."""
        thread = self._thread
        return (self._pid == os.getpid() and thread is not None and thread.is_alive()
                and not self._stopping)

    def is_ready(self):
        """Return True when the queue is full, or all is read."""
        check_process(self._pid)
        return self._ended or self._queue.full()

    def is_data_pending(self):
        """Return True when something is left, in the queue or to be read."""
        check_process(self._pid)
        # In this order: what is read is put into the queue first.
        return not self._is_read() or not self._queue.empty()

    def has_ended(self):
        """Return True when all is read and taken out of the queue."""
        return self._ended and self._queue.empty()

    def _is_read(self):
        # What the thread has in hand is pending too, and only it may use a reader while it runs.
        return self._ended or not (self.is_alive() or self._reader.is_data_pending())

    def start(self):
        """Begin to read, or go on. True, or False when it does already."""
        check_process(self._pid)
        with self._changing:
            if self.is_alive():
                return False
            self._join()
            self._stopping = self._ended = False
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
            return True

    def reset(self):
        """Stop, empty the queue, and reset the reader.

        When Ctrl-C ends the wait of `stop`, the queue is as it was: call it again.
        """
        check_process(self._pid)
        with self._changing:
            self.stop()
            try:
                while True:
                    self._queue.get_nowait()
            except Empty:
                pass
            self._reader.reset()
            self._ended = False

    def _join(self):
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            join(thread, CLOSE_WAIT)

    def _run(self):
        while self._wait_for_room():
            try:
                entry = self._reader.read()
            except IOError as error:
                if isinstance(self._reader, Reader) and self._reader.is_data_pending():
                    self._misfits("cannot replay an entry", "%s" % error)
                    continue
                report_callback(self._reader.read)
                entry = None
            except BaseException:  # pylint: disable=broad-except
                report_callback(self._reader.read)
                entry = None
            if self._is_left_over():
                return
            if entry is None:
                self._ended = True
                return
            # There is room, since nobody else puts anything in.
            self._queue.put(entry)

    def _is_left_over(self):
        """Is this a thread of an earlier start, which a slow reader kept from ending?"""
        return self._thread is not threading.current_thread()

    def _wait_for_room(self):
        """Return True when there is room in the queue, False when the thread is to end."""
        with self._queue.mutex:
            while not self._stopping and len(self._queue.queue) >= self._queue.maxsize:
                self._queue.not_full.wait()
            return not (self._stopping or self._is_left_over())


_running = weakref.WeakSet()


def _stop_all():
    for buffered in list(_running):
        buffered.stop()


atexit.register(_stop_all)

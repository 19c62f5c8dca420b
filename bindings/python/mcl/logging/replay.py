"""Replays logs: publishes what they hold, timed as it was recorded.

::

    from mcl.logging.file import ReadDirectory
    from mcl.logging.replay import Replay

    replay = Replay(ReadDirectory('/data/20160512T002007_robot', message=True), speed=2.0)
    replay.start()
    while replay.is_alive():
        time.sleep(0.1)
"""
from __future__ import absolute_import

import os
import threading

from mcl.codec import encode_topic
from mcl.logging._arguments import is_native
from mcl.logging._buffer import BufferData, check_process, check_reader
from mcl.logging._handles import ReplayHandle
from mcl.logging._linger import LINGER, Grace
from mcl.logging._read import Reader
from mcl.logging._schedule import ScheduleBroadcasts, check_speed, native_speed
from mcl.network.network import RawBroadcaster

__all__ = ['BufferData', 'PROCESS_TIMEOUT', 'Replay', 'ScheduleBroadcasts']

PROCESS_TIMEOUT = 1.0  # of the legacy API, in seconds; changes nothing here


class Replay(object):
    """Publishes the entries of a log on their types' connections, timed as they were recorded.

    The first entry is published at once. One that is late is published at once; none is left out,
    and the order of all is kept. It runs for 0.1 s after the last one, so that listeners of this
    program have it by the end. What cannot be read or published is told on stderr, about once a
    second, and counted.

    A ReadFile or ReadDirectory is read and published by the library, if all types are on UDP: it
    keeps the time also while this interpreter is busy. It is not moved by that, as the replay reads
    by itself, from where the reader stands. Any other reader is read ahead by a BufferData and
    published by a ScheduleBroadcasts, which says what that means for the timing.

    It goes on to its end, also when the program does not keep the object. May be used from any
    thread. In a child made by fork() it is not alive, and `start` raises ForkError.

    Args:
        reader: a ReadFile, a ReadDirectory, or an object with `read()` and `is_data_pending()` that
            do what theirs do with `message=True`. One that has no `reset()` cannot go back to the
            beginning: a start goes on from where it stands.
        speed (float): above 0; 2 is twice as fast as recorded. Infinity: as fast as possible, so
            that listeners may lose some of it.

    Raises:
        TypeError: the speed is no number above 0; or it is a log of raw data, and no type is given
            as the reader's `message`.
        NameError: the reader lacks a method, or the message type of a log is not defined.
        IOError: a log cannot be read, or a broadcaster not be opened.
    """

    def __init__(self, reader, speed=1.0):
        check_reader(reader)
        self._speed = check_speed(speed)
        if isinstance(reader, Reader):
            reader = reader.with_messages()
            if all(is_native(message.connection) for message in reader.types.values()):
                self._engine = _NativeEngine(reader, self._speed)
                return
        self._engine = _PythonEngine(reader, self._speed)

    @property
    def speed(self):
        """float: 2 is twice as fast as recorded. Can be set at any time, and takes effect at once.

        Raises TypeError as Replay does.
        """
        return self._speed

    @speed.setter
    def speed(self, speed):
        speed = check_speed(speed)
        self._engine.set_speed(speed)
        self._speed = speed

    def start(self):
        """Begin, or go on after a pause; after the end, or a stop, begin anew.

        Returns:
            bool: True, or False when it runs already.
        """
        return self._engine.start()

    def pause(self):
        """Let recorded time stand still. True, or False when it does not run.

        Signals are handled as in `stop`.
        """
        return self._engine.is_alive() and self._engine.pause()

    def stop(self):
        """End, and go back to the beginning. True, or False when it is stopped, or at its end.

        On UDP, signals are handled when it returns. On a transport of your own it waits for what is
        being published, a second at most; when Ctrl-C ends that, call it again.
        """
        return self._engine.stop()

    def is_alive(self):
        """Return True while it runs.

        That is from `start` until 0.1 s after all is published, or until a pause or a stop. Where
        callbacks of this program have not got all by then, it is a second longer at most.
        """
        return self._engine.is_alive()

    def is_data_pending(self):
        """Return True when something is left to be published."""
        return self._engine.is_data_pending()

    def stats(self):
        """Return the counters since it was made, as a dict.

        `read` entries, of which `published` were, `errors` could not be, `discarded` had been read
        ahead when it was stopped, and `buffered` wait for their time; and `late_max`, the most
        seconds that one was late.
        """
        return self._engine.stats()


# Those that run.
_running = set()


class _NativeEngine(object):
    """The library reads and publishes."""

    def __init__(self, reader, speed):
        self._handle = ReplayHandle(reader.release(), native_speed(speed),
                                    "the replay of %r" % reader, linger=int(LINGER * 1e9))
        self._grace = Grace()
        for name, message in reader.types.items():
            self._handle.target(encode_topic(name or ''), RawBroadcaster(message.connection))

    def set_speed(self, speed):
        self._handle.set_speed(native_speed(speed))

    def start(self):
        _running.difference_update([engine for engine in list(_running) if not engine.is_alive()])
        self._grace.begin()
        started = self._handle.start()
        _running.add(self)
        return started

    def pause(self):
        return self._handle.pause()

    def stop(self):
        handle = self._handle
        return (handle.pid == os.getpid() and handle.state() != 'finished'  # a start begins anew
                and handle.stop())

    def is_alive(self):
        handle = self._handle
        if handle.pid != os.getpid() or handle.closed:
            return False
        state = handle.state()
        return state == 'running' or state == 'finished' and self._grace.lasts()

    def is_data_pending(self):
        return self._handle.pending()

    def stats(self):
        return self._handle.stats()


class _PythonEngine(object):
    """A BufferData reads, and a ScheduleBroadcasts publishes."""

    def __init__(self, reader, speed):
        self._reader = reader
        self._buffer = BufferData(reader)
        self._scheduler = ScheduleBroadcasts(self._buffer.queue, speed)
        self._scheduler.has_ended = self._buffer.has_ended
        self._begun = False
        self._pid = os.getpid()
        self._changing = threading.RLock()

    def set_speed(self, speed):
        self._scheduler.speed = speed

    def start(self):
        check_process(self._pid)
        with self._changing:
            if self.is_alive():
                return False
            if self._begun and self._scheduler._finished:
                self._go_back()
            self._begun = True
            self._buffer.start()
            return self._scheduler.start()

    def pause(self):
        with self._changing:
            return self._scheduler.stop()

    def stop(self):
        if self._pid != os.getpid():
            return False
        with self._changing:
            if not self._begun or self._scheduler._finished:
                return False
            self._go_back()
            return True

    def _go_back(self):
        self._scheduler.discard()
        if hasattr(self._reader, 'reset'):
            self._buffer.reset()
        else:
            self._buffer.stop()
        self._begun = False

    def is_alive(self):
        return self._scheduler.is_alive()

    def is_data_pending(self):
        check_process(self._pid)
        if not self._begun:
            return bool(self._reader.is_data_pending())
        return not self._scheduler._done

    def stats(self):
        return self._scheduler.stats()

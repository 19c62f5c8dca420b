"""Handles of the library's logs, recorders and replays. See mcl._handles, which says the rules."""
from __future__ import absolute_import

import atexit
import ctypes
import datetime
import weakref

from mcl import _library, _native
from mcl import _constants as constants
from mcl._handles import Handle, listener_counters
from mcl._report import report
from mcl.codec import decode_topic
from mcl.errors import ClosedError, MclError, check
from mcl.logging._arguments import EPOCH, path_bytes, path_of_bytes

_REPLAY_STATES = {
    constants.MCL_REPLAY_STOPPED: 'stopped',
    constants.MCL_REPLAY_RUNNING: 'running',
    constants.MCL_REPLAY_PAUSED: 'paused',
    constants.MCL_REPLAY_FINISHED: 'finished',
}

# What is to be closed when the interpreter exits.
_open_handles = weakref.WeakSet()
_exits = False


class _LogHandle(Handle):
    """Base class of these. A subclass has `close`, or `_close`, a function of the library."""

    _AT_EXIT = False  # is it to be closed when the interpreter exits

    def __init__(self, where):
        super(_LogHandle, self).__init__(where)
        self._functions = self._library.blocking
        self.closed = True  # until it is open, there is nothing for the finalizer

    def _opened(self):
        self.closed = False
        if self._AT_EXIT:
            _open_handles.add(self)

    @property
    def token(self):
        """What C takes it by, as an argument for another handle."""
        self.check()
        return self._token

    def close(self):
        """Close it; returns False when it was closed already, or belongs to another process."""
        return self._close_by(self._close) is not None

    def close_unasked(self):
        """Close it where no caller could be told of an error, which goes to stderr."""
        try:
            self.close()
        except MclError as error:
            report("%s" % error)

    def __del__(self):
        # As in Handle.
        try:
            self.close_unasked()
        except Exception:  # pylint: disable=broad-except
            pass


def check_going_on(where):
    """Raise ClosedError when all was closed since the interpreter exits."""
    if _exits:
        raise ClosedError("%s is closed, as the interpreter exits" % where, constants.MCL_ECLOSED)


def _close_all():
    global _exits
    _exits = True
    for handle in list(_open_handles):
        handle.close_unasked()


atexit.register(_close_all)


def _filled(call):
    """Return the buffer that `call(buffer, size, needed)` fills; it may say MCL_EBUFFER first."""
    needed, size = ctypes.c_size_t(), 4096
    while True:
        buffer = ctypes.create_string_buffer(size)
        try:
            call(buffer, size, ctypes.byref(needed))
            return buffer
        except MclError as error:
            if error.code != constants.MCL_EBUFFER:
                raise
            size = needed.value


def make_directory(root, origin):
    """Make a new directory for the logs of a recording, and return its path.

    Args:
        root (str): the directory to make it in.
        origin (int): when the recording begins, in nanoseconds since the Unix epoch.
    """
    function, error = _library.get().blocking.mcl_log_make_directory, _native.Error()

    def make(buffer, size, needed):
        check(function(path_bytes(root), origin, buffer, size, needed, ctypes.byref(error)), error)

    return path_of_bytes(_filled(make).value)


def _log_counters(stats, last):
    """Return _native.LogWriterStats as a dict. `last` (_native.Error): why writing fails now."""
    counters = {name: int(getattr(stats, name)) for name, _ in _native.LogWriterStats._fields_[1:]}
    counters['error'] = decode_topic(last.text) if last.code else None
    return counters


class WriterHandle(_LogHandle):
    """A log that is written. `options` is a _native.LogWriterOptions."""

    _TOKEN = _native.LogWriter
    _AT_EXIT = True

    def __init__(self, prefix, options):
        super(WriterHandle, self).__init__("the log %s" % prefix)
        self._call(self._functions.mcl_log_writer_open, path_bytes(prefix), ctypes.byref(options),
                   ctypes.byref(self._token))
        self._opened()

    def write(self, topic, packed, time):
        """Add an entry. `topic` and `packed` are bytes, `time` nanoseconds since the epoch."""
        self.check()
        self._call(self._functions.mcl_log_writer_write, self._token, topic, len(topic), packed,
                   len(packed), time)

    def flush(self):
        """Hand what is buffered to the operating system."""
        self.check()
        self._call(self._functions.mcl_log_writer_flush, self._token)

    def stats(self):
        """The counters, as a dict; the final ones when it is closed."""
        if self._final is not None:
            return _log_counters(*self._final)
        self.check()
        stats, last = _native.LogWriterStats(), _native.Error()
        self._call(self._functions.mcl_log_writer_get_stats, self._token, ctypes.byref(stats),
                   ctypes.byref(last))
        return _log_counters(stats, last)

    def close(self):
        """As in the base class; raises what could not be written."""
        stats, last = _native.LogWriterStats(), _native.Error()
        close = self._functions.mcl_log_writer_close
        result = self._close_by(
            lambda: close(self._token, ctypes.byref(stats), ctypes.byref(last)), stats, last)
        return result is not None and check(result, last) >= 0


class ReaderHandle(_LogHandle):
    """A log, or all logs of a directory, that is read. `options` is a _native.LogReaderOptions."""

    _TOKEN = _native.LogReader

    def __init__(self, path, directory, options, where):
        super(ReaderHandle, self).__init__(where)
        functions = self._functions
        open_log = functions.mcl_log_reader_open
        if directory:
            open_log = functions.mcl_log_reader_open_directory
        self._call(open_log, path, ctypes.byref(options), ctypes.byref(self._token))
        self._opened()

    def read(self, records, count, buffer, size, needed):
        """mcl_log_reader_read on two addresses: the count."""
        self.check()
        return self._call(self._functions.mcl_log_reader_read, self._token, records, count, buffer,
                          size, needed)

    def pending(self):
        """Is anything left to read?"""
        self.check()
        return bool(self._call(self._functions.mcl_log_reader_pending, self._token))

    def reset(self):
        """Go back to the beginning."""
        self.check()
        self._call(self._functions.mcl_log_reader_reset, self._token)

    def torn(self):
        """Entries that were left out since the file ends amid them."""
        self.check()
        count = ctypes.c_uint64()
        self._call(self._functions.mcl_log_reader_torn, self._token, ctypes.byref(count))
        return int(count.value)

    def headers(self):
        """The headers, as a list of dicts: at most one of a log, in order of name of a directory.

        Their keys are those of ReadFile.header, and `path`: of the file.
        """
        headers = []
        while True:
            header = self._header(len(headers))
            if header is None:
                return headers
            headers.append(header)

    def _header(self, index):
        self.check()
        header = _native.LogHeader()

        def get(buffer, size, needed):
            self._call(self._functions.mcl_log_reader_get_header, self._token, index,
                       ctypes.byref(header), buffer, size, needed)

        try:
            buffer = _filled(get)
        except MclError as error:
            if error.code == constants.MCL_EUNKNOWN:
                return None
            raise
        created = EPOCH + datetime.timedelta(microseconds=header.created // 1000)
        fields = {
            'text': decode_topic(header.text),
            'end': int(header.end),
            'version': decode_topic(header.version),
            'revision': decode_topic(header.revision) or None,
            'created': str(created),
            'type': decode_topic(header.type_name) or None,
            'path': path_of_bytes(header.path),
        }
        del buffer  # which the texts were in
        return fields

    def _close(self):
        return self._functions.mcl_log_reader_close(self._token)


class RecorderHandle(_LogHandle):
    """A connection that is recorded.

    Args:
        prefix (str): of the log.
        connection (udp.Connection): where to listen.
        options (_native.LogWriterOptions): of the log.
    """

    _TOKEN = _native.Recorder
    _AT_EXIT = True

    def __init__(self, prefix, connection, options):
        super(RecorderHandle, self).__init__("the recording %s" % prefix)
        both = _native.RecorderOptions()
        both.log = ctypes.pointer(options)
        self._call(self._functions.mcl_recorder_open, path_bytes(prefix),
                   ctypes.byref(connection._native()), ctypes.byref(both),
                   ctypes.byref(self._token))
        self._opened()

    def stats(self):
        """The counters of the log, as a dict, and under `listener` those of the listener."""
        if self._final is not None:
            return self._as_dict(*self._final)
        self.check()
        log, listener, last = _native.LogWriterStats(), _native.ListenerStats(), _native.Error()
        self._call(self._functions.mcl_recorder_get_stats, self._token, -1, ctypes.byref(log),
                   ctypes.byref(listener), ctypes.byref(last))
        return self._as_dict(log, listener, last)

    def _as_dict(self, log, listener, last):
        counters = _log_counters(log, last)
        counters['listener'] = listener_counters(self._library, listener)
        return counters

    def close(self):
        """As in the base class; raises what could not be written."""
        log, listener, last = _native.LogWriterStats(), _native.ListenerStats(), _native.Error()
        close = self._functions.mcl_recorder_close
        result = self._close_by(
            lambda: close(self._token, ctypes.byref(log), ctypes.byref(listener),
                          ctypes.byref(last)), log, listener, last)
        return result is not None and check(result, last) >= 0


class ReplayHandle(_LogHandle):
    """A replay.

    Args:
        reader (ReaderHandle or None): what to replay, which this object owns from now on; None:
            what is pushed.
        speed (float): as mcl_replay_open takes it.
        where (str): names it in errors.
        options: fields of _native.ReplayOptions.
    """

    _TOKEN = _native.Replay
    _AT_EXIT = True

    def __init__(self, reader, speed, where, **options):
        super(ReplayHandle, self).__init__(where)
        # Both must outlive it. A finalizer runs before those of what its object holds.
        self._reader, self._broadcasters = reader, []
        self._call(self._functions.mcl_replay_open, None if reader is None else reader.token,
                   float(speed), ctypes.byref(_native.ReplayOptions(**options)),
                   ctypes.byref(self._token))
        self._opened()

    def target(self, name, broadcaster):
        """Publish entries of the type `name` (bytes) by an open udp.RawBroadcaster."""
        self._broadcasters.append(broadcaster)
        self._call(self._functions.mcl_replay_target, self._token, name,
                   broadcaster._handle._token)

    def push(self, name, elapsed, topic, packed, milliseconds):
        """Add an entry: True, or False when there was no room for so long.

        `name` of its type, `topic` and `packed` are bytes, `elapsed` is in nanoseconds.
        """
        # The strings are alive, and not moved, while the arguments are.
        record = _native.LogRecord(
            elapsed=elapsed, topic=ctypes.cast(topic, ctypes.c_void_p), topic_size=len(topic),
            payload=ctypes.cast(packed, ctypes.c_void_p), payload_size=len(packed), type_name=name)
        return self._wait(self._functions.mcl_replay_push, ctypes.byref(record), milliseconds)

    def wait(self, milliseconds):
        """Wait until it is finished or stopped: True, or False when the time is over."""
        return self._wait(self._functions.mcl_replay_wait, milliseconds)

    def _wait(self, function, *arguments):
        try:
            return bool(self._ask(function, *arguments))
        except MclError as error:
            if error.code == constants.MCL_EINTR:
                return False  # Python runs the signal's handler before its next line
            raise

    def _ask(self, function, *arguments):
        self.check()
        return self._call(function, self._token, *arguments)

    def start(self):
        """Begin or go on: True, or False when it runs already."""
        return bool(self._ask(self._functions.mcl_replay_start))

    def pause(self):
        """Halt recorded time: True, or False when it does not run."""
        return bool(self._ask(self._functions.mcl_replay_pause))

    def stop(self):
        """End, and go back to the beginning: True, or False when it is stopped."""
        return bool(self._ask(self._functions.mcl_replay_stop))

    def end(self):
        """Nothing more is pushed."""
        self._ask(self._functions.mcl_replay_end)

    def set_speed(self, speed):
        """Set the speed from now on."""
        self._ask(self._functions.mcl_replay_set_speed, float(speed))

    def state(self):
        """'stopped', 'running', 'paused' or 'finished'."""
        return _REPLAY_STATES[self._ask(self._functions.mcl_replay_get_state)]

    def pending(self):
        """Is anything left to be published?"""
        return bool(self._ask(self._functions.mcl_replay_pending))

    def stats(self):
        """The counters, as a dict; the final ones when it is closed."""
        if self._final is not None:
            return self._as_dict(*self._final)
        stats = _native.ReplayStats()
        self._ask(self._functions.mcl_replay_get_stats, ctypes.byref(stats))
        return self._as_dict(stats)

    @staticmethod
    def _as_dict(stats):
        counters = {name: int(getattr(stats, name)) for name, _ in _native.ReplayStats._fields_[1:]}
        counters['late_max'] /= 1e9
        return counters

    def close(self):
        """As in the base class; closes what it replays, and what it publishes by, too."""
        stats, close = _native.ReplayStats(), self._functions.mcl_replay_close
        try:
            return self._close_by(lambda: close(self._token, ctypes.byref(stats)),
                                  stats) is not None
        finally:
            if self._final is not None:
                if self._reader is not None:
                    self._reader.close()
                for broadcaster in self._broadcasters:
                    broadcaster.close()

"""Reads log files."""
from __future__ import absolute_import

import collections
import ctypes
import os
import struct

from mcl import _constants as constants
from mcl import _native
from mcl._compat import ReentrantLock, native_string, string_types
from mcl._report import Misfits
from mcl.codec import decode_topic, unpack_checked
from mcl.errors import ClosedError, MclError, MessageTypeError, PayloadError
from mcl.logging._arguments import (check_window, is_message_type, native_window, path_bytes,
                                    path_text, seconds_of)
from mcl.logging._handles import ReaderHandle
from mcl.messages.messages import get_message_objects

# An mcl_log_record, whose fields struct.unpack_from reads all at once.
_RECORD = struct.Struct('@qPPPPP')
_BATCH = 128  # entries a call, at most
_BUFFER = 1 << 16  # bytes a call, unless one entry is larger
_NAMES = ('name', b'name')  # the key that is left to the type, for a message has that of its own


class _Batch(object):
    """Takes entries out of a ReaderHandle, several by one call. For one thread at a time."""

    def __init__(self, handle):
        self._handle = handle
        self._records = ctypes.create_string_buffer(_RECORD.size * _BATCH)
        self._needed = ctypes.c_size_t()
        self._allocate(_BUFFER)

    def _allocate(self, size):
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)
        self._start = ctypes.addressof((ctypes.c_char * size).from_buffer(self._buffer))

    def take(self, count=_BATCH):
        """Return the next entries, at most `count`; none at the end.

        Returns:
            list: of (elapsed, topic, payload, type): nanoseconds, bytes, a view that holds until
            the next call, and the name of the type, bytes.

        Raises:
            PayloadError: the next line is no entry. The next call goes on after it.
        """
        count = min(count, _BATCH)
        try:
            taken = self._read(count)
        except MclError as error:
            if error.code != constants.MCL_EBUFFER:
                raise
            self._allocate(self._needed.value)
            taken = self._read(count)
        view, start, entries = self._view, self._start, []
        for offset in range(0, taken * _RECORD.size, _RECORD.size):
            elapsed, topic, topic_size, payload, size, kind = _RECORD.unpack_from(
                self._records, offset)
            topic -= start
            payload -= start
            entries.append((elapsed,
                            view[topic:topic + topic_size].tobytes() if topic_size else b'',
                            view[payload:payload + size], ctypes.string_at(kind)))
        return entries

    def _read(self, count):
        return self._handle.read(ctypes.addressof(self._records), count, self._start,
                                 len(self._buffer), ctypes.byref(self._needed))


class Reader(object):
    """Base class of what reads logs.

    May be used from any thread; each entry is read once. In a child made by fork() it reads on from
    where it stands, apart from the parent's; so does one that was pickled.

    A subclass has `_DIRECTORY`, and calls `_open` when its attributes are set.
    """

    _DIRECTORY = False

    def __init__(self, source, min_time, max_time):
        check_window(min_time, max_time)
        self._source = source
        # Absolute, since it may be opened again.
        self._path = path_bytes(source)
        self._min_time, self._max_time = min_time, max_time
        self._refuse_raw = False
        # Of the entries: {name: class, None as that of raw data}. None: they are no messages.
        self._types = None
        self._headers = []
        self._position = 0  # how many entries and errors `read` has given since the beginning
        self._left_out = 0  # of these, by iterating
        self._closed = False
        self._forget()

    def _forget(self):
        self._handle = self._batch = None
        self._misfits = Misfits()
        self._held = collections.deque()
        self._pid = os.getpid()
        # One a process: a copy made by fork() may be held, for ever.
        self._locks = {self._pid: ReentrantLock()}

    def _open(self):
        """Open it, with the position at its beginning."""
        options = _native.LogReaderOptions(**native_window(self._min_time, self._max_time))
        if self._refuse_raw:
            options.refuse_raw = constants.MCL_ON
        self._handle = ReaderHandle(self._path, self._DIRECTORY, options,
                                    "the reader of %s" % self._source)
        self._batch = _Batch(self._handle)
        self._held.clear()
        self._pid = os.getpid()

    def _opened(self):
        """Return the handle; to be called with the lock held."""
        if self._closed:
            raise ClosedError("the reader of %s is closed" % self._source, constants.MCL_ECLOSED)
        if self._handle is None or self._pid != os.getpid():
            self._open()
            self._skip(self._position)
        return self._handle

    def _skip(self, count):
        """Read past so many entries and errors."""
        while count:
            try:
                taken = len(self._batch.take(count))
                count = count - taken if taken else 0
            except PayloadError:
                count -= 1

    def _lock(self):
        pid = os.getpid()
        return self._locks.get(pid) or self._locks.setdefault(pid, ReentrantLock())

    @property
    def min_time(self):
        """float or None: entries before are left out; seconds elapsed."""
        return self._min_time

    @property
    def max_time(self):
        """float or None: entries after are left out; seconds elapsed."""
        return self._max_time

    def read(self):
        """Return the next entry.

        Signals, Ctrl-C too, are handled when something was read: from a pipe, that may take long.

        Returns:
            dict: `elapsed_time` (float, seconds since the log's time origin), `topic` (str, empty
            when there is none) and `payload`; or None at the end.

        Raises:
            IOError: a line is no entry, or its payload not what it should be; the text names file
                and line. The next call goes on after it. Or the reader is closed.
        """
        with self._lock():
            self._opened()
            if not self._held:
                try:
                    self._held.extend(self._batch.take())
                except PayloadError:
                    self._position += 1
                    raise
                if not self._held:
                    return None
            entry = self._held.popleft()
            self._position += 1
            return self._data(*entry)

    def _data(self, elapsed, topic, packed, name):
        time = seconds_of(elapsed)
        try:
            payload = unpack_checked(packed)
        except Exception as error:  # pylint: disable=broad-except
            # Of whatever kind: see mcl.codec.
            raise PayloadError("%s: the payload of %d bytes at %.5f s cannot be decoded: %s: %s" % (
                self._source, len(packed), time, type(error).__name__, error),
                constants.MCL_EFORMAT)
        if self._types is not None:
            kind = self._types[native_string(decode_topic(name)) or None]
            try:
                if not isinstance(payload, dict):
                    raise TypeError("it is no map but %s" % type(payload).__name__)
                payload = kind({key: value for key, value in payload.items()
                                if key not in _NAMES})
            except Exception as error:  # pylint: disable=broad-except
                # Of whatever kind: a type may have an __init__ of its own.
                raise MessageTypeError("%s: the data at %.5f s is no %s: %s"
                                       % (self._source, time, kind.__name__, error),
                                       constants.MCL_ETYPE)
        return {'elapsed_time': time, 'topic': decode_topic(topic), 'payload': payload}

    def is_data_pending(self):
        """Return True when there is something left for `read`: an entry, or an error."""
        with self._lock():
            handle = self._opened()
            return bool(self._held) or handle.pending()

    def reset(self):
        """Go back to the beginning. Signals are handled when it returns."""
        with self._lock():
            self._opened().reset()
            self._held.clear()
            self._position = self._left_out = 0

    def torn(self):
        """Return how many entries were left out so far since a file ends amid them.

        That is what a crash leaves behind; it is no error.
        """
        with self._lock():
            return self._opened().torn()

    def left_out(self):
        """Return how many entries iterating has left out so far, since `read` raised at them."""
        return self._left_out

    def close(self):
        """Close the files. Returns True, or False when they were closed already.

        It waits for a `read` on another thread. On Python 3 Ctrl-C ends that, and nothing is
        closed.
        """
        with self._lock():
            first, self._closed = not self._closed, True
            if self._handle is not None:
                self._handle.close()
            return first

    def __iter__(self):
        """Iterate over the entries, as `read` gives them, with signals as there, up to the end.

        A line that is no entry, and a payload that is not what it should be, is left out: it is
        told on stderr, at most once a second, and counted; see `left_out`.
        """
        return self

    def __next__(self):
        """Return the next entry that `read` raises no error at. Signals are as there.

        StopIteration at the end.
        """
        while True:
            try:
                entry = self.read()
            except (PayloadError, MessageTypeError) as error:
                with self._lock():
                    self._left_out += 1
                self._misfits("an entry of a log is left out", "%s" % error)
                continue
            if entry is None:
                raise StopIteration
            return entry

    next = __next__

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __getstate__(self):
        state = dict(vars(self))
        for name in ('_handle', '_batch', '_held', '_misfits', '_pid', '_locks'):
            del state[name]
        return state

    def __setstate__(self, state):
        vars(self).update(state)
        self._forget()

    def __repr__(self):
        return "%s(%r)" % (type(self).__name__, self._source)

    def with_messages(self):
        """Return another reader, which stands where this one does and gives messages.

        Raises:
            TypeError: the log is of raw data, and no type was given.
            NameError: a message type is not defined.
        """
        other = type(self).__new__(type(self))
        other.__setstate__(self.__getstate__())
        if other._types is None:
            other._types = self._named_types()
            if not other._types and not self._DIRECTORY:
                raise TypeError("%s names no message type: give one as the argument `message`"
                                % self._source)
        return other

    @property
    def types(self):
        """dict or None: the message types of the entries, by name; None as that of raw data."""
        return self._types

    def release(self):
        """Return the open handle, which is the caller's from now on, and close but for that."""
        with self._lock():
            handle, self._handle, self._closed = self._opened(), None, True
            return handle

    def _named_types(self):
        """Return the types that the headers name, {name: class}. NameError: one is not defined."""
        return {header['type']: _find_type(header) for header in self._headers
                if header['type'] is not None}


def _find_type(header):
    try:
        return get_message_objects(header['type'])
    except NameError:
        raise NameError("the message type %r of %s is not defined: import the module that"
                        " defines it" % (header['type'], header['path']))


class ReadFile(Reader):
    """Reads a log, or all files of a split log. Iterates over the entries; a context manager.

    A log that is still written, or was never completed, is read as well. Memory follows the
    largest entry, not the file. May be used from any thread; each entry is read once. In a child
    made by fork() it reads on from where it stands, apart from the parent's.

    Args:
        filename (str): the prefix of a log, which is split or not; or the name of one file.
        min_time (float): leave out entries before; seconds elapsed.
        max_time (float): leave out entries after; seconds elapsed.
        message (bool, type or str): True: payloads become messages of the type that the header
            names, if it does; a subclass of Message, or its name: of that one. The key `name` of
            the data does not matter then. False: they stay as they are.

    Raises:
        TypeError: an argument is of another type, or below 0; there is no type called `message`.
        ValueError: `min_time` is more than `max_time`.
        NameError: the message type of the log is not defined.
        IOError: there is no such log, or it cannot be read, is of another version, or no log.
    """

    def __init__(self, filename, min_time=None, max_time=None, message=False):
        message = _checked_message(message)
        filename = path_text("filename", filename)
        super(ReadFile, self).__init__(filename, min_time, max_time)
        self._open()
        try:
            self._headers = self._handle.headers()
            if message is True:
                self._types = self._named_types() or None
            elif message is not False:
                name = self._headers[0]['type'] if self._headers else None
                self._types = {name: message}
        except BaseException:
            self.close()
            raise

    @property
    def filename(self):
        """str: as given."""
        return self._source

    @property
    def header(self):
        """dict or None: what the file says of itself.

        `text` (str), its lines; `end` (int), the offset of the first entry in bytes; `version`
        (str); `revision` (str or None); `created` (str), the time origin, UTC; `type`, the message
        type, or its name when it is not defined; None for raw data. None: it has no header, as the
        later files of a split log.
        """
        if not self._headers:
            return None
        header = {key: value for key, value in self._headers[0].items() if key != 'path'}
        if header['type'] is not None:
            try:
                header['type'] = get_message_objects(header['type'])
            except NameError:
                pass
        return header


def _checked_message(message):
    """Return the argument `message`: a bool or a type. TypeError when it is none."""
    if isinstance(message, string_types):
        try:
            return get_message_objects(message)
        except NameError as error:
            raise TypeError("message names no type: %s" % error)
    if not (isinstance(message, bool) or is_message_type(message)):
        raise TypeError("message must be True, False, a subclass of Message or the name of one,"
                        " not %r" % (message,))
    return message


class ReadDirectory(Reader):
    """Reads all logs of a directory as one, in order of time. Iterates; a context manager.

    Where there are none, as when nothing arrived while it was recorded, there is nothing to read.
    Threads and fork() are as for ReadFile.

    Args:
        source (str): the directory.
        min_time (float): leave out entries before; seconds elapsed.
        max_time (float): leave out entries after; seconds elapsed.
        message (bool): payloads become messages of their log's type.
        ignore_raw (bool): leave out logs of raw data; False: they are an error.

    Raises:
        TypeError: an argument is of another type, or below 0.
        ValueError: `min_time` is more than `max_time`.
        NameError: the message type of a log is not defined.
        IOError: there is no such directory, its logs cannot be read, or have different time
            origins.
    """

    _DIRECTORY = True

    def __init__(self, source, min_time=None, max_time=None, message=False, ignore_raw=True):
        for name, value in (('message', message), ('ignore_raw', ignore_raw)):
            if not isinstance(value, bool):
                raise TypeError("%s must be True or False, not %r" % (name, value))
        super(ReadDirectory, self).__init__(path_text("source", source), min_time, max_time)
        self._refuse_raw = not ignore_raw
        self._open()
        try:
            self._headers = self._handle.headers()
            if message:
                self._types = self._named_types()
        except BaseException:
            self.close()
            raise

    @property
    def source(self):
        """str: as given."""
        return self._source

    @property
    def messages(self):
        """list of type or None: of the logs, in the order of their names; None: of no messages."""
        if self._types is None:
            return None
        return [self._types[header['type']] for header in self._headers]

"""Records connections into log files."""
from __future__ import absolute_import

import atexit
import datetime
import errno
import os
import threading
import time

from mcl import _constants as constants
from mcl._compat import Condition, monotonic
from mcl._handles import CLOSE_WAIT
from mcl._report import report
from mcl.errors import ForkError, MclError
from mcl.logging._arguments import (EPOCH, LogSettings, check_prefix, is_message_type, is_native,
                                    message_type, moment, path_text)
from mcl.logging._handles import RecorderHandle, WriterHandle, make_directory
from mcl.logging._write import packed_entry
from mcl.network.network import QueuedListener

# Those that run. A recording goes on when the program does not keep the object, until it exits.
_running = set()


class LogConnection(object):
    """Records what arrives on a connection into a log, as `WriteFile` writes them.

    On UDP the library does it by itself: nothing that the program does meanwhile delays it. On a
    transport of your own, it is done on a thread of Python.

    It runs until `close`, the end of a `with` block, or the exit of the interpreter, even if the
    program does not keep the object; what has arrived by then is in the log. Failing to write is
    told on stderr once, and counted in `stats()`; recording goes on as soon as it is possible.

    May be used from any thread. A child made by fork() does not record: there it is not alive, and
    `open` and `stats` raise ForkError.

    Args:
        prefix (str): the path of the file, without extension. Its folder must exist, and no `.tmp`
            of that name. An older log makes way, as for `WriteFile`.
        connection (Connection or type): what to record: a connection's data; or that of a type of
            messages, a subclass of Message. All that arrives is recorded, whether it fits the type
            or not: that is for the header, and for whoever reads the log.
        revision (str): of the recording program's source, say; see `retrieve_git_hash`.
        time_origin (datetime): elapsed times count from it; UTC, when it is naive. None: from when
            the first entry was received.
        max_entries (int): a new file is begun after so many entries; None: never.
        max_time (float): a new file is begun after so many seconds of data; None: never.
        open_init (bool): begin at once.

    Raises (whether it is opened or not):
        TypeError: an argument is of another type, or below its range; `prefix` has an extension.
        ValueError: `revision` has a line feed.
        IOError: the file cannot be made, as for `WriteFile`; or it cannot listen.
    """

    def __init__(self, prefix, connection, revision=None, time_origin=None, max_entries=None,
                 max_time=None, open_init=True):
        self._prefix = check_prefix(prefix)
        kind = message_type(connection)
        self._connection = connection if kind is None else kind.connection
        self._limits = max_entries, max_time
        self._settings = LogSettings(kind, revision, time_origin, max_entries, max_time)
        self._recorder = self._pid = None
        self._changing = threading.RLock()
        if open_init:
            self.open()
        else:
            # These raise what `open` would.
            WriterHandle(self._prefix, self._settings.native()).close()
            QueuedListener(self._connection).close()

    @property
    def prefix(self):
        """str: as given."""
        return self._prefix

    @property
    def connection(self):
        """Connection: what is recorded."""
        return self._connection

    @property
    def max_entries(self):
        """int or None: as given."""
        return self._limits[0]

    @property
    def max_time(self):
        """float or None: as given."""
        return self._limits[1]

    def _new_recorder(self):
        if is_native(self._connection):
            return RecorderHandle(self._prefix, self._connection, self._settings.native())
        return _PythonRecorder(self._prefix, self._connection, self._settings.native())

    def open(self):
        """Begin to record. True, or False when it does already. Raises IOError when it cannot.

        After a `close` it goes on with its log: of a split one with the next file, else in the
        file, which is called `.tmp` again until the next `close`.
        """
        self._check_process()
        with self._changing:
            if self.is_alive():
                return False
            if self._recorder is not None:
                self._settings.closed(self._recorder)
            self._pid, self._recorder = os.getpid(), self._new_recorder()
            _running.add(self)
            return True

    def close(self):
        """Stop recording, and complete the log.

        On UDP, signals are handled when it returns, with all that was received logged. On a
        transport of your own, Ctrl-C may leave out what is queued; the log is completed all the
        same.

        Returns:
            bool: True, or False when it does not run, or was opened before a fork().

        Raises:
            IOError: not everything could be written, or the file not be renamed. It is closed all
                the same.
        """
        if not self.is_alive():
            return False
        with self._changing:
            _running.discard(self)
            return self._recorder.close()

    def is_alive(self):
        """Return True while it records; False in a child made by fork()."""
        recorder = self._recorder
        return recorder is not None and self._pid == os.getpid() and not recorder.closed

    def stats(self):
        """Return the counters since it was opened: of the log and, under `listener`, the listener.

        Those of the log are as `WriteFile.stats()` gives them, those of the listener as
        QueuedListener.stats(). On UDP, `entries + buffered + dropped` is at every moment what the
        listener `delivered`. Once it is closed, the last ones.

        Raises:
            IOError: it was never opened.
        """
        self._check_process()
        if self._recorder is None:
            raise MclError("the recording %s was not opened" % self._prefix, constants.MCL_ECLOSED)
        return self._recorder.stats()

    def _check_process(self):
        recorder = self._recorder
        if recorder is not None and not recorder.closed and self._pid != os.getpid():
            raise ForkError("the recording %s was opened before fork(), by process %d: make a new"
                            " one in this process" % (self._prefix, self._pid),
                            constants.MCL_EFORKED)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class _PythonRecorder(object):
    """The like of RecorderHandle for a user's own transport: a QueuedListener and a writer."""

    def __init__(self, prefix, connection, options):
        self._where = "the recording %s" % prefix
        self.closed = False
        self._failing = False  # is writing, and that has been told
        self._progress = Condition()  # protects the next
        self._finished = 0  # callbacks
        self._unpacked = 0  # data that msgpack does not take
        self._writer = WriterHandle(prefix, options)
        try:
            self._listener = QueuedListener(connection)
            self._listener.subscribe(self._received)
        except BaseException:
            self._writer.close()
            raise

    def _received(self, data):
        try:
            self._write(data)
        finally:
            with self._progress:
                self._finished += 1
                self._progress.notify_all()

    def _write(self, data):
        try:
            self._writer.write(*packed_entry(data))
            error = self._writer.stats()['error']
        except MclError as raised:  # which the log has counted
            error = "%s" % raised
        except Exception as raised:  # pylint: disable=broad-except
            self._unpacked += 1
            error = "%s" % raised
        if error and not self._failing:
            report("%s: %s" % (self._where, error))
        self._failing = bool(error)

    def stats(self):
        """As RecorderHandle.stats."""
        counters = self._writer.stats()
        counters['dropped'] += self._unpacked
        counters['listener'] = self._listener.stats()
        return counters

    def close(self):
        """As RecorderHandle.close."""
        if self.closed:
            return False
        self.closed = True
        try:
            # What is queued stays when the last callback goes.
            self._listener.unsubscribe(self._received)
            self._wait_for_callback()
            for _ in range(self._listener.stats()['queued']):
                data = self._listener.receive(0)
                if data is not None:
                    self._write(data)
            self._listener.close()
        finally:
            self._writer.close()
        return True

    def _wait_for_callback(self):
        begun = self._listener.stats()['delivered']
        deadline = monotonic() + CLOSE_WAIT
        with self._progress:
            while self._finished < begun and monotonic() < deadline:
                self._progress.wait(CLOSE_WAIT)


class LogNetwork(object):
    """Records several message types, each into a log of its own in a new directory.

    The logs are `DIRECTORY/<YYYYMMDD>T<HHMMSS>_<hostname>/<type>.log`, all with one time origin:
    when it was opened. The directory's name has that in local time, the headers in UTC. For the
    rest, threads and fork() included, see `LogConnection`.

    Args:
        directory (str): where to make the directory; it must exist.
        messages (list or tuple of type): subclasses of Message.
        revision, max_entries, max_time: as for LogConnection.
        open_init (bool): begin at once.

    Raises (whether it is opened or not):
        TypeError: an argument is of another type, below its range, or empty.
        ValueError: a type is given twice.
        IOError: a log cannot be made, or it cannot listen. Nothing is recorded then.
    """

    def __init__(self, directory, messages, revision=None, max_entries=None, max_time=None,
                 open_init=True):
        self._root = path_text("directory", directory)
        if not directory:
            raise TypeError("directory must be the path of a directory, not %r" % (directory,))
        _check_types(messages)
        if not isinstance(open_init, bool):
            raise TypeError("open_init must be True or False, not %r" % (open_init,))
        self._messages, self._types = messages, tuple(messages)
        self._arguments = revision, max_entries, max_time
        LogSettings(None, revision, None, max_entries, max_time)
        self._directory = self._pid = None
        self._recordings = []
        self._changing = threading.RLock()
        if open_init:
            self.open()
        else:
            # As in LogConnection.
            if not os.path.isdir(self._root):
                raise MclError("%s is not a directory: make it, or give another" % self._root,
                               constants.MCL_ESYSTEM, errno.ENOENT)
            for message in self._types:
                QueuedListener(message.connection).close()

    @property
    def root_directory(self):
        """str: where directories of logs are made, as given."""
        return self._root

    @property
    def directory(self):
        """str or None: the directory of the logs, while it records, in `root_directory`."""
        return self._directory if self.is_alive else None

    @property
    def messages(self):
        """list or tuple of type: the message types that are recorded; as given."""
        return self._messages

    @property
    def max_entries(self):
        """int or None: as given."""
        return self._arguments[1]

    @property
    def max_time(self):
        """float or None: as given."""
        return self._arguments[2]

    # A property here, although a method of LogConnection: so it is in the legacy API.
    @property
    def is_alive(self):
        """bool: True while it records; False in a child made by fork()."""
        return self._pid == os.getpid() and self._directory is not None

    def open(self):
        """Begin to record, in a new directory. True, or False when it does already.

        Raises:
            IOError: one of the types cannot be recorded; then none is.
        """
        for recording in self._recordings:
            recording._check_process()
        with self._changing:
            if self.is_alive:
                return False
            revision, max_entries, max_time = self._arguments
            origin = EPOCH + datetime.timedelta(microseconds=int(time.time() * 1e6))
            made = make_directory(self._root, moment("the time origin", origin))
            directory = os.path.join(self._root, os.path.basename(made))
            recordings = []
            try:
                for message in self._types:
                    recordings.append(LogConnection(os.path.join(directory, message.name), message,
                                                    revision, origin, max_entries, max_time))
            except BaseException:
                _close_all(recordings)
                _remove(directory)
                raise
            self._pid, self._directory, self._recordings = os.getpid(), directory, recordings
            return True

    def close(self):
        """Stop recording, and complete the logs, as LogConnection.close does.

        On UDP, signals are handled between two logs. After Ctrl-C those that are left go on, until
        this is called again or the interpreter exits.

        Returns:
            bool: True, or False when it does not run, or was opened before a fork().
        """
        if not self.is_alive:
            return False
        with self._changing:
            alive = self.is_alive
            errors = _close_all(self._recordings)
            self._directory = None
        if errors:
            raise errors[0]
        return alive

    def stats(self):
        """Return what LogConnection.stats() gives for each message type, as a dict by its name.

        Raises:
            IOError: it was never opened.
        """
        if self._pid is None:
            raise MclError("the recording in %s was not opened" % self._root, constants.MCL_ECLOSED)
        return {message.name: recording.stats()
                for message, recording in zip(self._types, self._recordings)}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def _check_types(messages):
    """Raise TypeError unless these are message types, or ValueError for one that is twice there."""
    if not isinstance(messages, (list, tuple)) or not all(map(is_message_type, messages)):
        raise TypeError("messages must be a list of subclasses of Message, not %r" % (messages,))
    names = [message.name for message in messages]
    for name in names:
        if names.count(name) > 1:
            raise ValueError("the message type %s is given twice" % name)
        if not name or name.startswith('.') or os.sep in name:
            # Otherwise it would be recorded elsewhere, or hidden from who looks for it.
            raise ValueError("no log can have the name of the message type %r: record it alone, by"
                             " LogConnection, to a log of another name" % name)


def _close_all(recordings):
    """Close all of them, and return the errors."""
    errors = []
    for recording in recordings:
        try:
            recording.close()
        except MclError as error:
            errors.append(error)
    return errors


def _remove(directory):
    """Remove a directory, unless something was logged there in the meantime."""
    try:
        os.rmdir(directory)
    except OSError:
        pass


def _close_running():
    for error in _close_all(list(_running)):
        report("%s" % error)


# Before the listeners and writers of mcl._at_exit and mcl.logging._handles, which were registered
# earlier, close.
atexit.register(_close_running)

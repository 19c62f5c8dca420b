"""Writes log files."""
from __future__ import absolute_import

import threading
import time

from mcl import _constants as constants
from mcl._compat import string_types
from mcl._short import short
from mcl.codec import encode_topic, pack
from mcl.logging._arguments import LogSettings, check_prefix, message_type, moment
from mcl.logging._handles import WriterHandle, check_going_on
from mcl.messages.messages import Message

_KEYS = ('topic', 'payload', 'time_received')


class WriteFile(object):
    """Writes data to a log: PREFIX.log, or PREFIX_000.log, PREFIX_001.log, ... when it is split.

    While a file is written it is called `.tmp` instead of `.log`. It is created by the first entry.
    An entry is in it when `write` returns, for any process to read. A log is completed (renamed) by
    `close`, at the end of a `with` block, when nobody has the object any more, and when the
    interpreter exits. When the disk is full, `write` still succeeds: 4 MiB are held until there is
    room again; beyond them it raises.

    An older log of the prefix makes way for the new one when that takes its name: PREFIX.log is
    called PREFIX.log.1 then, or .2, ..., the highest number being the newest; of a split log, all
    files are. stderr tells, once. What is written after `close` goes on with the log: of a split
    one in its next file, else in the file, which is called `.tmp` again until the next `close`.

    May be used from any thread. In a child made by fork() it raises ForkError, and nothing of the
    parent's is written there.

    Args:
        prefix (str): the path of the file, without extension. Its folder must exist, and no `.tmp`
            of that name.
        connection (Connection or type): whose data it is: a connection's, or a subclass of Message.
        revision (str): of the recording program's source, say; see `retrieve_git_hash`.
        time_origin (datetime): elapsed times count from it; UTC, when it is naive. None: from the
            first entry's time.
        max_entries (int): a new file is begun after so many entries; None: never.
        max_time (float): a new file is begun for an entry so many seconds later than the first of
            the file, or earlier (a clock was set back); None: never.

    Raises:
        TypeError: an argument is of another type, or below its range; `prefix` has an extension.
        ValueError: `revision` has a line feed.
        IOError: the folder does not exist or cannot be written to, `prefix` is a folder, there is a
            `.tmp` of that name: it is written by another, or was never completed.
    """

    def __init__(self, prefix, connection, revision=None, time_origin=None, max_entries=None,
                 max_time=None):
        self._prefix = check_prefix(prefix)
        self._limits = max_entries, max_time
        self._settings = LogSettings(message_type(connection), revision, time_origin, max_entries,
                                     max_time)
        self._opening = threading.RLock()
        self._open()

    def _open(self):
        options = self._settings.native()
        options.unbuffered = constants.MCL_ON
        self._handle = WriterHandle(self._prefix, options)

    def _reopen(self):
        """Go on with the log, if it is closed."""
        with self._opening:
            if self._handle.closed:
                check_going_on(self._handle.where)
                self._settings.closed(self._handle)
                self._open()

    @property
    def prefix(self):
        """str: as given."""
        return self._prefix

    @property
    def max_entries(self):
        """int or None: as given."""
        return self._limits[0]

    @property
    def max_time(self):
        """float or None: as given."""
        return self._limits[1]

    def write(self, message):
        """Add an entry. Signals are handled when it returns.

        Args:
            message (dict): `topic` (str or None), `payload` (a message of any type, or any object
                that msgpack packs) and `time_received` (datetime, UTC when it is naive; None: now),
                as callbacks of a QueuedListener get it. Other keys are ignored.

        Raises:
            KeyError: a key is missing.
            TypeError: it is no such dict.
            TypeError, ValueError, OverflowError: the payload cannot be packed, or the time is out
                of range.
            IOError: the entry was dropped, since writing fails and too many wait already; `stats()`
                counts it. Or the log is closed, and cannot be gone on with.

        In all these cases nothing was written.
        """
        entry = packed_entry(message)
        if self._handle.closed:
            self._reopen()
        self._handle.write(*entry)

    def flush(self):
        """Hand what is buffered to the operating system. IOError when that fails; it is kept.

        Signals are handled when it returns.
        """
        self._handle.flush()

    def stats(self):
        """Return the counters since it was opened, as a dict; once it is closed, the last ones.

        - `entries` and `bytes`: in files;
        - `buffered`: entries that are in no file yet;
        - `dropped`: entries lost because they could not be written;
        - `errors`: attempts to write that failed; `files`: begun;
        - `error` (str): why writing fails at present, or None.
        """
        return self._handle.stats()

    def close(self):
        """Complete the log. True, or False when it was closed already, or before a fork().

        Signals are handled when it returns, with the log complete.

        Raises:
            IOError: not everything could be written, or the file not be renamed. It is closed all
                the same.
        """
        return self._handle.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def packed_entry(message):
    """Return what is written of an entry: topic and payload, bytes, and nanoseconds."""
    if not isinstance(message, dict):
        raise TypeError("a dict with %s is needed, not %s"
                        % (", ".join(map(repr, _KEYS)), short(message)))
    for key in _KEYS:
        if key not in message:
            raise KeyError("the dict lacks %r: %s" % (key, short(message)))
    topic, payload, received = [message[key] for key in _KEYS]
    if topic is not None and not isinstance(topic, string_types):
        raise TypeError("'topic' must be None or a string, not %s" % short(topic))
    at = moment("'time_received'", received) if received else int(time.time() * 1e9)
    packed = payload.encode() if isinstance(payload, Message) else pack(payload)
    return b'' if topic is None else encode_topic(topic), packed, at

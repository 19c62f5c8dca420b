"""Writes log files."""
from __future__ import absolute_import

from mcl._compat import string_types
from mcl._short import short
from mcl.codec import encode_topic, pack
from mcl.logging._arguments import LogSettings, check_prefix, message_type, moment
from mcl.logging._handles import WriterHandle
from mcl.messages.messages import Message

_KEYS = ('topic', 'payload', 'time_received')


class WriteFile(object):
    """Writes data to a log: PREFIX.log, or PREFIX_000.log, PREFIX_001.log, ... when it is split.

    While a file is written it is called `.tmp` instead of `.log`. It is created by the first entry.
    Entries are buffered for a second at most: a process that is killed loses no more than that. A
    log is completed (renamed) by `close`, at the end of a `with` block, when nobody has the object
    any more, and when the interpreter exits. When the disk is full, `write` still succeeds:
    4 MiB are held until there is room again; beyond them it raises.

    May be used from any thread. In a child made by fork() it raises ForkError, and nothing of the
    parent's is written there.

    Args:
        prefix (str): the path of the file, without extension. Its folder must exist, and no log of
            that name.
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
        IOError: the folder does not exist or cannot be written to, `prefix` is a folder, the file
            exists.
    """

    def __init__(self, prefix, connection, revision=None, time_origin=None, max_entries=None,
                 max_time=None):
        self._prefix = check_prefix(prefix)
        self._type = message_type(connection)
        settings = LogSettings(self._type, revision, time_origin, max_entries, max_time)
        self._handle = WriterHandle(self._prefix, settings.native())

    @property
    def prefix(self):
        """str: as given."""
        return self._prefix

    def write(self, data):
        """Add an entry. Signals are handled when it returns.

        Args:
            data (dict): `topic` (str or None), `payload` (a message, or any object that msgpack
                packs) and `time_received` (datetime; UTC, when it is naive), as callbacks of a
                QueuedListener get it. Other keys are ignored.

        Raises:
            TypeError: it is no such dict, or the payload a message of another type.
            TypeError, ValueError, OverflowError: the payload cannot be packed, or the time is out
                of range.
            IOError: the log is closed, or the entry was dropped, since writing fails and too many
                wait already; `stats()` counts it.

        In all these cases nothing was written.
        """
        self._handle.write(*self._entry(data))

    def _entry(self, data):
        """Return what is written: topic and payload, bytes, and nanoseconds."""
        if not isinstance(data, dict):
            raise TypeError("a dict with %s is needed, not %s"
                            % (", ".join(map(repr, _KEYS)), short(data)))
        for key in _KEYS:
            if key not in data:
                raise TypeError("the dict lacks %r: %s" % (key, short(data)))
        topic, payload = data['topic'], data['payload']
        if topic is not None and not isinstance(topic, string_types):
            raise TypeError("'topic' must be None or a string, not %s" % short(topic))
        time = moment("'time_received'", data['time_received'])
        if isinstance(payload, Message):
            if self._type is not None and payload.name != self._type.name:
                raise TypeError("this is a log of %s, not of %s" % (self._type.name, payload.name))
            packed = payload.encode()
        else:
            packed = pack(payload)
        return b'' if topic is None else encode_topic(topic), packed, time

    def flush(self):
        """Hand what is buffered to the operating system. IOError when that fails; it is kept.

        Signals are handled when it returns.
        """
        self._handle.flush()

    def stats(self):
        """Return the counters, as a dict; once it is closed, the last ones.

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

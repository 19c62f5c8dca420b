"""Handles of the native library: open, call, close once, and never in another process.

What is here knows ctypes and bytes, and neither msgpack nor callbacks. Every call may be made from
any thread, also while another one closes: the library answers that with MCL_ECLOSED.
"""
import ctypes
import functools
import os
import threading

from mcl import _library, _native
from mcl import _constants as constants
from mcl._compat import is_integer, is_main_thread
from mcl.errors import (ArgumentError, ClosedError, ForkError, MessageSizeError, check,
                        check_broadcaster, check_listener)


class _PerThread(threading.local):
    """Where the library writes an error: one a thread, as making one takes longer than a call."""

    def __init__(self):
        super(_PerThread, self).__init__()
        self.error = _native.Error()
        self.pointer = ctypes.byref(self.error)


_errors = _PerThread()
# How long a close waits for a running callback, in seconds: the rule of mcl_listener_close.
CLOSE_WAIT = constants.MCL_CLOSE_WAIT_MS / 1000.0
_ITEMS = ctypes.POINTER(_native.Item)
_NOT_AT_ALL = ctypes.c_int(0)  # milliseconds
_NOT_YET = 0, constants.MCL_EINTR  # what the library returns of a wait that is to go on

# A signal goes to another thread of the program when it comes in the moment in which the main
# thread is in the library and blocks it. Python only notes it there, for the main thread to act on;
# so that one waits no longer than this at a time, in milliseconds.
_WAIT_MAIN = 50


_TOO_LARGE = object()  # no mtu


# Sizes as arguments for `Library.publish`, each by its number, and those of topics by the topic: to
# make one takes ctypes longer than to find it here.
_sizes = {}
_SIZES_MAX, _TOPIC_MAX = 1 << 12, 256  # how many are kept, and of topics of how many bytes


def _find_size(key):
    size = key if is_integer(key) else 0 if key is None else len(key)
    argument = _sizes.get(key) or ctypes.c_size_t.from_param(size)
    if size is key or size <= _TOPIC_MAX:
        if len(_sizes) >= _SIZES_MAX:
            _sizes.clear()
        _sizes[key] = argument
    return argument


_UNTOLD = 2 ** 64 - 1  # in the first counter, until the library has filled them in


def check_setting(name, value, least, most=None):
    """Raise TypeError or ArgumentError for what mcl.network.udp cannot have as its `name`."""
    if not is_integer(value):
        raise TypeError("mcl.network.udp.%s must be an integer, not %r" % (name, value))
    if value < least or most is not None and value > most:
        raise ArgumentError("mcl.network.udp.%s must be %d %s, not %r" % (
            name, least, "or more" if most is None else "to %d" % most, value),
            constants.MCL_EINVAL)


def _address(data):
    """Return where these bytes lie, for as long as they are kept."""
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value


def _items_from(fields, start):
    """Return a pointer to the mcl_items in an array of numbers, from this one on."""
    size = ctypes.sizeof(_native.Item)
    return ctypes.cast(ctypes.byref(fields, start * size), _ITEMS)


def longest_wait(longest=-1):
    """Return for how long to wait in the library at a time, in milliseconds, on this thread.

    Args:
        longest (int): milliseconds that the wait may take; -1: for ever.
    """
    if not is_main_thread():
        return longest
    return _WAIT_MAIN if longest < 0 else min(longest, _WAIT_MAIN)


class Handle(object):
    """A handle of this process's library. A subclass has `close`.

    It has a finalizer, so nothing here refers back to the object that uses it: Python 2 frees no
    cycle in which something has one.
    """

    _TOKEN = None
    _SETTINGS = _STATS = ''  # names of functions
    _checked = staticmethod(check)

    def __init__(self, where):
        """`where` names it in errors."""
        self._library = _library.get()
        self.pid = self._library.pid
        self.where = where
        self.closed = False
        self._final = None
        self._token = self._TOKEN()

    def _call(self, function, *arguments):
        return self._checked(function(*(arguments + (_errors.pointer,))), _errors.error)

    def check_process(self):
        """Raise ForkError in a child of the process that opened it."""
        if self.pid != os.getpid():
            raise ForkError("%s was opened before fork(), by process %d: open a new one in this"
                            " process" % (self.where, self.pid), constants.MCL_EFORKED)

    def check(self):
        """Raise ClosedError when closed, ForkError in a child of the process that opened it."""
        if self.closed:
            raise ClosedError("%s is closed" % self.where, constants.MCL_ECLOSED)
        self.check_process()

    def settings(self):
        """What was asked for and what the kernel granted, as a dict."""
        self.check()
        settings = _native.Settings()
        function = getattr(self._library.quick, self._SETTINGS)
        self._call(function, self._token, ctypes.byref(settings))
        return {name: int(getattr(settings, name)) for name, _ in _native.Settings._fields_
                if name not in ('size', 'reserved')}

    def _close_by(self, close, *final):
        """Close it by `close`, a function of the library with its arguments, unless it is closed.

        Once this has begun, a handler of a signal may raise: the library closes it all the same,
        and what it told is kept as `_final`. Of several threads, the library lets one in.

        Args:
            final: the structs that `close` fills in, counters first.

        Returns:
            int: what `close` did; None when it was closed already, or is of another process.
        """
        if not is_alive(self):
            return None
        if final:
            setattr(final[0], _first_counter(final), _UNTOLD)
        done = False
        try:
            self.closed = True
            result = close()
            first = _is_told(final) if final else result >= 0
            if first and final:
                self._final = final
            done = True
        finally:
            if not done:  # a handler has raised, before that call or after it: two do no harm
                self.closed = True
                close()
                if final and _is_told(final):
                    self._final = final
        return result if first else None

    def __del__(self):
        # Modules are taken apart when the interpreter exits; the system closes the rest then.
        try:
            self.close()
        except Exception:  # pylint: disable=broad-except
            pass


def _first_counter(final):
    return final[0]._fields_[1][0]


def _is_told(final):
    return getattr(final[0], _first_counter(final)) != _UNTOLD


def is_alive(handle):
    """Is the handle open, and of this process?"""
    return not handle.closed and handle.pid == os.getpid()


class BroadcasterHandle(Handle):
    """An open broadcaster.

    Args:
        connection (_native.Connection): where.
        options (dict): fields of _native.BroadcasterOptions.
        where (str): names it in errors.
    """

    _TOKEN = _native.Broadcaster
    _SETTINGS = 'mcl_broadcaster_get_settings'
    _checked = staticmethod(check_broadcaster)

    def __init__(self, connection, options, where):
        super(BroadcasterHandle, self).__init__(where)
        self.closed = True  # until it is open, there is nothing for the finalizer
        native = _native.BroadcasterOptions(**options)
        self._call(self._library.blocking.mcl_broadcaster_open, ctypes.byref(connection),
                   ctypes.byref(native), ctypes.byref(self._token))
        self.closed = False
        self._argument = self._TOKEN.from_param(self._token.value)
        self._publish = self._library.publish
        self._publish_waiting = self._library.blocking.mcl_broadcaster_publish_within
        self._publish_many = self._library.quick.mcl_broadcaster_publish_many_within
        self._publish_many_waiting = self._library.blocking.mcl_broadcaster_publish_many_within
        self._mtu = self._fragment = constants.MCL_FRAGMENT_SIZE

    def follow_mtu(self, mtu, size):
        """Send in fragments of `mtu` bytes, as large as any can be, from now on.

        Args:
            mtu: `mcl.network.udp.MTU`, which is what a program has assigned to it.
            size (int): bytes of what is to be published.
        """
        self.check()
        most = constants.MCL_FRAGMENT_SIZE_MAX
        check_setting('MTU', mtu, 1)
        if size > most < mtu:
            raise MessageSizeError(
                "%s: %d bytes do not fit one datagram, of up to %d, as mcl.network.udp.MTU, which"
                " is %d, wants it: assign %d or less"
                % (self.where, size, most, mtu, most), constants.MCL_ETOOLARGE)
        if min(mtu, most) != self._fragment:
            self._call(self._library.blocking.mcl_broadcaster_set_fragment_size, self._token,
                       min(mtu, most))
            self._fragment = min(mtu, most)
        # The same object, next time: `publish` need not come here.
        self._mtu = mtu if mtu <= most else _TOO_LARGE

    def publish(self, topic, packed, mtu):
        """Publish bytes that are one msgpack object. `topic` is bytes or None."""
        size, result = len(packed), 0
        if mtu is not self._mtu:
            self.follow_mtu(mtu, size)
        if size <= self._fragment:
            # As the function has no prototype here, these are of ctypes' types; see Library.
            try:
                topic_size, packed_size = _sizes[topic], _sizes[size]
            except KeyError:
                topic_size, packed_size = _find_size(topic), _find_size(size)
            result = self._publish(self._argument, topic, topic_size, packed, packed_size,
                                   _NOT_AT_ALL, _errors.pointer)
            if result == 1:
                return
        while result in _NOT_YET:  # signals are handled each time
            result = self._publish_waiting(self._token, topic, 0 if topic is None else len(topic),
                                           packed, size, longest_wait(), _errors.pointer)
        self._finish(result)

    def publish_many(self, topic, payloads, mtu):
        """Publish a list of such bytes, all with this topic; an error has `sent`."""
        if mtu is not self._mtu:
            self.follow_mtu(mtu, max(map(len, payloads)) if payloads else 0)
        # In one piece, whose addresses are numbers: to fill in as many structs takes ctypes longer.
        joined = b''.join(payloads)
        address = _address(joined)
        topic_address, topic_size = (0, 0) if topic is None else (_address(topic), len(topic))
        fields = []
        for packed in payloads:
            size = len(packed)
            fields += topic_address, topic_size, address, size
            address += size
        fields = (ctypes.c_size_t * len(fields))(*fields)
        sent, count, now, result = 0, len(payloads), ctypes.c_size_t(), 0
        try:
            if len(joined) <= self._fragment:
                result = self._publish_many(self._token, ctypes.cast(fields, _ITEMS), count,
                                            ctypes.byref(now), _NOT_AT_ALL, _errors.pointer)
                sent = now.value
            while result in _NOT_YET:
                result = self._publish_many_waiting(
                    self._token, _items_from(fields, sent), count - sent, ctypes.byref(now),
                    longest_wait(), _errors.pointer)
                sent += now.value
            self._finish(result)
        except BaseException as error:
            error.sent = sent - (result == constants.MCL_LEAVING)
            raise

    def _finish(self, result):
        """Wait for what a publish has left behind, and raise its error."""
        if result == constants.MCL_LEAVING:
            self.flush()
        elif result < 0:
            self.check()
            check_broadcaster(result, _errors.error)

    def flush(self):
        """Send what waits to be coalesced, and wait for what leaves by itself."""
        self.check()
        flush, result = self._library.blocking.mcl_broadcaster_flush_within, 0
        while result in _NOT_YET:
            result = flush(self._token, longest_wait(), _errors.pointer)
        self._checked(result, _errors.error)

    def stats(self):
        """The counters, as a dict; the final ones when it is closed."""
        if self.closed and self._final is not None:
            return dict(self._final)
        self.check()
        return self._read_stats()

    def _read_stats(self):
        stats = _native.BroadcasterStats()
        self._call(self._library.quick.mcl_broadcaster_get_stats, self._token, ctypes.byref(stats))
        return {name: int(getattr(stats, name))
                for name, _ in _native.BroadcasterStats._fields_[1:]}

    def close(self):
        """Close it; returns False when it was closed already, or belongs to another process."""
        if not is_alive(self):
            return False
        try:
            self._final = self._read_stats()
        except ClosedError:
            return False  # by another thread
        # What waits to be coalesced is sent; who wants to know whether it left calls `flush`.
        close = self._library.blocking.mcl_broadcaster_close
        return self._close_by(lambda: close(self._token)) is not None


class ListenerHandle(Handle):
    """An open listener.

    Args:
        connection (_native.Connection): where.
        topics (list of bytes): deliver these only; empty: all.
        options (dict): fields of _native.ListenerOptions.
    """

    _TOKEN = _native.Listener
    _SETTINGS = 'mcl_listener_get_settings'

    def __init__(self, connection, topics, options, where):
        super(ListenerHandle, self).__init__(where)
        self.closed = True
        native = _native.ListenerOptions(**options)
        if topics:
            native.topics = (ctypes.c_char_p * len(topics))(*topics)
            native.topic_sizes = (ctypes.c_size_t * len(topics))(*[len(topic) for topic in topics])
            native.topic_count = len(topics)
        check_listener(self._library.blocking.mcl_listener_open(
            ctypes.byref(connection), ctypes.byref(native), ctypes.byref(self._token),
            _errors.pointer), _errors.error)
        self.closed = False
        self._wait = self._library.blocking.mcl_listener_wait

    def wait(self, milliseconds):
        """Wait for a message, for ever when `milliseconds` < 0; the interpreter lock is given up.

        Returns:
            int: 1, 0 when the time is over, or MCL_EINTR when a signal handler ran.
        """
        result = self._wait(self._token, milliseconds, _errors.pointer)
        return result if result == constants.MCL_EINTR else check(result, _errors.error)

    def taking(self, waits, milliseconds, hand, error):
        """Return a function that calls mcl_listener_take with these, which are of ctypes' types.

        Args:
            waits (bool): give up the interpreter lock.
        """
        take = self._library.take_waiting if waits else self._library.take
        return functools.partial(take, self._token, milliseconds, hand, error)

    def settle(self, hand, delivered):
        """mcl_listener_settle: what is not delivered is queued again."""
        self._call(self._library.quick.mcl_listener_settle, self._token, hand, delivered, 0)

    def fileno(self):
        """A descriptor that polls readable while messages are queued."""
        self.check()
        return self._call(self._library.quick.mcl_listener_fd, self._token)

    def stats(self):
        """The counters, as a dict; the final ones when it is closed."""
        if self._final is not None:
            return listener_counters(self._library, *self._final)
        self.check()
        stats = _native.ListenerStats()
        self._call(self._library.quick.mcl_listener_get_stats, self._token, ctypes.byref(stats))
        return listener_counters(self._library, stats)

    def abandon(self):
        """Close it, too: the interpreter exits."""
        return self.close()

    def close(self):
        """Close it and wake who waits; False when it was closed, or is of another process."""
        stats, close = _native.ListenerStats(), self._library.blocking.mcl_listener_close
        return self._close_by(lambda: close(self._token, ctypes.byref(stats)), stats) is not None


def listener_counters(library, stats):
    """Return _native.ListenerStats as a dict; `malformed` is a dict by cause."""
    counters = {name: int(getattr(stats, name))
                for name, _ in _native.ListenerStats._fields_[1:-1]}
    name = library.quick.mcl_malformed_name
    counters['malformed'] = {str(name(cause).decode('ascii')): int(stats.malformed[cause])
                             for cause in range(constants.MCL_MALFORMED_COUNT)}
    return counters

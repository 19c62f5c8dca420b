"""Messages over IPv6 UDP multicast, by the native library.

The library is loaded when the first broadcaster or listener is opened, never at import.
"""
import numbers
import os
import threading

from mcl import _constants as constants
from mcl import _native
from mcl._compat import is_integer, string_types, text_type
from mcl._hand import Hand
from mcl._handles import BroadcasterHandle, ListenerHandle, check_setting
from mcl.codec import encode_topic, pack
from mcl.errors import AddressError, AddressInfoError, ForkError
from mcl.network import abstract
from mcl.network._limits import check_decode, native_limits
from mcl.network._receiving import Receiving, Source

__all__ = ['ALLOWED_MULTICAST_HOPS', 'Connection', 'MTU', 'MTU_MAX', 'READ_TIMEOUT',
           'RawBroadcaster', 'RawListener', 'UDP_PORT']

UDP_PORT = constants.MCL_PORT_DEFAULT
MTU_MAX = constants.MCL_FRAGMENT_SIZE_MAX  # bytes: no legacy process reads a larger datagram
READ_TIMEOUT = 200  # milliseconds between looks at a flag in the legacy system; nothing here polls

# A program may assign to these two.

# Bytes of a fragment of a large message, and of the largest datagram with a whole one; read by each
# publish.
MTU = constants.MCL_FRAGMENT_SIZE
# The hop limit of what is sent on connections that do not have `hops`; read when a broadcaster
# opens. In place of 3, the environment may name another one, as MCL_HOPS.
ALLOWED_MULTICAST_HOPS = constants.MCL_HOPS_DEFAULT


class RawBroadcaster(abstract.RawBroadcaster):
    """Publishes any data on a `udp.Connection`. Opens at once, and is a context manager.

    It may be used from any thread, and in a child made by fork(): there it opens itself again at
    its first use, apart from the parent's.

    Args:
        connection (Connection): where to publish.
        topic (str): the default topic; None: none.
        coalesce (float): seconds, up to 1, for which a small message may wait for others, so that
            they leave together at a fraction of the cost. 0: none waits. What waits is sent when
            that time is over, when 64 messages or 60,000 bytes wait, by `flush`, and by `close`. An
            error in sending it is counted, and raised by the next `publish`, which then sends
            nothing, or by `flush`.

    Raises:
        TypeError: an argument is of another type.
        ValueError: `coalesce` is out of its range.
        IOError: it cannot be opened (bad address, an option out of its range); the text says why.
            A missing route or interface is only noticed by `publish`: it may appear later.
    """

    def __init__(self, connection, topic=None, coalesce=0):
        _check_connection(connection)
        super(RawBroadcaster, self).__init__(connection, topic)
        self._options = {'coalesce_us': _microseconds(coalesce)}
        self._handle = None
        self._default_topic = None if topic is None else encode_topic(topic)
        self._open()

    def __reduce_ex__(self, protocol):
        # By copy.copy() too; what that made would share the native broadcaster.
        raise TypeError("a broadcaster cannot be copied or pickled: open another on its connection")

    @property
    def is_open(self):
        """bool: True until it is closed."""
        return self._handle is not None and not self._handle.closed

    def _open(self):
        """Open again after `close`; return True, or False when it is open already."""
        if self.is_open:
            return False
        self._native = self.connection._native(AddressInfoError, _allowed_hops())
        self._handle = self._new_handle()
        return True

    def _new_handle(self):
        handle = BroadcasterHandle(self._native, self._options,
                                   "the broadcaster on " + _where(self.connection))
        handle.follow_mtu(MTU, 0)  # also for a replay, which publishes by this handle
        return handle

    def _handle_here(self):
        """Return the handle, opened again if this is a child of the process that opened it."""
        if self._is_of_parent():
            with _locks.setdefault(os.getpid(), threading.Lock()):
                if self._is_of_parent():
                    self._handle = self._new_handle()
        return self._handle

    def _is_of_parent(self):
        return self._handle.pid != os.getpid() and not self._handle.closed

    def publish(self, data, topic=None):
        """Publish one object; it has left for the kernel when this returns.

        It waits while the kernel takes no more, and other threads run. A signal that comes
        meanwhile, Ctrl-C too, is handled at once. If its handler raises, nothing was published,
        save that what has begun to leave of a large message leaves as a whole, unless it is closed.

        Args:
            data: any object that msgpack can pack; see `mcl.codec` for strings.
            topic (str): takes the place of the default topic, unless None.

        Raises:
            TypeError: the topic is no string.
            TypeError, ValueError, OverflowError: `data` cannot be packed, is larger than the
                connection's `message_max` or `objects_max`, or has a dict whose keys' hashes are
                nearly all alike (hundreds of NaN), which listeners refuse.
            IOError: it is closed, the network cannot carry it now, or the system failed.

        In all these cases nothing was published, save that a part of a large message may have gone
        out when the system failed; listeners drop that.
        """
        packed = pack(data)
        topic = self._default_topic if topic is None else self._topic(topic)
        try:
            return self._handle.publish(topic, packed, MTU)
        except ForkError:
            pass
        return self._handle_here().publish(topic, packed, MTU)

    def publish_many(self, data, topic=None):
        """Publish several objects in order, in few pieces: many times faster than one by one.

        Ctrl-C while they are packed ends it, and none is published. Other threads run while it
        waits, and signals are handled, as in `publish`.

        Args:
            data (iterable): the objects; see `publish`.
            topic (str): takes the place of the default topic, unless None.

        Raises:
            What `publish` raises. An error of the network, and what a signal's handler raises
            meanwhile, has an attribute `sent`: how many of the objects were published, from the
            first on. In all other cases none was.
        """
        packed = [pack(each) for each in data]
        self._handle_here().publish_many(self._topic(topic), packed, MTU)

    def _topic(self, topic):
        """Return the bytes of what a call gave."""
        if topic is None:
            return self._default_topic
        if isinstance(topic, string_types):
            return encode_topic(topic)
        return abstract.check_topic(topic)

    def flush(self):
        """Send what waits to be coalesced; raises IOError when that, or an earlier one, failed.

        Other threads run while it waits, and signals are handled.
        """
        self._handle_here().flush()

    def close(self):
        """Close; True, or False when closed already.

        A publish that waits on another thread raises ClosedError. What waits to be coalesced is
        sent, within a second. Signals are handled when it returns.
        """
        if self._is_of_parent():
            self._handle.closed = True  # for this process; nothing is open here
            return True
        return self._handle.close()

    def stats(self):
        """Return the counters since it was opened, as a dict of int.

        `messages` published whole, `datagrams` and `bytes` handed to the kernel, and `send_errors`:
        publishes that failed while sending. Once it is closed, those of the moment before.
        """
        return self._handle_here().stats()

    def settings(self):
        """Return what was asked for and granted, as a dict of int: mcl_settings in mcl.h."""
        return self._handle_here().settings()


# What the thread for callbacks has in hand comes on top of the native queue's limits. It is a
# sixteenth of them at most: so few that they hold, and so many that a call a batch costs little.
# Below 32 messages it is one at a time, and the limit is exact.
_SHARE, _MOST = 16, 64

# One a process: the parent's may be held, for ever, by a thread that fork() did not copy.
_locks = {}


class RawListener(Receiving, abstract.RawListener):
    """Receives data from a `udp.Connection`. Opens at once, and is a context manager.

    Callbacks get a dict: `topic` (str or None) and `payload`. They run on one daemon thread of this
    listener, one at a time, in order of arrival, and may close, subscribe and unsubscribe. While
    one runs, what arrives waits in the kernel's buffer (`recv_buffer` of the connection);
    `mcl.QueuedListener` receives meanwhile. What waits when the first callback is subscribed is
    discarded; what waits when the last one is unsubscribed stays. Instead of subscribing, a program
    may iterate (`for data in listener:`) or call `receive`.

    Data that Python cannot hold (a map with a list as its key) is reported on stderr, about once a
    second.

    In a child made by fork() it raises ForkError, and the child opens its own. A child that a
    callback makes ends when it returns from that callback, with status 0, or raises, with 1 or the
    status of `sys.exit`.

    Args:
        connection (Connection): where to listen.
        topics (str or collection of str): receive these topics only; None or an empty one: all, and
            what has no topic.
        max_messages (int): messages that may be queued, once they are read; None: 262144.
        max_bytes (int): bytes of them; None: 256 MiB.
        policy (str): what goes beyond that: 'drop_oldest' (default), 'drop_newest', or 'block',
            which leaves it to the kernel's buffer. All are counted in `stats()`. For callbacks, up
            to a sixteenth of the limits, and 64 messages, may wait on top of them.
        decode (bool): False: payloads are not decoded, but memoryviews of their msgpack, which stay
            as they are for as long as they are kept.

    Raises:
        TypeError: an argument is of another type.
        IOError: it cannot be opened; the text says why.
    """

    def __init__(self, connection, topics=None, max_messages=None, max_bytes=None, policy=None,
                 decode=True):
        _check_connection(connection)
        check_decode(decode)
        super(RawListener, self).__init__(connection, topics)
        self._limits = native_limits(max_messages, max_bytes, policy)
        self._decode = decode
        self._open()

    @property
    def is_open(self):
        """bool: True until it is closed; False in a child made by fork()."""
        return self._is_open()

    def _new_source(self):
        return open_source(self.connection, self._topic_names, self._limits, self._decode)


class _Option(object):
    """A read-only attribute of a connection, None unless it was given."""

    def __init__(self, name):
        self._name = name

    def __get__(self, instance, owner=None):
        return None if instance is None else vars(instance).get(self._name)

    def __set__(self, instance, value):
        raise AttributeError("the option %s of a connection cannot be changed: make another one by"
                             " _replace(%s=...)" % (self._name, self._name))

    def __delete__(self, instance):
        self.__set__(instance, None)


class Connection(abstract.Connection):
    """An IPv6 multicast address and a UDP port, and optionally how to use them.

    Its fields are `url` and `port`: two connections are equal when these are, `str`, iteration and
    indexing give these. The options are attributes as well, None when they are left to their
    defaults. Immutable; may be used from any thread and after fork(), pickled and sent to other
    processes.

    Args:
        url (str): such as 'ff15::1'; 'ff12::1%eth0' names an interface. Checked when something is
            opened on it.
        port (int): 1024 to 65535.
        interface (str): name, also of one that appears later, or decimal index. Default: the system
            chooses by its routing table.
        hops (int): routers it may pass, 1 to 255; 0: it does not leave this host. Default: 3.
        loopback (bool): do listeners on this host receive it. Default: True.
        recv_buffer (int): bytes of socket buffer to ask for, for listeners. Default: 4 MiB.
        send_buffer (int): the same for broadcasters. Default: what the system gives.
        message_max (int): bytes of the largest packed payload sent or received. Default: 64 MiB; 1
            GiB at most.
        objects_max (int): most objects of a payload sent or received: each key, value, list and
            dict counts. It bounds the memory that a message takes when it is decoded, which may be
            a hundred times its bytes. Default: any number.
        reassembly_bytes (int): bytes that incomplete messages may hold. Default: 256 MiB.
        reassembly_age_ms (int): milliseconds after which an incomplete message is given up.
            Default: 5000.

    Raises:
        TypeError: an argument is of another type, or the port out of its range.
        ValueError: an option is no number that the library takes. Its own range is checked when
            something is opened on it.
    """

    mandatory = ('url',)
    optional = {'port': UDP_PORT}
    broadcaster = RawBroadcaster
    listener = RawListener

    # The options that are numbers, and their ranges.
    _NUMBERS = {
        'hops': (0, constants.MCL_HOPS_MAX),
        'recv_buffer': (1, constants.MCL_BUFFER_LIMIT),
        'send_buffer': (1, constants.MCL_BUFFER_LIMIT),
        'message_max': (1, constants.MCL_MESSAGE_MAX_LIMIT),
        'objects_max': (1, constants.MCL_MESSAGE_MAX_LIMIT),
        'reassembly_bytes': (1, constants.MCL_REASSEMBLY_BYTES_LIMIT),
        'reassembly_age_ms': (1, constants.MCL_REASSEMBLY_AGE_MS_LIMIT),
    }

    def __new__(cls, url, port=UDP_PORT, **options):
        if not isinstance(url, string_types):
            raise TypeError("the url of a connection must be a string, not %r" % (url,))
        if not is_integer(port):
            raise TypeError("the port of a connection must be an integer, not %r" % (port,))
        if not constants.MCL_PORT_MIN <= port <= constants.MCL_PORT_MAX:
            raise TypeError("the port of a connection must be %d to %d, not %r"
                            % (constants.MCL_PORT_MIN, constants.MCL_PORT_MAX, port))
        self = super(Connection, cls).__new__(cls, url, port)
        # Past _Option, which keeps everybody else from changing a connection.
        vars(self).update((name, cls._checked(name, value)) for name, value in options.items()
                          if value is not None)
        return self

    interface, hops, loopback, recv_buffer, send_buffer = map(
        _Option, ['interface', 'hops', 'loopback', 'recv_buffer', 'send_buffer'])
    message_max, objects_max, reassembly_bytes, reassembly_age_ms = map(
        _Option, ['message_max', 'objects_max', 'reassembly_bytes', 'reassembly_age_ms'])

    @classmethod
    def _is_option(cls, name):
        return name in ('interface', 'loopback') or name in cls._NUMBERS

    @classmethod
    def _checked(cls, name, value):
        if not cls._is_option(name):
            raise TypeError("a connection has no option %r" % name)
        if name == 'interface' and not isinstance(value, string_types):
            raise TypeError("the interface of a connection must be a string, not %r" % (value,))
        if name == 'loopback' and not isinstance(value, bool):
            raise TypeError("loopback must be True or False, not %r" % (value,))
        if name in cls._NUMBERS:
            if not is_integer(value):
                raise TypeError("%s must be an integer, not %r" % (name, value))
            # ctypes would cut it down to the width of the C field, in silence.
            field = getattr(_native.Connection, name)
            if not 0 <= value < 1 << (8 * field.size - 1):
                raise ValueError("%s must be %d to %d, not %r"
                                 % ((name,) + cls._NUMBERS[name] + (value,)))
        return value

    def _options(self):
        return {name: value for name, value in vars(self).items() if self._is_option(name)}

    def _native(self, error=AddressError, hops=None):
        """Return it as _native.Connection.

        Args:
            error (type): of an address that C cannot have.
            hops (int): where it has none of its own.
        """
        options = self._options()
        if hops is not None:
            options.setdefault('hops', hops)
        native = _native.Connection(url=_text('url', self.url, error), port=self.port)
        if 'interface' in options:
            native.interface_ = _text('interface', options.pop('interface'), error)
        if 'loopback' in options:
            native.loopback = constants.MCL_ON if options.pop('loopback') else constants.MCL_OFF
        if options.get('hops') == 0:  # 0 is the default in C
            options['hops'] = constants.MCL_HOPS_HOST
        for name, value in options.items():
            setattr(native, name, value)
        return native


def _allowed_hops():
    """Return ALLOWED_MULTICAST_HOPS where a program has set it, else None."""
    if ALLOWED_MULTICAST_HOPS == constants.MCL_HOPS_DEFAULT:
        return None
    check_setting('ALLOWED_MULTICAST_HOPS', ALLOWED_MULTICAST_HOPS, 0, constants.MCL_HOPS_MAX)
    return ALLOWED_MULTICAST_HOPS


def _text(name, value, error):
    value = value.encode('utf-8') if isinstance(value, text_type) else value
    if b'\0' in value:  # where C would see its end
        raise error("a connection's %s cannot hold a NUL: %r" % (name, value),
                    constants.MCL_EADDRESS)
    return value


def _microseconds(seconds):
    if isinstance(seconds, bool) or not isinstance(seconds, numbers.Real):
        raise TypeError("coalesce must be a number of seconds, not %r" % (seconds,))
    most = constants.MCL_COALESCE_US_MAX / 1e6
    if not 0 <= seconds <= most:
        raise ValueError("coalesce must be 0 to %g seconds, not %r" % (most, seconds))
    return int(seconds * 1e6 + 0.5) or (1 if seconds else 0)


def _where(connection):
    return "%s port %d" % (connection.url, connection.port)


def open_source(connection, topics, limits, decode):
    """Open a native listener.

    Args:
        topics (tuple of str): deliver these only; empty: all.
        limits (dict): as native_limits gives them.
    """
    handle = ListenerHandle(connection._native(), [encode_topic(topic) for topic in topics], limits,
                            "the listener on " + _where(connection))
    limit = limits['queue_messages'] or constants.MCL_QUEUE_MESSAGES_DEFAULT
    # A Hand keeps the handle, and the library's memory, only as long as the source does.
    return Source(handle, lambda most: Hand(handle, most, decode),
                  max(1, min(_MOST, limit // _SHARE)))


def _check_connection(connection):
    if not isinstance(connection, Connection):
        raise TypeError("'connection' must be an instance of mcl.network.udp.Connection, not %r"
                        % (connection,))

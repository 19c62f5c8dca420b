"""Broadcasters and listeners for any transport, for raw data and for messages."""
import datetime

from mcl._compat import PY2
from mcl._queue import Queue
from mcl._report import Misfits
from mcl._short import short
from mcl.codec import encode_topic
from mcl.messages.messages import Message
from mcl.network import udp
from mcl.network._limits import check_decode, check_limits, native_limits
from mcl.network._receiving import Receiving, Source
from mcl.network.abstract import Connection
from mcl.network.abstract import RawListener as AbstractRawListener

__all__ = ['MessageBroadcaster', 'MessageListener', 'QueuedListener', 'RawBroadcaster',
           'RawListener', 'TIMEOUT']

TIMEOUT = 10  # seconds that the legacy system waits for a process to begin; nothing here does

_EPOCH = datetime.datetime(1970, 1, 1)


def RawBroadcaster(connection, topic=None, **options):
    """Return an open broadcaster of any data: an instance of the connection's own class.

    Args:
        connection (Connection): where to publish; see `mcl.network.udp.RawBroadcaster` for UDP.
        topic (str): the default topic; None: none.
        options: further arguments of the connection's own class.

    Raises:
        TypeError: `connection` is no Connection instance, or `topic` no string.
        IOError: it cannot be opened.
    """
    _check_connection(connection)
    return connection.broadcaster(connection, topic=topic, **options)


def RawListener(connection, topics=None, **options):
    """Return an open listener for any data: an instance of the connection's own class.

    Args:
        connection (Connection): where to listen; see `mcl.network.udp.RawListener` for UDP.
        topics (str or collection of str): receive these topics only; None or an empty one: all.
        options: further arguments of the connection's own class.

    Raises:
        TypeError: `connection` is no Connection instance, or `topics` something else.
        IOError: it cannot be opened.
    """
    _check_connection(connection)
    return connection.listener(connection, topics=topics, **options)


class MessageBroadcaster(object):
    """Publishes messages of one type.

    What is made is an instance of the connection's own broadcaster class as well, and has all that
    one has. What that says of threads and fork() is true of this: see `udp.RawBroadcaster`.

    Args:
        message (type): a subclass of Message; its connection says where to publish.
        topic (str): the default topic; None: none.
        options: further arguments of the connection's own broadcaster class.

    Raises:
        TypeError: `message` is no subclass of Message, or `topic` no string.
        IOError: it cannot be opened.
    """

    def __new__(cls, message, topic=None, **options):
        _check_message_type(message)
        return object.__new__(_bound(cls, message, message.connection.broadcaster))

    def __init__(self, message, topic=None, **options):
        super(MessageBroadcaster, self).__init__(message.connection, topic=topic, **options)

    def publish(self, message, topic=None):
        """Publish a message, with `topic` in place of the default one unless it is None.

        On UDP, signals are handled while it waits: see `udp.RawBroadcaster.publish`.

        Raises:
            TypeError: it is no instance of the message type, or `topic` no string.
            IOError: closed, or it cannot be sent.
        """
        _check_message(message, self.message_type)
        return super(MessageBroadcaster, self).publish(message, topic=topic)

    def publish_many(self, messages, topic=None):
        """Publish several messages in order, as the connection's own class does.

        On UDP, signals are handled while it waits: see `udp.RawBroadcaster.publish_many`.

        Raises:
            TypeError: one is no instance of the message type, or `topic` no string. None was sent.
            IOError: closed, or one cannot be sent; its attribute `sent` is how many were.
        """
        messages = list(messages)
        for message in messages:
            _check_message(message, self.message_type)
        return super(MessageBroadcaster, self).publish_many(messages, topic=topic)


class _MessageReceiving(object):
    """Mixin: makes messages of the payloads. For classes with an attribute `message_type`."""

    def __init__(self, *args, **kwargs):
        self._misfits = Misfits()
        super(_MessageReceiving, self).__init__(*args, **kwargs)

    def _accept(self, data):
        """Return `data` with its payload as a message. None, and say why, when it does not fit."""
        kind = self.message_type
        try:
            payload = data['payload']
            if isinstance(payload, kind):
                return data
            if not PY2 and isinstance(payload, str):
                payload = encode_topic(payload)  # of a Python 2 process: perhaps a packed message
            return dict(data, payload=kind(payload))
        except Exception as error:  # pylint: disable=broad-except
            # Of any kind: a type may have an __init__ of its own.
            self._misfits("data on %r is no %s" % (self.connection, kind.__name__),
                          "%s: %s" % (type(error).__name__, error))
            return None

    def __trigger__(self, data):
        data = self._accept(data)
        if data is None:
            return False
        return super(_MessageReceiving, self).__trigger__(data)

    _plain_trigger = staticmethod(__trigger__)


class MessageListener(_MessageReceiving):
    """Receives messages of one type: callbacks get `{'topic': ..., 'payload': message}`.

    What is made is an instance of the connection's own listener class as well, and has all that one
    has. What that says of threads and fork() is true of this: see `udp.RawListener`. Data that does
    not fit the type is not delivered; it is counted, and reported on stderr, about once a second.

    Args:
        message (type): a subclass of Message; its connection says where to listen.
        topics (str or collection of str): receive these topics only; None or an empty one: all.
        options: further arguments of the connection's own listener class.

    Raises:
        TypeError: `message` is no subclass of Message, or `topics` something else.
        IOError: it cannot be opened.
    """

    def __new__(cls, message, topics=None, **options):
        _check_message_type(message)
        return object.__new__(_bound(cls, message, message.connection.listener))

    def __init__(self, message, topics=None, **options):
        check_decode(options.get('decode', True), message)
        super(MessageListener, self).__init__(message.connection, topics=topics, **options)


class QueuedListener(_MessageReceiving, Receiving, AbstractRawListener):
    """Receives apart from the callbacks and queues, so that a slow callback loses nothing.

    Callbacks get a dict: `topic` (str or None), `payload`, and `time_received`, a naive UTC
    datetime of when the data was received. They run on one daemon thread of this listener, one at a
    time, in order of arrival, and may close, subscribe and unsubscribe. Instead of subscribing, a
    program may iterate (`for data in listener:`) or call `receive`. It is a context manager, and
    may be used from any thread. In a child made by fork() it raises ForkError.

    Args:
        connection (Connection or type): where to listen, or a subclass of Message: then `payload`
            is a message, and data that does not fit is reported on stderr in its stead.
        topics (str or collection of str): receive these topics only; None or an empty one: all, and
            what has no topic.
        open_init (bool): open at once. False: see only, on UDP, that it could be opened.
        max_messages (int): messages that may wait; None: 262144.
        max_bytes (int): bytes of them; None: 256 MiB. Not for transports written in Python.
        policy (str): what happens to messages beyond that: 'drop_oldest' (the default),
            'drop_newest', or 'block', which stops receiving. What is lost is counted in `stats()`.
            On UDP, up to a sixteenth of the limits, and 64 messages, may wait on top of them.
        decode (bool): False: payloads are memoryviews of their msgpack, as `udp.RawListener` gives
            them. Not for messages, nor for transports written in Python.

    Raises:
        TypeError: `connection` is neither, or another argument is of another type.
        ValueError: a limit or the policy is none.
        IOError: it cannot be opened.
    """

    def __init__(self, connection, topics=None, open_init=True, max_messages=None, max_bytes=None,
                 policy=None, decode=True):
        self.message_type = None
        if _is_message_type(connection):
            self.message_type, connection = connection, connection.connection
        elif not isinstance(connection, Connection):
            raise TypeError("a QueuedListener needs a Connection instance or a subclass of Message,"
                            " not %r" % (connection,))
        check_limits(max_messages, max_bytes, policy)
        check_decode(decode, self.message_type)
        self._limits = max_messages, max_bytes, policy
        self._decode = decode
        super(QueuedListener, self).__init__(connection, topics)
        if open_init:
            self.open()
        elif connection.listener is udp.RawListener:
            self._new_source().close()  # raises what `open` would

    # A method here, although a property elsewhere: so it is in the legacy API.
    def is_open(self):
        """Return True while it is open; False in a child made by fork()."""
        return self._is_open()

    def open(self):
        """Open; return True, or False when it is open already. Raises IOError when it cannot."""
        return self._open()

    def _new_source(self):
        connection, (max_messages, max_bytes, policy) = self.connection, self._limits
        if connection.listener is udp.RawListener:
            limits = native_limits(max_messages, max_bytes, policy, queued=True)
            return udp.open_source(connection, self._topic_names, limits, self._decode)
        if not self._decode:
            raise TypeError("%r decodes what it receives itself: leave decode out" % (connection,))
        listener = connection.listener(connection, topics=self.topics)
        self._data = _with_time
        queue = Queue(listener, max_messages, policy)
        return Source(queue, queue.hand, 1)

    def _data(self, topic, payload, time):
        received = _EPOCH + datetime.timedelta(microseconds=time // 1000)
        return {'topic': topic, 'payload': payload, 'time_received': received}

    def _made_by(self):
        return self._data if self.message_type is None else self._prepared

    def _accept(self, data):
        return data if self.message_type is None else super(QueuedListener, self)._accept(data)


def _with_time(data, _, time):
    """Return what a callback gets for a dict that a transport's listener was triggered with."""
    return dict(data, time_received=_EPOCH + datetime.timedelta(microseconds=time // 1000))


def _bound(cls, message, transport):
    """Return a class that is both `cls` and the transport's, for one message type."""
    return type(transport)(cls.__name__, (cls, transport), {
        'message_type': message, '__doc__': cls.__doc__, '__module__': cls.__module__})


def _check_connection(connection):
    if not isinstance(connection, Connection):
        raise TypeError("'connection' must be an instance of a Connection class, not %r"
                        % (connection,))


def _is_message_type(value):
    return isinstance(value, type) and issubclass(value, Message) and value is not Message


def _check_message(message, message_type):
    if not isinstance(message, message_type):
        raise TypeError("this broadcaster publishes %s only, not %r"
                        % (message_type.__name__, short(message)))


def _check_message_type(message):
    if not _is_message_type(message):
        raise TypeError("a subclass of Message is needed, not %r" % (message,))

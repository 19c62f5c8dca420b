"""Base classes for a user's own transport; the one that comes along is `mcl.network.udp`.

A transport is three classes::

    class Broadcaster(abstract.RawBroadcaster):
        ...                             # is_open, _open, publish, close

    class Listener(abstract.RawListener):
        ...                             # is_open, _open, close; calls self.__trigger__(data)

    class Connection(abstract.Connection):
        mandatory = ('address',)
        optional = {'speed': 9600}
        broadcaster = Broadcaster
        listener = Listener

Then `mcl.RawBroadcaster`, `mcl.RawListener`, `mcl.MessageBroadcaster`, `mcl.MessageListener` and
`mcl.QueuedListener` work on its connections.
"""
import abc

from mcl._compat import metaclass, string_types
from mcl._report import is_interrupt, report_callback
from mcl.event.event import Event
from mcl.network._connection import Connection, register_bases

__all__ = ['Connection', 'RawBroadcaster', 'RawListener']


@metaclass(abc.ABCMeta)
class _Endpoint(object):
    """What broadcasters and listeners share: a connection, and being a context manager."""

    def _set_connection(self, connection):
        if not isinstance(connection, Connection):
            raise TypeError("'connection' must be an instance of a Connection class, not %r"
                            % (connection,))
        self.__connection = connection

    @property
    def connection(self):
        """Connection: where this broadcaster publishes, or this listener listens. Read-only."""
        return self.__connection

    @property
    @abc.abstractmethod
    def is_open(self):
        """bool: can it publish, or does it receive."""

    @abc.abstractmethod
    def _open(self):
        """Open; return True, or False when it is open already. Raises IOError when it cannot."""

    @abc.abstractmethod
    def close(self):
        """Close; return True, or False when it is closed already."""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class RawBroadcaster(_Endpoint):
    """Publishes any data on a connection.

    A transport's class calls this one's `__init__` and then opens itself by `_open()`.

    Args:
        connection (Connection): where to publish.
        topic (str): the default topic; None: none.

    Raises:
        TypeError: `connection` is no Connection instance, or `topic` neither None nor a string.
    """

    def __init__(self, connection, topic=None):
        super(RawBroadcaster, self).__init__()
        self._set_connection(connection)
        self.__topic = check_topic(topic)

    @property
    def topic(self):
        """str or None: the default topic. Read-only."""
        return self.__topic

    @abc.abstractmethod
    def publish(self, data, topic=None):
        """Publish `data`, with `topic` in place of the default one unless it is None."""

    def publish_many(self, data, topic=None):
        """Publish several objects in order. A transport that can do better than one by one does so.

        Args:
            data (iterable): the objects.
            topic (str): takes the place of the default topic, unless None.

        Raises:
            What `publish` raises, with an attribute `sent`: how many of the objects were published.
        """
        sent = 0
        try:
            for each in data:
                self.publish(each, topic=topic)
                sent += 1
        except Exception as error:
            error.sent = sent
            raise


class RawListener(_Endpoint, Event):
    """Receives data from a connection, and calls its callbacks with each.

    A transport's class calls this one's `__init__`, opens itself by `_open()`, and calls
    `self.__trigger__({'topic': ..., 'payload': ...})` for what it receives, from one thread at a
    time.

    Args:
        connection (Connection): where to listen.
        topics (str or list of str): receive these topics only; None: all, and what has no topic.

    Raises:
        TypeError: `connection` is no Connection instance, or `topics` something else.
    """

    def __init__(self, connection, topics=None):
        super(RawListener, self).__init__()
        self._set_connection(connection)
        self.__topics = check_topics(topics)

    @property
    def topics(self):
        """None, str or list of str: the topics, as given. Read-only."""
        return self.__topics

    def _is_of_parent(self):
        """Is this a child made by fork(), which has the listener of its parent?"""
        return False

    def __trigger__(self, *args, **kwargs):
        """Call every callback. One that raises is reported on stderr, and the others go on.

        That holds for whatever is raised: `sys.exit()` in a callback ends nothing, and neither does
        KeyboardInterrupt, except on the main thread, where it may be Ctrl-C.
        """
        for callback in self._subscribers():
            try:
                callback(*args, **kwargs)
            except:  # noqa: E722  (Python 2 raises classes too that derive from nothing)
                if is_interrupt() or self._is_of_parent():
                    raise
                report_callback(callback)


def check_topic(topic):
    """Return `topic`, or raise TypeError when it is neither None nor a string."""
    if topic is not None and not isinstance(topic, string_types):
        raise TypeError("a topic must be None or a string, not %r" % (topic,))
    return topic


def check_topics(topics):
    """Return `topics`, or raise TypeError when it is not None, a string or a list of strings."""
    if topics is None or isinstance(topics, string_types):
        return topics
    if isinstance(topics, list) and all(isinstance(topic, string_types) for topic in topics):
        return topics
    raise TypeError("topics must be None, a string or a list of strings, not %r" % (topics,))


register_bases(RawBroadcaster, RawListener)

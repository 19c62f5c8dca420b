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

from mcl._compat import abstract_property, metaclass, string_types
from mcl._report import is_interrupt, report_callback
from mcl._strings import strings
from mcl.event.event import Event
from mcl.network._connection import Connection

__all__ = ['Connection', 'RawBroadcaster', 'RawListener']


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

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


@metaclass(abc.ABCMeta)
class RawBroadcaster(_Endpoint):
    """Publishes any data on a connection.

    A transport's class calls this one's `__init__` and then opens itself by `_open()`. It must
    define `is_open`, `_open`, `publish` and `close`.

    Args:
        connection (Connection): where to publish.
        topic (str): the default topic; None: none.

    Raises:
        TypeError: `connection` is no Connection instance, or `topic` neither None nor a string.
    """

    _mcl_role = 'broadcaster'

    def __init__(self, connection, topic=None):
        super(RawBroadcaster, self).__init__()
        self._set_connection(connection)
        self.__topic = check_topic(topic)

    @property
    def topic(self):
        """str or None: the default topic. Read-only."""
        return self.__topic

    @abstract_property
    def is_open(self):
        """bool: can it publish."""

    @abc.abstractmethod
    def _open(self):
        """Open; return True, or False when it is open already. Raises IOError when it cannot."""

    @abc.abstractmethod
    def publish(self, data, topic=None):
        """Publish `data`, with `topic` in place of the default one unless it is None.

        A transport's method may call this one, by super(), to raise TypeError for a topic that is
        neither None nor a string.
        """
        check_topic(topic)

    @abc.abstractmethod
    def close(self):
        """Close; return True, or False when it is closed already."""

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
    time. It defines `is_open`, `_open` and `close`, as far as it has them.

    Args:
        connection (Connection): where to listen.
        topics (str or collection of str): receive these topics only; None or an empty one: all, and
            what has no topic.

    Raises:
        TypeError: `connection` is no Connection instance, or `topics` something else.
    """

    _mcl_role = 'listener'

    def __init__(self, connection, topics=None):
        super(RawListener, self).__init__()
        self._set_connection(connection)
        # An empty tuple stands for all.
        self._topic_names = () if topics == '' else strings('topics', topics)
        self.__topics = topics

    @property
    def topics(self):
        """None, str or collection of str: the topics, as given. Read-only."""
        return self.__topics

    @property
    def is_open(self):
        """bool: does it receive."""
        return False

    def _open(self):
        """Open; return True, or False when it is open already. Raises IOError when it cannot."""
        return False

    def close(self):
        """Close; return True, or False when it is closed already."""
        return False

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

"""The legacy API, in its order: what its users' programs rely on and the other tests do not cover.

Each part begins with where the rest of it is tested.
"""

import collections
import contextlib
import datetime
import threading

import pytest

import mcl
from helpers import PY2, TIMEOUT, Collector, plain_receiver, plain_sender, send, wait_for
from mcl import (
    Event,
    Message,
    MessageBroadcaster,
    MessageListener,
    QueuedListener,
    RawBroadcaster,
    RawListener,
    codec,
)
from mcl.messages.messages import get_message_objects, list_messages, remove_message_object
from mcl.network import abstract, network, udp
from mcl.network.udp import Connection
from test_transport import Broadcaster, Listener, Local


@pytest.fixture
def Pose(connection):
    return type(Message)('Pose', (Message,), {'mandatory': ('x', 'y'), 'connection': connection})


# ---- Modules and names ----
# All in test_names.py.


# ---- Event ----
# test_event.py has all but these.


def test_event_arguments_have_names():
    event = Event()
    assert event.subscribe(callback=len) is True
    assert event.is_subscribed(callback=len) is True
    assert event.num_subscriptions() == 1
    assert event.unsubscribe(callback=len) is True
    assert event.is_subscribed(callback=len) is False
    assert event.__trigger__('nobody') is None


def test_event_triggers_a_copy():
    """Who is unsubscribed by an earlier callback is called this last time."""
    event, calls = Event(), []

    def first():
        calls.append('first')
        event.unsubscribe(second)

    def second():
        calls.append('second')

    event.subscribe(first)
    event.subscribe(second)
    event.__trigger__()
    event.__trigger__()
    assert calls == ['first', 'second', 'first']


def test_event_calls_in_order_of_subscription():
    event, calls = Event(), []
    callbacks = [lambda number=number: calls.append(number) for number in range(20)]
    for callback in callbacks:
        event.subscribe(callback)
    event.unsubscribe(callbacks[0])
    event.subscribe(callbacks[0])
    event.__trigger__()
    assert calls == list(range(1, 20)) + [0]


# ---- Connection (abstract) and udp.Connection ----
# test_connection.py has all but these.


def test_connection_by_class_statement():
    class Serial(abstract.Connection):
        mandatory = (u'device', 'speed')
        optional = {u'parity': 'N'}
        broadcaster = Broadcaster
        listener = Listener

    serial = Serial('/dev/ttyS0', 9600, parity='E')
    assert (serial.device, serial.speed, serial.parity) == ('/dev/ttyS0', 9600, 'E')
    assert repr(serial) == "Serial(device='/dev/ttyS0', speed=9600, parity='E')"
    assert Serial.from_dict({u'device': 'a', u'speed': 1}) == Serial('a', 1)
    with pytest.raises(TypeError):

        class Unfinished(abstract.Connection):
            mandatory = ('device',)
            broadcaster = Broadcaster


@pytest.mark.parametrize(
    'connection',
    [
        Connection(u'ff15::1', 2000),
        Connection('ff15::1', port=2000),
        Connection(url='ff15::1', port=2000),
        Connection(port=2000, url=u'ff15::1'),
        Connection('ff15::1', int(2000) if not PY2 else eval('2000L')),
    ],
)
def test_udp_connection_arguments(connection):
    assert connection == Connection('ff15::1', 2000)
    assert connection.to_dict() == {'url': 'ff15::1', 'port': 2000}


# ---- Broadcasters ----
# test_udp.py and test_message_network.py (MessageBroadcaster) have all but these.


@pytest.mark.parametrize('module', [mcl, network, udp], ids=lambda module: module.__name__)
def test_raw_broadcaster_arguments(module, connection):
    make = module.RawBroadcaster
    for broadcaster, topic in (
        (make(connection), None),
        (make(connection, 'a'), 'a'),
        (make(connection, topic=u'a'), 'a'),
        (make(connection=connection, topic='a'), 'a'),
        (make(topic=None, connection=connection), None),
    ):
        with broadcaster, RawListener(connection) as listener:
            assert broadcaster.connection is connection and broadcaster.topic == topic
            broadcaster.publish(1)
            broadcaster.publish(2, 'b')
            broadcaster.publish(data=3, topic=u'b')
            broadcaster.publish(4, topic=None)
            assert [listener.receive(TIMEOUT) for _ in range(4)] == [
                {'topic': topic, 'payload': 1},
                {'topic': 'b', 'payload': 2},
                {'topic': 'b', 'payload': 3},
                {'topic': topic, 'payload': 4},
            ]
            assert broadcaster.topic == topic
    with pytest.raises(TypeError):
        make(connection, 'a', 'b')


def test_connection_of_another_transport():
    for kind in (udp.RawBroadcaster, udp.RawListener):
        with pytest.raises(TypeError):
            kind(Local('a'))


def test_what_holds_itself_is_not_published(connection):
    endless = []
    endless.append(endless)
    with RawBroadcaster(connection) as broadcaster, RawListener(connection) as listener:
        with pytest.raises(ValueError):
            broadcaster.publish(endless)
        broadcaster.publish('well')
        assert listener.receive(TIMEOUT)['payload'] == 'well'
        assert broadcaster.stats()['datagrams'] == 1


def test_message_broadcaster_arguments(Pose):
    for broadcaster, topic in (
        (MessageBroadcaster(Pose), None),
        (MessageBroadcaster(Pose, 'a'), 'a'),
        (MessageBroadcaster(Pose, topic='a'), 'a'),
        (MessageBroadcaster(message=Pose, topic=u'a'), 'a'),
    ):
        with broadcaster, RawListener(Pose.connection) as listener:
            assert broadcaster.topic == topic
            broadcaster.publish(Pose(x=1, y=2))
            broadcaster.publish(Pose(x=1, y=2), 'b')
            broadcaster.publish(message=Pose(x=1, y=2), topic='b')
            assert [listener.receive(TIMEOUT)['topic'] for _ in range(3)] == [topic, 'b', 'b']


def test_messages_that_cannot_be_packed(Pose):
    with MessageBroadcaster(Pose) as broadcaster:
        for value, error in (
            (object(), TypeError),
            ({1, 2}, TypeError),
            (2**64, (OverflowError, ValueError)),
        ):
            with pytest.raises(error):
                broadcaster.publish(Pose(x=value, y=0))
        assert broadcaster.stats()['datagrams'] == 0


# ---- Listeners ----
# test_udp.py, test_callbacks.py, test_one_at_a_time.py, test_message_network.py (MessageListener),
# test_queued.py and test_transport.py (QueuedListener) have all but these.

# And is it for messages.
KINDS = [
    (RawListener, False),
    (MessageListener, True),
    (QueuedListener, False),
    (QueuedListener, True),
]


@pytest.mark.parametrize('module', [mcl, network, udp], ids=lambda module: module.__name__)
def test_raw_listener_arguments(module, connection):
    make = module.RawListener
    for listener, topics in (
        (make(connection), None),
        (make(connection, 'a'), 'a'),
        (make(connection, ['a', u'b']), ['a', 'b']),
        (make(connection, ('a', 'b')), ('a', 'b')),
        (make(connection, topics=u'a'), 'a'),
        (make(connection=connection, topics=['a']), ['a']),
    ):
        check_topics(listener, connection, topics)


def test_message_listener_arguments(Pose):
    for listener, topics in (
        (MessageListener(Pose), None),
        (MessageListener(Pose, 'a'), 'a'),
        (MessageListener(Pose, topics=['a', u'b']), ['a', 'b']),
        (MessageListener(Pose, topics={'a', 'b'}), {'a', 'b'}),
        (MessageListener(message=Pose, topics='a'), 'a'),
    ):
        check_topics(listener, Pose.connection, topics)


@pytest.mark.parametrize('typed', [False, True])
def test_queued_listener_arguments(Pose, typed):
    source = Pose if typed else Pose.connection
    for listener, topics in (
        (QueuedListener(source), None),
        (QueuedListener(source, 'a'), 'a'),
        (QueuedListener(source, ['a', u'b'], True), ['a', 'b']),
        (QueuedListener(source, {'a': 1, 'b': 2}), {'a': 1, 'b': 2}),
        (QueuedListener(connection=source, topics=u'a', open_init=True), 'a'),
    ):
        assert listener.is_open() is True and listener.connection is Pose.connection
        check_topics(listener, Pose.connection, topics)
    for listener in (
        QueuedListener(source, None, False),
        QueuedListener(source, topics=None, open_init=False),
    ):
        assert listener.is_open() is False
        assert listener.open() is True and listener.close() is True


def check_topics(listener, connection, topics):
    """Its attribute is as given, and it receives these topics."""
    with listener, RawBroadcaster(connection) as broadcaster:
        assert listener.topics == topics
        for topic in (None, 'b', 'c', 'a'):
            broadcaster.publish({'x': 1, 'y': 2}, topic=topic)
        received = []
        while received[-1:] != ['a']:
            received.append(listener.receive(TIMEOUT)['topic'])
        wanted = [None, 'b', 'c', 'a'] if topics is None else ['b', 'a'] if 'b' in topics else ['a']
        assert received == wanted


@pytest.mark.parametrize('topics', [5, ['a', 5], {5: 'a'}, iter('a')])
def test_topics_are_none_a_string_or_a_collection(Pose, topics):
    for kind, typed in KINDS:
        with pytest.raises(TypeError):
            kind(Pose if typed else Pose.connection, topics=topics)


@pytest.mark.parametrize('kind, typed', KINDS)
def test_callbacks(Pose, kind, typed, capsys):
    """On one thread, in order; one that raises keeps nothing from the others."""
    received, threads, source = Collector(), set(), Pose if typed else Pose.connection

    def bad(data):
        threads.add(threading.current_thread())
        raise KeyError("of the callback")

    def good(data):
        threads.add(threading.current_thread())
        received(data)

    with RawBroadcaster(Pose.connection, topic='t') as broadcaster, kind(source) as listener:
        assert isinstance(listener, Event) and isinstance(listener, abstract.RawListener)
        listener.subscribe(bad)
        listener.subscribe(good)
        for number in range(100):
            broadcaster.publish({'x': number, 'y': None})
        everything = received.take(100)
    assert [data['payload']['x'] for data in everything] == list(range(100))
    assert len(threads) == 1 and threading.current_thread() not in threads
    for data in everything:
        assert type(data) is dict and data['topic'] == 't'
        assert type(data['payload']) is (Pose if typed else dict)
        if kind is QueuedListener:
            assert type(data.pop('time_received')) is datetime.datetime
        assert set(data) == {'topic', 'payload'}
    errors = capsys.readouterr().err
    assert errors.count('Traceback') == errors.count("KeyError: 'of the callback'") == 100


def test_is_open_of_messages_and_queues(Pose):
    with MessageListener(Pose) as listener, QueuedListener(Pose) as queued:
        assert listener.is_open is True
        assert callable(queued.is_open) and queued.is_open() is True
    assert listener.is_open is False and queued.is_open() is False


def test_a_queue_that_was_closed_begins_anew(connection):
    received = Collector()
    with RawBroadcaster(connection) as broadcaster, QueuedListener(connection) as listener:
        broadcaster.publish('queued')
        wait_for(lambda: listener.stats()['messages'] == 1)
        assert listener.close() is True
        broadcaster.publish('sent while it was closed')
        listener.subscribe(received)
        assert listener.open() is True
        broadcaster.publish('sent later')
        assert received.get()['payload'] == 'sent later'
        assert received.empty()


# ---- Message ----
# test_message.py has all but these.


def test_message_by_class_statement():
    class ImuMessage(Message):
        mandatory = (u'gyro', 'accel')
        connection = Connection('ff15::1')

    defined = [ImuMessage]
    assert list_messages() == defined
    for body, error in (
        ({'mandatory': ('gyro',), 'connection': Connection('ff15::1')}, Exception),
        ({'mandatory': 'gyro', 'connection': Connection('ff15::2')}, TypeError),
        ({'mandatory': ('gyro',), 'connection': Connection}, TypeError),
        ({'mandatory': ('gyro', 'gyro'), 'connection': Connection('ff15::2')}, ValueError),
    ):
        with pytest.raises(error):

            class Wrong(Message):
                locals().update(body)

    with pytest.raises(NameError):

        class ImuMessage(Message):
            mandatory = ('gyro',)
            connection = Connection('ff15::2')

    assert list_messages() == defined


def test_message_of_a_mapping_that_is_no_dict(Pose):
    class Mapping(object):
        def keys(self):
            return ['x', 'y']

        def __getitem__(self, key):
            return key * 2

    for mapping in (Mapping(), collections.OrderedDict(Mapping()), Pose(Mapping())):
        message = Pose(mapping)
        assert (message['x'], message['y'], message['name']) == ('xx', 'yy', 'Pose')


def test_message_made_of_another_keeps_its_timestamp(Pose):
    message = Pose(x=1, y=2, timestamp=5)
    assert Pose(message) == Pose(message.encode()) == Pose(**message) == message
    assert Pose(x=1, y=2, name=u'Pose')['name'] == 'Pose'


def test_update_without_keys_sets_the_timestamp(Pose):
    message = Pose(x=1, y=2, timestamp=5)
    message.update()
    assert message['timestamp'] > 1e9
    assert (message['x'], message['y']) == (1, 2)
    message['name'] = 'Pose'
    message.update(name='Pose', timestamp=6)
    assert message == {'x': 1, 'y': 2, 'timestamp': 6, 'name': 'Pose'}


@pytest.mark.parametrize('wrong', [5, None, 'text', [1, 2], b'\xc1', b'\x93\x01\x02\x03'], ids=repr)
def test_update_takes_what_a_message_is_made_of(Pose, wrong):
    message = Pose(x=1, y=2, timestamp=5)
    with pytest.raises(TypeError):
        message.update(wrong)
    assert message == {'x': 1, 'y': 2, 'timestamp': 5, 'name': 'Pose'}, "it is as it was"


def test_registry_arguments_have_names(Pose):
    assert get_message_objects(names='Pose') is get_message_objects(u'Pose') is Pose
    assert get_message_objects(names=['Pose']) == [Pose]
    assert list_messages(['Pose'], None) == list_messages(include=u'Pose', exclude=[]) == [Pose]
    assert list_messages(None, 'Pose') == [] and list_messages([], None) == [Pose]
    assert remove_message_object(name=u'Pose') is True
    assert remove_message_object('Pose') is False
    with pytest.raises(NameError):
        get_message_objects('Pose')


# ---- Text and bytes ----
# test_codec.py, test_vectors.py and test_udp.py have all but these.


@pytest.fixture
def configured():
    saved = codec.configure()
    yield
    codec.configure(**saved)


def test_options_of_strings_hold_for_listeners_and_broadcasters(connection, configured):
    with contextlib.closing(plain_sender()) as sender, contextlib.closing(
        plain_receiver(connection)
    ) as receiver, RawBroadcaster(connection) as broadcaster, RawListener(connection) as listener:

        def sent(data):
            broadcaster.publish(data)
            assert listener.receive(TIMEOUT) is not None
            return receiver.recv(100)

        def received():
            send(sender, connection, b'\x92\xc0\xa1a')
            assert receiver.recv(100)
            return listener.receive(TIMEOUT)['payload']

        codec.configure(text=True, bin_type=True)
        assert sent(b'a') == (b'\x92\xc0\xc4\x01a')
        assert type(received()) is type(u'')
        codec.configure(text=False, bin_type=False)
        assert sent(b'a') == b'\x92\xc0\xa1a'
        assert type(received()) is bytes


def test_any_bytes_are_relayed_unchanged(connection, new_connection):
    """From one legacy process to another, through a callback that publishes what it gets."""
    onwards = new_connection()
    datagram = b'\x92\xa2t\xff\x81\xa1\x80\xa3\x00\xfe\xff'
    with contextlib.closing(plain_sender()) as sender, contextlib.closing(
        plain_receiver(onwards)
    ) as receiver, RawBroadcaster(onwards) as broadcaster, RawListener(connection) as listener:
        listener.subscribe(lambda data: broadcaster.publish(data['payload'], data['topic']))
        send(sender, connection, datagram)
        assert receiver.recv(100) == datagram

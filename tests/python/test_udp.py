"""Broadcasters and listeners of raw data, both ends."""

import collections
import errno
import os
import socket
import threading

import pytest

import mcl
from helpers import PY2, TIMEOUT, Collector, publish_all, wait_for
from mcl.network import abstract, udp
from mcl.network.udp import Connection


@pytest.fixture(params=['udp', 'network'])
def kinds(request):
    """The classes of mcl.network.udp, and the functions that give them."""
    if request.param == 'udp':
        return udp.RawBroadcaster, udp.RawListener
    return mcl.RawBroadcaster, mcl.RawListener


# ---- opening and closing ----


def test_broadcaster_attributes(kinds, connection):
    broadcaster = kinds[0](connection, topic='topic')
    assert isinstance(broadcaster, udp.RawBroadcaster)
    assert isinstance(broadcaster, abstract.RawBroadcaster)
    assert broadcaster.connection is connection
    assert broadcaster.topic == 'topic'
    assert broadcaster.is_open is True
    assert broadcaster._open() is False
    assert broadcaster.close() is True
    assert broadcaster.is_open is False
    assert broadcaster.close() is False
    with pytest.raises(IOError):
        broadcaster.publish('data')
    assert broadcaster._open() is True
    broadcaster.publish('data')
    assert broadcaster.close() is True
    assert kinds[0](connection).topic is None


def test_listener_attributes(kinds, connection):
    listener = kinds[1](connection, topics=['a', 'b'])
    assert isinstance(listener, udp.RawListener)
    assert isinstance(listener, abstract.RawListener)
    assert isinstance(listener, mcl.Event)
    assert listener.connection is connection
    assert listener.topics == ['a', 'b']
    assert listener.is_open is True
    assert listener._open() is False
    assert listener.close() is True
    assert listener.is_open is False
    assert listener.close() is False
    assert listener._open() is True
    assert listener.close() is True
    with kinds[1](connection, topics='a') as other:
        assert other.topics == 'a'
    assert not other.is_open
    with kinds[1](connection) as other:
        assert other.topics is None


def test_read_only_attributes(connection):
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        for holder, names in (
            (broadcaster, ('connection', 'topic', 'is_open')),
            (listener, ('connection', 'topics', 'is_open')),
        ):
            for name in names:
                with pytest.raises(AttributeError):
                    setattr(holder, name, None)


@pytest.mark.parametrize('wrong', [None, 'ff15::1', Connection, ('ff15::1', 26000), object()])
def test_connection_must_be_an_instance(kinds, wrong):
    for kind in kinds:
        with pytest.raises(TypeError):
            kind(wrong)


@pytest.mark.parametrize('topic', [5, ['a'], b'a' if not PY2 else 5, True])
def test_topic_must_be_a_string(kinds, connection, topic):
    with pytest.raises(TypeError):
        kinds[0](connection, topic=topic)
    with kinds[0](connection) as broadcaster:
        with pytest.raises(TypeError):
            broadcaster.publish('data', topic=topic)
        assert broadcaster.stats()['messages'] == 0


@pytest.mark.parametrize(
    'topics',
    [5, 0, [5], ['a', None], {5: 'a'}, (u'a', ()), [b'a' if not PY2 else 5], True, iter(['a']),
     b'a' if not PY2 else 5],
)
def test_topics_must_be_strings(kinds, connection, topics):
    with pytest.raises(TypeError):
        kinds[1](connection, topics=topics)


@pytest.mark.parametrize(
    'url',
    [
        '::1',
        'no address',
        '',
        '127.0.0.1',
        'ff15::1\0',
        'ff15::1%no/where',
        u'ff15::\xf3'.encode('utf-8') if PY2 else u'ff15::\xf3',
    ],
)
def test_bad_addresses(kinds, url):
    for kind in kinds:
        with pytest.raises(IOError) as caught:
            kind(Connection(url))
        error = caught.value
        assert isinstance(error, mcl.MclError)
        assert len(str(error)) > 20
        if kind is kinds[0]:
            assert isinstance(error, socket.gaierror)
            assert error.args == (socket.EAI_NONAME, str(error))
        else:
            assert (error.args, error.errno) == ((str(error),), None)
            assert not isinstance(error, socket.gaierror)
            assert not (PY2 and isinstance(error, socket.error))


def test_publishing_when_closed_is_a_plain_error(kinds, connection):
    broadcaster = kinds[0](connection)
    broadcaster.close()
    with pytest.raises(IOError) as caught:
        broadcaster.publish(1)
    error = caught.value
    assert (error.args, error.errno) == ((str(error),), None)
    assert getattr(error, 'message', str(error)) == str(error)  # Python 2
    assert not (PY2 and isinstance(error, socket.error))


def test_what_no_datagram_holds_is_a_socket_error(kinds, connection):
    with kinds[0](connection, topic='t' * 70000) as broadcaster:
        with pytest.raises(socket.error) as caught:
            broadcaster.publish(1)
        assert caught.value.args == (errno.EMSGSIZE, str(caught.value))
        assert isinstance(caught.value, ValueError)


def test_bad_options(connection):
    for options in ({'hops': 256}, {'interface': 'no/where'}, {'message_max': 2**40}):
        with pytest.raises(IOError) as caught:
            udp.RawBroadcaster(connection._replace(**options))
        assert isinstance(caught.value, ValueError)


def test_bad_limits(connection):
    for limits, error in (
        ({'max_messages': 0}, ValueError),
        ({'max_bytes': -1}, ValueError),
        ({'policy': 'some'}, ValueError),
        ({'max_messages': '5'}, TypeError),
        ({'max_bytes': 1.5}, TypeError),
    ):
        with pytest.raises(error):
            udp.RawListener(connection, **limits)
    for limits, error, text in (
        ({'max_bytes': 1 << 70}, ValueError, '1 to 9223372036854775807'),
        ({'policy': []}, TypeError, "'drop_newest'"),
        ({'policy': 5}, TypeError, "'drop_newest'"),
    ):
        with pytest.raises(error) as caught:
            udp.RawListener(connection, **limits)
        assert text in str(caught.value)


def test_many_are_opened_and_closed(connection):
    for _ in range(200):
        with udp.RawBroadcaster(connection), udp.RawListener(connection) as listener:
            listener.subscribe(Collector())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith('mcl')]


def test_dropped_objects_close_themselves(new_connection):
    def descriptors():
        return len(os.listdir('/proc/self/fd'))

    before = None
    for count in range(50):
        udp.RawBroadcaster(new_connection())
        udp.RawListener(new_connection())
        if count == 10:
            before = descriptors()
    wait_for(lambda: descriptors() <= before + 4, "freed descriptors")


# ---- from one to the other ----

VALUES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    127,
    128,
    -32,
    -33,
    2**16,
    2**32,
    2**64 - 1,
    -(2**63),
    1.5,
    float('inf'),
    '',
    'text',
    u't\xf3pico \u65e5\u672c',
    [],
    [1, [2, [3]]],
    {},
    {'a': {'b': [1]}},
    {1: 2, None: 3, False: 4},
    'x' * 31,
    'x' * 32,
    'x' * 255,
    'x' * 256,
    'x' * 70000,
    b'\0\xff',
    (1, 2),
    bytearray(b'ab'),
    list(range(40000)),
]


def test_values(kinds, connection):
    received = Collector()
    with kinds[0](connection) as broadcaster, kinds[1](connection) as listener:
        listener.subscribe(received)
        for value in VALUES:
            broadcaster.publish(value)
            data = received.get()
            assert set(data) == {'topic', 'payload'}
            assert data['topic'] is None
            expected = value
            if isinstance(value, tuple):
                expected = list(value)
            elif PY2 and type(value) is type(u''):
                expected = value.encode('utf-8')
            elif PY2 and isinstance(value, bytearray):
                expected = str(value)
            assert data['payload'] == expected
            assert type(data['payload']) in (
                type(expected),
                type(expected),
                bytes,
                int,
                type(2**64),
            )


def test_nan(connection):
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        broadcaster.publish(float('nan'))
        value = listener.receive(TIMEOUT)['payload']
        assert value != value


def test_topics(kinds, connection):
    everything, some, one = Collector(), Collector(), Collector()
    with kinds[0](connection, topic='default') as broadcaster, kinds[1](connection) as all_, kinds[
        1
    ](connection, topics=['a', 'b']) as ab, kinds[1](connection, topics='default') as default:
        for listener, callback in ((all_, everything), (ab, some), (default, one)):
            listener.subscribe(callback)
        for number, topic in enumerate([None, 'a', 'c', 'b', '', 'ab', 'default']):
            broadcaster.publish(number, topic=topic)
        assert [(data['topic'], data['payload']) for data in everything.take(7)] == [
            ('default', 0),
            ('a', 1),
            ('c', 2),
            ('b', 3),
            ('', 4),
            ('ab', 5),
            ('default', 6),
        ]
        assert [data['payload'] for data in some.take(2)] == [1, 3]
        assert [data['payload'] for data in one.take(2)] == [0, 6]
        wait_for(lambda: ab.stats()['filtered'] == 5)
        assert some.empty() and one.empty()


def test_topics_of_any_bytes(connection):
    odd = 'a\0b\xff' if PY2 else 'a\0b\udcff'
    names = [odd, u't\xf3pico', 'T' * 300, 'with space']
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(
        connection
    ) as listener, udp.RawListener(connection, topics=names) as filtered:
        for name in names:
            broadcaster.publish(1, topic=name)
            expected = name.encode('utf-8') if PY2 and type(name) is type(u'') else name
            assert (
                listener.receive(TIMEOUT)
                == filtered.receive(TIMEOUT)
                == {'topic': expected, 'payload': 1}
            )


COLLECTIONS = [
    ['a', u'b'],
    ('a', 'b'),
    {'a', 'b'},
    frozenset(['a', 'b']),
    {'a': 1, 'b': 2},
    collections.deque(['a', 'b']),
]


@pytest.mark.parametrize('topics', COLLECTIONS, ids=lambda topics: type(topics).__name__)
def test_topics_are_any_collection(kinds, connection, topics):
    with kinds[0](connection) as broadcaster, kinds[1](connection, topics) as listener:
        assert listener.topics is topics
        for number, topic in enumerate([None, 'a', 'c', 'b', '']):
            broadcaster.publish(number, topic=topic)
        assert [listener.receive(TIMEOUT)['payload'] for _ in range(2)] == [1, 3]
        wait_for(lambda: listener.stats()['filtered'] == 3)


@pytest.mark.parametrize('topics', [None, [], (), '', u'', set(), {}], ids=repr)
def test_no_topics_are_all(connection, topics):
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(
        connection, topics
    ) as listener:
        assert listener.topics is topics
        for topic in (None, '', 'a'):
            broadcaster.publish(1, topic=topic)
            assert listener.receive(TIMEOUT) == {'topic': topic, 'payload': 1}


def test_the_empty_topic_alone(connection):
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(
        connection, ['']
    ) as listener:
        for topic in (None, 'a', ''):
            broadcaster.publish(1, topic=topic)
        assert listener.receive(TIMEOUT) == {'topic': '', 'payload': 1}
        assert listener.stats()['filtered'] == 2


def test_what_cannot_be_packed_is_not_sent(connection):
    with udp.RawBroadcaster(connection) as broadcaster:
        for value, error in ((object(), TypeError), (2**64, (OverflowError, ValueError))):
            with pytest.raises(error):
                broadcaster.publish(value)
        assert broadcaster.stats()['datagrams'] == 0


def test_too_large(connection):
    with udp.RawBroadcaster(connection._replace(message_max=1000)) as broadcaster:
        broadcaster.publish('x' * 990)
        with pytest.raises(ValueError):
            broadcaster.publish('x' * 1001)
        assert broadcaster.stats()['messages'] == 1


@pytest.mark.parametrize('size', [59990, 60000, 120000, 1000000, 5000000])
def test_large_messages(connection, size):
    text = 'abcdefghij' * (size // 10)
    data = bytes(bytearray(range(250))) * (size // 250)
    connection = connection._replace(recv_buffer=64 << 20)
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        received = Collector()
        listener.subscribe(received)
        for value in (text, data, {'data': data, 'text': text}):
            broadcaster.publish(value, topic='large')
            got = received.get()
            assert got['topic'] == 'large'
            assert got['payload'] == value, "of %d bytes" % size


def test_a_large_message_after_small_ones_and_before(connection):
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        sizes = [10, 10, 300000, 10, 2000000, 10]
        for size in sizes:
            broadcaster.publish('x' * size)
        assert [len(listener.receive(TIMEOUT)['payload']) for _ in sizes] == sizes


def test_order(connection):
    received = Collector()
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        listener.subscribe(received)
        publish_all(broadcaster, listener, range(5000))
        assert [data['payload'] for data in received.take(5000)] == list(range(5000))


def test_several_broadcasters_and_listeners(connection):
    listeners = [udp.RawListener(connection) for _ in range(3)]
    broadcasters = [udp.RawBroadcaster(connection) for _ in range(3)]
    for number, broadcaster in enumerate(broadcasters):
        broadcaster.publish(number)
    for listener in listeners:
        assert [listener.receive(TIMEOUT)['payload'] for _ in range(3)] == [0, 1, 2]
    for each in listeners + broadcasters:
        each.close()


def test_other_groups_and_ports_are_not_heard(new_connection):
    one, other = new_connection(), new_connection()
    with udp.RawListener(one) as listener, udp.RawBroadcaster(other) as wrong, udp.RawBroadcaster(
        one._replace(port=26001)
    ) as wrong_port, udp.RawBroadcaster(one) as broadcaster:
        wrong.publish('wrong')
        wrong_port.publish('wrong')
        broadcaster.publish('right')
        assert listener.receive(TIMEOUT)['payload'] == 'right'
        assert listener.stats()['datagrams'] == 1


def test_loopback_off(connection):
    with udp.RawListener(connection) as listener, udp.RawBroadcaster(
        connection._replace(loopback=False)
    ) as silent, udp.RawBroadcaster(connection._replace(hops=0)) as host, udp.RawBroadcaster(
        connection._replace(interface='lo')
    ) as named:
        assert silent.settings()['loopback'] == -1
        assert host.settings()['hops'] == 0
        assert named.settings()['interface_index'] == 1
        host.publish('host')
        named.publish('named')
        assert listener.receive(TIMEOUT)['payload'] == 'host'
        assert listener.receive(TIMEOUT)['payload'] == 'named'


# ---- numbers ----


def test_stats_and_settings(connection):
    connection = connection._replace(recv_buffer=300000, message_max=100000)
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        broadcaster.publish('x' * 70000)
        assert len(listener.receive(TIMEOUT)['payload']) == 70000
        sent, got = broadcaster.stats(), listener.stats()
        assert (sent['messages'], sent['datagrams'], sent['send_errors']) == (1, 2, 0)
        assert got['messages'] == got['delivered'] == 1
        assert got['datagrams'] == got['joined'] == 2
        assert got['bytes'] == sent['bytes'] > 70000
        assert set(got['malformed']) == set(
            'msgpack shape trailing topic packet packets depth size reassembled'.split()
            + ['keys', 'objects']
        )
        assert listener.settings()['recv_buffer_asked'] == 300000
        assert listener.settings()['message_max'] == 100000
        assert listener.settings()['port'] == broadcaster.settings()['port'] == connection.port
        assert broadcaster.settings()['hops'] == 3
    assert listener.stats() == got
    assert broadcaster.stats() == sent
    for closed in (listener, broadcaster):
        with pytest.raises(mcl.ClosedError):
            closed.settings()


def test_queue_limits(connection):
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(
        connection, max_messages=3
    ) as oldest, udp.RawListener(
        connection, max_messages=3, policy='drop_newest'
    ) as newest, udp.RawListener(
        connection, max_bytes=2500
    ) as small:
        for number in range(10):
            broadcaster.publish([number, 'x' * 1000])
        for listener, expected in ((oldest, [7, 8, 9]), (newest, [0, 1, 2]), (small, [8, 9])):
            wait_for(lambda: listener.stats()['messages'] == 10)
            assert listener.stats()['dropped_queue'] == 10 - len(expected)
            assert [listener.receive(0)['payload'][0] for _ in expected] == expected
            assert listener.receive(0) is None

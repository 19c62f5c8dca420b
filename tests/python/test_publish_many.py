"""Publishing several objects at once, and letting small messages wait for others."""

import time

import msgpack
import pytest

import mcl
from helpers import TIMEOUT, plain_receiver, wait_for
from mcl import Message, MessageBroadcaster, MessageListener
from mcl.network import abstract, udp


def received(listener, count):
    return [listener.receive(TIMEOUT) for _ in range(count)]


def test_they_arrive_in_order(connection):
    values = [None, 1, 'text', [1, 2], {'a': 1.5}] + list(range(500)) + ['x' * 8000] * 20 + [2]
    with udp.RawListener(connection) as listener, udp.RawBroadcaster(connection, 't') as publisher:
        publisher.publish_many(values)
        publisher.publish_many(iter([3, 4]), topic='other')
        publisher.publish_many([])
        data = received(listener, len(values) + 2)
        assert [each['payload'] for each in data] == values + [3, 4]
        assert [each['topic'] for each in data] == ['t'] * len(values) + ['other'] * 2
        assert publisher.stats()['messages'] == len(values) + 2


def test_large_ones_among_small_ones(connection):
    values = [1, 'x' * 200000, 2, 'y' * 1000000, 3]
    with udp.RawListener(connection) as listener, udp.RawBroadcaster(connection) as publisher:
        publisher.publish_many(values)
        assert [each['payload'] for each in received(listener, len(values))] == values


def test_a_legacy_receiver_gets_the_same_datagrams(connection):
    receiver = plain_receiver(connection)
    try:
        with udp.RawBroadcaster(connection) as publisher:
            values = ['text %04d' % number for number in range(200)]
            publisher.publish_many(values)
            many = [receiver.recv(65536) for _ in values]
            for value in values:
                publisher.publish(value)
            assert [receiver.recv(65536) for _ in values] == many
    finally:
        receiver.close()


@pytest.mark.parametrize('values, topic, kind', [
    ([1, object()], None, TypeError),
    ([1, 1 << 70], None, OverflowError),
    ([1], 5, TypeError),
    ([1, 'x' * 2000], None, ValueError),
    (5, None, TypeError),
])
def test_what_cannot_be_published(new_connection, values, topic, kind):
    connection = new_connection(message_max=1000)
    with udp.RawListener(connection) as listener, udp.RawBroadcaster(connection) as publisher:
        with pytest.raises(kind):
            publisher.publish_many(values, topic=topic)
        publisher.publish('next')
        assert listener.receive(TIMEOUT)['payload'] == 'next'  # nothing was sent before


def test_closed(connection):
    publisher = udp.RawBroadcaster(connection)
    publisher.close()
    for call in (lambda: publisher.publish_many([1]), publisher.flush):
        with pytest.raises(mcl.ClosedError):
            call()


def test_messages(new_connection):
    class Imu(Message):
        mandatory = ('gyro',)
        connection = new_connection()

    class Gps(Message):
        mandatory = ('x',)
        connection = new_connection()

    with MessageListener(Imu) as listener, MessageBroadcaster(Imu, topic='t') as publisher:
        messages = [Imu(gyro=number) for number in range(10)]
        publisher.publish_many(messages)
        data = received(listener, 10)
        assert [each['payload'] for each in data] == messages
        assert isinstance(data[0]['payload'], Imu)
        with pytest.raises(TypeError):
            publisher.publish_many([Imu(gyro=10), Gps(x=1)])
        publisher.publish(Imu(gyro=11))
        assert listener.receive(TIMEOUT)['payload']['gyro'] == 11


class Memory(abstract.RawBroadcaster):
    """A transport of a user, which takes numbers below 3."""

    is_open = True

    def __init__(self, connection, topic=None):
        super(Memory, self).__init__(connection, topic)
        self.published = []

    def _open(self):
        return True

    def close(self):
        return True

    def publish(self, data, topic=None):
        if data >= 3:
            raise IOError("too many")
        self.published.append((data, topic))


class MemoryListener(abstract.RawListener):
    is_open = True
    _open = close = lambda self: True


class MemoryConnection(abstract.Connection):
    mandatory = ('address',)
    broadcaster = Memory
    listener = MemoryListener


def test_a_transport_that_knows_nothing_of_it():
    publisher = mcl.RawBroadcaster(MemoryConnection(1))
    publisher.publish_many([1, 2], topic='t')
    assert publisher.published == [(1, 't'), (2, 't')]
    with pytest.raises(IOError) as raised:
        publisher.publish_many([0, 1, 4, 2])
    assert raised.value.sent == 2


def test_what_waits_is_sent_by_the_clock_flush_and_close(connection):
    with udp.RawListener(connection) as listener:
        with mcl.RawBroadcaster(connection, coalesce=0.0001) as publisher:
            publisher.publish(1)
            assert listener.receive(TIMEOUT)['payload'] == 1
        publisher = udp.RawBroadcaster(connection, coalesce=1)
        began = time.time()
        publisher.publish(2)
        assert publisher.stats()['messages'] == 0 or time.time() - began > 0.5
        publisher.flush()
        assert listener.receive(TIMEOUT)['payload'] == 2
        publisher.publish_many([3, 4])
        publisher.close()
        assert [each['payload'] for each in received(listener, 2)] == [3, 4]


def test_a_type_that_coalesces(new_connection):
    class Imu(Message):
        mandatory = ('gyro',)
        connection = new_connection()

    with MessageListener(Imu) as listener:
        with MessageBroadcaster(Imu, coalesce=1) as publisher:
            publisher.publish(Imu(gyro=1))
        assert listener.receive(TIMEOUT)['payload']['gyro'] == 1


@pytest.mark.parametrize('coalesce, kind', [
    (-1, ValueError), (1.1, ValueError), (float('nan'), ValueError), (float('inf'), ValueError),
    ('1', TypeError), (None, TypeError), (True, TypeError),
])
def test_times_that_cannot_be(connection, coalesce, kind):
    with pytest.raises(kind):
        udp.RawBroadcaster(connection, coalesce=coalesce)


def test_undecoded(connection):
    values = list(range(300)) + ['x' * 50000] * 10
    with udp.RawBroadcaster(connection) as publisher:
        kept = []
        with udp.RawListener(connection, decode=False) as listener:
            listener.subscribe(lambda data: kept.append(data['payload']))
            for value in values:
                publisher.publish(value)
            wait_for(lambda: len(kept) == len(values))
        assert all(isinstance(payload, memoryview) for payload in kept)
        # They stay what they were, whatever has arrived since.
        assert [msgpack.unpackb(payload.tobytes(), raw=False) for payload in kept] == values
    assert kept[0].tobytes() == b'\x00'  # also when all is closed


def test_undecoded_without_callbacks(connection):
    with udp.RawBroadcaster(connection) as publisher:
        with mcl.QueuedListener(connection, decode=False) as listener:
            publisher.publish_many([b'a', b'b'])
            first, second = received(listener, 2)
            assert msgpack.unpackb(first['payload'].tobytes()) == b'a'
            assert msgpack.unpackb(second['payload'].tobytes()) == b'b'
            assert 'time_received' in first


def test_undecoded_is_refused_where_it_cannot_be(new_connection):
    class Imu(Message):
        mandatory = ('gyro',)
        connection = new_connection()

    for kind in (MessageListener, mcl.QueuedListener):
        with pytest.raises(TypeError):
            kind(Imu, decode=False)
    for kind in (udp.RawListener, mcl.QueuedListener):
        with pytest.raises(TypeError):
            kind(new_connection(), decode=1)
    with pytest.raises(TypeError):
        mcl.QueuedListener(MemoryConnection(1), decode=False)

"""QueuedListener on UDP."""

import datetime
import threading
import time

import pytest

from helpers import TIMEOUT, Collector, publish_all, wait_for
from mcl import Message, MessageBroadcaster, QueuedListener, RawBroadcaster
from mcl.network import abstract
from mcl.network.udp import Connection


def test_open_and_close(connection):
    listener = QueuedListener(connection)
    assert isinstance(listener, abstract.RawListener)
    assert listener.is_open() is True
    assert listener.open() is False
    assert listener.close() is True
    assert listener.is_open() is False
    assert listener.close() is False
    assert listener.open() is True
    assert listener.close() is True
    assert listener.connection is connection
    assert listener.topics is None


def test_open_init(connection):
    listener = QueuedListener(connection, topics=['a'], open_init=False)
    assert listener.is_open() is False
    assert listener.close() is False
    received = Collector()
    listener.subscribe(received)
    assert listener.open() is True
    with RawBroadcaster(connection) as broadcaster, listener:
        broadcaster.publish(1, topic='b')
        broadcaster.publish(2, topic='a')
        assert received.get()['payload'] == 2


@pytest.mark.parametrize('wrong', [None, 5, 'ff15::1', Connection, Message, dict])
def test_wrong_sources(wrong):
    with pytest.raises(TypeError):
        QueuedListener(wrong)


def test_wrong_arguments(connection):
    for arguments, error in (
        ({'topics': 5}, TypeError),
        ({'topics': [5]}, TypeError),
        ({'max_messages': 0}, ValueError),
        ({'max_bytes': 'a'}, TypeError),
        ({'policy': 'none'}, ValueError),
    ):
        with pytest.raises(error):
            QueuedListener(connection, **arguments)


@pytest.mark.parametrize('open_init', [True, False])
def test_what_cannot_be_opened_is_refused_at_once(open_init):
    for url in ('::1', 'no address', 'ff12::1'):  # the last is a group of one link: which?
        with pytest.raises(IOError) as caught:
            QueuedListener(Connection(url), open_init=open_init)
        assert (caught.value.args, caught.value.errno) == ((str(caught.value),), None)


def now():
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=time.time())


def test_time_received(connection):
    """It is when data was received, not when its callback runs."""
    received, go = Collector(), threading.Event()

    def callback(data):
        go.wait(TIMEOUT)
        received(data)

    with RawBroadcaster(connection, topic='t') as broadcaster, QueuedListener(
        connection
    ) as listener:
        listener.subscribe(callback)
        before = now() - datetime.timedelta(milliseconds=2)
        broadcaster.publish(1)
        broadcaster.publish(2)
        wait_for(lambda: listener.stats()['messages'] == 2)
        after = now() + datetime.timedelta(milliseconds=2)
        wait_for(lambda: now() > after)
        go.set()
        for number, data in enumerate(received.take(2), 1):
            assert set(data) == {'topic', 'payload', 'time_received'}
            assert (data['topic'], data['payload']) == ('t', number)
            assert type(data['time_received']) is datetime.datetime
            assert data['time_received'].tzinfo is None
            assert before <= data['time_received'] <= after


def test_a_slow_callback_loses_nothing(connection):
    count, payload = 20000, 'x' * 200
    received, done = [], threading.Event()

    def slow(data):
        if len(received) % 1000 == 0:
            time.sleep(0.05)
        received.append(data['payload'][0])
        if len(received) == count:
            done.set()

    with RawBroadcaster(connection) as broadcaster, QueuedListener(connection) as listener:
        listener.subscribe(slow)
        publish_all(broadcaster, listener, ([number, payload] for number in range(count)))
        assert listener.stats()['delivered'] < count, "the callback is slower"
        assert done.wait(3 * TIMEOUT), listener.stats()
        stats = listener.stats()
        assert received == list(range(count))
        assert stats['delivered'] == count
        assert stats['dropped_queue'] == stats['dropped_kernel'] == stats['rejected'] == 0


def test_close_discards(connection):
    entered, release, received = threading.Event(), threading.Event(), []

    def slow(data):
        received.append(data)
        entered.set()
        release.wait(TIMEOUT)

    with RawBroadcaster(connection) as broadcaster:
        listener = QueuedListener(connection)
        listener.subscribe(slow)
        for _ in range(100):
            broadcaster.publish(1)
        assert entered.wait(TIMEOUT)
        threading.Timer(0.1, release.set).start()
        assert listener.close() is True
        assert len(received) == 1
        assert listener.open() is True
        broadcaster.publish('new')
        wait_for(lambda: len(received) == 2)
        assert received[1]['payload'] == 'new'
        listener.close()


def test_close_in_the_callback(connection):
    closed = Collector()
    with RawBroadcaster(connection) as broadcaster:
        listener = QueuedListener(connection)
        listener.subscribe(lambda data: closed((listener.close(), listener.is_open())))
        broadcaster.publish(1)
        broadcaster.publish(1)
        assert closed.get() == (True, False)
        time.sleep(0.05)
        assert closed.empty()


def test_messages(connection):
    Pose = type(Message)('Pose', (Message,), {'mandatory': ('x',), 'connection': connection})
    with MessageBroadcaster(Pose) as broadcaster, QueuedListener(Pose, topics='a') as listener:
        broadcaster.publish(Pose(x=1))
        broadcaster.publish(Pose(x=2), topic='a')
        data = listener.receive(TIMEOUT)
        assert type(data['payload']) is Pose and data['payload']['x'] == 2
        assert isinstance(data['time_received'], datetime.datetime)


@pytest.mark.parametrize(
    'policy, expected', [(None, [7, 8, 9]), ('drop_oldest', [7, 8, 9]), ('drop_newest', [0, 1, 2])]
)
def test_limits(connection, policy, expected):
    with RawBroadcaster(connection) as broadcaster, QueuedListener(
        connection, max_messages=3, policy=policy
    ) as listener:
        for number in range(10):
            broadcaster.publish(number)
        wait_for(lambda: listener.stats()['messages'] == 10)
        assert listener.stats()['dropped_queue'] == 7
        assert [listener.receive(0)['payload'] for _ in range(3)] == expected


def test_block_leaves_it_to_the_kernel(connection):
    with RawBroadcaster(connection) as broadcaster, QueuedListener(
        connection, max_messages=2, policy='block'
    ) as listener:
        for number in range(100):
            broadcaster.publish(number)
        assert [listener.receive(TIMEOUT)['payload'] for _ in range(100)] == list(range(100))
        assert listener.stats()['dropped_queue'] == 0

"""Broadcasters and listeners of messages."""

import contextlib

import msgpack
import pytest

import mcl
from helpers import PY2, TIMEOUT, Collector, plain_sender, send
from mcl import (
    Message,
    MessageBroadcaster,
    MessageListener,
    QueuedListener,
    RawBroadcaster,
    RawListener,
    _report,
)
from mcl.network import udp


@pytest.fixture
def Pose(connection):
    return type(Message)('Pose', (Message,), {'mandatory': ('x', 'y'), 'connection': connection})


@pytest.fixture
def Other(new_connection):
    return type(Message)('Other', (Message,), {'mandatory': (), 'connection': new_connection()})


def test_classes(Pose):
    with MessageBroadcaster(Pose, topic='t') as broadcaster, MessageListener(Pose, 't') as listener:
        assert isinstance(broadcaster, udp.RawBroadcaster)
        assert isinstance(broadcaster, MessageBroadcaster)
        assert isinstance(listener, udp.RawListener)
        assert isinstance(listener, MessageListener)
        assert broadcaster.connection is listener.connection is Pose.connection
        assert broadcaster.topic == listener.topics == 't'
        assert broadcaster.is_open is listener.is_open is True
        assert broadcaster._open() is listener._open() is False
    assert broadcaster.is_open is listener.is_open is False
    assert broadcaster.close() is listener.close() is False


@pytest.mark.parametrize('wrong', [None, 5, 'Pose', dict, Message, {}, udp.Connection('ff15::1')])
def test_message_type_is_needed(wrong):
    for kind in (MessageBroadcaster, MessageListener):
        with pytest.raises(TypeError):
            kind(wrong)


def test_an_instance_is_no_type(Pose):
    for kind in (MessageBroadcaster, MessageListener, QueuedListener):
        with pytest.raises(TypeError):
            kind(Pose())


def test_wrong_topics(Pose):
    with pytest.raises(TypeError):
        MessageBroadcaster(Pose, topic=5)
    with pytest.raises(TypeError):
        MessageListener(Pose, topics=5)


def test_bad_address():
    Bad = type(Message)('Bad', (Message,), {'mandatory': (), 'connection': udp.Connection('::1')})
    for kind in (MessageBroadcaster, MessageListener, QueuedListener):
        with pytest.raises(IOError):
            kind(Bad)


def test_messages(Pose):
    received = Collector()
    with MessageBroadcaster(Pose) as broadcaster, MessageListener(Pose) as listener:
        listener.subscribe(received)
        message = Pose(x=1, y=[2.5, None], extra='more', timestamp=5.5)
        broadcaster.publish(message, topic='nav')
        data = received.get()
        assert set(data) == {'topic', 'payload'}
        assert data['topic'] == 'nav'
        assert type(data['payload']) is Pose
        assert data['payload'] == message


def test_only_its_own_type_is_published(Pose, Other):
    with MessageBroadcaster(Pose) as broadcaster:
        for wrong in (Other(), dict(Pose()), None, 'text', Pose):
            with pytest.raises(TypeError):
                broadcaster.publish(wrong)
        with pytest.raises(TypeError):
            broadcaster.publish(Pose(), topic=5)
        assert broadcaster.stats()['messages'] == 0
        broadcaster.close()
        with pytest.raises(IOError):
            broadcaster.publish(Pose())


@pytest.mark.parametrize('queued', [False, True])
def test_what_does_not_fit_is_reported(Pose, capsys, monkeypatch, queued):
    monkeypatch.setattr(_report, 'INTERVAL', 0)
    received = Collector()
    kind = QueuedListener if queued else MessageListener
    with RawBroadcaster(Pose.connection) as broadcaster, kind(Pose) as listener:
        listener.subscribe(received)
        for wrong in (
            5,
            'text',
            [['x', 1]],
            [1, 2],
            msgpack.packb({'x': 1}),
            {'x': 1},
            {},
            {'x': 1, 'y': 2, 'name': 'Other'},
            None,
        ):
            broadcaster.publish(wrong)
        with contextlib.closing(plain_sender()) as sender:
            send(sender, Pose.connection, b'\x92\xc0\x81\x91\x01\x01')  # {[1]: 1}
        broadcaster.publish({'x': 1, 'y': 2})
        assert received.get()['payload'] == dict(
            x=1, y=2, name='Pose', timestamp=pytest.approx(0, abs=1e12)
        )
        stats = listener.stats()
        assert (stats['messages'], stats['rejected'], stats['delivered']) == (11, 10, 1)
    errors = capsys.readouterr().err
    assert len([line for line in errors.splitlines() if line.startswith('mcl: ')]) == 10
    assert "'y'" in errors and "'Other'" in errors and 'made of 5' in errors
    assert 'cannot decode' in errors


@pytest.mark.parametrize('kind', [MessageListener, QueuedListener])
def test_whatever_the_type_takes_becomes_a_message(Pose, kind):
    message = Pose(x=1, y=2, timestamp=5)
    with RawBroadcaster(Pose.connection) as broadcaster, kind(Pose) as listener:
        for fits in (message, dict(message), message.encode(), list(message.items())):
            broadcaster.publish(fits)
            received = listener.receive(TIMEOUT)['payload']
            assert type(received) is Pose and received == message
        with contextlib.closing(plain_sender()) as sender:
            # A process of Python 2 sends a packed message as a string, whatever its bytes.
            packed = b'\x82\xa1x\xa1\xff\xa1y\xcb\xff\xf0\0\0\0\0\0\0'
            for prefix in (b'\x92\xc0\xb0', b'\x92\xc0\xda\0\x10'):
                send(sender, Pose.connection, prefix + packed)
                received = listener.receive(TIMEOUT)['payload']
                assert received['x'] == ('\xff' if PY2 else '\udcff')
                assert received['y'] == -float('inf')
        assert listener.stats()['rejected'] == 0


def test_receive_passes_over_what_does_not_fit(Pose, capsys):
    with RawBroadcaster(Pose.connection) as broadcaster, MessageListener(Pose) as listener:
        broadcaster.publish(5)
        broadcaster.publish({'x': 1, 'y': 2})
        message = listener.receive(TIMEOUT)['payload']
        assert type(message) is Pose and message['x'] == 1
        assert listener.stats()['rejected'] == 1
        broadcaster.publish(5)
        assert listener.receive(0.1) is None
    assert 'Pose' in capsys.readouterr().err


def test_topics(Pose):
    with MessageBroadcaster(Pose, topic='a') as broadcaster, MessageListener(
        Pose, 'a'
    ) as listener, MessageListener(Pose, ['b']) as other:
        broadcaster.publish(Pose(x=1, y=1))
        broadcaster.publish(Pose(x=2, y=2), topic='b')
        assert listener.receive(TIMEOUT)['payload']['x'] == 1
        assert other.receive(TIMEOUT)['payload']['x'] == 2


def test_raw_listener_gets_the_map(Pose):
    with MessageBroadcaster(Pose) as broadcaster, RawListener(Pose.connection) as listener:
        message = Pose(x=1, y=2)
        broadcaster.publish(message)
        payload = listener.receive(TIMEOUT)['payload']
        assert type(payload) is dict and payload == message


def test_subclass(Pose):
    class Mine(MessageListener):
        def note(self):
            return self.message_type.name

    with Mine(Pose, topics='a', max_messages=5) as listener:
        assert listener.note() == 'Pose' and isinstance(listener, Mine)
        assert mcl.RawListener is not Mine

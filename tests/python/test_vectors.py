"""Both directions with the legacy system, by the datagrams that were captured from it."""

import contextlib

import pytest

import vectors
from helpers import TIMEOUT, plain_receiver, plain_sender, send, send_whole
from mcl import Message, MessageBroadcaster, MessageListener, RawBroadcaster, RawListener, codec

LEGACY = [vector for vector in vectors.ALL if vector.encoder == '0.4.8']


def identity(vector):
    return '%s-%s' % (vector.encoder, vector.name)


def deep_text(value):
    """A received value with `bin` as what it was on Python 2: a string."""
    if isinstance(value, bytes):
        return vectors.as_string(value)
    if isinstance(value, list):
        return [deep_text(item) for item in value]
    if isinstance(value, dict):
        return {deep_text(key): deep_text(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize('vector', vectors.ALL, ids=identity)
def test_received(vector, connection):
    topic = None if vector.topic is None else vectors.as_string(vector.topic)
    connection = connection._replace(recv_buffer=64 << 20)
    with contextlib.closing(plain_sender()) as sender, RawListener(
        connection
    ) as listener, RawListener(connection, topics=topic) as filtered:
        data = send_whole(sender, connection, vector.datagrams, listener)
        assert data['topic'] == topic
        assert data['topic'] is None or type(data['topic']) is str
        if vector.name == 'float_nan':
            assert data['payload'] != data['payload']
            return
        assert data['payload'] == codec.unpack(vector.payload)
        if vector.name in vectors.VALUES or vector.pattern is not None:
            value = vector.value()
            assert deep_text(data['payload']) == value
            assert type(deep_text(data['payload'])) in (type(value), type(2**62))
        assert filtered.receive(TIMEOUT) == data
        stats = listener.stats()
        assert stats['messages'] == 1 and stats['joined'] == len(vector.datagrams)


@pytest.mark.parametrize('vector', LEGACY, ids=identity)
def test_published(vector, connection):
    """What the binding sends is what the legacy system sent, byte for byte.

    The headers of fragments are wider, by which other listeners know which message they are of. To
    a legacy process they are the same.
    """
    topic = None if vector.topic is None else vectors.as_string(vector.topic)
    if vector.name == 'float_nan':
        value = codec.unpack(
            vector.payload
        )  # there are two: float('nan') has another sign on Python 3
    elif vector.name.startswith('message_'):
        value = codec.unpack(vector.payload)
        if codec.pack(value) != vector.payload:
            pytest.skip("this Python's dictionaries have another order")
    else:
        value = vector.value()
    with contextlib.closing(plain_receiver(connection)) as receiver, RawBroadcaster(
        connection
    ) as broadcaster:
        broadcaster.publish(value, topic=topic)
        for number, datagram in enumerate(vector.datagrams):
            received = receiver.recv(70000)
            if datagram[:1] == b'\x94':
                received = codec.pack(codec.unpack(received))
            assert len(received) == len(datagram)
            assert received == datagram, "datagram %d" % number
        receiver.settimeout(0.02)
        with pytest.raises(IOError):
            receiver.recv(70000)


@pytest.mark.parametrize('name', ['message_pose', 'message_pose_extra'])
@pytest.mark.parametrize('encoder', vectors.ENCODERS)
def test_messages(encoder, name, connection):
    Pose = type(Message)('Pose', (Message,), {'mandatory': ('x', 'y'), 'connection': connection})
    vector = [v for v in vectors.ALL if (v.encoder, v.name) == (encoder, name)][0]
    with contextlib.closing(plain_sender()) as sender, MessageListener(Pose) as listener:
        send(sender, connection, vector.datagrams[0])
        data = listener.receive(TIMEOUT)
        assert type(data['payload']) is Pose
        # With the newer encoder its keys and name are bin; they are names all the same.
        assert data['payload']['name'] == 'Pose' and set(data['payload']) >= {
            'x',
            'y',
            'name',
            'timestamp',
        }
        assert all(type(key) is str for key in data['payload'])
    if encoder == '0.4.8':
        with contextlib.closing(plain_receiver(connection)) as receiver, MessageBroadcaster(
            Pose
        ) as broadcaster:
            message = Pose(codec.unpack(vector.payload))
            broadcaster.publish(message, topic=data['topic'])
            received = receiver.recv(70000)
            assert len(received) == len(vector.datagrams[0])
            assert sorted(received) == sorted(vector.datagrams[0])

"""A user's own transport, in Python, under the listeners and broadcasters of the package."""

import datetime
import threading
import time

import pytest

from helpers import TIMEOUT, Background, Collector
from mcl import (
    Message,
    MessageBroadcaster,
    MessageListener,
    QueuedListener,
    RawBroadcaster,
    RawListener,
    _report,
)
from mcl.errors import BusyError, ClosedError
from mcl.network import abstract

LISTENERS = []


class Broadcaster(abstract.RawBroadcaster):
    """Calls the open listeners of its connection."""

    def __init__(self, connection, topic=None):
        super(Broadcaster, self).__init__(connection, topic=topic)
        self._is_open = False
        self._open()

    @property
    def is_open(self):
        return self._is_open

    def _open(self):
        changed, self._is_open = not self._is_open, True
        return changed

    def publish(self, data, topic=None):
        if not self._is_open:
            raise IOError("closed")
        topic = self.topic if topic is None else topic
        for listener in LISTENERS[:]:
            if listener.connection == self.connection and listener.topics in (None, topic):
                listener.__trigger__({'topic': topic, 'payload': data})

    def close(self):
        changed, self._is_open = self._is_open, False
        return changed


class Listener(abstract.RawListener):
    def __init__(self, connection, topics=None):
        super(Listener, self).__init__(connection, topics=topics)
        self._open()

    @property
    def is_open(self):
        return self in LISTENERS

    def _open(self):
        if self.connection.name == 'broken':
            raise IOError("broken")
        if self.is_open:
            return False
        LISTENERS.append(self)
        return True

    def close(self):
        if not self.is_open:
            return False
        LISTENERS.remove(self)
        return True


class Local(abstract.Connection):
    mandatory = ('name',)
    broadcaster = Broadcaster
    listener = Listener


@pytest.fixture(autouse=True)
def no_listeners():
    del LISTENERS[:]
    yield
    assert LISTENERS == [], "the listeners of the transport were closed"


@pytest.fixture
def Pose():
    return type(Message)('Pose', (Message,), {'mandatory': ('x',), 'connection': Local('pose')})


def test_base_classes_check_their_arguments():
    for wrong in (None, 'name', Local, ('name',)):
        with pytest.raises(TypeError):
            Broadcaster(wrong)
        with pytest.raises(TypeError):
            Listener(wrong)
    for wrong in (5, ['a']):
        with pytest.raises(TypeError):
            Broadcaster(Local('a'), topic=wrong)
    for wrong in (5, [5]):
        with pytest.raises(TypeError):
            Listener(Local('a'), topics=wrong)
    with pytest.raises(TypeError):
        abstract.RawBroadcaster(Local('a'))


@pytest.mark.parametrize('missing', ['is_open', '_open', 'publish', 'close'])
def test_a_broadcaster_needs_all_methods(missing):
    names = ['is_open', '_open', 'publish', 'close']
    body = {name: vars(Broadcaster)[name] for name in names if name != missing}
    Unfinished = type(Broadcaster)('Unfinished', (abstract.RawBroadcaster,), body)
    with pytest.raises(TypeError):
        Unfinished(Local('a'))


def test_a_listener_needs_no_method():
    assert type(abstract.RawListener) is type
    received = Collector()
    with abstract.RawListener(Local('a'), topics='t') as listener:
        assert (listener.connection, listener.topics) == (Local('a'), 't')
        assert not listener.is_open and not listener._open() and not listener.close()
        listener.subscribe(received)
        listener.__trigger__({'topic': 't', 'payload': 1})
        assert received.get()['payload'] == 1


def test_the_base_class_checks_the_topic_of_a_publish():
    class Checking(Broadcaster):
        def publish(self, data, topic=None):
            return abstract.RawBroadcaster.publish(self, data, topic)

    with Checking(Local('a')) as broadcaster:
        assert broadcaster.publish(1) is broadcaster.publish(1, topic='t') is None
        assert broadcaster.publish(data=1, topic=u't') is None
        for wrong in (5, ['t'], True):
            with pytest.raises(TypeError):
                broadcaster.publish(1, topic=wrong)


def test_raw(capsys):
    received = Collector()
    with RawBroadcaster(Local('a'), topic='t') as broadcaster, RawListener(Local('a')) as listener:
        assert type(broadcaster) is Broadcaster and type(listener) is Listener
        listener.subscribe(lambda data: 1 / 0)
        listener.subscribe(received)
        broadcaster.publish(5)
        assert received.get() == {'topic': 't', 'payload': 5}
    assert not broadcaster.is_open and not listener.is_open
    assert 'ZeroDivisionError' in capsys.readouterr().err


def test_messages(Pose, capsys, monkeypatch):
    monkeypatch.setattr(_report, 'INTERVAL', 0)
    received = Collector()
    with MessageBroadcaster(Pose) as broadcaster, MessageListener(Pose) as listener:
        assert isinstance(broadcaster, Broadcaster) and isinstance(listener, Listener)
        listener.subscribe(received)
        broadcaster.publish(Pose(x=1))
        assert received.get()['payload']['x'] == 1
        with pytest.raises(TypeError):
            broadcaster.publish({'x': 1})
        with RawBroadcaster(Local('pose')) as raw:
            raw.publish({'y': 1})
            raw.publish('text')
            raw.publish(5)
            raw.publish({'x': 2}, topic='t')
        data = received.get()
        assert data['topic'] == 't' and type(data['payload']) is Pose
        assert received.empty()
    assert capsys.readouterr().err.count('Pose') >= 2


@pytest.mark.parametrize('typed', [False, True])
def test_queued(Pose, typed):
    received, release = Collector(), threading.Event()

    def slow(data):
        release.wait(TIMEOUT)
        received(data)

    listener = QueuedListener(Pose if typed else Pose.connection, topics='t')
    assert isinstance(listener, abstract.RawListener)
    assert listener.is_open() is True and listener.open() is False
    listener.subscribe(slow)
    with RawBroadcaster(Pose.connection, topic='t') as broadcaster:
        broadcaster.publish({'x': 0}, topic='other')
        for number in range(1, 100):
            broadcaster.publish({'x': number})
        published = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=time.time())
        release.set()
        data = received.take(99)
    assert [item['payload']['x'] for item in data] == list(range(1, 100))
    assert all(item['time_received'] <= published for item in data)
    assert all(isinstance(item['payload'], Pose) == typed for item in data)
    assert listener.stats()['delivered'] == 99
    assert listener.close() is True and listener.close() is False
    assert listener.is_open() is False
    assert listener.open() is True and listener.close() is True


def test_queued_receive():
    with RawBroadcaster(Local('a')) as broadcaster:
        listener = QueuedListener(Local('a'))
        assert listener.receive(0) is None
        assert listener.receive(0.01) is None
        broadcaster.publish(1)
        assert listener.receive(TIMEOUT)['payload'] == 1
        listener.subscribe(len)
        with pytest.raises(BusyError):
            listener.receive(0)
        listener.unsubscribe(len)
        waiting = Background(listener.receive)
        broadcaster.publish(2)
        assert waiting.result()['payload'] == 2
        waiting = Background(lambda: list(listener))
        listener.close()
        assert waiting.result() == []
        with pytest.raises(ClosedError):
            listener.receive()
        with pytest.raises(IOError):
            listener.fileno()


def test_queued_hands_on_all_that_the_transport_gives(Pose):
    reused = {'topic': 't', 'payload': {'x': 1}, 'sender': 'east', 5: None}
    raw, typed = QueuedListener(Local('pose')), QueuedListener(Pose)
    for listener in LISTENERS:
        listener.__trigger__(reused)
    reused['sender'] = 'west'  # as a transport does that has one dict for all
    for listener in (raw, typed):
        with listener:
            data = listener.receive(TIMEOUT)
            assert type(data.pop('time_received')) is datetime.datetime
            assert (data.pop('sender'), data.pop(5)) == ('east', None)
            payload = data.pop('payload')
            assert data == {'topic': 't'} and payload['x'] == 1
            assert type(payload) is (dict if listener is raw else Pose)


def test_queued_takes_a_dict_without_topic_and_payload(Pose, capsys):
    raw, typed = QueuedListener(Local('pose')), QueuedListener(Pose)
    with raw, typed:
        for listener in LISTENERS:
            listener.__trigger__({'level': 3})
            listener.__trigger__({'payload': {'x': 1}})
        assert raw.receive(TIMEOUT)['level'] == 3
        assert typed.receive(TIMEOUT)['payload']['x'] == 1
        assert typed.stats()['rejected'] == 1
    assert 'payload' in capsys.readouterr().err


def test_messages_of_a_transport_keep_its_keys(Pose):
    received = Collector()
    with MessageListener(Pose) as listener:
        listener.subscribe(received)
        listener.__trigger__({'topic': None, 'payload': Pose(x=1).encode(), 'sender': 'east'})
        data = received.get()
        assert (data['sender'], type(data['payload']), data['payload']['x']) == ('east', Pose, 1)


def test_queued_does_not_fit(Pose, capsys):
    with RawBroadcaster(Local('pose')) as broadcaster, QueuedListener(Pose) as listener:
        broadcaster.publish('text')
        broadcaster.publish({'x': 1})
        assert listener.receive(TIMEOUT)['payload']['x'] == 1
        assert listener.stats()['rejected'] == 1 and listener.stats()['delivered'] == 1
    assert 'Pose' in capsys.readouterr().err


@pytest.mark.parametrize('policy, expected', [(None, [3, 4]), ('drop_newest', [0, 1])])
def test_queued_limits(policy, expected):
    with RawBroadcaster(Local('a')) as broadcaster, QueuedListener(
        Local('a'), max_messages=2, policy=policy
    ) as listener:
        for number in range(5):
            broadcaster.publish(number)
        assert [listener.receive(0)['payload'] for _ in range(2)] == expected
        assert listener.stats()['dropped_queue'] == 3


def test_queued_block():
    with RawBroadcaster(Local('a')) as broadcaster, QueuedListener(
        Local('a'), max_messages=2, policy='block'
    ) as listener:
        publishing = Background(lambda: [broadcaster.publish(number) for number in range(20)])
        assert [listener.receive(TIMEOUT)['payload'] for _ in range(20)] == list(range(20))
        publishing.result()


def test_queued_close_in_the_callback():
    closed = Collector()
    with RawBroadcaster(Local('a')) as broadcaster:
        listener = QueuedListener(Local('a'))
        listener.subscribe(lambda data: closed(listener.close()))
        broadcaster.publish(1)
        assert closed.get() is True


def test_queued_cannot_be_opened():
    with pytest.raises(IOError):
        QueuedListener(Local('broken'))

"""Messages that Python has taken over several at a time: each is still handled by itself."""

import threading

import msgpack
import pytest

from helpers import PY2, TIMEOUT, Collector, plain_sender, run_python, send, wait_for
from mcl import (
    Message,
    MessageListener,
    QueuedListener,
    RawBroadcaster,
    RawListener,
    _hand,
    codec,
)
from mcl.network import abstract, udp
from test_ledger import Steps, publish, settled

BATCH = 8  # messages: a sixteenth of the limit below
LIMIT = 16 * BATCH


class InHand(object):
    """A callback that holds up the first message, so that those after it come in full batches."""

    def __init__(self, listener):
        self.seen, self._held_up, self._go = [], threading.Event(), threading.Event()
        self._then = {}
        self._listener = listener
        listener.subscribe(self)

    def at(self, number, function):
        """Call the function in the callback of the message of that number."""
        self._then[number] = function

    def __call__(self, data):
        self.seen.append(data['payload'])
        if len(self.seen) == 1:
            self._held_up.set()
            assert self._go.wait(TIMEOUT)
        self._then.get(data['payload'], lambda: None)()

    def feed(self, broadcaster, count):
        """Publish 0 to count - 1, and let go when all are there but the first."""
        broadcaster.publish(0)
        assert self._held_up.wait(TIMEOUT)
        for number in range(1, count):
            broadcaster.publish(number)
        wait_for(lambda: self._listener.stats()['messages'] == count)
        self._go.set()


@pytest.fixture
def broadcaster(connection):
    with RawBroadcaster(connection) as made:
        yield made


# ---- __trigger__ ----


def test_a_trigger_put_in_place_at_the_listener(connection, broadcaster):
    """By a callback, amid a batch: it holds from the next message on, and until it is removed."""
    mine = []

    def restore(data):
        mine.append(data['payload'])
        if data['payload'] == 6:
            del listener.__trigger__

    with RawListener(connection, max_messages=LIMIT) as listener:
        callback = InHand(listener)
        callback.at(3, lambda: setattr(listener, '__trigger__', restore))
        callback.feed(broadcaster, 11)
        wait_for(lambda: len(callback.seen) + len(mine) == 11)
        assert callback.seen == [0, 1, 2, 3, 7, 8, 9, 10] and mine == [4, 5, 6]
        assert settled(listener.stats())['delivered'] == 11


def test_a_trigger_put_in_place_at_the_class(connection, broadcaster, monkeypatch):
    mine, plain = [], abstract.RawListener.__trigger__

    def trigger(self, data):
        mine.append(data['payload'])
        return plain(self, data)

    with RawListener(connection, max_messages=LIMIT) as listener:
        callback = InHand(listener)
        callback.at(3, lambda: monkeypatch.setattr(abstract.RawListener, '__trigger__', trigger))
        callback.at(6, monkeypatch.undo)
        callback.feed(broadcaster, 11)
        wait_for(lambda: len(callback.seen) == 11)
        assert callback.seen == list(range(11)) and mine == [4, 5, 6]


def test_a_trigger_of_a_subclass(connection, broadcaster):
    class Odd(udp.RawListener):
        """Passes on the odd ones only."""

        def __trigger__(self, data):
            passed.append(data['payload'])
            if data['payload'] % 2:
                super(Odd, self).__trigger__(data)

    passed, seen = [], []
    with Odd(connection, max_messages=LIMIT) as listener:
        listener.subscribe(lambda data: seen.append(data['payload']))
        for number in range(20):
            broadcaster.publish(number)
        wait_for(lambda: len(passed) == 20 and len(seen) == 10)
        assert passed == list(range(20)) and seen == passed[1::2]
        assert settled(listener.stats())['delivered'] == 20


def test_a_trigger_that_raises_is_reported(connection, broadcaster, capsys):
    class Raising(udp.RawListener):
        def __trigger__(self, data):
            seen.append(data['payload'])
            raise ValueError("of the trigger")

    seen = []
    with Raising(connection) as listener:
        listener.subscribe(len)
        for number in range(3):
            broadcaster.publish(number)
        wait_for(lambda: len(seen) == 3)
    assert capsys.readouterr().err.count('ValueError: of the trigger') == 3


# ---- at the ends of full batches ----

# The first message is a batch of its own.
ENDS = [1, BATCH, BATCH + 1, 2 * BATCH, 2 * BATCH + 1]


@pytest.mark.parametrize('limit', [LIMIT, 5 * BATCH])  # the second: one at a time
@pytest.mark.parametrize('last', ENDS)
def test_unsubscribed_at_the_end_of_a_batch(connection, broadcaster, last, limit):
    count = 3 * BATCH + 1
    with RawListener(connection, max_messages=limit) as listener:
        callback = InHand(listener)
        callback.at(last, lambda: listener.unsubscribe(callback))
        callback.feed(broadcaster, count)
        wait_for(lambda: not listener.num_subscriptions())
        stats = settled(listener.stats())
        assert (stats['delivered'], stats['queued']) == (last + 1, count - last - 1)
        rest = [listener.receive(0)['payload'] for _ in range(count - last - 1)]
        assert callback.seen + rest == list(range(count))
        assert listener.receive(0) is None


@pytest.mark.parametrize('last', ENDS)
def test_closed_at_the_end_of_a_batch(connection, broadcaster, last):
    listener = RawListener(connection, max_messages=LIMIT)
    callback, closed = InHand(listener), threading.Event()
    callback.at(last, lambda: listener.close() and closed.set())
    callback.feed(broadcaster, 3 * BATCH + 1)
    assert closed.wait(TIMEOUT)
    stats = settled(listener.stats())
    assert (stats['delivered'], stats['discarded']) == (last + 1, 3 * BATCH - last)
    assert callback.seen == list(range(last + 1))


@pytest.mark.parametrize('last', ENDS)
def test_exchanged_at_the_end_of_a_batch(connection, broadcaster, last):
    """What waits when the next one comes is discarded, and what arrives then is not."""
    with RawListener(connection, max_messages=LIMIT) as listener:
        callback, late = InHand(listener), Collector()

        def exchange():
            listener.unsubscribe(callback)
            listener.subscribe(late)
            broadcaster.publish('after')

        callback.at(last, exchange)
        callback.feed(broadcaster, 3 * BATCH + 1)
        assert late.get()['payload'] == 'after' and late.empty()
        stats = settled(listener.stats())
        assert (stats['delivered'], stats['discarded']) == (last + 2, 3 * BATCH - last)


# ---- what is in them ----

PAYLOADS = [None, True, -1, 1.5, 'text', u'\xe4', [], [1, [2]], {}, {'key': {'x': [1]}}, 'x' * 5000]
TOPICS = [None, '', 'a', 'b' * 300, u'\xe4'.encode('utf-8').decode('utf-8')]


@pytest.mark.parametrize('kind', [RawListener, QueuedListener])
@pytest.mark.parametrize('size, words', [(0, True), (5000, True), (20000, True), (0, False)])
def test_topics_and_payloads_of_a_batch(connection, broadcaster, monkeypatch, kind, size, words):
    """Small ones are unpacked in another way than batches that have larger ones; records are read
    in another way where pointers are not of 8 bytes.
    """
    monkeypatch.setattr(_hand, '_WORDS', _hand._WORDS and words)
    filling = 'x' * size
    expected = [(codec.decode_topic(codec.encode_topic(topic)) if topic is not None else None,
                 codec.unpack(codec.pack([filling, payload])))
                for payload in PAYLOADS for topic in TOPICS]
    with kind(connection) as listener:
        seen, held_up, go = [], threading.Event(), threading.Event()

        def callback(data):
            held_up.set()
            assert go.wait(TIMEOUT)
            seen.append((data['topic'], data['payload']))

        listener.subscribe(callback)
        broadcaster.publish('first')
        assert held_up.wait(TIMEOUT)
        for payload in PAYLOADS:
            for topic in TOPICS:
                broadcaster.publish([filling, payload], topic)
        wait_for(lambda: listener.stats()['messages'] == len(expected) + 1)
        bytes_before = listener.stats()['queued_bytes']
        assert bytes_before >= len(expected) * size
        go.set()
        wait_for(lambda: len(seen) == len(expected) + 1)
        assert seen[1:] == expected
        assert [type(topic) for topic, _ in seen[1:]] == [type(topic) for topic, _ in expected]
        assert listener.stats()['queued_bytes'] == 0


@pytest.mark.parametrize('decode', [True, False])
def test_large_and_small_ones_in_turn(connection, broadcaster, decode):
    """How much is taken at a time changes with their sizes; none is cut, left or overtaken."""
    sizes = [10, 59000, 100, 300000, 17000, 17000, 17000, 17000, 17000, 10, 10, 70000, 1000000, 5]
    sizes = 3 * sizes + 100 * [10] + 3 * [59000] + 100 * [300]
    seen, go = [], threading.Event()

    def callback(data):
        assert go.wait(TIMEOUT)
        seen.append(data['payload'] if decode else codec.unpack(data['payload']))

    with RawListener(connection, decode=decode) as listener:
        listener.subscribe(callback)
        for number, size in enumerate(sizes):
            broadcaster.publish(chr(65 + number % 26) * size)
            wait_for(lambda: listener.stats()['messages'] == number + 1, "receiving")
        go.set()
        wait_for(lambda: len(seen) == len(sizes), "delivering")
    assert [len(payload) for payload in seen] == sizes
    for number, payload in enumerate(seen):
        assert payload == chr(65 + number % 26) * len(payload)


@pytest.mark.parametrize('limit', [100000, 400000, 1000000])
def test_large_ones_of_a_small_queue(connection, broadcaster, limit):
    """What is taken at a time is a sixteenth of the limit, or one message."""
    sizes = [10, 17000, 17000, 17000, 17000, 10, 10, 20000, 17000][:5 if limit == 100000 else None]
    for _ in range(2):
        seen, go = [], threading.Event()

        def callback(data, seen=seen, go=go):
            assert go.wait(TIMEOUT)
            seen.append(data['payload'])

        with QueuedListener(connection, max_bytes=limit) as listener:
            listener.subscribe(callback)
            for number, size in enumerate(2 * sizes):
                broadcaster.publish(chr(65 + number) * size)
                wait_for(lambda: listener.stats()['messages'] == number + 1, "receiving")
                if number + 1 == len(sizes):  # the second half comes to one that knows their sizes
                    go.set()
                    wait_for(lambda: len(seen) == len(sizes), "delivering")
                    go.clear()
            go.set()
            wait_for(lambda: len(seen) == 2 * len(sizes), "delivering")
        assert seen == [chr(65 + number) * size for number, size in enumerate(2 * sizes)]


def test_more_topics_than_are_kept(connection, broadcaster):
    topics = ['topic %d' % number for number in range(1000)]
    with RawListener(connection) as listener:
        received = Collector()
        listener.subscribe(received)
        for topic in topics * 2:
            broadcaster.publish(topic, topic)
        for topic, data in zip(topics * 2, received.take(2000)):
            assert data == {'topic': topic, 'payload': topic}
    assert len(_hand.topics) <= 256


# Well-formed, and more than Python holds: a map with a list as its key.
MISFIT = b'\x81\x91\x01\x02'


@pytest.mark.parametrize('at', [[1], [4], [BATCH], [1, 2, 3], list(range(1, 2 * BATCH + 1))])
def test_misfits_in_a_batch(connection, broadcaster, at, capsys):
    """They are counted, and all others are delivered, in order."""
    count = 2 * BATCH + 2
    sender = plain_sender()
    with RawListener(connection, max_messages=LIMIT) as listener:
        callback = InHand(listener)
        broadcaster.publish(0)
        assert callback._held_up.wait(TIMEOUT)
        for number in range(1, count):
            packed = MISFIT if number in at else msgpack.packb(number)
            send(sender, connection, b'\x92\xc0' + packed)
        wait_for(lambda: listener.stats()['messages'] == count)
        callback._go.set()
        wait_for(lambda: listener.stats()['queued'] == 0)
        stats = settled(listener.stats())
        assert (stats['rejected'], stats['delivered']) == (len(at), count - len(at))
        wait_for(lambda: len(callback.seen) == count - len(at))
        assert callback.seen == [number for number in range(count) if number not in at]
    sender.close()
    assert 'cannot decode a payload of 4 bytes' in capsys.readouterr().err


def test_what_is_received_after_a_pause_is_what_callbacks_would_have_got(connection, capsys):
    Pose = type(Message)('Pose', (Message,), {'mandatory': ('x',), 'connection': connection})
    sender = plain_sender()
    with MessageListener(Pose, max_messages=LIMIT) as listener:
        callback = Steps(2, lambda: listener.unsubscribe(callback))
        listener.subscribe(callback)
        publish(connection, listener, 5)
        for packed in (MISFIT, msgpack.packb({'y': 1}), msgpack.packb({'x': 5})):
            send(sender, connection, b'\x92\xa1t' + packed)
        wait_for(lambda: listener.stats()['messages'] == 8)
        callback.go.set()
        assert callback.done.wait(TIMEOUT)
        data = [listener.receive(0) for _ in range(4)]
        assert [each['payload']['x'] for each in data] == [2, 3, 4, 5]
        assert all(type(each['payload']) is Pose for each in data)
        assert [each['topic'] for each in data] == [None, None, None, 't']
        stats = settled(listener.stats())
        assert (stats['delivered'], stats['rejected'], stats['queued']) == (6, 2, 0)
    sender.close()


def test_undecoded_ones_received_after_a_pause_stay_as_they_are(connection, broadcaster):
    with RawListener(connection, max_messages=LIMIT, decode=False) as listener:
        kept, stopped, go = [], threading.Event(), threading.Event()

        def callback(data):
            kept.append(data['payload'])
            if len(kept) == 1:
                stopped.set()
                assert go.wait(TIMEOUT)
            if len(kept) == 3:
                listener.unsubscribe(callback)

        listener.subscribe(callback)
        broadcaster.publish(0)
        assert stopped.wait(TIMEOUT)
        for number in range(1, 40):
            broadcaster.publish(number)
        wait_for(lambda: listener.stats()['messages'] == 40)
        go.set()
        wait_for(lambda: not listener.num_subscriptions())
        kept += [listener.receive(0)['payload'] for _ in range(37)]
        assert listener.receive(0) is None
        assert all(isinstance(payload, memoryview) for payload in kept)
        assert [codec.unpack(payload) for payload in kept] == list(range(40))


def test_a_changed_codec_holds_for_what_comes_then(connection, broadcaster):
    with RawListener(connection) as listener:
        received = Collector()
        listener.subscribe(received)
        broadcaster.publish('text')
        assert received.get()['payload'] == 'text'
        before = codec.configure(text=not codec.configure()['text'])
        try:
            for _ in range(10):
                broadcaster.publish('text')
            other = b'text' if not PY2 else u'text'
            payloads = [data['payload'] for data in received.take(10)]
        finally:
            codec.configure(**before)
        assert payloads == [other] * 10 and type(payloads[-1]) is type(other)


# ---- fork ----


@pytest.mark.parametrize('fork', ['os.fork()', 'ctypes.PyDLL(None).fork()'])
def test_a_child_made_amid_a_batch_gets_none_of_its_parent_s_messages(connection, fork):
    """Nor does one that code in C has made, where Python does not learn of it, go on for ever."""
    run_python("""
import ctypes, os, sys, threading
import mcl
from mcl.network.udp import Connection

connection = Connection(%r)
read, write = os.pipe()
held_up, go, done, children, seen = threading.Event(), threading.Event(), threading.Event(), [], []

def callback(data):
    number = data['payload']
    seen.append(number)
    if number == 0:
        held_up.set()
        assert go.wait(20)
    os.write(write, b'p' if os.getpid() == parent else b'c')
    if number == 5:
        pid = %s
        if pid == 0:
            return
        children.append(pid)
    if number == 49:
        done.set()

parent = os.getpid()
listener = mcl.RawListener(connection)
listener.subscribe(callback)
with mcl.RawBroadcaster(connection) as broadcaster:
    broadcaster.publish(0)
    assert held_up.wait(20)
    for number in range(1, 50):
        broadcaster.publish(number)
    go.set()
    assert done.wait(20)
assert seen == list(range(50)), seen
assert os.waitpid(children[0], 0)[1] == 0
listener.close()
told = os.read(read, 1000)
assert told.count(b'p') == 50, told
if %r == 'os.fork()':
    assert told.count(b'c') == 0, told
""" % (connection.url, fork, fork), env={'PYTHONWARNINGS': 'ignore::DeprecationWarning'})

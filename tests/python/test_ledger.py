"""What stats() tells is what happened: compared with the callbacks begun and the data received."""

import random
import select
import threading
import time

import pytest

from helpers import TIMEOUT, Background, wait_for
from mcl import Message, MessageListener, QueuedListener, RawBroadcaster, RawListener
from mcl import _constants as constants
from mcl.errors import ClosedError
from test_transport import LISTENERS, Local

KINDS = ['raw', 'message', 'queued', 'queued message', 'own queued', 'own queued message']


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def where(kind, connection):
    """The connection to publish on."""
    yield Local('ledger') if kind.startswith('own') else connection
    assert LISTENERS == []


@pytest.fixture
def new_listener(kind, where):
    """Return a function that opens a listener of the kind; all take {'x': number}."""
    source = where
    if 'message' in kind:
        source = type(Message)('Pose', (Message,), {'mandatory': ('x',), 'connection': where})
    make = {'raw': RawListener, 'message': MessageListener}.get(kind, QueuedListener)
    return lambda **options: make(source, **options)


def settled(stats):
    """Check the sum that holds at every moment, and return the counters."""
    parts = ('delivered', 'rejected', 'dropped_queue', 'discarded', 'queued')
    assert stats['messages'] == sum(stats[part] for part in parts), stats
    return stats


def numbers(data):
    return [item['payload']['x'] for item in data]


class Steps(object):
    """A callback that keeps its data, and stops in the call of that number until told to go on."""

    def __init__(self, stop=1, then=None):
        self.seen = []
        self._stop, self._then = stop, then
        self.stopped, self.go, self.done = (threading.Event() for _ in range(3))

    def __call__(self, data):
        self.seen.append(data)
        if len(self.seen) == self._stop:
            self.stopped.set()
            assert self.go.wait(TIMEOUT)
            if self._then is not None:
                self._then()
            self.done.set()


def publish(where, listener, count, first=0):
    before = listener.stats()['messages']
    with RawBroadcaster(where) as broadcaster:
        for number in range(first, first + count):
            broadcaster.publish({'x': number})
    wait_for(lambda: settled(listener.stats())['messages'] == before + count)


@pytest.mark.parametrize('stop', [1, 2, 201])
def test_open_then_closed(new_listener, where, stop):
    callback, listener = Steps(stop), new_listener()
    listener.subscribe(callback)
    publish(where, listener, 201)
    assert callback.stopped.wait(TIMEOUT)
    stats = settled(listener.stats())
    assert (stats['delivered'], stats['queued']) == (stop, 201 - stop)
    if 'queued_bytes' in stats:
        assert stats['queued_bytes'] >= 4 * stats['queued']
    closing = Background(listener.close)
    wait_for(lambda: settled(listener.stats())['queued'] == 0)
    callback.go.set()
    assert closing.result() is True
    stats = settled(listener.stats())
    assert (stats['delivered'], stats['discarded']) == (stop, 201 - stop)
    assert numbers(callback.seen) == list(range(stop))


def test_closed_in_the_callback(new_listener, where):
    listener = new_listener()
    callback = Steps(50, listener.close)
    listener.subscribe(callback)
    publish(where, listener, 201)
    callback.go.set()
    assert callback.done.wait(TIMEOUT)
    stats = settled(listener.stats())
    assert len(callback.seen) == stats['delivered'] == 50
    assert (stats['discarded'], stats['queued']) == (151, 0)


@pytest.mark.parametrize('inside', [False, True])
def test_the_rest_stays_when_the_last_callback_goes(new_listener, where, inside):
    with new_listener() as listener:
        callback = Steps(50, (lambda: listener.unsubscribe(callback)) if inside else None)
        listener.subscribe(callback)
        publish(where, listener, 201)
        assert callback.stopped.wait(TIMEOUT)
        if not inside:
            listener.unsubscribe(callback)
        callback.go.set()
        assert callback.done.wait(TIMEOUT)
        stats = settled(listener.stats())
        assert (stats['delivered'], stats['queued'], stats['discarded']) == (50, 151, 0)
        publish(where, listener, 10, 201)
        for count in range(1, 162):
            assert listener.receive(0)['payload']['x'] == 49 + count
            stats = settled(listener.stats())
            assert (stats['delivered'], stats['queued']) == (50 + count, 161 - count)
        assert listener.receive(0) is None
        assert numbers(callback.seen) == list(range(50))


def test_the_rest_is_discarded_when_the_next_one_comes(new_listener, where):
    late = Steps(201)
    with new_listener() as listener:

        def exchange():
            listener.unsubscribe(callback)
            assert settled(listener.stats())['queued'] == 151
            listener.subscribe(late)

        callback = Steps(50, exchange)
        listener.subscribe(callback)
        publish(where, listener, 201)
        callback.go.set()
        assert callback.done.wait(TIMEOUT)
        stats = settled(listener.stats())
        assert (stats['delivered'], stats['queued'], stats['discarded']) == (50, 0, 151)
        publish(where, listener, 3, 201)
        wait_for(lambda: len(late.seen) == 3)
        assert numbers(late.seen) == [201, 202, 203]
        assert settled(listener.stats())['delivered'] == 53


def test_what_came_before_the_first_callback_is_discarded(new_listener, where):
    callback = Steps(0)
    with new_listener() as listener:
        publish(where, listener, 600)
        assert settled(listener.stats())['queued'] == 600
        listener.subscribe(callback)
        stats = settled(listener.stats())
        assert (stats['delivered'], stats['queued'], stats['discarded']) == (0, 0, 600)
        publish(where, listener, 2, 600)
        wait_for(lambda: len(callback.seen) == 2)
        assert numbers(callback.seen) == [600, 601]


@pytest.mark.parametrize('limit', [1, 5, 100])
def test_the_limit_holds_beside_a_slow_callback(new_listener, where, limit):
    callback = Steps(1)
    with new_listener(max_messages=limit) as listener:
        listener.subscribe(callback)
        publish(where, listener, 1)
        assert callback.stopped.wait(TIMEOUT)
        publish(where, listener, 300, 1)
        stats = settled(listener.stats())
        assert (stats['delivered'], stats['queued']) == (1, limit)
        assert stats['dropped_queue'] == 300 - limit
        callback.go.set()
        wait_for(lambda: settled(listener.stats())['queued'] == 0)
        wait_for(lambda: len(callback.seen) == limit + 1)
        assert numbers(callback.seen) == [0] + list(range(301 - limit, 301))


def test_what_is_in_hand_counts_beside_the_limit(connection):
    """The thread holds a sixteenth of the messages on top of the queue, and 64 at most."""
    for limits, most in (({'max_messages': 320}, 339), ({'max_bytes': 320 * 4}, 383)):  # of 4 bytes
        callback = Steps(100)
        with RawListener(connection, **limits) as listener:
            listener.subscribe(callback)
            publish(connection, listener, 100)
            for first in range(100, 1000, 100):
                publish(connection, listener, 100, first)
            assert callback.stopped.wait(TIMEOUT)
            stats = settled(listener.stats())
            assert stats['delivered'] == 100 and 100 < stats['queued'] <= most
            callback.go.set()


def test_misfits(connection, capsys):
    Pose = type(Message)('Pose', (Message,), {'mandatory': ('x',), 'connection': connection})
    for make in (MessageListener, QueuedListener):
        callback = Steps(100)
        with make(Pose) as listener, RawBroadcaster(connection) as broadcaster:
            listener.subscribe(callback)
            for number in range(100):
                broadcaster.publish({'y': number})
                broadcaster.publish({'x': number})
            assert callback.stopped.wait(TIMEOUT)
            callback.go.set()
            stats = settled(listener.stats())
            assert (stats['delivered'], stats['rejected'], stats['queued']) == (100, 100, 0)


@pytest.mark.parametrize('queued', [False, True])
def test_poll_sees_what_is_in_hand(connection, queued):
    def readable():
        return [each for each, _ in poll.poll(0)] == [descriptor]

    with (QueuedListener if queued else RawListener)(connection) as listener:
        poll, descriptor = select.poll(), listener.fileno()
        poll.register(descriptor, select.POLLIN)
        callback = Steps(8, lambda: listener.unsubscribe(callback))
        listener.subscribe(callback)
        assert not readable()
        publish(connection, listener, 10)
        callback.go.set()
        assert callback.done.wait(TIMEOUT)
        assert listener.fileno() == descriptor
        assert readable() and listener.receive(0)['payload']['x'] == 8
        assert readable() and listener.receive(0)['payload']['x'] == 9
        assert not readable() and listener.receive(0) is None
        publish(connection, listener, 1, 10)
        assert readable()
        listener.subscribe(callback)
        assert not readable()


def test_close_wakes_who_polls(connection):
    listener = QueuedListener(connection)
    waiting = Background(lambda: select.select([listener], [], [], TIMEOUT)[0])
    time.sleep(0.05)  # most likely it waits by now; the test holds either way
    listener.close()
    try:
        assert waiting.result() == [listener]
    except IOError:  # it had not begun to wait
        pass


def test_the_sum_holds_at_every_moment(new_listener, where, kind):
    """Amid publishing, callbacks coming and going, receiving and misfits."""
    end = time.time() + 1
    random_ = random.Random(kind)
    begun, received, checks = [], [], [0]

    def callback(data):
        begun.append(data)
        if len(begun) % 7 == 0:
            listener.unsubscribe(callback)

    def publishing():
        count = 0
        with RawBroadcaster(where) as broadcaster:
            while time.time() < end:
                broadcaster.publish({'x': count})
                count += 1
                if count % 50 == 0:
                    time.sleep(0.002)

    def receiving():
        while time.time() < end:
            try:
                data = listener.receive(0.001)
            except IOError:  # callbacks are subscribed
                time.sleep(0.0005)
                continue
            if data is not None:
                received.append(data)

    def checking():
        while time.time() < end:
            settled(listener.stats())
            checks[0] += 1

    listener = new_listener(max_messages=200)
    workers = [Background(work) for work in (publishing, receiving, checking)]
    while time.time() < end:
        listener.subscribe(callback)
        time.sleep(random_.random() / 200)
        listener.unsubscribe(callback)
        time.sleep(random_.random() / 200)
    for worker in workers:
        worker.result()
    listener.close()
    stats = settled(listener.stats())
    assert begun and received and checks[0] > 10
    assert stats['delivered'] == len(begun) + len(received)
    for data in (begun, received):
        assert numbers(data) == sorted(set(numbers(data)))
    assert not set(numbers(begun)) & set(numbers(received))


def test_a_wait_that_ends_amid_a_close_holds_up_nobody(connection):
    """The thread has just taken messages when the last callback goes and the listener is closed."""

    class Hand(object):
        plain = True

        def take(self):
            source._wanted = False
            return [(None, 1, 2)]

        def settle(self, delivered):
            raise ClosedError('closed', constants.MCL_ECLOSED)

    with RawListener(connection) as listener:
        source = listener._source
        source._wanted, source._hand = True, Hand()
        with pytest.raises(ClosedError):
            source._deliver(listener, None, None)
        told = []
        thread = threading.Thread(target=lambda: told.append(listener.stats()))
        thread.daemon = True
        thread.start()
        thread.join(TIMEOUT)
        assert told

"""When a thread that delivers a stream rests, by a clock that is a number here."""

import threading

import pytest

from helpers import publish_all
from mcl import QueuedListener, RawBroadcaster, RawListener, _reception
from mcl._pace import Pace

GAP = 1 / 40000.0  # seconds between messages of a stream


class Stream(object):
    """Messages that come at times given by `gap`; the thread takes what has come.

    While it rests, for `rest` seconds, more comes, unless it is one that answers: then the next
    comes `gap` after the last was taken.
    """

    def __init__(self, gap, rest=3e-4, answers=False):
        self.gap, self.rest, self.answers = gap, rest, answers
        self.now = self.next = 0.0
        self.rests = 0
        self.pace = Pace(self._rest, lambda: self.now)

    def _rest(self):
        self.rests += 1
        self.now += self.rest

    def run(self, times):
        """Take messages so many times; return how often it rested."""
        before = self.rests
        for _ in range(times):
            if not self.pace.rest():
                self.now = max(self.now, self.next)  # a wait
            count = 0
            if self.now >= self.next:
                count = 1 if self.answers else 1 + int((self.now - self.next) / self.gap)
                self.next = self.now + self.gap if self.answers else self.next + count * self.gap
            self.pace.came(count)
        return self.rests - before


def test_in_a_stream_it_rests():
    stream = Stream(GAP)
    stream.run(100)
    assert stream.run(1000) == 1000


def test_few_messages_are_not_waited_for():
    assert Stream(1 / 10000.0).run(10000) == 0


def test_when_the_stream_ends_it_stops():
    stream = Stream(GAP)
    assert stream.run(200) > 0
    stream.gap = 0.001
    stream.run(200)
    assert stream.run(1000) == 0
    stream.gap = GAP
    stream.run(100)
    assert stream.run(1000) == 1000


def test_answers_are_hardly_held_up():
    """A rest brings one message, however fast they come."""
    stream = Stream(GAP, answers=True)
    assert 0 < stream.run(10000) < 500
    assert stream.run(10000) < 100
    stream.answers = False
    stream.run(40000)
    assert stream.run(1000) == 1000


def test_a_rest_that_brings_nothing_is_followed_by_a_wait():
    stream = Stream(GAP)
    stream.run(200)
    stream.next = stream.now + 10  # the stream has ended
    assert stream.run(2) == 1
    assert stream.now >= stream.next - stream.gap


def test_who_is_held_up_stops_resting():
    """By callbacks that take long, or by other threads that hold the interpreter lock."""
    stream = Stream(GAP)
    assert stream.run(200) > 0
    stream.rest = 0.005
    stream.run(10000)  # it is tried again, and later each time
    assert stream.run(10000) < 100


def test_who_finds_many_does_not_rest():
    """A slow receiver finds enough each time."""
    stream = Stream(GAP)
    for _ in range(1000):
        stream.now += 20 * GAP
        assert stream.run(1) == 0


class Restless(Pace):
    """One that always rests, for no time."""

    def __init__(self):
        super(Restless, self).__init__(lambda: None)
        self._resting = True

    def _decide(self):
        pass


@pytest.mark.parametrize('decode', [True, False])
def test_a_listener_that_rests_delivers_all_in_order(new_connection, monkeypatch, decode):
    monkeypatch.setattr(_reception, 'Pace', Restless)
    connection, count, come, over = new_connection(), 2000, [], threading.Event()

    def callback(data):
        come.append(data['payload'] if decode else bytearray(data['payload']))
        if len(come) == count:
            over.set()

    with RawListener(connection, decode=decode) as listener:
        listener.subscribe(callback)
        with RawBroadcaster(connection) as broadcaster:
            publish_all(broadcaster, listener, [number % 100 for number in range(count)])
        assert over.wait(20)
        assert listener.unsubscribe(callback)
        assert listener.stats()['delivered'] == count
    wanted = [number % 100 for number in range(count)]
    assert come == (wanted if decode else [bytearray([number]) for number in wanted])


def test_a_small_queue_is_not_left_alone(new_connection, monkeypatch):
    """What comes in a rest would fill it."""

    def refuse():
        raise AssertionError("it may rest")

    monkeypatch.setattr(_reception, 'Pace', refuse)
    for options in ({'max_messages': 31}, {'max_messages': 1000}, {'max_bytes': 100000}):
        come, over = [], threading.Event()
        with QueuedListener(new_connection(), **options) as listener:
            listener.subscribe(lambda data, come=come, over=over: (come.append(data), over.set()))
            with RawBroadcaster(listener.connection) as broadcaster:
                broadcaster.publish(1)
            assert over.wait(20)

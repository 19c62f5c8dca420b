"""When a thread that delivers a stream rests, by a clock that is a number here."""

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
        self.rests = self.waits = 0
        self.pace = Pace(self._rest, lambda: self.now)

    def _rest(self):
        self.rests += 1
        self.now += self.rest

    def run(self, waits):
        """Return how often it rested in so many waits."""
        before = self.rests
        for _ in range(waits):
            self.pace.before_wait()
            self.now = max(self.now, self.next)
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
    stream.run(100)
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


def test_who_finds_many_does_not_rest():
    """A slow receiver finds enough each time."""
    stream = Stream(GAP)
    for _ in range(1000):
        stream.now += 20 * GAP
        assert stream.run(1) == 0

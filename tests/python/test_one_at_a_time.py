"""Callbacks of one listener never run two at once, however it is paused, closed and opened."""

import threading
import time

import pytest

from helpers import TIMEOUT, wait_for
from mcl import QueuedListener, RawBroadcaster, RawListener
from test_transport import LISTENERS, Local


@pytest.fixture(params=['raw', 'queued', 'own queued'])
def listening(request, connection):
    """A connection, and a listener on it."""
    where = Local('one') if request.param == 'own queued' else connection
    listener = (RawListener if request.param == 'raw' else QueuedListener)(where)
    yield where, listener
    listener.close()
    assert LISTENERS == []


class Overlap(object):
    """A context that notes when two threads are in it."""

    def __init__(self):
        self._inside, self.seen = [], False
        self._lock = threading.Lock()

    def __enter__(self):
        with self._lock:
            self._inside.append(1)
            self.seen = self.seen or len(self._inside) > 1

    def __exit__(self, *exception):
        with self._lock:
            self._inside.pop()


def open_again(listener):
    return listener.open() if isinstance(listener, QueuedListener) else listener._open()


@pytest.mark.parametrize('reopens', [False, True])
def test_a_callback_that_replaces_itself(listening, reopens):
    where, listener = listening
    callbacks, seen, changed, go = Overlap(), [], threading.Event(), threading.Event()

    def first(data):
        with callbacks:
            listener.unsubscribe(first)
            if reopens:
                listener.close()
                assert open_again(listener)
            listener.subscribe(second)
            changed.set()
            assert go.wait(TIMEOUT)

    def second(data):
        with callbacks:
            seen.append(data['payload'])

    listener.subscribe(first)
    with RawBroadcaster(where) as broadcaster:
        broadcaster.publish(0)
        assert changed.wait(TIMEOUT)
        for number in range(1, 4):
            broadcaster.publish(number)
        wait_for(lambda: listener.stats()['queued'] == 3)
        time.sleep(0.05)  # in which a second thread would begin
        assert seen == []
        go.set()
        wait_for(lambda: len(seen) == 3)
    assert seen == [1, 2, 3] and not callbacks.seen


@pytest.mark.parametrize('again', [False, True])
def test_close_waits_for_a_callback_that_has_unsubscribed_itself(listening, again):
    where, listener = listening
    paused, ended = threading.Event(), threading.Event()

    def callback(data):
        listener.unsubscribe(callback)
        if again:
            listener.subscribe(len)
        paused.set()
        time.sleep(0.2)
        ended.set()

    listener.subscribe(callback)
    with RawBroadcaster(where) as broadcaster:
        broadcaster.publish(1)
        assert paused.wait(TIMEOUT)
        assert listener.close() is True
        assert ended.is_set()


def test_reopened_twice_and_closed_in_the_callback(listening):
    """Nobody waits for himself, nor for a thread that waits for him."""
    where, listener = listening
    took = []

    def callback(data):
        began = time.time()
        for _ in range(2):
            listener.close()
            open_again(listener)
        listener.close()
        took.append(time.time() - began)

    listener.subscribe(callback)
    with RawBroadcaster(where) as broadcaster:
        broadcaster.publish(1)
        wait_for(lambda: took)
    assert took[0] < 0.9
    wait_for(lambda: not [t for t in threading.enumerate() if t.name.startswith('mcl')])

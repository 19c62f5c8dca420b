"""Callbacks that sleep, block for ever, or raise each time: their queues keep to the limit, and
nobody else notices.
"""

import threading
import time

import pytest

from helpers import TIMEOUT, Background, wait_for
from mcl import QueuedListener, RawBroadcaster, RawListener, _report

COUNT, LIMIT = 1000, 100


# Not all pairs: each takes the second for which close() waits.
@pytest.mark.parametrize('kind, policy', [
    (RawListener, 'drop_oldest'),
    (QueuedListener, 'drop_newest'),
    (RawListener, 'block'),
])
def test_a_callback_that_blocks(kind, policy, connection):
    entered, go, heard = threading.Event(), threading.Event(), []

    def blocks(data):
        entered.set()
        assert go.wait(TIMEOUT)

    # Else the kernel might drop, on a busy machine, what the queue is to drop.
    size = 1 << 16 if policy == 'block' else 1 << 22
    slow = kind(connection._replace(recv_buffer=size), max_messages=LIMIT, policy=policy)
    with kind(connection) as quick, RawBroadcaster(connection) as broadcaster:
        quick.subscribe(heard.append)
        slow.subscribe(blocks)
        broadcaster.publish(0)
        assert entered.wait(TIMEOUT)
        for number in range(1, COUNT):
            broadcaster.publish('x' * 500)
            if policy != 'block' and number % 100 == 0:
                assert slow.stats()['queued'] <= LIMIT + LIMIT // 16
        wait_for(lambda: len(heard) == COUNT)
        dropped = 'dropped_kernel' if policy == 'block' else 'dropped_queue'
        wait_for(lambda: slow.stats()[dropped] > 0)

        closing = Background(slow.close)
        assert closing.result() is True  # while it blocks; after about a second
        stats = slow.stats()
        assert stats['delivered'] == 1 and stats['discarded'] > 0
        broadcaster.publish('after')
        wait_for(lambda: len(heard) == COUNT + 1)
        go.set()


def test_a_callback_that_sleeps(connection):
    heard, slept = [], []

    def sleeps(data):
        slept.append(data['payload'])
        time.sleep(0.05)

    slow, quick = QueuedListener(connection, max_messages=LIMIT), RawListener(connection)
    with slow, quick, RawBroadcaster(connection) as broadcaster:
        slow.subscribe(sleeps)
        quick.subscribe(heard.append)
        for number in range(COUNT):
            broadcaster.publish(number)
        wait_for(lambda: len(heard) == COUNT)
        assert [data['payload'] for data in heard] == list(range(COUNT))
        assert slow.stats()['queued'] <= LIMIT + LIMIT // 16
        wait_for(lambda: len(slept) >= 3)
    assert slept == sorted(slept)


def test_a_callback_that_raises_each_time(connection, capfd, monkeypatch):
    monkeypatch.setattr(_report, 'BURST', 100)
    heard, beside = [], []

    def raises(data):
        raise ValueError("each time")

    with QueuedListener(connection) as broken, RawListener(connection) as quick:
        broken.subscribe(raises)
        broken.subscribe(beside.append)
        quick.subscribe(heard.append)
        with RawBroadcaster(connection) as broadcaster:
            for number in range(COUNT):
                broadcaster.publish(number)
        wait_for(lambda: len(heard) == COUNT and len(beside) == COUNT)
        assert broken.stats()['delivered'] == COUNT
    # A flood of them does not fill the disk that stderr goes to.
    assert 0 < capfd.readouterr().err.count('Traceback') < COUNT / 2


def test_exceptions_that_are_not_alike_are_all_told(connection, capfd, monkeypatch):
    def raises(data):
        if data['payload'] % 2:
            raise ValueError("odd")
        raise KeyError("even")

    done = []
    with QueuedListener(connection) as listener, RawBroadcaster(connection) as broadcaster:
        listener.subscribe(raises)
        listener.subscribe(done.append)
        monkeypatch.setattr(_report, 'INTERVAL', 3600.0)
        monkeypatch.setattr(_report, 'BURST', 1)
        for number in range(6):
            broadcaster.publish(number)
        wait_for(lambda: len(done) == 6)
        monkeypatch.setattr(_report, 'INTERVAL', 1e-9)
        broadcaster.publish(7)
        wait_for(lambda: len(done) == 7)
    errors = capfd.readouterr().err
    assert errors.count("ValueError: odd") == 2 and errors.count("KeyError: ") == 1
    assert "2 more" in errors

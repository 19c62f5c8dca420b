"""Receiving without callbacks: receive, iteration, and polling."""

import select
import time

import pytest

import mcl
from helpers import TIMEOUT, Background, Collector, run_python, wait_for
from mcl import QueuedListener
from mcl.network import udp


@pytest.fixture(params=[udp.RawListener, QueuedListener])
def kind(request):
    return request.param


def test_receive(kind, connection):
    with udp.RawBroadcaster(connection) as broadcaster, kind(connection) as listener:
        assert listener.receive(0) is None
        began = time.time()
        assert listener.receive(0.05) is None
        assert time.time() - began >= 0.045
        broadcaster.publish(1, topic='a')
        data = listener.receive(TIMEOUT)
        assert (data['topic'], data['payload']) == ('a', 1)
        assert ('time_received' in data) == (kind is QueuedListener)
        broadcaster.publish(2)
        assert listener.receive()['payload'] == 2
    with pytest.raises(mcl.ClosedError):
        listener.receive()
    with pytest.raises(IOError):
        listener.receive(0)


def test_timeouts_of_any_size(kind, connection):
    with udp.RawBroadcaster(connection) as broadcaster, kind(connection) as listener:
        for timeout in (float('inf'), 1e308, 1 << 70, None):
            waiting = Background(lambda: listener.receive(timeout))
            time.sleep(0.02)  # most likely it waits by now; the test holds either way
            broadcaster.publish(1)
            assert waiting.result()['payload'] == 1
        for timeout in (0, -1, float('-inf')):
            assert listener.receive(timeout) is None
        with pytest.raises(ValueError):
            listener.receive(float('nan'))
        with pytest.raises(TypeError):
            listener.receive('1')


def test_receive_what_came_before(kind, connection):
    with udp.RawBroadcaster(connection) as broadcaster, kind(connection) as listener:
        for number in range(100):
            broadcaster.publish(number)
        assert [listener.receive(TIMEOUT)['payload'] for _ in range(100)] == list(range(100))


def test_iteration_ends_when_it_is_closed(kind, connection):
    with udp.RawBroadcaster(connection) as broadcaster, kind(connection) as listener:
        received = Collector()

        def iterate():
            for data in listener:
                received(data['payload'])
            return 'end'

        background = Background(iterate)
        for number in range(3):
            broadcaster.publish(number)
        assert received.take(3) == [0, 1, 2]
        listener.close()
        assert background.result() == 'end'
        assert list(listener) == []


def test_iteration_can_be_left_and_taken_up(kind, connection):
    with udp.RawBroadcaster(connection) as broadcaster, kind(connection) as listener:
        for number in range(4):
            broadcaster.publish(number)
        for data in listener:
            if data['payload'] == 1:
                break
        assert next(iter(listener))['payload'] == 2
        assert listener.receive(TIMEOUT)['payload'] == 3


def test_close_wakes_who_waits(kind, connection):
    listener = kind(connection)
    waiting = [Background(lambda: listener.receive()) for _ in range(3)]
    time.sleep(0.05)  # most likely they wait by now; the test holds either way
    assert listener.close() is True
    for background in waiting:
        with pytest.raises(mcl.ClosedError):
            background.result()


def test_each_message_goes_to_one_thread(kind, connection):
    def take():
        taken = []
        while True:
            data = listener.receive(TIMEOUT)
            if data['payload'] is None:
                return taken
            taken.append(data['payload'])

    with udp.RawBroadcaster(connection) as broadcaster, kind(connection) as listener:
        takers = [Background(take) for _ in range(3)]
        for number in range(300):
            broadcaster.publish(number)
        for _ in takers:
            broadcaster.publish(None)
        taken = [taker.result() for taker in takers]
        assert sorted(sum(taken, [])) == list(range(300))
        assert all(part == sorted(part) for part in taken)


def test_callbacks_come_first(kind, connection):
    received = Collector()
    with udp.RawBroadcaster(connection) as broadcaster, kind(connection) as listener:
        listener.subscribe(received)
        with pytest.raises(mcl.errors.BusyError):
            listener.receive(0)
        broadcaster.publish(1)
        assert received.get()['payload'] == 1
        assert listener.unsubscribe(received)
        broadcaster.publish(2)
        assert listener.receive(TIMEOUT)['payload'] == 2


def test_fileno(kind, connection):
    with udp.RawBroadcaster(connection) as broadcaster, kind(connection) as listener:
        assert select.select([listener], [], [], 0)[0] == []
        broadcaster.publish(1)
        broadcaster.publish(2)
        assert select.select([listener], [], [], TIMEOUT)[0] == [listener]
        wait_for(lambda: listener.stats()['messages'] == 2)
        assert listener.receive(0)['payload'] == 1
        assert select.select([listener], [], [], 0)[0] == [listener]
        assert listener.receive(0)['payload'] == 2
        assert select.select([listener], [], [], 0)[0] == []
    with pytest.raises(mcl.ClosedError):
        listener.fileno()


def test_a_closed_queue_cannot_be_received_from(connection):
    listener = QueuedListener(connection, open_init=False)
    assert list(listener) == []
    with pytest.raises(mcl.ClosedError):
        listener.receive(0)


@pytest.mark.parametrize('hours', [-1, 1])
def test_a_clock_that_is_set_changes_no_timeout(hours):
    run_python("""
import sys, time
before = time.time

def stepping(looks=[0]):
    looks[0] += 1
    return before() + (3600 * int(sys.argv[1]) if looks[0] > 1 else 0)

time.time = stepping
import mcl
now = getattr(time, 'monotonic', before)
began = now()
for kind in (mcl.RawListener, mcl.QueuedListener):
    assert kind(mcl.network.udp.Connection('ff15::c1')).receive(0.2) is None
took = now() - began
assert 0.4 <= took < 10, took
""", str(hours))

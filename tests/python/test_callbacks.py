"""Callbacks and threads of UDP listeners and broadcasters."""

import threading
import time
import weakref

import pytest

import mcl
from helpers import TIMEOUT, Background, Collector, wait_for
from mcl.network import udp


def test_callbacks_run_on_one_thread_one_at_a_time(connection):
    running, most, threads, done = [0], [0], set(), threading.Event()

    def callback(data):
        running[0] += 1
        most[0] = max(most[0], running[0])
        threads.add(threading.current_thread())
        time.sleep(0.001)
        running[0] -= 1
        if data['payload'] == 'last':
            done.set()

    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        listener.subscribe(callback)
        for _ in range(50):
            broadcaster.publish('data')
        broadcaster.publish('last')
        assert done.wait(TIMEOUT)
    assert most[0] == 1
    assert len(threads) == 1 and threading.current_thread() not in threads
    assert threads.pop().daemon


def test_a_callback_that_raises_stops_nothing(connection, capsys):
    received = Collector()

    def bad(data):
        raise {1: ValueError, 2: SystemExit}[data['payload']]("of the callback")

    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        listener.subscribe(bad)
        listener.subscribe(received)
        broadcaster.publish(1)
        broadcaster.publish(2)
        assert [data['payload'] for data in received.take(2)] == [1, 2]
    errors = capsys.readouterr().err
    assert (
        'Traceback' in errors and 'ValueError: of the callback' in errors and 'SystemExit' in errors
    )


def test_data_without_subscribers_goes_to_nobody(connection):
    early, late = Collector(), Collector()
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        broadcaster.publish('before')
        wait_for(lambda: listener.stats()['messages'] == 1)
        listener.subscribe(early)
        broadcaster.publish('first')
        assert early.get()['payload'] == 'first'
        assert listener.unsubscribe(early)
        broadcaster.publish('between')
        wait_for(lambda: listener.stats()['messages'] == 3)
        listener.subscribe(late)
        broadcaster.publish('second')
        assert late.get()['payload'] == 'second'
        assert early.empty()


def test_unsubscribe_in_the_callback(connection):
    received, rest = Collector(), Collector()

    def once(data):
        received(data)
        assert listener.unsubscribe(once)

    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        listener.subscribe(once)
        listener.subscribe(rest)
        broadcaster.publish(1)
        broadcaster.publish(2)
        assert [data['payload'] for data in rest.take(2)] == [1, 2]
        assert received.get()['payload'] == 1 and received.empty()


def test_an_unsubscribed_callback_and_its_data_are_not_kept(connection):
    class Callback(object):
        def __call__(self, data):
            done.set()

    callback, done = Callback(), threading.Event()
    gone = weakref.ref(callback)
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        listener.subscribe(callback)
        listener.subscribe(len)
        broadcaster.publish(1)
        assert done.wait(TIMEOUT)
        listener.unsubscribe(callback)
        del callback
        wait_for(lambda: gone() is None)


def test_a_thread_that_cannot_be_started(connection, monkeypatch):
    """The caller is told, and may try again."""

    def fail(self):
        raise RuntimeError("can't start new thread")

    received = Collector()
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, 'start', fail)
            with pytest.raises(RuntimeError):
                listener.subscribe(received)
        listener.subscribe(received)
        broadcaster.publish(1)
        assert received.get()['payload'] == 1


def test_close_in_the_callback(connection):
    closed = Collector()
    with udp.RawBroadcaster(connection) as broadcaster:
        listener = udp.RawListener(connection)
        listener.subscribe(
            lambda data: closed((listener.close(), listener.close(), listener.is_open))
        )
        broadcaster.publish(1)
        broadcaster.publish(2)
        assert closed.get() == (True, False, False)
        assert listener.close() is False
        wait_for(lambda: not [t for t in threading.enumerate() if t.name.startswith('mcl')])
        assert closed.empty()


def test_publish_in_the_callback(connection, new_connection):
    answers = new_connection()
    with udp.RawBroadcaster(connection) as asking, udp.RawListener(
        connection
    ) as listener, udp.RawBroadcaster(answers) as answering, udp.RawListener(answers) as asker:
        listener.subscribe(lambda data: answering.publish(data['payload'] + 1))
        asking.publish(1)
        assert asker.receive(TIMEOUT)['payload'] == 2


def test_close_waits_for_the_callback(connection):
    entered, ended = threading.Event(), threading.Event()

    def slow(data):
        entered.set()
        time.sleep(0.2)
        ended.set()

    with udp.RawBroadcaster(connection) as broadcaster:
        listener = udp.RawListener(connection)
        listener.subscribe(slow)
        broadcaster.publish(1)
        assert entered.wait(TIMEOUT)
        assert listener.close() is True
        assert ended.is_set()


def test_close_gives_up_on_a_callback_that_hangs(connection):
    entered, release = threading.Event(), threading.Event()

    def hanging(data):
        entered.set()
        release.wait(TIMEOUT)

    with udp.RawBroadcaster(connection) as broadcaster:
        listener = udp.RawListener(connection)
        listener.subscribe(hanging)
        broadcaster.publish(1)
        assert entered.wait(TIMEOUT)
        began = time.time()
        assert listener.close() is True
        assert time.time() - began < 5
        release.set()


def test_callbacks_stay_after_close(connection):
    received = Collector()
    with udp.RawBroadcaster(connection) as broadcaster:
        listener = udp.RawListener(connection)
        listener.subscribe(received)
        listener.close()
        assert listener.num_subscriptions() == 1
        listener._open()
        broadcaster.publish('again')
        assert received.get()['payload'] == 'again'
        listener.close()


def test_subscribe_after_close(connection):
    listener = udp.RawListener(connection)
    listener.close()
    assert listener.subscribe(len) is True
    assert listener.unsubscribe(len) is True
    with pytest.raises(TypeError):
        listener.subscribe(5)


# ---- threads ----


def test_publish_from_many_threads(connection):
    def work(number):
        for count in range(200):
            broadcaster.publish([number, count])
        return True

    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        received = Collector()
        listener.subscribe(received)
        workers = [Background(lambda number=number: work(number)) for number in range(4)]
        data = [item['payload'] for item in received.take(800)]
        assert all(worker.result() for worker in workers)
    for number in range(4):
        assert [count for sender, count in data if sender == number] == list(range(200))


def test_close_while_others_publish(connection):
    def work():
        count = 0
        try:
            while True:
                broadcaster.publish(count)
                count += 1
        except IOError as error:
            assert isinstance(error, mcl.ClosedError)
            return count

    broadcaster = udp.RawBroadcaster(connection)
    workers = [Background(work) for _ in range(3)]
    wait_for(lambda: broadcaster.stats()['messages'] > 50)
    assert broadcaster.close() is True
    # The last counters are read just before it closes, when others may be publishing still.
    assert 50 < broadcaster.stats()['messages'] <= sum(worker.result() for worker in workers)


def test_one_of_many_closes(connection):
    listener = udp.RawListener(connection)
    listener.subscribe(Collector())
    results = [worker.result() for worker in [Background(listener.close) for _ in range(8)]]
    assert sorted(results) == [False] * 7 + [True]

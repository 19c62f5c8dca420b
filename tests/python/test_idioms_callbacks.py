"""What callbacks do, and threads: on all three kinds of listeners."""

import os
import threading
import time

import pytest

import mcl
from helpers import PY2, TIMEOUT, Background, Collector, run_python, wait_for
from mcl import Message

KINDS = ['raw', 'message', 'queued', 'queued message']


@pytest.fixture(params=KINDS)
def link(request, connection):
    """A listener of each kind, opened by `listen`, and a broadcaster for it."""

    class Link(object):
        kind = request.param

        def __init__(self):
            if 'message' in self.kind:
                body = {'mandatory': ('n',), 'connection': connection}
                self.type = type(Message)('Link', (Message,), body)
                self.broadcaster = mcl.MessageBroadcaster(self.type)
            else:
                self.type = None
                self.broadcaster = mcl.RawBroadcaster(connection)
            self.opened = [self.broadcaster]

        def listen(self):
            made = {
                'raw': lambda: mcl.RawListener(connection),
                'message': lambda: mcl.MessageListener(self.type),
                'queued': lambda: mcl.QueuedListener(connection),
                'queued message': lambda: mcl.QueuedListener(self.type),
            }[self.kind]()
            self.opened.append(made)
            return made

        def publish(self, number):
            self.broadcaster.publish({'n': number} if self.type is None else self.type(n=number))

        def is_open(self, listener):
            return listener.is_open() if 'queued' in self.kind else listener.is_open

    made = Link()
    yield made
    for each in made.opened:
        each.close()


def number(data):
    return data['payload']['n']


def test_callbacks_that_raise(link, capsys):
    """Whatever they raise: the others and later data go on, on the same thread."""

    class Odd(object):
        """Its repr() raises as well."""

        def __call__(self, data):
            raise KeyError("of the odd one")

        def __repr__(self):
            raise ValueError("of repr")

    class Old:
        """On Python 2, this derives from nothing, and may be raised."""

    def raising(data):
        kinds = RuntimeError, SystemExit, KeyboardInterrupt, GeneratorExit
        raise kinds[number(data)]("on purpose")

    def exiting(data):
        if PY2:
            raise Old()
        os.fsencode(5)

    received, threads = Collector(), set()
    listener = link.listen()
    for callback in (raising, Odd(), exiting, lambda data: threads.add(threading.current_thread())):
        listener.subscribe(callback)
    listener.subscribe(received)
    for count in range(4):
        link.publish(count)
    assert [number(data) for data in received.take(4)] == [0, 1, 2, 3]
    assert len(threads) == 1 and listener.num_subscriptions() == 5
    errors = capsys.readouterr().err
    for text in ('RuntimeError: on purpose', 'SystemExit', 'KeyboardInterrupt', 'GeneratorExit',
                 'of the odd one', 'Old' if PY2 else 'TypeError'):
        assert text in errors, text
    assert errors.count('Traceback') == 12


def test_ctrl_c_is_not_swallowed_by_a_listener_that_the_main_thread_triggers():
    """A transport written in Python may call its callbacks there."""
    run_python("""
import threading
from mcl.network import abstract

class Broadcaster(abstract.RawBroadcaster):
    is_open, _open, publish, close = True, None, None, None

class Listener(abstract.RawListener):
    is_open, _open, close = True, None, None

class Connection(abstract.Connection):
    mandatory, broadcaster, listener = ('a',), Broadcaster, Listener

def interrupted(data):
    raise KeyboardInterrupt

listener = Listener(Connection(1))
listener.subscribe(interrupted)
try:
    listener.__trigger__(1)
except KeyboardInterrupt:
    pass
else:
    raise AssertionError('swallowed')
""")


def test_a_callback_unsubscribes_itself_and_another(link):
    once, other, rest = Collector(), Collector(), Collector()
    listener = link.listen()

    def first(data):
        once(data)
        assert listener.unsubscribe(first) and not listener.unsubscribe(first)
        assert listener.unsubscribe(other)

    for callback in (first, other, rest):
        listener.subscribe(callback)
    link.publish(1)
    link.publish(2)
    assert [number(data) for data in rest.take(2)] == [1, 2]
    assert number(once.get()) == 1 and once.empty()
    # A copy of the list is called: the one that was just removed still gets this data, once.
    assert number(other.get()) == 1 and other.empty()


def test_the_last_callback_unsubscribes_itself(link):
    """What follows is left for `receive`."""
    received = Collector()
    listener = link.listen()

    def once(data):
        listener.unsubscribe(once)
        received(data)

    listener.subscribe(once)
    for count in range(3):
        link.publish(count)
    assert number(received.get()) == 0
    assert [number(listener.receive(TIMEOUT)) for _ in range(2)] == [1, 2]
    assert received.empty()


def test_a_callback_subscribes_another(link):
    late, rest = Collector(), Collector()
    listener = link.listen()
    answers = []

    def subscribing(data):
        answers.append(listener.subscribe(late))
        rest(data)

    listener.subscribe(subscribing)
    for count in range(3):
        link.publish(count)
    assert [number(data) for data in rest.take(3)] == [0, 1, 2]
    assert [number(data) for data in late.take(2)] == [1, 2] and late.empty()
    assert answers == [True, False, False]


def test_a_callback_opens_another_listener(link):
    received = Collector()
    listener = link.listen()

    def opening(data):
        link.listen().subscribe(received)
        link.publish(number(data) + 1)
        assert listener.unsubscribe(opening)

    listener.subscribe(opening)
    link.publish(1)
    assert number(received.get()) == 2


def test_a_callback_closes_its_listener(link):
    received, later = Collector(), Collector()
    listener = link.listen()

    def closing(data):
        received((number(data), listener.close(), listener.close(), link.is_open(listener)))

    listener.subscribe(closing)
    listener.subscribe(later)
    link.publish(1)
    link.publish(2)
    assert received.get() == (1, True, False, False)
    assert number(later.get()) == 1
    wait_for(lambda: not [t for t in threading.enumerate() if t.name.startswith('mcl')])
    assert received.empty() and later.empty()
    with pytest.raises(mcl.ClosedError):
        listener.receive(0)


def test_a_callback_closes_and_opens_its_listener(link):
    received = Collector()
    listener = link.listen()

    def again(data):
        if number(data) == 1:
            assert listener.close() is True
            assert (listener.open if 'queued' in link.kind else listener._open)() is True
        received(number(data))

    listener.subscribe(again)
    link.publish(1)
    assert received.get() == 1
    link.publish(2)
    assert received.get() == 2


def test_a_callback_publishes_on_its_own_connection(link):
    """It hears itself; no lock is held while callbacks run."""
    received = Collector()
    listener = link.listen()

    def counting(data):
        received(number(data))
        if number(data) < 20:
            link.publish(number(data) + 1)

    listener.subscribe(counting)
    link.publish(0)
    assert received.take(21) == list(range(21))


def test_a_callback_starts_a_process(link):
    """It forks, which Python 2's multiprocessing always does, with no lock left held."""
    run_python(
        """
import warnings
warnings.simplefilter('ignore')
import multiprocessing, signal, sys, threading
import mcl
from mcl import Message
from mcl.network.udp import Connection
signal.alarm(50)
C, D = Connection('ff15::1d:21'), Connection('ff15::1d:22')
fork = multiprocessing if sys.version_info[0] == 2 else multiprocessing.get_context('fork')

class Number(Message):
    mandatory, connection = ('n',), C

def child(n):
    signal.alarm(20)
    with mcl.RawBroadcaster(D) as broadcaster:
        broadcaster.publish(n)

ended, codes = threading.Event(), []
def callback(data):
    process = fork.Process(target=child, args=(data['payload']['n'],))
    process.start()
    process.join()
    codes.append(process.exitcode)
    if len(codes) == 3:
        ended.set()

kind = sys.argv[1]
listener = {
    'raw': lambda: mcl.RawListener(C), 'message': lambda: mcl.MessageListener(Number),
    'queued': lambda: mcl.QueuedListener(C), 'queued message': lambda: mcl.QueuedListener(Number),
}[kind]()
listener.subscribe(callback)
answers = mcl.RawListener(D)
with mcl.MessageBroadcaster(Number) as broadcaster:
    for n in range(3):
        broadcaster.publish(Number(n=n))
assert ended.wait(40) and codes == [0, 0, 0], codes
assert [answers.receive(20)['payload'] for _ in range(3)] == [0, 1, 2]
listener.close()
""",
        link.kind,
    )


# ---- threads ----


def test_opened_in_one_thread_and_closed_in_another(link):
    received = Collector()
    listener = Background(link.listen).result()
    Background(lambda: listener.subscribe(received)).result()
    Background(lambda: link.publish(1)).result()
    assert number(received.get()) == 1
    assert Background(listener.close).result() is True
    assert listener.close() is False and not link.is_open(listener)


def test_closed_in_another_thread_while_one_receives(link):
    listener = link.listen()
    waiting = Background(lambda: [number(data) for data in listener])
    receiving = Background(lambda: listener.receive(TIMEOUT))
    time.sleep(0.1)  # they may be waiting by then; if not, they find it closed
    assert Background(listener.close).result() is True
    assert waiting.result() == []
    with pytest.raises(mcl.ClosedError):
        receiving.result()


def test_a_timer_publishes(link):
    received = Collector()
    link.listen().subscribe(received)

    def tick(count):
        link.publish(count)
        if count < 4:
            timer = threading.Timer(0.01, tick, [count + 1])
            timer.daemon = True
            timer.start()

    tick(0)
    assert [number(data) for data in received.take(5)] == list(range(5))


def test_threads_share_a_broadcaster_and_open_their_own(link, new_connection):
    received = Collector()
    link.listen().subscribe(received)

    def work(start):
        mine = new_connection()
        with mcl.RawListener(mine) as listener, mcl.RawBroadcaster(mine) as broadcaster:
            for count in range(start, start + 25):
                link.publish(count)
                broadcaster.publish(count)
                assert listener.receive(TIMEOUT)['payload'] == count
        return start

    workers = [Background(lambda start=start: work(start)) for start in range(0, 100, 25)]
    assert sorted(number(data) for data in received.take(100)) == list(range(100))
    assert [worker.result() for worker in workers] == [0, 25, 50, 75]

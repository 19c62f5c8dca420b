"""Broadcasters and listeners of raw data, both ends."""
import os
import threading
import time

import pytest

import mcl
from helpers import PY2, TIMEOUT, Background, Collector, wait_for
from mcl.network import abstract, udp
from mcl.network.udp import Connection


@pytest.fixture(params=['udp', 'network'])
def kinds(request):
    """The classes of mcl.network.udp, and the functions that give them."""
    if request.param == 'udp':
        return udp.RawBroadcaster, udp.RawListener
    return mcl.RawBroadcaster, mcl.RawListener


# ---- opening and closing ----

def test_broadcaster_attributes(kinds, connection):
    broadcaster = kinds[0](connection, topic='topic')
    assert isinstance(broadcaster, udp.RawBroadcaster)
    assert isinstance(broadcaster, abstract.RawBroadcaster)
    assert broadcaster.connection is connection
    assert broadcaster.topic == 'topic'
    assert broadcaster.is_open is True
    assert broadcaster._open() is False
    assert broadcaster.close() is True
    assert broadcaster.is_open is False
    assert broadcaster.close() is False
    with pytest.raises(IOError):
        broadcaster.publish('data')
    assert broadcaster._open() is True
    broadcaster.publish('data')
    assert broadcaster.close() is True
    assert kinds[0](connection).topic is None


def test_listener_attributes(kinds, connection):
    listener = kinds[1](connection, topics=['a', 'b'])
    assert isinstance(listener, udp.RawListener)
    assert isinstance(listener, abstract.RawListener)
    assert isinstance(listener, mcl.Event)
    assert listener.connection is connection
    assert listener.topics == ['a', 'b']
    assert listener.is_open is True
    assert listener._open() is False
    assert listener.close() is True
    assert listener.is_open is False
    assert listener.close() is False
    assert listener._open() is True
    assert listener.close() is True
    with kinds[1](connection, topics='a') as other:
        assert other.topics == 'a'
    assert not other.is_open
    with kinds[1](connection) as other:
        assert other.topics is None


def test_read_only_attributes(connection):
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        for holder, names in ((broadcaster, ('connection', 'topic', 'is_open')),
                              (listener, ('connection', 'topics', 'is_open'))):
            for name in names:
                with pytest.raises(AttributeError):
                    setattr(holder, name, None)


@pytest.mark.parametrize('wrong', [None, 'ff15::1', Connection, ('ff15::1', 26000), object()])
def test_connection_must_be_an_instance(kinds, wrong):
    for kind in kinds:
        with pytest.raises(TypeError):
            kind(wrong)


@pytest.mark.parametrize('topic', [5, ['a'], b'a' if not PY2 else 5, True])
def test_topic_must_be_a_string(kinds, connection, topic):
    with pytest.raises(TypeError):
        kinds[0](connection, topic=topic)
    with kinds[0](connection) as broadcaster:
        with pytest.raises(TypeError):
            broadcaster.publish('data', topic=topic)
        assert broadcaster.stats()['messages'] == 0


@pytest.mark.parametrize('topics', [5, [5], ['a', None], {'a': 1}, [b'a' if not PY2 else 5], True])
def test_topics_must_be_strings(kinds, connection, topics):
    with pytest.raises(TypeError):
        kinds[1](connection, topics=topics)


@pytest.mark.parametrize('url', ['::1', 'no address', '', '127.0.0.1', 'ff15::1\0', 'ff15::1%nowhere',
                                 u'ff15::\xf3'.encode('utf-8') if PY2 else u'ff15::\xf3'])
def test_bad_addresses(kinds, url):
    for kind in kinds:
        with pytest.raises(IOError) as caught:
            kind(Connection(url))
        assert isinstance(caught.value, mcl.MclError)
        assert len(str(caught.value)) > 20


def test_bad_options(connection):
    for options in ({'hops': 256}, {'interface': 'nowhere'}, {'message_max': 2 ** 40}):
        with pytest.raises(IOError) as caught:
            udp.RawBroadcaster(connection._replace(**options))
        assert isinstance(caught.value, ValueError)


def test_bad_limits(connection):
    for limits, error in (({'max_messages': 0}, ValueError), ({'max_bytes': -1}, ValueError),
                          ({'policy': 'some'}, ValueError), ({'max_messages': '5'}, TypeError),
                          ({'max_bytes': 1.5}, TypeError)):
        with pytest.raises(error):
            udp.RawListener(connection, **limits)


def test_many_are_opened_and_closed(connection):
    for _ in range(200):
        with udp.RawBroadcaster(connection), udp.RawListener(connection) as listener:
            listener.subscribe(Collector())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith('mcl')]


def test_dropped_objects_close_themselves(new_connection):
    def descriptors():
        return len(os.listdir('/proc/self/fd'))

    before = None
    for count in range(50):
        udp.RawBroadcaster(new_connection())
        udp.RawListener(new_connection())
        if count == 10:
            before = descriptors()
    wait_for(lambda: descriptors() <= before + 4, "freed descriptors")


# ---- from one to the other ----

VALUES = [
    None, True, False, 0, 1, -1, 127, 128, -32, -33, 2 ** 16, 2 ** 32, 2 ** 64 - 1, -2 ** 63, 1.5,
    float('inf'), '', 'text', u't\xf3pico \u65e5\u672c', [], [1, [2, [3]]], {}, {'a': {'b': [1]}},
    {1: 2, None: 3, True: 4}, 'x' * 31, 'x' * 32, 'x' * 255, 'x' * 256, 'x' * 70000, b'\0\xff', (1, 2),
    bytearray(b'ab'), list(range(40000)),
]


def test_values(kinds, connection):
    received = Collector()
    with kinds[0](connection) as broadcaster, kinds[1](connection) as listener:
        listener.subscribe(received)
        for value in VALUES:
            broadcaster.publish(value)
            data = received.get()
            assert set(data) == {'topic', 'payload'}
            assert data['topic'] is None
            expected = value
            if isinstance(value, tuple):
                expected = list(value)
            elif PY2 and type(value) is type(u''):
                expected = value.encode('utf-8')
            elif PY2 and isinstance(value, bytearray):
                expected = str(value)
            assert data['payload'] == expected
            assert type(data['payload']) in (type(expected), type(expected), bytes, int, type(2 ** 64))


def test_nan(connection):
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        broadcaster.publish(float('nan'))
        value = listener.receive(TIMEOUT)['payload']
        assert value != value


def test_topics(kinds, connection):
    everything, some, one = Collector(), Collector(), Collector()
    with kinds[0](connection, topic='default') as broadcaster, \
            kinds[1](connection) as all_, kinds[1](connection, topics=['a', 'b']) as ab, \
            kinds[1](connection, topics='default') as default:
        for listener, callback in ((all_, everything), (ab, some), (default, one)):
            listener.subscribe(callback)
        for number, topic in enumerate([None, 'a', 'c', 'b', '', 'ab', 'default']):
            broadcaster.publish(number, topic=topic)
        assert [(data['topic'], data['payload']) for data in everything.take(7)] == [
            ('default', 0), ('a', 1), ('c', 2), ('b', 3), ('', 4), ('ab', 5), ('default', 6)]
        assert [data['payload'] for data in some.take(2)] == [1, 3]
        assert [data['payload'] for data in one.take(2)] == [0, 6]
        wait_for(lambda: ab.stats()['filtered'] == 5)
        assert some.empty() and one.empty()


def test_topics_of_any_bytes(connection):
    odd = 'a\0b\xff' if PY2 else 'a\0b\udcff'
    names = [odd, u't\xf3pico', 'T' * 300, 'with space']
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener, \
            udp.RawListener(connection, topics=names) as filtered:
        for name in names:
            broadcaster.publish(1, topic=name)
            expected = name.encode('utf-8') if PY2 and type(name) is type(u'') else name
            assert listener.receive(TIMEOUT) == filtered.receive(TIMEOUT) == {
                'topic': expected, 'payload': 1}


def test_empty_list_of_topics_is_all(connection):
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection, []) as listener:
        broadcaster.publish(1)
        assert listener.receive(TIMEOUT)['payload'] == 1


def test_what_cannot_be_packed_is_not_sent(connection):
    with udp.RawBroadcaster(connection) as broadcaster:
        for value, error in ((object(), TypeError), (2 ** 64, (OverflowError, ValueError))):
            with pytest.raises(error):
                broadcaster.publish(value)
        assert broadcaster.stats()['datagrams'] == 0


def test_too_large(connection):
    with udp.RawBroadcaster(connection._replace(message_max=1000)) as broadcaster:
        broadcaster.publish('x' * 990)
        with pytest.raises(ValueError):
            broadcaster.publish('x' * 1001)
        assert broadcaster.stats()['messages'] == 1


@pytest.mark.parametrize('size', [59990, 60000, 120000, 1000000, 5000000])
def test_large_messages(connection, size):
    text = 'abcdefghij' * (size // 10)
    data = bytes(bytearray(range(250))) * (size // 250)
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        received = Collector()
        listener.subscribe(received)
        for value in (text, data, {'data': data, 'text': text}):
            broadcaster.publish(value, topic='large')
            got = received.get()
            assert got['topic'] == 'large'
            assert got['payload'] == value, "of %d bytes" % size


def test_a_large_message_after_small_ones_and_before(connection):
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        sizes = [10, 10, 300000, 10, 2000000, 10]
        for size in sizes:
            broadcaster.publish('x' * size)
        assert [len(listener.receive(TIMEOUT)['payload']) for _ in sizes] == sizes


def test_order(connection):
    received = Collector()
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        listener.subscribe(received)
        for number in range(5000):
            broadcaster.publish(number)
        assert [data['payload'] for data in received.take(5000)] == list(range(5000))


def test_several_broadcasters_and_listeners(connection):
    listeners = [udp.RawListener(connection) for _ in range(3)]
    broadcasters = [udp.RawBroadcaster(connection) for _ in range(3)]
    for number, broadcaster in enumerate(broadcasters):
        broadcaster.publish(number)
    for listener in listeners:
        assert [listener.receive(TIMEOUT)['payload'] for _ in range(3)] == [0, 1, 2]
    for each in listeners + broadcasters:
        each.close()


def test_other_groups_and_ports_are_not_heard(new_connection):
    one, other = new_connection(), new_connection()
    with udp.RawListener(one) as listener, udp.RawBroadcaster(other) as wrong, \
            udp.RawBroadcaster(one._replace(port=26001)) as wrong_port, \
            udp.RawBroadcaster(one) as broadcaster:
        wrong.publish('wrong')
        wrong_port.publish('wrong')
        broadcaster.publish('right')
        assert listener.receive(TIMEOUT)['payload'] == 'right'
        assert listener.stats()['datagrams'] == 1


def test_loopback_off(connection):
    with udp.RawListener(connection) as listener, \
            udp.RawBroadcaster(connection._replace(loopback=False)) as silent, \
            udp.RawBroadcaster(connection._replace(hops=0)) as host, \
            udp.RawBroadcaster(connection._replace(interface='lo')) as named:
        assert silent.settings()['loopback'] == -1
        assert host.settings()['hops'] == 0
        assert named.settings()['interface_index'] == 1
        host.publish('host')
        named.publish('named')
        assert listener.receive(TIMEOUT)['payload'] == 'host'
        assert listener.receive(TIMEOUT)['payload'] == 'named'


# ---- callbacks ----

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
    assert 'Traceback' in errors and 'ValueError: of the callback' in errors and 'SystemExit' in errors


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


def test_close_in_the_callback(connection):
    closed = Collector()
    with udp.RawBroadcaster(connection) as broadcaster:
        listener = udp.RawListener(connection)
        listener.subscribe(lambda data: closed((listener.close(), listener.close(), listener.is_open)))
        broadcaster.publish(1)
        broadcaster.publish(2)
        assert closed.get() == (True, False, False)
        assert listener.close() is False
        wait_for(lambda: not [t for t in threading.enumerate() if t.name.startswith('mcl')])
        assert closed.empty()


def test_publish_in_the_callback(connection, new_connection):
    answers = new_connection()
    with udp.RawBroadcaster(connection) as asking, udp.RawListener(connection) as listener, \
            udp.RawBroadcaster(answers) as answering, udp.RawListener(answers) as asker:
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


# ---- numbers ----

def test_stats_and_settings(connection):
    connection = connection._replace(recv_buffer=300000, message_max=100000)
    with udp.RawBroadcaster(connection) as broadcaster, udp.RawListener(connection) as listener:
        broadcaster.publish('x' * 70000)
        assert len(listener.receive(TIMEOUT)['payload']) == 70000
        sent, got = broadcaster.stats(), listener.stats()
        assert (sent['messages'], sent['datagrams'], sent['send_errors']) == (1, 2, 0)
        assert got['messages'] == got['delivered'] == 1
        assert got['datagrams'] == got['joined'] == 2
        assert got['bytes'] == sent['bytes'] > 70000
        assert set(got['malformed']) == set('msgpack shape trailing topic packet packets depth size'
                                            ' reassembled'.split())
        assert listener.settings()['recv_buffer_asked'] == 300000
        assert listener.settings()['message_max'] == 100000
        assert listener.settings()['port'] == broadcaster.settings()['port'] == connection.port
        assert broadcaster.settings()['hops'] == 3
    assert listener.stats() == got
    assert broadcaster.stats() == sent
    for closed in (listener, broadcaster):
        with pytest.raises(mcl.ClosedError):
            closed.settings()


def test_queue_limits(connection):
    with udp.RawBroadcaster(connection) as broadcaster, \
            udp.RawListener(connection, max_messages=3) as oldest, \
            udp.RawListener(connection, max_messages=3, policy='drop_newest') as newest, \
            udp.RawListener(connection, max_bytes=2500) as small:
        for number in range(10):
            broadcaster.publish([number, 'x' * 1000])
        for listener, expected in ((oldest, [7, 8, 9]), (newest, [0, 1, 2]), (small, [8, 9])):
            wait_for(lambda: listener.stats()['messages'] == 10)
            assert listener.stats()['dropped_queue'] == 10 - len(expected)
            assert [listener.receive(0)['payload'][0] for _ in expected] == expected
            assert listener.receive(0) is None

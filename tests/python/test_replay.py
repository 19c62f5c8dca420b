"""BufferData, ScheduleBroadcasts and Replay."""

import datetime
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time

import pytest

from helpers import (
    UNTIL_CTRL_C,
    Background,
    Collector,
    communicate,
    queue,
    run_python,
    start_python,
    wait_for,
)
from logs import data, header, line, write
from mcl import (
    Message,
    QueuedListener,
    RawListener,
    ReadDirectory,
    ReadFile,
    WriteFile,
)
from mcl.logging._clock import Clock
from mcl.logging.replay import BufferData, Replay, ScheduleBroadcasts
from test_exit import PREAMBLE as EXIT_PREAMBLE
from test_fork import PREAMBLE as FORK_PREAMBLE
from test_transport import Local, no_listeners  # noqa: F401

STEP = 0.02  # seconds between entries
# How often what could be a race is run; 200, on a busy machine, says more.
ROUNDS = int(os.environ.get('MCL_TEST_ROUNDS', 3))


class Source(object):
    """A reader of the user's own."""

    def __init__(self, entries):
        self._entries = list(entries)
        self.position = self.resets = 0

    def read(self):
        if self.position == len(self._entries):
            return None
        self.position += 1
        entry = self._entries[self.position - 1]
        if isinstance(entry, Exception):
            raise entry
        return entry

    def is_data_pending(self):
        return self.position < len(self._entries)

    def reset(self):
        self.resets += 1
        self.position = 0


@pytest.fixture
def Imu(new_connection):
    class Imu(Message):
        mandatory = ('x',)
        connection = new_connection()

    return Imu


@pytest.fixture
def Gps(new_connection):
    class Gps(Message):
        mandatory = ('x',)
        connection = new_connection()

    return Gps


@pytest.fixture
def Pose():
    class Pose(Message):
        mandatory = ('x',)
        connection = Local('pose')

    return Pose


def entry(message, seconds, topic=''):
    return {'elapsed_time': seconds, 'topic': topic, 'payload': message}


def entries(kind, count, step=STEP, first=0.0):
    return [entry(kind(x=number), first + number * step) for number in range(count)]


@pytest.fixture
def log(Imu, tmpdir):
    """Return a function that writes a log of Imu messages and returns its path."""

    def make(count, step=STEP, first=0.0, topic=None):
        prefix = str(tmpdir.join('Imu'))
        if count == 0:
            write(prefix + '.log', header('Imu'))
        with WriteFile(prefix, Imu, time_origin=data()['time_received']) as writer:
            for number in range(count):
                writer.write(data(Imu(x=number), topic, first + number * step))
        return prefix

    return make


def take(listener, count):
    """The next messages' numbers."""
    return [listener.receive(20)['payload']['x'] for _ in range(count)]


def now():
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=time.time())


def check_not_early(listener, began, due):
    """Check that the next message came `due` seconds after `began`, or later.

    A millisecond is for what differs between two clocks.
    """
    received = (listener.receive(20)['time_received'] - began).total_seconds()
    assert received > due - 0.001


def ended(replay):
    wait_for(lambda: not replay.is_alive(), "the end of the replay")


# Those with all three ways to publish: the library by itself, the library with what Python reads,
# Python.
@pytest.fixture(params=['native', 'pushed', 'python'])
def source(request, Imu, Pose, log):
    """Return the message type, and a function that makes a reader of so many entries."""
    if request.param == 'native':
        return Imu, lambda count, step=STEP: ReadFile(log(count, step), message=True)
    kind = Imu if request.param == 'pushed' else Pose
    return kind, lambda count, step=STEP: Source(entries(kind, count, step))


# ---- Replay ----


def test_what_was_recorded_is_published(source):
    kind, reader = source
    with QueuedListener(kind) as listener:
        replay = Replay(reader(20, 0.001))
        assert replay.is_alive() is False and replay.is_data_pending() is True
        assert replay.start() is True
        assert take(listener, 20) == list(range(20))
        ended(replay)
        assert replay.is_data_pending() is False
        counters = replay.stats()
    assert (counters['read'], counters['published'], counters['errors']) == (20, 20, 0)
    assert counters['buffered'] == counters['discarded'] == 0


@pytest.mark.parametrize('speed', [0.5, 1, 1.0, 4.0])
def test_the_timing_is_that_of_the_recording(source, speed):
    kind, reader = source
    with QueuedListener(kind) as listener:
        replay = Replay(reader(10), speed=speed)
        began = now()
        replay.start()
        # Entries may be late, on a busy machine by much.
        for number in range(10):
            check_not_early(listener, began, number * STEP / speed)
        ended(replay)


def test_as_fast_as_possible(source):
    kind, reader = source
    with QueuedListener(kind) as listener:
        began = time.time()
        replay = Replay(reader(10, 100.0), speed=float('inf'))
        replay.start()
        assert take(listener, 10) == list(range(10))
        assert time.time() < began + 100
        ended(replay)


def test_topics(Imu, log):
    with RawListener(Imu.connection) as listener:
        Replay(ReadFile(log(1, topic='rtk fix'), message=True)).start()
        assert listener.receive(20)['topic'] == 'rtk fix'
        replay = Replay(Source([entry(Imu(x=1), 0, topic) for topic in ('', 'a', None)]))
        replay.start()
        assert [listener.receive(20)['topic'] for _ in range(3)] == [None, 'a', None]
        ended(replay)


def test_the_first_entry_is_published_at_once(source, Imu, log):
    began = time.time()
    with QueuedListener(Imu) as listener:
        Replay(ReadFile(log(2, first=1e6), message=True)).start()
        assert take(listener, 2) == [0, 1]
        replay = Replay(Source(entries(Imu, 2, first=1e6)))
        replay.start()
        assert take(listener, 2) == [0, 1]
        ended(replay)
    assert time.time() < began + 1000


def test_pause(source):
    kind, reader = source
    with QueuedListener(kind) as listener:
        replay = Replay(reader(20))
        assert replay.pause() is False
        replay.start()
        assert take(listener, 3) == [0, 1, 2]
        assert replay.pause() is True
        assert replay.pause() is False
        assert replay.is_alive() is False and replay.is_data_pending() is True
        published = replay.stats()['published']
        wait_for(lambda: listener.stats()['messages'] == published, "what was published before")
        time.sleep(5 * STEP)  # nothing comes, so nothing can be waited for
        assert replay.stats()['published'] == published == listener.stats()['messages']
        assert replay.start() is True
        assert replay.start() is False
        assert take(listener, 17) == list(range(3, 20))
        ended(replay)


def test_stop_goes_back_to_the_beginning(source):
    kind, reader = source
    with QueuedListener(kind) as listener:
        replay = Replay(reader(50))
        assert replay.stop() is False
        replay.start()
        assert take(listener, 3) == [0, 1, 2]
        assert replay.stop() is True
        assert replay.stop() is False
        assert replay.is_alive() is False and replay.is_data_pending() is True
        published = replay.stats()['published']
        wait_for(lambda: listener.stats()['messages'] == published, "what was published before")
        while listener.receive(0):
            pass
        assert replay.start() is True
        assert take(listener, 5) == [0, 1, 2, 3, 4]
        assert replay.stop() is True


def test_stop_while_it_is_paused(source):
    kind, reader = source
    with QueuedListener(kind) as listener:
        replay = Replay(reader(50))
        replay.start()
        take(listener, 1)
        replay.pause()
        assert replay.stop() is True
        assert replay.stop() is False
        while listener.receive(0.05):
            pass
        replay.start()
        assert take(listener, 2) == [0, 1]
        replay.stop()


def test_a_start_after_the_end_begins_anew(source):
    kind, reader = source
    with QueuedListener(kind) as listener:
        replay = Replay(reader(5, 0.001))
        for _ in range(3):
            assert replay.start() is True
            assert take(listener, 5) == [0, 1, 2, 3, 4]
            ended(replay)
            assert replay.stop() is replay.pause() is False
            assert replay.is_data_pending() is False
        assert replay.stats()['published'] == 15


def test_the_speed_can_be_changed(source):
    kind, reader = source
    with QueuedListener(kind) as listener:
        replay = Replay(reader(50, 10.0), speed=0.01)
        assert replay.speed == 0.01
        replay.start()
        assert take(listener, 1) == [0]
        replay.speed = 10000
        assert replay.speed == 10000
        assert take(listener, 49) == list(range(1, 50))
        replay.speed = 2
        ended(replay)
        assert replay.speed == 2.0


@pytest.mark.parametrize('speed', [None, '1', True, [1.0], 0, 0.0, -1, -0.5, float('nan'),
                                   float('-inf')], ids=repr)
def test_a_speed_is_a_number_above_0(Imu, log, speed):
    reader = ReadFile(log(1), message=True)
    for make in (lambda: Replay(reader, speed), lambda: ScheduleBroadcasts(queue.Queue(), speed)):
        with pytest.raises(TypeError) as error:
            make()
        assert 'speed' in str(error.value)
    for replay in (Replay(reader), Replay(Source([])), ScheduleBroadcasts(queue.Queue())):
        with pytest.raises(TypeError):
            replay.speed = speed
        assert replay.speed == 1.0


@pytest.mark.parametrize('speed', [1e-300, 1e-5, 3, 1e6, 1e300, float('inf')])
def test_any_speed_above_0(source, speed):
    kind, reader = source
    with QueuedListener(kind) as listener:
        replay = Replay(reader(2, 0.01 if speed == 3 else 1000.0), speed)
        assert replay.speed == speed
        replay.start()
        taken = take(listener, 1 if speed < 1 else 2)
        assert taken == list(range(len(taken)))
        replay.speed = float('inf')
        assert take(listener, 2 - len(taken)) == [1][:2 - len(taken)]
        ended(replay)


@pytest.mark.parametrize('reader', [None, 'file.log', [], object()], ids=repr)
def test_what_is_no_reader(reader):
    for make in (Replay, BufferData):
        with pytest.raises(NameError) as error:
            make(reader)
        assert 'read' in str(error.value)


@pytest.mark.parametrize('missing', ['read', 'is_data_pending'])
def test_a_reader_that_lacks_a_method(missing):
    class Lacking(object):
        pass

    for name in {'read', 'is_data_pending', 'reset'} - {missing}:
        setattr(Lacking, name, lambda self: None)
    for make in (Replay, BufferData):
        with pytest.raises(NameError) as error:
            make(Lacking())
        assert missing in str(error.value)


class NoReset(object):
    """A reader that cannot go back."""

    def __init__(self, items):
        source = Source(items)
        self.read, self.is_data_pending = source.read, source.is_data_pending


def test_a_reader_that_cannot_go_back(Imu):
    with QueuedListener(Imu) as listener:
        replay = Replay(NoReset(entries(Imu, 3, 1000.0)))
        replay.start()
        assert take(listener, 1) == [0]
        wait_for(lambda: replay.stats()['read'] == 3)
        assert replay.stop() is True
        replay.start()  # where it stands: what was read ahead is gone
        ended(replay)
        assert replay.stop() is False
    buffered = BufferData(NoReset([]))
    with pytest.raises(NameError) as error:
        buffered.reset()
    assert 'reset' in str(error.value)


# ---- the end ----


def play_to_the_end(play):
    """Wait for the end as programs do."""
    while play.is_alive():
        time.sleep(0.001)


def test_the_end_comes_after_the_last_message(source):
    """A listener of the same program has it by then."""
    kind, reader = source
    received = []
    with QueuedListener(kind) as listener:
        listener.subscribe(lambda data: received.append(data['payload']['x']))
        replay = Replay(reader(5, 0.001))
        for count in range(1, ROUNDS + 1):
            replay.start()
            play_to_the_end(replay)
            assert received == count * [0, 1, 2, 3, 4]


def test_a_scheduler_ends_after_the_last_message(any_queue, kind):
    received = []
    with QueuedListener(kind) as listener:
        listener.subscribe(lambda data: received.append(data['payload']['x']))
        scheduler = ScheduleBroadcasts(any_queue)
        for count in range(1, ROUNDS + 1):
            for item in entries(kind, 5, 0.001):
                any_queue.put(item)
            assert scheduler.start() is True
            play_to_the_end(scheduler)
            assert received == count * [0, 1, 2, 3, 4]


def test_the_end_waits_for_callbacks(source):
    """As on a machine that is too busy to run them at once; but not for ever."""
    kind, reader = source
    received, stuck = [], threading.Event()

    def slow(data):
        received.append(data['payload']['x'])
        time.sleep(0.1)  # there is nothing to wait for

    with QueuedListener(kind) as listener:
        listener.subscribe(slow)
        scheduler = ScheduleBroadcasts(queue.Queue())
        for item in entries(kind, 5, 0.001):
            scheduler.queue.put(item)
        for count, play in enumerate((Replay(reader(5, 0.001)), scheduler), 1):
            play.start()
            play_to_the_end(play)
            assert received == count * [0, 1, 2, 3, 4]
        listener.unsubscribe(slow)
        listener.subscribe(lambda data: stuck.wait(20))
        replay = Replay(reader(5, 0.001))
        replay.start()
        ended(replay)
        assert listener.stats()['queued'] > 0
        stuck.set()


@pytest.mark.parametrize('count', [0, 1, 3])
def test_what_was_started_is_alive(source, count):
    """However short it is."""
    kind, reader = source
    reader = reader(count, 0.0)
    replay, buffered = Replay(reader), BufferData(Source(entries(kind, count)))
    scheduler = ScheduleBroadcasts(buffered.queue)
    for _ in range(ROUNDS):
        for each in (replay, buffered, scheduler):
            assert each.start() is True
            assert each.is_alive() is True
            assert each.stop() is True
            assert each.is_alive() is False and each.stop() is False


def test_it_is_alive_for_a_moment_after_its_end(source):
    kind, reader = source
    replay = Replay(reader(1))
    began = time.time()
    replay.start()
    wait_for(lambda: not replay.is_data_pending(), "publishing")
    play_to_the_end(replay)
    assert time.time() > began + 0.099
    began = time.time()
    buffered = BufferData(Source(entries(kind, 1)))
    buffered.start()
    wait_for(lambda: not buffered.is_data_pending(), "reading")
    play_to_the_end(buffered)
    assert time.time() > began + 0.099


def test_raw_data_needs_a_type(Imu, tmpdir):
    path = write(tmpdir.join('raw.log'), header() + [line(0, '81a17801')])
    with pytest.raises(TypeError) as error:
        Replay(ReadFile(path))
    assert path in str(error.value) and 'message' in str(error.value)
    with QueuedListener(Imu) as listener:
        Replay(ReadFile(path, message=Imu)).start()
        assert listener.receive(20)['payload']['x'] == 1


def test_an_undefined_type(tmpdir):
    path = write(tmpdir.join('log.log'), header('Unheard') + [line(0)])
    with pytest.raises(NameError) as error:
        Replay(ReadFile(path))
    assert 'Unheard' in str(error.value) and path in str(error.value)


def test_a_reader_without_messages(Imu, log):
    with QueuedListener(Imu) as listener:
        Replay(ReadFile(log(3))).start()
        assert take(listener, 3) == [0, 1, 2]


def test_a_transport_of_ones_own_from_a_log(Pose, tmpdir):
    prefix = str(tmpdir.join('Pose'))
    with WriteFile(prefix, Pose) as writer:
        for number in range(10):
            writer.write(data(Pose(x=number), 'topic', number * STEP))
    with QueuedListener(Pose) as listener:
        for message in (True, False):
            replay = Replay(ReadFile(prefix, message=message))
            replay.start()
            got = [listener.receive(20) for _ in range(10)]
            assert [each['payload']['x'] for each in got] == list(range(10))
            assert {each['topic'] for each in got} == {'topic'}
            ended(replay)


def test_a_window_is_replayed(Imu, log):
    with QueuedListener(Imu) as listener:
        reader = ReadFile(log(50), min_time=10 * STEP, max_time=12 * STEP, message=True)
        replay = Replay(reader)
        replay.start()
        assert take(listener, 3) == [10, 11, 12]
        ended(replay)
        assert replay.stats()['published'] == 3


def test_the_reader_is_not_moved(Imu, log):
    reader = ReadFile(log(5, 0.001), message=True)
    assert reader.read()['payload']['x'] == 0
    with QueuedListener(Imu) as listener:
        replay = Replay(reader)
        replay.start()
        assert take(listener, 4) == [1, 2, 3, 4]  # from where it stands
        ended(replay)
        assert reader.read()['payload']['x'] == 1
        reader.close()
        replay.start()
        assert take(listener, 5) == [0, 1, 2, 3, 4]
        ended(replay)


def test_a_directory(Imu, Gps, tmpdir):
    writers = [WriteFile(str(tmpdir.join(kind.name)), kind, time_origin=data()['time_received'])
               for kind in (Imu, Gps)]
    for number in range(40):
        kind = (Imu, Gps)[number % 2]
        writers[number % 2].write(data(kind(x=number), seconds=number * 0.005))
    for writer in writers:
        writer.close()
    with QueuedListener(Imu) as imu, QueuedListener(Gps) as gps:
        replay = Replay(ReadDirectory(str(tmpdir), message=True))
        replay.start()
        assert take(imu, 20) == list(range(0, 40, 2))
        assert take(gps, 20) == list(range(1, 40, 2))
        ended(replay)


def test_several_types_of_several_transports_keep_their_order(Imu, Pose):
    received = Collector()
    kinds = [Imu, Pose, Imu, Imu, Pose, Pose] * 5
    items = [entry(kind(x=number), number * 0.01) for number, kind in enumerate(kinds)]
    with RawListener(Imu.connection) as imu, RawListener(Pose.connection) as pose:
        imu.subscribe(received)
        pose.subscribe(received)
        replay = Replay(Source(items))
        replay.start()
        got = [each['payload']['x'] for each in received.take(len(items))]
        ended(replay)
    assert sorted(got) == list(range(len(items)))
    assert [x for x in got if kinds[x] is Imu] == [x for x in range(30) if kinds[x] is Imu]
    assert [x for x in got if kinds[x] is Pose] == [x for x in range(30) if kinds[x] is Pose]


@pytest.mark.parametrize('where', ['log', 'source'])
def test_bad_entries_are_told_and_left_out(Imu, log, where, capfd, tmpdir):
    if where == 'log':
        path = log(3, 0.001) + '.log'
        with open(path, 'rb') as file:
            lines = file.read().decode('utf-8').split('\n')
        lines.insert(-2, 'garbage')
        reader = ReadFile(write(path, lines[:-1]), message=True)
    else:
        items = entries(Imu, 3, 0.001)
        reader = Source(items[:2] + [5, {}, entry('text', 0), entry(Imu(x=object()), 0.001)]
                        + items[2:])
    with QueuedListener(Imu) as listener:
        replay = Replay(reader)
        replay.start()
        assert take(listener, 3) == [0, 1, 2]
        ended(replay)
    assert replay.stats()['errors'] == (1 if where == 'log' else 4)
    assert 'mcl' in capfd.readouterr()[1]


def test_a_bad_line_on_the_way_to_a_transport_of_ones_own(Pose, tmpdir, capsys):
    path = write(
        tmpdir.join('log.log'),
        header('Pose') + [line(0, '81a17801'), 'garbage', line(0, '81a17802'), 'garbage'],
    )
    with QueuedListener(Pose) as listener:
        replay = Replay(ReadFile(path))
        replay.start()
        assert take(listener, 2) == [1, 2]
        ended(replay)
    assert 'log.log' in capsys.readouterr()[1]


def test_a_reader_that_raises_ends_the_replay(Imu, capsys):
    with QueuedListener(Imu) as listener:
        replay = Replay(Source(entries(Imu, 2, 0.001) + [KeyError('broken')]))
        replay.start()
        assert take(listener, 2) == [0, 1]
        ended(replay)
    assert 'broken' in capsys.readouterr()[1]


def test_time_that_goes_back(source):
    kind, _ = source
    items = [entry(kind(x=number), seconds)
             for number, seconds in enumerate([1000.0, 1000.01, 5.0, 5.01, 900.0 - 894.98])]
    with QueuedListener(kind) as listener:
        replay = Replay(Source(items))
        replay.start()
        assert take(listener, 5) == [0, 1, 2, 3, 4]
        ended(replay)


def test_a_busy_interpreter_does_not_delay_the_library(Imu, log):
    """While a thread spins, too, nothing is lost or early."""
    reader = ReadFile(log(50), message=True)
    stop = []

    def spin():
        while not stop:
            pass

    with QueuedListener(Imu) as listener:
        replay = Replay(reader)
        thread = threading.Thread(target=spin)
        thread.start()
        try:
            began = now()
            replay.start()
            for number in range(50):
                check_not_early(listener, began, number * STEP)
        finally:
            stop.append(1)
            thread.join()


def test_a_forgotten_replay_goes_on(source):
    kind, reader = source
    with QueuedListener(kind) as listener:
        replay = Replay(reader(10))
        replay.start()
        del replay
        gc.collect()
        assert take(listener, 10) == list(range(10))


def test_nothing_is_left_of_replays(Imu, log):
    path = log(3, 0.001)

    def descriptors():
        return len(os.listdir('/proc/self/fd'))

    def play():
        replay = Replay(ReadFile(path, message=True))
        replay.start()
        ended(replay)

    with QueuedListener(Imu):
        play()
        play()
        gc.collect()
        before = descriptors()
        for _ in range(20):
            play()
        gc.collect()
        # Of 20: what watches the network has some open now and then.
        wait_for(lambda: descriptors() <= before, "closing of what replays had open")


def test_calls_from_several_threads(source):
    kind, reader = source
    with QueuedListener(kind) as listener:
        replay = Replay(reader(200, 0.001))
        over = time.time() + 0.5

        def play(call):
            while time.time() < over:
                call()

        calls = [Background(lambda call=call: play(call))
                 for call in (replay.start, replay.pause, replay.stop, replay.is_data_pending)]
        for call in calls:
            call.result()
        replay.stop()
        counters = replay.stats()
        assert counters['read'] == sum(
            counters[key] for key in ('published', 'errors', 'discarded', 'buffered'))
        while listener.receive(0.05):
            pass
        replay.start()
        assert take(listener, 3) == [0, 1, 2]
        replay.stop()


# ---- BufferData ----


def test_data_is_read_ahead(Imu):
    items = entries(Imu, 5)
    reader = Source(items)
    buffered = BufferData(reader)
    assert buffered.length == 5000 and buffered.queue.empty()
    assert not buffered.is_alive() and not buffered.is_ready() and buffered.is_data_pending()
    assert reader.position == 0
    assert buffered.start() is True
    wait_for(buffered.is_ready)
    wait_for(lambda: not buffered.is_alive())
    assert buffered.is_data_pending() is False  # what waits in the queue does not count
    assert [buffered.queue.get(timeout=20) for _ in range(5)] == items
    assert buffered.is_data_pending() is False and buffered.is_ready() is True
    assert buffered.stop() is False
    assert buffered.is_data_pending() is False and buffered.is_ready() is True


def test_a_buffer_is_ready_once_it_was_full(Imu):
    buffered = BufferData(Source(entries(Imu, 10)), length=3)
    for _ in range(ROUNDS):
        buffered.start()
        wait_for(buffered.is_ready)
        buffered.queue.get()
        assert buffered.is_ready() is True
        assert buffered.stop() is True
        assert buffered.is_ready() is False and buffered.is_data_pending() is True
        buffered.start()
        wait_for(buffered.is_ready)
        buffered.reset()
        assert buffered.is_ready() is False


def test_a_buffer_is_pending_until_it_is_told_the_end():
    """The reader has the word, not its is_data_pending()."""
    begin = threading.Event()

    class Slow(object):
        def read(self):
            begin.wait(20)

        def is_data_pending(self):
            return False

    buffered = BufferData(Slow())
    assert buffered.is_data_pending() is True
    buffered.start()
    assert buffered.is_data_pending() is True and buffered.is_ready() is False
    begin.set()
    wait_for(lambda: not buffered.is_data_pending(), "the end")
    assert buffered.is_ready() is True and buffered.is_alive() is True
    assert buffered.stop() is True and buffered.is_data_pending() is True


def test_a_buffer_reads_before_there_is_room(Imu):
    buffered = BufferData(Source(entries(Imu, 3)), length=3)
    buffered.start()
    wait_for(lambda: not buffered.is_data_pending(), "reading to the end")
    assert buffered.queue.qsize() == 3


def test_a_full_buffer_waits(Imu):
    reader = Source(entries(Imu, 10))
    buffered = BufferData(reader, length=3)
    buffered.start()
    assert buffered.start() is False
    wait_for(buffered.is_ready)
    assert buffered.queue.qsize() == 3 and buffered.is_alive()
    for number in range(10):
        assert buffered.queue.get(timeout=20)['payload']['x'] == number
    wait_for(lambda: not buffered.is_alive())
    assert not buffered.is_data_pending()


def test_buffering_stops_and_goes_on(Imu):
    reader = Source(entries(Imu, 10))
    buffered = BufferData(reader, length=3)
    buffered.start()
    wait_for(buffered.is_ready)
    wait_for(lambda: reader.position == 4, "reading of one more")
    assert buffered.stop() is True
    assert buffered.stop() is False
    assert buffered.is_alive() is False and buffered.queue.qsize() == 3
    buffered.queue.get()
    assert reader.position == 4
    assert buffered.is_data_pending() is True
    assert buffered.start() is True
    for number in range(1, 10):
        assert buffered.queue.get(timeout=20)['payload']['x'] == number
    buffered.stop()


def test_a_buffer_is_reset(Imu):
    reader = Source(entries(Imu, 10))
    buffered = BufferData(reader, length=3)
    for _ in range(3):
        buffered.start()
        wait_for(buffered.is_ready)
        buffered.reset()
        assert buffered.queue.empty() and not buffered.is_alive() and not buffered.is_ready()
        assert reader.position == 0 and buffered.is_data_pending()
    assert reader.resets == 3


def test_a_buffer_of_a_log(Imu, log):
    buffered = BufferData(ReadFile(log(100), message=True))
    buffered.start()
    got = [buffered.queue.get(timeout=20) for _ in range(100)]
    assert [each['payload']['x'] for each in got] == list(range(100))
    assert all(type(each['payload']) is Imu for each in got)


@pytest.mark.parametrize('length', ['5', 1.5, None, True])
def test_a_length_is_an_integer(length):
    with pytest.raises(TypeError):
        BufferData(Source([]), length)


@pytest.mark.parametrize('length', [0, -1])
def test_a_length_is_positive(length):
    with pytest.raises(ValueError):
        BufferData(Source([]), length)


# ---- ScheduleBroadcasts ----


@pytest.fixture(params=['queue', 'multiprocessing'])
def any_queue(request):
    made = queue.Queue() if request.param == 'queue' else multiprocessing.Queue()
    yield made
    if request.param != 'queue':
        made.close()
        made.join_thread()


@pytest.fixture(params=['udp', 'python'])
def kind(request, connection, monkeypatch):
    """A message type that can be pickled."""
    kind = type(Message)('Kind', (Message,), {
        'mandatory': ('x',),
        'connection': connection if request.param == 'udp' else Local('kind'),
        '__module__': __name__,
    })
    monkeypatch.setattr(sys.modules[__name__], 'Kind', kind, raising=False)
    return kind


def test_a_queue_is_published(any_queue, kind):
    with QueuedListener(kind) as listener:
        scheduler = ScheduleBroadcasts(any_queue)
        assert scheduler.queue is any_queue and scheduler.speed == 1.0
        assert scheduler.is_alive() is False and scheduler.stop() is False
        for item in entries(kind, 5):
            any_queue.put(item)
        assert scheduler.start() is True
        assert scheduler.start() is False
        assert take(listener, 5) == [0, 1, 2, 3, 4]
        ended(scheduler)
        assert scheduler.stop() is False
        # It begins anew, as with a log that begins at another time.
        for item in entries(kind, 3, first=-1e6):
            any_queue.put(item)
        assert scheduler.start() is True
        assert take(listener, 3) == [0, 1, 2]
        assert scheduler.stop() is True
        assert scheduler.stop() is False
        assert scheduler.is_alive() is False


def test_a_scheduler_waits_for_what_is_due_later(kind):
    """It ends when all is published, not when the queue is empty."""
    items = queue.Queue()
    for item in entries(kind, 2, step=1000.0):
        items.put(item)
    with QueuedListener(kind) as listener:
        scheduler = ScheduleBroadcasts(items)
        scheduler.start()
        assert take(listener, 1) == [0]
        wait_for(lambda: items.qsize() == 0)
        time.sleep(0.5)  # it does not end, so nothing can be waited for
        assert scheduler.is_alive() is True
        scheduler.speed = float('inf')
        assert take(listener, 1) == [1]
        ended(scheduler)


def test_a_scheduler_waits_for_what_is_on_its_way(kind):
    """A queue that gives nothing yet, but says that it is not empty."""
    class Late(object):
        def __init__(self):
            self.items, self.left = queue.Queue(), 1

        def get(self, block, timeout):
            return self.items.get(block, timeout)

        def qsize(self):
            return self.left

    items = Late()
    with QueuedListener(kind) as listener:
        scheduler = ScheduleBroadcasts(items)
        scheduler.start()
        time.sleep(0.5)  # it does not end
        assert scheduler.is_alive() is True
        items.items.put(entry(kind(x=7), 0.0))
        assert take(listener, 1) == [7]
        assert scheduler.is_alive() is True
        items.left = 0
        ended(scheduler)


def test_a_scheduler_on_a_queue_without_a_size(kind):
    class Plain(object):
        def __init__(self, items):
            self.get = items.get

    items = queue.Queue()
    items.put(entry(kind(x=7), 0.0))
    with QueuedListener(kind) as listener:
        scheduler = ScheduleBroadcasts(Plain(items))
        scheduler.start()
        assert take(listener, 1) == [7]
        ended(scheduler)


def test_a_scheduler_stops_and_goes_on(kind):
    items = queue.Queue()
    for item in entries(kind, 30):
        items.put(item)
    with QueuedListener(kind) as listener:
        scheduler = ScheduleBroadcasts(items)
        scheduler.start()
        assert take(listener, 3) == [0, 1, 2]
        scheduler.stop()
        published = scheduler.stats()['published']
        wait_for(lambda: listener.stats()['messages'] == published, "what was published before")
        time.sleep(5 * STEP)  # nothing comes, so nothing can be waited for
        assert listener.stats()['messages'] == scheduler.stats()['published'] == published
        scheduler.start()
        assert take(listener, 27) == list(range(3, 30))
        scheduler.stop()


def test_a_scheduler_s_speed(kind):
    items = queue.Queue()
    for item in entries(kind, 10, step=100.0):
        items.put(item)
    with QueuedListener(kind) as listener:
        scheduler = ScheduleBroadcasts(items, speed=0.5)
        assert scheduler.speed == 0.5
        scheduler.start()
        assert take(listener, 1) == [0]
        scheduler.speed = float('inf')
        assert take(listener, 9) == list(range(1, 10))
        scheduler.stop()


@pytest.mark.parametrize('wrong', [None, [], object()], ids=repr)
def test_what_is_no_queue(wrong):
    with pytest.raises(TypeError):
        ScheduleBroadcasts(wrong)


# ---- recorded time ----


def test_the_clock():
    clock = Clock(2.0)
    assert clock.delay(5.0, 0.0) is None
    clock.resume(10.0)
    assert clock.delay(100.0, 10.0) == 0.0  # the first one
    assert clock.delay(104.0, 10.0) == 2.0
    assert clock.delay(104.0, 11.0) == 1.0
    assert clock.delay(104.0, 13.0) == -1.0  # late
    clock.halt(11.0)
    assert clock.delay(104.0, 50.0) is None
    clock.resume(50.0)
    assert clock.delay(104.0, 50.0) == 1.0
    clock.set_speed(0.5, 50.5)
    assert clock.delay(104.0, 50.5) == 2.0
    assert clock.delay(3.0, 60.0) == 0.0  # the clock of the recording was set back
    assert clock.delay(4.0, 60.0) == 2.0
    clock.set_speed(0, 60.0)
    assert clock.delay(1e6, 60.0) == 0.0
    clock.set_speed(1.0, 61.0)
    assert clock.delay(1e6 + 1, 61.0) == 1.0
    clock.reset()
    clock.resume(0.0)
    assert clock.delay(7.0, 0.0) == 0.0


# ---- ends ----

START = """
sys.path.insert(0, os.path.dirname(sys.argv[2]))
from mcl.logging.replay import Replay, BufferData, ScheduleBroadcasts
import test_replay
class Imu(mcl.Message):
    mandatory = ('x',)
    connection = C
class Pose(mcl.Message):
    mandatory = ('x',)
    connection = test_replay.Local('pose')
def reader(way):
    if way == 'native':
        return mcl.ReadFile(sys.argv[1], message=True)
    return test_replay.Source(test_replay.entries(Imu if way == 'pushed' else Pose, 100, 10.0))
"""


@pytest.fixture
def program(tmpdir):
    path = write(
        tmpdir.join('Imu.log'),
        header('Imu') + [line(10 * number, '81a178%02x' % number) for number in range(100)],
    )
    return lambda start: (start, path, os.path.abspath(__file__))


@pytest.mark.parametrize('way', ['native', 'pushed', 'python'])
@pytest.mark.parametrize('state', ['', 'r.start()', 'r.start(); r.pause()', 'r.start(); r.stop()',
                                   'r.start(); del r', 'del r'])
def test_exit_amid_a_replay(program, way, state):
    began = time.time()
    run_python(*program(EXIT_PREAMBLE + START + "r = Replay(reader(%r))\n%s" % (way, state)))
    assert time.time() < began + 60


@pytest.mark.parametrize('way', ['native', 'pushed', 'python'])
def test_ctrl_c(program, way):
    process = start_python(*program(
        EXIT_PREAMBLE + START + "r = Replay(reader(%r)); r.start()" % way + UNTIL_CTRL_C
    ))
    assert process.stdout.readline() == 'go\n'
    process.send_signal(signal.SIGINT)
    errors = communicate(process)[1]
    assert errors.strip().endswith('KeyboardInterrupt'), errors


@pytest.mark.parametrize('way', ['native', 'pushed', 'python'])
def test_fork(program, way):
    run_python(*program(
        "import warnings\nwarnings.simplefilter('ignore')\n"
        + FORK_PREAMBLE + START + """
r = Replay(reader(%r))
r.start()
while r.stats()['published'] == 0:
    time.sleep(0.01)
def child():
    assert r.is_alive() is False and r.stop() is False and r.pause() is False
    for function in (r.start, r.stats, r.is_data_pending):
        assert 'fork' in raises(mcl.ForkError, function)
    raises(mcl.ForkError, lambda: setattr(r, 'speed', 2.0))
    own = Replay(reader(%r), speed=float('inf'))
    own.start()
    while own.is_alive():
        time.sleep(0.01)
    assert own.stats()['published'] == 100
join(fork(child))
pid = os.fork()
if pid == 0:
    del r
    gc.collect()
    sys.exit(0)
join(pid)
assert r.is_alive() and r.stop()
""" % (way, way)))

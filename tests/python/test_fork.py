"""fork(), as Python 2's multiprocessing does it. Each test is a program of its own."""

import pytest

from helpers import PY2, run_python

# The alarms end what hangs.
PREAMBLE = """
import gc, multiprocessing, os, signal, sys, threading, time
import mcl
from mcl.network.udp import Connection
signal.alarm(50)
C, D = Connection('ff15::f:1'), Connection('ff15::f:2')

def fork(child):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        code = 1
        try:
            child()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return pid

def join(pid):
    assert os.waitpid(pid, 0)[1] == 0, "the child failed"

def round_trip(connection, value):
    with mcl.RawListener(connection) as listener, mcl.RawBroadcaster(connection) as broadcaster:
        broadcaster.publish(value)
        while listener.receive(20)['payload'] != value:
            pass

def raises(kind, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        return str(error)
    raise AssertionError("no %s" % kind)
"""


def program(body):
    # From Python 3.12 on, forking while there are threads is warned of; that is what is tested
    # here.
    return run_python("import warnings\nwarnings.simplefilter('ignore')\n" + PREAMBLE + body)


def test_listeners_of_the_parent_raise_in_the_child():
    program("""
broadcaster, listener, queued = mcl.RawBroadcaster(C), mcl.RawListener(C), mcl.QueuedListener(C)
got = threading.Event()
listener.subscribe(lambda data: got.set())
broadcaster.publish(1)
assert got.wait(20)

def child():
    for function, arguments in (
            (listener.subscribe, (len,)), (listener.unsubscribe, (len,)), (listener.stats, ()),
            (listener._open, ()), (listener.settings, ()), (queued.receive, (1,)),
            (queued.fileno, ()), (queued.open, ())):
        text = raises(mcl.ForkError, function, *arguments)
        assert 'fork' in text and 'ff15::f:1' in text, text
        assert isinstance(raises(IOError, function, *arguments), str)
    assert not listener.is_open and not queued.is_open()
    assert listener.close() is queued.close() is False

join(fork(child))
got.clear()
broadcaster.publish(2)
assert got.wait(20)
assert queued.receive(20)['payload'] == 1 and queued.receive(20)['payload'] == 2
assert broadcaster.close() is listener.close() is queued.close() is True
""")


def test_broadcasters_of_the_parent_go_on_in_the_child():
    """As in the legacy system, where both have the socket."""
    program("""
class Pose(mcl.Message):
    mandatory = ('x',)
    connection = D

raw, typed = mcl.RawBroadcaster(C, topic='t'), mcl.MessageBroadcaster(Pose)
closed, twice, many = [mcl.RawBroadcaster(C) for _ in range(3)]
listener, poses = mcl.RawListener(C), mcl.MessageListener(Pose)
closed.close()

def received():
    data = listener.receive(20)
    return data['topic'], data['payload']

def child():
    assert raw.is_open and raw._open() is False and not closed.is_open
    assert 'is closed' in raises(mcl.ClosedError, closed.publish, 1)
    threads = [threading.Thread(target=raw.publish, args=('child',)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raw.stats()['messages'] == 5 and raw.settings()['local_port']
    many.flush()
    many.publish_many(['many', 'more'], 't')
    typed.publish(Pose(x=1))
    assert closed._open() is True
    closed.publish('opened again', 't')
    assert twice.close() is True and twice.close() is False and not twice.is_open
    raises(mcl.ClosedError, twice.publish, 1)
    join(fork(lambda: raw.publish('grandchild')))
    assert raw.close() is True and raw.close() is False
    raises(mcl.ClosedError, raw.publish, 1)

join(fork(child))
for payload in 5 * ['child'] + ['many', 'more', 'opened again', 'grandchild']:
    assert received() == ('t', payload)
assert poses.receive(20)['payload']['x'] == 1
assert raw.is_open and twice.is_open and not closed.is_open and raw.stats()['messages'] == 0
raw.publish('parent')
twice.publish('too', 't')
assert received() == ('t', 'parent') and received() == ('t', 'too')
assert raw.close() is twice.close() is True
""")


def test_a_fork_while_others_publish():
    """The locks of the parent's threads are of no matter."""
    program("""
broadcaster, listener = mcl.RawBroadcaster(C), mcl.QueuedListener(D)
stop = []

def busy():
    while not stop:
        broadcaster.publish('x' * 100000)

threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads:
    thread.start()
other = mcl.RawBroadcaster(D)
try:
    for number in range(10):
        pid = fork(lambda: (broadcaster.publish(1), other.publish(number)))
        assert listener.receive(20)['payload'] == number
        join(pid)
finally:
    stop.append(1)
""")


def test_the_child_opens_its_own():
    program("""
listener = mcl.QueuedListener(C)

def child():
    round_trip(D, 'of the child')
    with mcl.RawBroadcaster(C) as broadcaster:
        broadcaster.publish(os.getpid())

for _ in range(5):
    pid = fork(child)
    assert listener.receive(20)['payload'] == pid
    join(pid)
round_trip(D, 'of the parent')
""")


def test_callbacks_in_the_child():
    program("""
keep = mcl.RawListener(C)
keep.subscribe(len)

def child():
    got = threading.Event()
    listener = mcl.RawListener(C)
    listener.subscribe(lambda data: got.set())
    mcl.RawBroadcaster(C).publish(1)
    assert got.wait(20)
    listener.close()

join(fork(child))
""")


def test_a_child_of_a_child():
    program("""
round_trip(C, 1)

def grandchild():
    round_trip(C, 3)

def child():
    mine = mcl.RawBroadcaster(C)
    round_trip(C, 2)
    heard = mcl.RawListener(C)
    pid = fork(lambda: (raises(mcl.ForkError, heard.receive, 1), mine.publish(1), grandchild()))
    assert heard.receive(20)['payload'] == 1
    join(pid)
    round_trip(C, 4)

join(fork(child))
join(fork(lambda: join(fork(grandchild))))
""")


def test_finalizers_leave_the_old_library_alone():
    program("""
objects = [mcl.RawBroadcaster(C), mcl.RawListener(C), mcl.QueuedListener(C), mcl.RawListener(C)]
objects[-1].subscribe(len)

def child():
    del objects[:]
    gc.collect()
    round_trip(C, 1)

join(fork(child))
pid = os.fork()
if pid == 0:
    sys.exit(0)             # by way of atexit
join(pid)
objects[0].publish(1)
""")


def test_sockets_of_the_parent_are_closed_in_the_child():
    program("""
listener = mcl.RawListener(C)

def sockets():
    return [link for link in map(link_of, os.listdir('/proc/self/fd')) if 'socket:' in link]

def link_of(name):
    try:
        return os.readlink('/proc/self/fd/' + name)
    except OSError:
        return ''

opened = sockets()      # the listener's, and those that watch the network
assert opened
def child():
    assert sockets() == [], sockets()
join(fork(child))
assert sockets() == opened
""")


def test_first_use_in_the_child():
    program("""
for _ in range(3):
    join(fork(lambda: round_trip(C, 1)))
round_trip(C, 2)
""")


def test_forks_of_a_busy_parent():
    program("""
stop = []
def publish():
    with mcl.RawBroadcaster(D) as broadcaster:
        while not stop:
            broadcaster.publish('x' * 100)
count = []
listener = mcl.RawListener(D)
listener.subscribe(count.append)
threads = [threading.Thread(target=publish) for _ in range(2)]
for thread in threads:
    thread.start()
for number in range(25):
    join(fork(lambda: round_trip(C, number)))
stop.append(1)
for thread in threads:
    thread.join()
assert count
""")


def test_a_pool_beside_a_busy_listener():
    program("""
context = multiprocessing if sys.version_info[0] == 2 else multiprocessing.get_context('fork')
stop, count = [], []
def publish():
    with mcl.RawBroadcaster(D) as broadcaster:
        while not stop:
            broadcaster.publish('x' * 100)
            time.sleep(0.0005)
listener = mcl.QueuedListener(D)
listener.subscribe(count.append)
thread = threading.Thread(target=publish)
thread.start()
def work(number):
    round_trip(C, number)
    return number * number
pool = context.Pool(3)
results = pool.map_async(work, range(30), 1).get(40)
assert results == [number * number for number in range(30)]
pool.close()
pool.join()
before = len(count)
while len(count) < before + 100:    # the alarm ends it
    time.sleep(0.01)
stop.append(1)
thread.join()
assert listener.close()
""")


def test_many_forks_one_within_the_other():
    program("""
def descend(depth):
    round_trip(C, depth)
    if depth:
        join(fork(lambda: descend(depth - 1)))
descend(10)
""")


MULTIPROCESSING = """
def worker(connection, queue):
    round_trip(connection, 'worker')
    with mcl.RawBroadcaster(C) as broadcaster:
        broadcaster.publish('from the worker')
    queue.put('done')

if __name__ == '__main__':
    context = multiprocessing if sys.version_info[0] == 2 else multiprocessing.get_context('fork')
    with mcl.RawListener(C) as listener:
        queue = context.Queue()
        for _ in range(2):
            process = context.Process(target=worker, args=(D, queue))
            process.start()
            assert queue.get(timeout=20) == 'done'
            process.join()
            assert process.exitcode == 0
            assert listener.receive(20)['payload'] == 'from the worker'
"""


def test_multiprocessing():
    program(MULTIPROCESSING)


@pytest.mark.skipif(PY2, reason="Python 2 only forks")
def test_multiprocessing_by_spawn(tmpdir):
    path = tmpdir.join('spawned.py')
    path.write(PREAMBLE + MULTIPROCESSING.replace("'fork'", "'spawn'"))
    run_python(
        "import subprocess, sys; sys.exit(subprocess.call([sys.executable, sys.argv[1]]))",
        str(path),
    )


def test_a_memory_file_is_not_needed():
    program("""
from mcl import _library
round_trip(C, 1)
_library._memory_file = lambda: None
join(fork(lambda: round_trip(C, 2)))
""")


def test_subprocesses_are_not_affected():
    program("""
import subprocess
with mcl.RawListener(C) as listener:
    subprocess.check_call([sys.executable, '-c', '''
import mcl
from mcl.network.udp import Connection
with mcl.RawBroadcaster(Connection('ff15::f:1')) as broadcaster:
    broadcaster.publish(5)
'''])
    assert listener.receive(20)['payload'] == 5
""")

"""Several processes: multiprocessing, exec, daemons. Each test is a program of its own."""

import os

import pytest

from helpers import PY2, communicate, start_python

METHODS = ['fork'] if PY2 else ['fork', 'spawn', 'forkserver']

# The alarms end what hangs. Python 3.12 and later warn of forks while there are threads.
PREAMBLE = """
import warnings
warnings.simplefilter('ignore')
import multiprocessing, os, signal, subprocess, sys, threading, time
import mcl
from mcl import Message
from mcl.network.udp import Connection
C, D = Connection('ff15::1d:31', hops=1), Connection('ff15::1d:32', hops=1)

class Number(Message):
    mandatory = ('n',)
    connection = C

signal.alarm(25)
context = multiprocessing
if sys.version_info[0] > 2:
    context = multiprocessing.get_context(sys.argv[1] if len(sys.argv) > 1 else 'fork')

def link_of(name):
    try:
        return os.readlink('/proc/self/fd/' + name)
    except OSError:
        return ''

def descriptors():
    links = map(link_of, os.listdir('/proc/self/fd'))
    return [link for link in links if 'socket:' in link or 'event' in link or 'memfd' in link]
"""

# Children. They are functions of a module, as spawn and forkserver want them.
CHILDREN = """
def publish(n):
    with mcl.MessageBroadcaster(Number) as broadcaster:
        broadcaster.publish(Number(n=n))
    return n, os.getpid()

_kept = None
def publish_by_one_kept(n):
    global _kept
    if _kept is None:
        _kept = mcl.MessageBroadcaster(Number)
    _kept.publish(Number(n=n))
    return n, os.getpid()

def listen(ready, answers):
    signal.alarm(25)
    with mcl.MessageListener(Number) as listener:
        ready.put(os.getpid())
        for data in listener:
            answers.put((os.getpid(), data['payload']))
            if data['payload']['n'] == 9:
                return

def call_back(ready, answers):
    signal.alarm(25)
    ended = threading.Event()
    def callback(data):
        answers.put((os.getpid(), data['payload']))
        if data['payload']['n'] == 9:
            ended.set()
    listener = mcl.QueuedListener(Number)
    listener.subscribe(callback)
    ready.put(os.getpid())
    assert ended.wait(30)
    listener.close()

def start(target, *arguments):
    process = context.Process(target=target, args=arguments)
    process.start()
    return process

def join(*processes):
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * len(processes), processes

def use_it_here():
    with mcl.RawListener(D) as listener, mcl.RawBroadcaster(D) as broadcaster:
        broadcaster.publish('here')
        assert listener.receive(20)['payload'] == 'here'
"""


@pytest.fixture
def program(tmpdir):
    """Runs a program that is a file, as spawn and forkserver want it. `body` is its main part."""

    def run(body, *arguments, **options):
        path = tmpdir.join('program.py')
        body = body.replace('\n', '\n    ').strip()
        path.write(
            PREAMBLE
            + CHILDREN
            + options.get('more', '')
            + "\nif __name__ == '__main__':\n    %s\n" % body
        )
        code = 'import os, sys; os.execv(sys.executable, [sys.executable] + sys.argv[1:])'
        process = start_python(code, str(path), *arguments)
        output, errors = communicate(process)
        assert process.returncode == options.get('code', 0), (process.returncode, output, errors)
        assert errors == '' or options.get('errors', False), errors
        return (output, errors) if options.get('errors', False) else output

    return run


methods = pytest.mark.parametrize('method', METHODS)


# ---- multiprocessing ----


@pytest.mark.parametrize('method, before', [('fork', True)] + [(each, False) for each in METHODS])
def test_a_listener_in_the_parent_and_broadcasters_in_children(program, method, before):
    """The library may be used before the first child is started, or not."""
    program(
        """
if %r:
    use_it_here()
    listener = mcl.MessageListener(Number)
processes = []
if not %r:
    first = start(publish, -1)
    join(first)
    listener = mcl.QueuedListener(Number)
processes = [start(publish, n) for n in range(3)]
assert sorted(listener.receive(20)['payload']['n'] for _ in processes) == [0, 1, 2]
join(*processes)
use_it_here()
"""
        % (before, before),
        method,
    )


@methods
def test_a_broadcaster_in_the_parent_and_listeners_in_children(program, method):
    program(
        """
broadcaster = mcl.MessageBroadcaster(Number)
broadcaster.publish(Number(n=0))
ready, answers = context.Queue(), context.Queue()
processes = [start(child, ready, answers) for child in (listen, call_back)]
pids = sorted(ready.get(timeout=20) for _ in processes)
assert pids == sorted(process.pid for process in processes)
for n in (1, 9):
    broadcaster.publish(Number(n=n))
got = [answers.get(timeout=20) for _ in range(4)]
assert sorted((pid, message['n']) for pid, message in got) == [(p, n) for p in pids for n in (1, 9)]
assert all(type(message) is Number for _, message in got)
join(*processes)
""",
        method,
    )


@methods
def test_a_pool_whose_workers_publish(program, method):
    program(
        """
early = context.Pool(2)
listener = mcl.MessageListener(Number)
late = context.Pool(2)
for pool, child in ((early, publish), (late, publish_by_one_kept)):
    done = pool.map_async(child, range(10), 1).get(30)
    assert [n for n, _ in done] == list(range(10)) and os.getpid() not in dict(done).values()
    assert sorted(listener.receive(20)['payload']['n'] for _ in done) == list(range(10))
    pool.close()
    pool.join()
listener.close()
""",
        method,
    )


LISTENING_WORKERS = """
_listener = None
def initialize(ready):
    global _listener
    _listener = mcl.QueuedListener(Number)
    ready.put(1)

def next_number(_):
    time.sleep(0.01)
    return os.getpid(), _listener.receive(20)['payload']['n']
"""


@methods
def test_a_pool_whose_workers_listen(program, method):
    """Each hears all, from the moment its initializer has opened its listener."""
    program(
        """
use_it_here()
ready = context.Queue()
pool = context.Pool(2, initialize, (ready,))
for _ in range(2):
    ready.get(timeout=20)
with mcl.MessageBroadcaster(Number) as broadcaster:
    for n in range(20):
        broadcaster.publish(Number(n=n))
done = pool.map_async(next_number, range(20), 1).get(30)
for pid in set(pid for pid, _ in done):
    numbers = [n for worker, n in done if worker == pid]
    assert numbers == list(range(len(numbers))), done
pool.terminate()
pool.join()
""",
        method,
        more=LISTENING_WORKERS,
    )


SUBCLASS = """
class Worker(multiprocessing.Process if sys.version_info[0] == 2 else context.Process):
    def __init__(self, n, held=None):
        super(Worker, self).__init__()
        self.n, self.held, self.daemon = n, held, True

    def run(self):
        if self.held is not None:
            self.held.publish(Number(n=self.n))
        else:
            publish(self.n)
"""


@methods
def test_a_subclass_of_process(program, method):
    program(
        """
listener = mcl.MessageListener(Number)
workers = [Worker(n) for n in range(3)]
for worker in workers:
    worker.start()
assert sorted(listener.receive(20)['payload']['n'] for _ in workers) == [0, 1, 2]
join(*workers)
""",
        method,
        more=SUBCLASS,
    )


@methods
def test_a_subclass_of_process_that_holds_a_broadcaster_of_its_parent(program, method):
    """fork: as in the legacy system, it goes on there. Else it cannot be sent there."""
    program(
        """
held = mcl.MessageBroadcaster(Number)
listener = mcl.MessageListener(Number)
worker = Worker(5, held)
try:
    worker.start()
except TypeError as error:
    assert 'a broadcaster cannot be copied or pickled' in str(error) and %r != 'fork'
else:
    assert %r == 'fork'
    join(worker)
    assert listener.receive(20)['payload']['n'] == 5
held.publish(Number(n=6))
assert listener.receive(20)['payload']['n'] == 6
"""
        % (method, method),
        method,
        more=SUBCLASS,
        errors=method != 'fork',  # the child that was started in vain may complain
    )


# What a child does for ever: it waits, is called back, publishes.
FOREVER = """
def forever(what, ready):
    if what == 'wait':
        listener = mcl.MessageListener(Number)
        ready.put(1)
        for data in listener:
            pass
    elif what == 'call back':
        listener = mcl.QueuedListener(Number)
        listener.subscribe(lambda data: None)
        ready.put(1)
        while True:
            time.sleep(60)
    else:
        with mcl.MessageBroadcaster(Number) as broadcaster:
            ready.put(1)
            while True:
                broadcaster.publish(Number(n=1))

def forever_as_three(ready):
    made = [context.Process(target=forever, args=(what, ready))
            for what in ('wait', 'call back', 'publish')]
    for process in made:
        process.daemon = True
        process.start()
    for _ in made:
        ready.get(timeout=20)
    return made
"""


@pytest.mark.parametrize(
    'method, end',
    [('fork', 'terminate'), ('fork', 'sys.exit')] + [(each, 'exit') for each in METHODS],
)
def test_daemon_processes_and_terminate(program, method, end):
    """They are ended by terminate(), or by their parent's exit, and leave nothing behind."""
    output = program(
        """
listener = mcl.MessageListener(Number)
listener.subscribe(lambda data: None)
processes = forever_as_three(context.Queue())
print(' '.join(str(process.pid) for process in processes))
sys.stdout.flush()
if %r == 'terminate':
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(20)
        assert process.exitcode == -signal.SIGTERM, process.exitcode
elif %r == 'sys.exit':
    sys.exit(3)
"""
        % (end, end),
        method,
        more=FOREVER,
        code=3 if end == 'sys.exit' else 0,
    )
    for pid in output.split():
        assert not os.path.exists('/proc/' + pid)


@methods
def test_exit_with_a_pool_alive(program, method):
    """Python itself ends the workers; some versions say that they were left."""
    output = program(
        """
pool = context.Pool(2)
listener = mcl.MessageListener(Number)
listener.subscribe(lambda data: None)
done = pool.map_async(publish_by_one_kept, range(4), 1).get(30)
print(' '.join(str(pid) for pid in set(pid for _, pid in done)))
""",
        method,
    )
    for pid in output.split():
        assert not os.path.exists('/proc/' + pid)


def test_a_child_that_ends_by_os_exit(program):
    program("""
listener = mcl.MessageListener(Number)
for code in (0, 5):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        mine = mcl.QueuedListener(D)
        mine.subscribe(lambda data: None)
        mcl.MessageBroadcaster(Number).publish(Number(n=code))
        os._exit(code)
    assert os.waitpid(pid, 0)[1] == code << 8
    assert listener.receive(20)['payload']['n'] == code
""")


LEAVES = """
LEAVES = [
    (lambda: None, 0), (lambda: os._exit(4), 4), (lambda: sys.exit(), 0), (lambda: sys.exit(3), 3),
    (lambda: sys.exit('a reason'), 1), (lambda: {}['a key'], 1),
]
"""


@pytest.mark.parametrize('kind', ['RawListener', 'QueuedListener'])
def test_a_fork_in_a_callback(program, kind):
    """However the child leaves the callback, it ends there; the parent's thread goes on."""
    errors = program(
        """
use_it_here()
children, ended = [], threading.Event()
def callback(data):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        use_it_here()
        LEAVES[len(children)][0]()
    else:
        children.append(pid)
        if len(children) == len(LEAVES):
            ended.set()
listener = mcl.%s(C)
listener.subscribe(callback)
for n in range(len(LEAVES)):
    publish(n)
assert ended.wait(20)
statuses = [os.waitpid(pid, 0)[1] for pid in children]
assert statuses == [status << 8 for _, status in LEAVES], statuses
listener.close()
"""
        % kind,
        more=LEAVES,
        errors=True,
    )[1]
    assert 'a reason\n' in errors and "KeyError: 'a key'" in errors
    assert errors.count('Traceback') == 1


# ---- fork and exec ----

# Started processes print what they have open beyond the standard three.
SHOW = """
SHOW = '''
import os
for name in os.listdir('/proc/self/fd'):
    try:
        print(name + ' ' + os.readlink('/proc/self/fd/' + name))
    except OSError:
        pass
'''
def check(output):
    lines = output.splitlines()
    assert any(line.startswith('0 ') for line in lines), output
    assert 'socket:' not in output and 'anon_inode' not in output and 'memfd' not in output, output
"""
OPEN_ALL = """
listener, queued = mcl.MessageListener(Number), mcl.QueuedListener(D)
broadcaster = mcl.RawBroadcaster(D)
listener.subscribe(lambda data: None)
queued.fileno()
assert len(descriptors()) > 5, descriptors()
"""
STARTS = """
def started(**options):
    process = subprocess.Popen([sys.executable, '-c', SHOW], stdout=subprocess.PIPE,
                               universal_newlines=True, **options)
    return process.communicate()[0]

command = '"%s" -c "%s"' % (sys.executable, SHOW)
for output in (started(close_fds=False), started(close_fds=True),
               started(close_fds=False, preexec_fn=os.setsid), os.popen(command).read()):
    check(output)

path = sys.argv[2]
assert os.system('%s > "%s"' % (command, path)) == 0
check(open(path).read())
os.dup2(os.open(path, os.O_WRONLY | os.O_TRUNC), 1)
assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, '-c', SHOW]) == 0
check(open(path).read())
"""


def test_started_programs_inherit_nothing(program, tmpdir):
    program(OPEN_ALL + STARTS, 'fork', str(tmpdir.join('output')), more=SHOW)


EXECUTED = """
EXECUTED = '''
import os, signal, sys
import mcl
from mcl.network.udp import Connection
signal.alarm(20)
C = Connection('ff15::1d:33')
for line in open('/proc/self/status'):
    if line.startswith('SigBlk:'):
        assert int(line.split()[1], 16) == 0, line
with mcl.RawListener(C) as listener, mcl.RawBroadcaster(C) as broadcaster:
    broadcaster.publish(1)
    assert listener.receive(20)['payload'] == 1
'''
"""


@pytest.mark.parametrize('before', ['', 'if os.fork(): os._exit(os.wait()[1] >> 8)'])
def test_execv(program, before):
    """The new program gets signals and the port, and none of the old descriptors."""
    output = program(
        OPEN_ALL + before + "\nos.execv(sys.executable, [sys.executable, '-c', SHOW + EXECUTED])",
        more=SHOW + EXECUTED,
    )
    assert '0 ' in output
    for part in ('socket:', 'anon_inode', 'memfd'):
        assert part not in output


def test_a_started_program_outlives_its_parent_and_keeps_neither_port_nor_group(program):
    output = program(
        OPEN_ALL + """
child = subprocess.Popen(['sleep', '20'], close_fds=False)
pid = os.fork()
if pid == 0:
    os.execvp('sleep', ['sleep', '20'])
def runs_sleep():       # until it runs at all, the child has what the parent has open
    with open('/proc/%d/comm' % pid) as comm:
        return comm.read() == 'sleep\\n'
while not runs_sleep():     # the alarm ends it
    time.sleep(0.005)
for each in (listener, queued, broadcaster):
    each.close()
groups = open('/proc/self/net/igmp6').read()
assert 'ff15' + '0' * 24 + '001d' not in groups.replace('0000001d', '001d')
assert '001d0031' not in groups and '001d0032' not in groups, groups
assert ':6590 ' not in open('/proc/self/net/udp6').read()
child.kill()
os.kill(pid, signal.SIGKILL)
child.wait()
os.waitpid(pid, 0)
print('well')
"""
    )
    assert output == 'well\n'


def test_a_child_that_does_nothing_keeps_neither_port_nor_group(program):
    output = program(
        OPEN_ALL + """
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    signal.alarm(25)
    os.write(writing, b'.')
    signal.pause()
    os._exit(1)
assert os.read(reading, 1) == b'.'
folder = '/proc/%d/fd/' % pid
links = [os.readlink(folder + name) for name in os.listdir(folder)]
assert not [link for link in links if 'socket:' in link], links
assert ':6590 ' in open('/proc/self/net/udp6').read()
for each in (listener, queued, broadcaster):
    assert each.close()
assert ':6590 ' not in open('/proc/self/net/udp6').read()
groups = open('/proc/self/net/igmp6').read()
assert '001d0031' not in groups and '001d0032' not in groups, groups
os.kill(pid, signal.SIGKILL)
assert os.waitpid(pid, 0)[1] == signal.SIGKILL      # it was there all the time
print('well')
"""
    )
    assert output == 'well\n'


# ---- daemons ----

# The classic recipe, with what it does to descriptors left to the caller.
DAEMON = """
def daemonize(closing):
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir('/')
    os.umask(0)
    signal.alarm(30)
    if closing == 'all':
        for descriptor in range(1024):
            try:
                os.close(descriptor)
            except OSError:
                pass
    elif closing == 'all, and open':
        os.closerange(0, 1024)
        os.open(os.devnull, os.O_RDWR)
        os.dup2(0, 1)
        os.dup2(0, 2)
    elif closing == 'standard':
        os.closerange(0, 3)

def daemon(path, closing, before):
    '''Writes what came of it to a file: there is nobody to tell.'''
    result = 'unfinished'
    try:
        daemonize(closing)
        if before:
            before[0].publish('still')
            for function, arguments in ((before[1].receive, (1,)), (before[1].fileno, ())):
                try:
                    function(*arguments)
                except mcl.ForkError:
                    pass
                else:
                    raise AssertionError('no ForkError')
            mine = [os.open(os.devnull, os.O_RDWR) for _ in range(30)]
            del before[:]
            for descriptor in mine:     # none was closed by those objects' finalizers
                os.fstat(descriptor)
        got = threading.Event()
        listener = mcl.QueuedListener(Number)
        listener.subscribe(lambda data: got.set())
        publish(1)
        assert got.wait(20), 'nothing came'
        if closing != 'none':
            sys.stderr.write('to nobody')
        use_it_here()
        listener.close()
        result = 'well'
    except BaseException as error:
        result = '%s: %s' % (type(error).__name__, error)
    with open(path + '.new', 'w') as file:
        file.write(result)
    os.rename(path + '.new', path)
    os._exit(0)
"""


@pytest.mark.parametrize(
    'closing, before',
    [('none', False), ('standard', False), ('all', False), ('all, and open', False)]
    + [('all', True), ('all, and open', True)],
)
def test_double_fork(program, tmpdir, closing, before):
    """Before the first use, and after it: then old listeners raise, and all else works."""
    path = str(tmpdir.join('result'))
    program(
        """
before = []
if %r:
    before += [mcl.RawBroadcaster(D), mcl.QueuedListener(D)]
    before[0].publish(1)
    assert before[1].receive(20)
    before[1].fileno()
pid = os.fork()
if pid == 0:
    daemon(sys.argv[2], %r, before)
assert os.waitpid(pid, 0)[1] == 0
while not os.path.exists(sys.argv[2]):      # the alarm ends it
    time.sleep(0.01)
assert open(sys.argv[2]).read() == 'well', open(sys.argv[2]).read()
if before:
    assert before[1].receive(20)['payload'] == 'still'      # of the daemon, as is
    assert before[1].receive(20)['payload'] == 'here'
    before[0].publish(2)
    assert before[1].receive(20)['payload'] == 2
"""
        % (before, closing),
        'fork',
        path,
        more=DAEMON,
    )

"""Signals, ends of programs, and closed standard streams. Each test is a program of its own."""

import os
import signal
import subprocess
import sys

import pytest

from helpers import communicate, run_python, start_python
from test_exit import come_to_its_wait

PREAMBLE = """
import warnings
warnings.simplefilter('ignore')
import atexit, multiprocessing, os, select, signal, sys, threading, time
import mcl
from mcl import Message
from mcl.network.udp import Connection
signal.alarm(25)
C, D = Connection('ff15::1d:41'), Connection('ff15::1d:42')

class Number(Message):
    mandatory = ('n',)
    connection = C

def say(text):
    sys.stdout.write(text + '\\n')
    sys.stdout.flush()
"""

# One of each: idle, with callbacks, with callbacks no more, waited for, publishing, and closed.
ALL = """
heard = threading.Event()
def callback(data):
    heard.set()

made = [mcl.RawListener(C), mcl.MessageListener(Number), mcl.QueuedListener(C),
        mcl.QueuedListener(Number), mcl.RawListener(D), mcl.QueuedListener(D),
        mcl.RawBroadcaster(D), mcl.MessageBroadcaster(Number)]
for listener in made[:4]:
    listener.subscribe(callback)
for listener in (mcl.RawListener(C), mcl.QueuedListener(C)):
    listener.subscribe(callback)
    listener.unsubscribe(callback)
    made.append(listener)
mcl.RawListener(C).close()
mcl.QueuedListener(C, open_init=False)
mcl.MessageListener(Number).subscribe(callback)

def quietly(function):
    def run():
        try:
            while True:
                function()
        except:     # Python 2 takes the modules apart under a daemon thread
            pass
    thread = threading.Thread(target=run)
    thread.daemon = True
    thread.start()

quietly(made[4].receive)
quietly(made[5].receive)
quietly(lambda: made[6].publish('x'))
quietly(lambda: made[7].publish(Number(n=1)))
assert heard.wait(20)
"""


# ---- exit without close ----

ENDS = {
    'at the end': ("", 0),
    'sys.exit': ("sys.exit(3)", 3),
    'exception': ("raise KeyError('on purpose')", 1),
    'os._exit': ("os._exit(4)", 4),
    'SIGTERM': ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(20)", -signal.SIGTERM),
    'SIGTERM handled': (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "os.kill(os.getpid(), signal.SIGTERM)\nwhile True: time.sleep(0.1)",
        5,
    ),
    'SIGHUP': (
        # It is ignored where the tests were started by nohup(1).
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "os.kill(os.getpid(), signal.SIGHUP)\ntime.sleep(20)",
        -signal.SIGHUP,
    ),
    'in a thread': (
        "thread = threading.Thread(target=sys.exit)\nthread.start()\nthread.join()\nsys.exit(6)",
        6,
    ),
    'in a callback': (
        "ended = threading.Event()\ndef leave(data):\n    ended.set()\n    sys.exit(9)\n"
        "made[0].subscribe(leave)\nassert ended.wait(20)\nsys.exit(7)",
        7,
    ),
    'atexit': (
        "atexit.register(lambda: made[7].publish(Number(n=2)))\n"
        "atexit.register(lambda: [each.close() for each in made])\nsys.exit(8)",
        8,
    ),
    'a pool alive': (
        "fork = multiprocessing if sys.version_info[0] == 2 else"
        " multiprocessing.get_context('fork')\n"
        "pool = fork.Pool(2)\nassert pool.map_async(abs, range(4)).get(20) == [0, 1, 2, 3]",
        0,
    ),
}


@pytest.mark.parametrize('end', sorted(ENDS))
def test_exit_without_close(end):
    text, code = ENDS[end]
    process = start_python(PREAMBLE + ALL + text)
    errors = communicate(process)[1]
    assert process.returncode == code, errors
    expected = {'exception': 'on purpose', 'in a callback': 'SystemExit', 'atexit': 'is closed'}
    if end in expected:
        assert expected[end] in errors
    else:
        assert errors == ''


# ---- Ctrl-C, as a terminal sends it: to the group ----

LOOPS = {
    'sleep': "while True: time.sleep(0.1)",
    'receive': "while True: made[4].receive()",
    'iterate': "for data in mcl.QueuedListener(Connection('ff15::1d:49')): pass",
    'publish': "while True: made[6].publish('x' * 1000)",
    'pause': "signal.pause()",
    'select': "while True: select.select([made[5]], [], [], 0.1)",
    'event': "while True: threading.Event().wait(0.1)",
}


@pytest.mark.parametrize('loop', sorted(LOOPS))
def test_ctrl_c_and_finally_close(loop):
    """The loop that every program has: it ends at once, its clean-up runs, and is quiet."""
    process = start_python(
        PREAMBLE
        + "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        + ALL.replace("quietly(made[4].receive)\nquietly(made[5].receive)\n", "").replace(
            "quietly(lambda: made[6].publish('x'))\nquietly(lambda: made[7]", "(lambda: made[7]"
        ).replace("(n=1)))", "(n=1)))()")
        + "say('ready')\ntry:\n    "
        + LOOPS[loop]
        + """
except KeyboardInterrupt:
    say('interrupted')
finally:
    say(' '.join(str(each.close()) for each in made))
"""
    )
    assert process.stdout.readline() == 'ready\n'
    come_to_its_wait(process.pid)
    process.send_signal(signal.SIGINT)
    output, errors = communicate(process)
    assert (process.returncode, errors) == (0, '')
    assert output == 'interrupted\n' + ' '.join(['True'] * 10) + '\n'


GROUP = """
fork = multiprocessing if sys.version_info[0] == 2 else multiprocessing.get_context('fork')

def child(what, ready):
    signal.alarm(20)
    if what == 'receive':
        listener = mcl.MessageListener(Number)
        ready.put(1)
        for data in listener:
            pass
    elif what == 'publish':
        with mcl.MessageBroadcaster(Number) as broadcaster:
            ready.put(1)
            while True:
                broadcaster.publish(Number(n=1))
    elif what == 'call back':
        listener = mcl.QueuedListener(C)
        listener.subscribe(lambda data: None)
        try:
            ready.put(1)
            while True:
                time.sleep(0.1)
        except KeyboardInterrupt:
            pass
        finally:
            assert listener.close()

signal.signal(signal.SIGINT, signal.default_int_handler)
use = mcl.RawListener(C)
use.subscribe(len)
ready = fork.Queue()
processes = [fork.Process(target=child, args=(what, ready))
             for what in ('receive', 'publish', 'call back')]
for process in processes:
    process.start()
for _ in processes:
    ready.get(timeout=20)
try:
    say('ready')
    while True:
        time.sleep(0.1)
except KeyboardInterrupt:
    say('interrupted')
finally:
    use.close()
    for process in processes:
        process.join()
say(' '.join(str(process.exitcode) for process in processes))
"""


def test_ctrl_c_with_children():
    process = start_python(PREAMBLE + GROUP, preexec_fn=os.setsid)
    assert process.stdout.readline() == 'ready\n'
    os.killpg(process.pid, signal.SIGINT)
    output, errors = communicate(process)
    assert process.returncode == 0, errors
    assert output == 'interrupted\n1 1 0\n'
    assert errors.count('KeyboardInterrupt') == 2  # of the two that do not catch it


# ---- other signals ----


def test_alarm_pause_and_select():
    """Their handlers run on the main thread, soon, whatever the listeners' threads do."""
    run_python(PREAMBLE + ALL + """
seen = []
def handler(*_):
    seen.append(threading.current_thread().name)
    made[7].publish(Number(n=3))        # a handler may use the library, too
signal.signal(signal.SIGALRM, handler)
def soon():
    signal.setitimer(signal.ITIMER_REAL, 0.02)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)    # again: the first may come before pause() waits
signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0)
assert set(seen) == {'MainThread'}, seen
del seen[1:]
soon()
while len(seen) < 2:
    time.sleep(0.5)
soon()
reading, _ = os.pipe()
try:
    assert select.select([reading], [], [], 0.5) == ([], [], [])
except select.error as error:       # Python 2, and it is the program's own to go on
    assert sys.version_info[0] == 2 and error.args[0] == 4, error
assert len(seen) == 3, seen
soon()
while len(seen) < 4:                # in the library
    made[8].receive(0.5)
signal.alarm(1)
while len(seen) < 5:
    time.sleep(2)
""")


def test_a_handler_that_closes_what_the_main_thread_uses():
    for use in ("made[4].receive()", "for data in made[5]: pass", "while True: made[6].publish(1)"):
        run_python(PREAMBLE + """
made = [None] * 4 + [mcl.RawListener(D), mcl.QueuedListener(D), mcl.RawBroadcaster(C)]
def handler(*_):
    for each in made[4:]:
        assert each.close() is True
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    %s
except mcl.ClosedError:
    pass
""" % use)


def test_nohup(tmpdir):
    """It ignores SIGHUP, and so do the library and the program's children."""
    script = tmpdir.join('script.py')
    script.write(
        PREAMBLE + ALL + "say('ready')\nsys.stdin.readline()\nos.kill(os.getpid(), signal.SIGHUP)\n"
        "heard.clear()\nassert heard.wait(20)\n"
        "assert os.system('kill -HUP $$') == 0\nsay('still there')\n"
    )
    process = subprocess.Popen(
        ['sh', '-c', 'trap "" HUP; exec "$0" "$1"', sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(signal.SIGHUP)
    process.stdin.write('\n')
    process.stdin.flush()
    output, errors = communicate(process)
    assert (process.returncode, output, errors) == (0, 'still there\n', '')


# ---- closed standard streams ----

CLOSED = PREAMBLE + """
MINE = [os.open(sys.argv[1] + name, os.O_RDWR | os.O_CREAT) for name in sys.argv[2]]
heard, again = threading.Event(), threading.Event()
def failing(data):
    (again if heard.is_set() else heard).set()
    raise ValueError('for nobody')
C = Connection('ff15::1d:43')
quiet = mcl.RawListener(C)
listener = mcl.QueuedListener(C)
listener.subscribe(failing)
with mcl.RawBroadcaster(C) as broadcaster:
    broadcaster.publish(1)
    assert heard.wait(20)
    broadcaster.publish({(1, 2): 3})    # which Python cannot hold
    broadcaster.publish(2)
    assert again.wait(20)
listener.close()
assert [quiet.receive(20)['payload'] for _ in range(2)] == [1, 2]
stats = quiet.stats()
assert stats['datagrams'] == 3 and sum(stats['malformed'].values()) == 0, stats
for descriptor in range(3):             # nothing of the library's
    link = os.readlink('/proc/self/fd/%d' % descriptor)
    assert not [part for part in ('socket:', 'anon_inode', 'cgroup') if part in link], link
for each in MINE:
    os.close(each)
os.rename(sys.argv[1] + 'result', sys.argv[1] + 'well')
os._exit(0)
"""


@pytest.mark.parametrize('closed', ['0', '1', '2', '0 1 2'])
@pytest.mark.parametrize('files', ['', 'abc'])
def test_closed_standard_streams(tmpdir, closed, files):
    """Reports go nowhere: not into a socket or file that has taken the number of stderr."""
    script = tmpdir.join('script.py')
    script.write(CLOSED)
    tmpdir.join('result').write('')
    closing = ' '.join('%s>&-' % number for number in closed.split())
    command = 'exec "$0" "$@" ' + closing
    process = subprocess.Popen(
        ['sh', '-c', command, sys.executable, str(script), str(tmpdir) + '/', files],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    output, errors = communicate(process)
    assert process.returncode == 0, errors
    assert tmpdir.join('well').check()
    assert output == ''
    assert ('for nobody' in errors) == ('2' not in closed.split())
    for name in files:
        assert tmpdir.join(name).read() == ''


def test_a_stderr_that_is_set_later_is_used(tmpdir):
    script = tmpdir.join('script.py')
    script.write(PREAMBLE + """
sys.stderr = open(sys.argv[1], 'w')
heard = threading.Event()
def failing(data):
    raise ValueError('for the file')
listener = mcl.RawListener(C)
listener.subscribe(failing)
listener.subscribe(lambda data: heard.set())
mcl.RawBroadcaster(C).publish(1)
assert heard.wait(20)
sys.stderr.close()
heard.clear()
mcl.RawBroadcaster(C).publish(1)
assert heard.wait(20)
os._exit(0)
""")
    output = tmpdir.join('output')
    command = ['sh', '-c', 'exec "$0" "$@" 2>&-', sys.executable, str(script), str(output)]
    assert subprocess.call(command) == 0
    assert 'ValueError: for the file' in output.read()

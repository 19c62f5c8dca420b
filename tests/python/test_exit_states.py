"""A program may end at any moment and in any way, whatever the library is doing in it: with the
status that it has without the library, soon, and without a word on stderr.

Each end of a state is a process of its own. MCL_EXITS says how many there are of each state (here
2; `make exits` has 40); the ends take turns, others on each version of Python.
"""

import os
import signal
import subprocess
import sys

import pytest

from helpers import communicate

TIMES = int(os.environ.get('MCL_EXITS', 2))
AT_ONCE = 4  # most of each is waiting

PREAMBLE = """
import os, resource, signal, sys, threading, time
import mcl
from mcl.network.udp import Connection
signal.alarm(40)    # ends what hangs
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
signal.signal(signal.SIGINT, signal.default_int_handler)
C, D = [Connection('ff15::e5:%x:%x' % (n, os.getpid())) for n in (1, 2)]
FOLDER = sys.argv[1]

class Number(mcl.Message):
    mandatory = ('n',)
    connection = D

def descriptors():
    links = []
    for name in os.listdir('/proc/self/fd'):
        try:
            links.append(os.readlink('/proc/self/fd/' + name))
        except OSError:
            pass
    return [link for link in links if 'anon' in link or 'memfd' in link or FOLDER in link
            or 'socket:' in link]
BEFORE = descriptors()
"""

# What a state needs of it.
PARTS = """
event = threading.Event()
main_s = threading.Lock()

def start(function, *arguments):
    def run():
        try:
            while True:
                function(*arguments)
        except:     # Python 2 takes the modules apart under a daemon thread
            pass
    thread = threading.Thread(target=run)
    thread.daemon = True
    thread.start()

def listening(callback, kinds=(mcl.QueuedListener,), where=C):
    made = [kind(where) for kind in kinds]
    for listener in made:
        listener.subscribe(callback)
    return made

def heard(data):
    event.set()

def in_a(callback):
    def enter(data):
        event.set()
        callback(data)
    made = listening(enter)
    made.append(mcl.RawBroadcaster(C))
    made[-1].publish(0)
    assert event.wait(20)
    return made

def traffic(size=100):
    raw, typed = mcl.RawBroadcaster(C), mcl.MessageBroadcaster(Number)
    made = [raw, typed]
    made += listening(heard, (mcl.RawListener, mcl.QueuedListener))
    made += listening(heard, (mcl.MessageListener, mcl.QueuedListener), Number)
    made += [mcl.RawListener(C), mcl.MessageListener(Number)]
    start(raw.publish, 'x' * size)
    start(raw.publish_many, ['x' * size] * 10)
    start(typed.publish, Number(n=1))
    start(made[-1].receive)
    start(made[-2].receive, 0.01)
    assert event.wait(20)
    event.clear()
    assert event.wait(20)
    return made

def log():
    with mcl.WriteFile(FOLDER + '/log-%d' % os.getpid(), Number) as writing:
        for n in range(200):
            now = datetime.datetime(2016, 5, 12) + datetime.timedelta(milliseconds=50 * n)
            writing.write({'topic': None, 'payload': Number(n=n), 'time_received': now})
    return FOLDER + '/log-%d.log' % os.getpid()

import datetime
"""

STATES = {
    'imported': "made = []",
    'opened': """
made = [mcl.RawListener(C), mcl.MessageListener(Number), mcl.QueuedListener(C),
        mcl.QueuedListener(Number), mcl.RawBroadcaster(C), mcl.MessageBroadcaster(Number)]
made[2].fileno()
made[4].publish(1)
made[5].publish(Number(n=1))
""",
    'closed': """
made = traffic()
for each in made:
    each.close()
""",
    'callback sleeps': "made = in_a(lambda data: time.sleep(60))",
    'callback spins': """
def spin(data):
    while True:
        pass
made = in_a(spin)
""",
    'callback publishes': """
broadcaster = mcl.RawBroadcaster(C)
def publish(data):
    try:
        while True:
            broadcaster.publish('x' * 100)
    except:
        pass
made = in_a(publish)
""",
    'callback waits for the main thread': """
main_s.acquire()
made = in_a(lambda data: main_s.acquire())
""",
    'callback receives': """
other = mcl.RawListener(D)
def receive(data):
    try:
        other.receive()
    except:
        pass
made = in_a(receive)
""",
    'threads wait': """
import select
made = [mcl.RawListener(C), mcl.QueuedListener(C), mcl.MessageListener(Number),
        mcl.QueuedListener(Number), mcl.RawListener(D)]
start(made[0].receive)
start(made[1].receive, 60)
start(lambda: [data for data in made[2]])
start(lambda: [data for data in made[3]])
start(lambda: select.select([made[4]], [], [], 60))
""",
    'traffic': "made = traffic()",
    'large traffic': "made = traffic(1 << 20)",
    'opening and closing': """
made = traffic()
def open_and_close():
    for listener in listening(heard, (mcl.RawListener, mcl.QueuedListener)):
        listener.close()
    listening(heard)[0].unsubscribe(heard)
    mcl.RawBroadcaster(C).close()
start(open_and_close)
start(open_and_close)
""",
    'recording': """
made = traffic()
os.mkdir(FOLDER + '/%d' % os.getpid())
made += [mcl.LogNetwork(FOLDER + '/%d' % os.getpid(), [Number]),
         mcl.LogConnection(FOLDER + '/raw-%d' % os.getpid(), C)]
while not made[-1].stats()['entries']:
    time.sleep(0.001)
""",
    'writing and reading logs': """
made = [mcl.WriteFile(FOLDER + '/written-%d' % os.getpid(), C)]
start(made[0].write, {'topic': None, 'payload': 1,
                      'time_received': datetime.datetime(2016, 5, 12)})
path = log()
start(lambda: [event.set() for entry in mcl.ReadFile(path)])
assert event.wait(20)
""",
    'replaying': """
from mcl.logging.replay import BufferData, Replay, ScheduleBroadcasts
made = listening(heard, where=Number)
replay = Replay(mcl.ReadFile(log()))
replay.start()
buffered = BufferData(mcl.ReadFile(FOLDER + '/log-%d.log' % os.getpid(), message=True), 5)
scheduled = ScheduleBroadcasts(buffered.queue)
buffered.start()
scheduled.start()
assert event.wait(20)
""",
    'own transport': """
sys.path.insert(0, %r)
from test_transport import Local
made = listening(heard, (mcl.RawListener, mcl.QueuedListener), Local('a'))
made += [mcl.RawBroadcaster(Local('a')), mcl.QueuedListener(Local('a'))]
start(made[2].publish, 1)
start(made[3].receive)
assert event.wait(20)
""" % os.path.dirname(os.path.abspath(__file__)),
    'child of a fork': """
made = traffic()
child = os.fork()
if child:
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
        time.sleep(60)
    os._exit(os.WEXITSTATUS(status))
signal.alarm(30)
BEFORE, event = [], threading.Event()     # a thread may have been in the old one
made += traffic()
""",
}

AFTER = """
import os, sys
left = sys.argv[2:]
for name in os.listdir('/proc/self/fd'):
    try:
        link = os.readlink('/proc/self/fd/' + name)
    except OSError:
        continue
    if 'anon' in link or 'memfd' in link or sys.argv[1] in link or 'socket:' in link:
        if link not in left:
            sys.stderr.write('inherited: %s, not %s\\n' % (link, left))
for line in open('/proc/self/status'):
    if line.startswith('SigBlk:') and int(line.split()[1], 16):
        sys.stderr.write(line)
sys.exit(9)
"""

# A program's last lines, its status, and what is the end of its stderr.
ENDS = [
    ("", 0, ''),
    ("sys.exit(3)", 3, ''),
    ("os._exit(4)", 4, ''),
    (
        "thread = threading.Thread(target=sys.exit)\nthread.start()\nthread.join()\nsys.exit(5)",
        5,
        '',
    ),
    ("raise KeyError('on purpose')", 1, "KeyError: 'on purpose'\n"),
    ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -signal.SIGTERM, ''),
    (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(6))\n"
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
        6,
        '',
    ),
    (
        "os.kill(os.getpid(), signal.SIGINT)\nwhile True: time.sleep(0.1)",
        1 if sys.version_info < (3, 8) else -signal.SIGINT,
        "KeyboardInterrupt\n",
    ),
    (
        "import atexit\n@atexit.register\ndef close():\n    for each in made: each.close()\n"
        "    mcl.RawBroadcaster(C).publish(1)\nsys.exit(7)",
        7,
        '',
    ),
    ("os.abort()", -signal.SIGABRT, ''),
    ("import ctypes; ctypes.string_at(8)", -signal.SIGSEGV, ''),
    (
        "os.execv(sys.executable, [sys.executable, '-c', %r, FOLDER] + BEFORE)" % AFTER,
        9,
        '',
    ),
]


def start(code, folder):
    # Python 3.12 and later warn of forks while there are threads.
    return subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-c', code, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        close_fds=True,
    )


@pytest.mark.parametrize('state', sorted(STATES))
def test_exits(state, tmpdir):
    first = 5 * sorted(STATES).index(state) + TIMES * sys.version_info[1]
    wrong = []
    for at in range(0, TIMES, AT_ONCE):
        running = []
        for number in range(at, min(at + AT_ONCE, TIMES)):
            end = ENDS[(first + number) % len(ENDS)]
            code = '\n'.join((PREAMBLE, PARTS, STATES[state], end[0]))
            running.append((end, start(code, str(tmpdir))))
        for (text, code, errors), process in running:
            output, told = communicate(process)
            well = told.endswith(errors) and told.count('Traceback') == 1 if errors else not told
            if (process.returncode, output) != (code, '') or not well:
                wrong.append((text, process.returncode, code, output, told))
    assert not wrong, '\n'.join("%s\n-> %d, not %d\n%s%s" % each for each in wrong)

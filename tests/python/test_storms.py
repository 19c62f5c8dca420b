"""Storms of signals, from a timer and from another process, while a program does all at once.

Handlers run on the main thread; nothing is lost by them, no call fails because of them, and Ctrl-C
still ends the program. Before Python 3.10 handlers are installed without SA_ONSTACK, and would
damage the stacks of the library's own threads, if one took them.
"""

import signal

import pytest

from helpers import communicate, start_python

# A process of its own that sends SIGUSR1 until the other one has ended, or for a minute.
SENDER = """
import os, signal, sys, time
signal.alarm(60)
try:
    while True:
        os.kill(int(sys.argv[1]), signal.SIGUSR1)
        time.sleep(0.0002)
except OSError:
    pass
"""

PROGRAM = """
import os, signal, subprocess, sys, threading, time
import mcl
from mcl.network.udp import Connection
signal.alarm(60)
C, D = Connection('ff15::57:1'), Connection('ff15::57:2')
handled, strays = [0], []

def handler(number, frame):
    handled[0] += 1
    if threading.current_thread().name != 'MainThread':
        strays.append(number)

action = handler if sys.argv[1] == 'handled' else signal.SIG_IGN
for number in (signal.SIGUSR1, signal.SIGPROF):
    signal.signal(number, action)
signal.signal(signal.SIGINT, signal.default_int_handler)

recording = mcl.LogConnection(sys.argv[2] + '/log', C)
received, called, listened = mcl.RawListener(C), mcl.QueuedListener(C), mcl.RawListener(C)
large = mcl.QueuedListener(D)
stop, errors, counts, seen, whole, taken = [], [], [0, 0], [], [], []
called.subscribe(lambda data: seen.append(data['payload']))
large.subscribe(lambda data: whole.append(data['payload'] == 'x' * 200000))

def worker(function):
    def run():
        try:
            while not stop:
                function()
        except BaseException as error:
            errors.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    return thread

small_b, large_b = mcl.RawBroadcaster(C), mcl.RawBroadcaster(D)
def publish():
    for _ in range(10):     # so slowly that nothing is lost
        small_b.publish(counts[0])
        counts[0] += 1
    time.sleep(0.005)
def publish_large():
    large_b.publish('x' * 200000)
    counts[1] += 1
    time.sleep(0.02)
def receive():
    data = received.receive(0.01)
    if data is not None:
        taken.append(data['payload'])

sender = subprocess.Popen([sys.executable, '-c', sys.argv[3], str(os.getpid())])
signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
workers = [worker(each) for each in (publish, publish_large, receive)]
mine, waits = [], 0
began = time.time()
while time.time() < began + 1.5 or (handled[0] < 200 and action is handler and
                                    time.time() < began + 30):
    data = listened.receive(0.002)  # on the main thread, where handlers run
    if data is None:
        waits += 1
    else:
        mine.append(data['payload'])
stop.append(1)
for thread in workers:
    thread.join()
assert not errors and not strays, (errors, strays)
assert (handled[0] >= 200) == (action is handler), handled

def lost(stats):
    return stats['dropped_kernel']
def all_of(listener, got):
    deadline = time.time() + 20
    while len(got) + lost(listener.stats()) < counts[0] and time.time() < deadline:
        data = None if listener is called else listener.receive(0.05)
        if data is not None:
            got.append(data['payload'])
        elif listener is called:
            time.sleep(0.01)
    assert len(got) + lost(listener.stats()) == counts[0], (len(got), counts, listener.stats())
    assert got == sorted(got)

all_of(received, taken)
all_of(listened, mine)
all_of(called, seen)
assert whole and all(whole)
stats = recording.stats()
while stats['entries'] + lost(stats['listener']) < counts[0]:
    time.sleep(0.01)    # the alarm ends it
    stats = recording.stats()
recording.close()
logged = [entry['payload'] for entry in mcl.ReadFile(sys.argv[2] + '/log.log')]
assert len(logged) + lost(stats['listener']) == counts[0] and logged == sorted(logged)
try:
    sys.stdout.write('well\\n')
    sys.stdout.flush()
    while True:         # the storm goes on
        listened.receive()
except KeyboardInterrupt:
    sys.stdout.write('interrupted\\n')
finally:
    signal.setitimer(signal.ITIMER_PROF, 0)     # Python takes its handlers away when it exits
    sender.kill()
    sender.wait()
"""


@pytest.mark.parametrize('action', ['handled', 'ignored'])
def test_storm(action, tmpdir):
    process = start_python(PROGRAM, action, str(tmpdir), SENDER)
    line = process.stdout.readline()
    if line == 'well\n':
        process.send_signal(signal.SIGINT)
    output, errors = communicate(process)
    assert (process.returncode, line, output, errors) == (0, 'well\n', 'interrupted\n', '')

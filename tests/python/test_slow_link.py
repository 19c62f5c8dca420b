"""Publishing over a link that takes its time, or is stuck: who waits for that, and who does not."""

import json
import signal
import subprocess
import threading
import time

import pytest

from helpers import TIMEOUT, communicate, start_python, wait_for
from mcl import RawBroadcaster

COMMANDS = (
    'ip link add slow0 type veth peer name slow1',
    'ip link set slow0 up',
    'ip link set slow1 up',
    'ip -6 address add fd00::1/64 dev slow0 nodad',
    'tc qdisc add dev slow0 root tbf rate 2mbit burst 5000 limit 10000000',
)
STUCK = 'tc qdisc replace dev slow0 root tbf rate 8bit burst 5000 limit 10000000'


def run(command):
    subprocess.check_call(command.split())


@pytest.fixture
def slow_connection(new_connection):
    """A connection over a link of 250 kB a second, or of what a test makes of it."""
    for command in COMMANDS:
        run(command)
    yield new_connection(interface='slow0', send_buffer=1 << 16)
    run('ip link delete slow0')


def test_other_threads_run_while_small_data_waits_for_large(slow_connection):
    with RawBroadcaster(slow_connection) as broadcaster:
        took = []

        def publish_large():
            begun = time.time()
            broadcaster.publish('x' * 500000)
            took.append(time.time() - begun)

        gaps = []

        def tick():
            last = time.time()
            while not took:
                time.sleep(0.002)
                gaps.append(time.time() - last)
                last += gaps[-1]

        threads = [threading.Thread(target=publish_large), threading.Thread(target=tick)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(gaps) > 10 or took, "the other threads' running")
        begun = time.time()
        broadcaster.publish('small')
        waited = time.time() - begun
        for thread in threads:
            thread.join(TIMEOUT)
    assert waited > took[0] / 2, "the small data had nothing to wait for"
    assert max(gaps) < waited / 2


# What a program publishes over a stuck link, as an expression. Some of it fits into the buffers.
KINDS = {
    'small': "raw.publish('x' * 100)",
    'datagram': "raw.publish('x' * 59000)",
    'large': "raw.publish('x' * 300000)",
    'small batch': "raw.publish_many(['x' * 100] * 40)",
    'batch': "raw.publish_many(['x' * 5000] * 100)",
    'coalesced': "patient.publish('x' * 9000)",
    'flushed': "(patient.publish('x' * 100), patient.flush())",
    'message': "typed.publish(Stuck(text='x' * 9000))",
}

PROGRAM = """
import json, os, signal, sys, threading, time
import mcl
from mcl.network.udp import Connection
C = Connection(sys.argv[1], interface='slow0', send_buffer=1 << 16)

class Stuck(mcl.Message):
    mandatory = ('text',)
    connection = C

raw, patient = mcl.RawBroadcaster(C), mcl.RawBroadcaster(C, coalesce=1)
typed = mcl.MessageBroadcaster(Stuck)
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.alarm(60)
published = [0]

def publish():
    while True:
        %s
        published[0] += 1

def await_stuck():
    # That something waits shows only in what does not happen for a while.
    before, since = published[0], time.time()
    while time.time() - since < 0.3:
        time.sleep(0.01)
        if published[0] != before:
            before, since = published[0], time.time()

def say(what):
    sys.stdout.write(json.dumps(what) + '\\n')
    sys.stdout.flush()
"""

INTERRUPTED = """
handled, seen = threading.Event(), {}
signal.signal(signal.SIGUSR1, lambda *_: handled.set())

def interrupt():
    await_stuck()
    before = published[0]
    os.kill(os.getpid(), signal.SIGUSR1)
    seen['handled'] = handled.wait(20)
    await_stuck()
    seen['goes on waiting'] = published[0] == before
    seen['interrupt'] = time.time()
    os.kill(os.getpid(), signal.SIGINT)

thread = threading.Thread(target=interrupt)
thread.start()
try:
    publish()
except KeyboardInterrupt:
    seen['interrupt'] = time.time() - seen['interrupt']
thread.join()
"""

CLOSED = """
errors = []

def publish_again():
    try:
        publish()
    except Exception as error:
        errors.append(type(error).__name__)

threads = [threading.Thread(target=publish_again) for _ in range(3)]
for thread in threads:
    thread.start()
await_stuck()
begun = time.time()
for each in (raw, patient, typed):
    each.close()
for thread in threads:
    thread.join()
seen['close'] = time.time() - begun
say([seen, errors])
"""

SOON = 10  # seconds. To wait for the link would take minutes


def start(connection, kind, rest):
    run(STUCK)
    return start_python(PROGRAM % KINDS[kind] + rest, connection.url)


def finish(process):
    output, trouble = communicate(process)
    assert process.returncode == 0, (process.returncode, output, trouble)
    return json.loads(output)


@pytest.mark.parametrize('kind', sorted(KINDS))
def test_signals_are_handled_and_close_closes_while_it_waits(slow_connection, kind):
    seen, errors = finish(start(slow_connection, kind, INTERRUPTED + CLOSED))
    assert seen['handled'] and seen['goes on waiting']
    assert seen['interrupt'] < SOON and seen['close'] < SOON
    assert errors == ['ClosedError'] * 3


@pytest.mark.parametrize('kind', ['small', 'large', 'batch'])
def test_sigterm_ends_a_program_that_waits(slow_connection, kind):
    process = start(slow_connection, kind, """
threading.Thread(target=lambda: (await_stuck(), say('stuck'))).start()
publish()
""")
    assert json.loads(process.stdout.readline()) == 'stuck'
    begun = time.time()
    process.terminate()
    output, trouble = communicate(process)
    assert process.returncode == -signal.SIGTERM, (output, trouble)
    assert time.time() - begun < SOON


NUMBERED = """
import subprocess
listener = mcl.RawListener(C)
signal.signal(signal.SIGUSR1, lambda *_: None)

def interrupt():
    for _ in range(4):
        await_stuck()
        os.kill(os.getpid(), signal.SIGUSR1)
    subprocess.check_call('tc qdisc delete dev slow0 root'.split())

thread = threading.Thread(target=interrupt)
thread.start()
for number in range(%(calls)d):
    %(call)s
    published[0] += 1
thread.join()
numbers = []
while len(numbers) < %(count)d:
    numbers.append(listener.receive(timeout=20)['payload'][0])
assert listener.receive(timeout=0.2) is None
say(numbers)
"""


@pytest.mark.parametrize('call, calls, count', [
    ("raw.publish([number, 'x' * 59000])", 12, 12),
    ("raw.publish([number, 'x' * 300000])", 6, 6),
    ("raw.publish_many([[10 * number + each, 'x' * 10000] for each in range(10)])", 5, 50),
    ("raw.publish_many([[3 * number + each, 'x' * each * 100000] for each in range(3)])", 5, 15),
])
def test_signals_neither_lose_nor_double_what_waits(slow_connection, call, calls, count):
    rest = NUMBERED % {'call': call, 'calls': calls, 'count': count}
    assert finish(start(slow_connection, 'small', rest)) == list(range(count))

"""Ends of programs: without close, by Ctrl-C, amid traffic. Each test is a program of its own."""

import signal
import subprocess
import time

import pytest

from helpers import communicate, run_python, start_python, wait_for

PREAMBLE = """
import os, signal, sys, threading, time
import mcl
from mcl.network.udp import Connection
C = Connection('ff15::e:1')

def say(text):
    sys.stdout.write(text + '\\n')
    sys.stdout.flush()
"""

TRAFFIC = """
broadcaster = mcl.RawBroadcaster(C)
got = threading.Event()
def callback(data):
    got.set()
listener = mcl.QueuedListener(C)
listener.subscribe(callback)
def publish():
    try:
        while True:
            broadcaster.publish('x' * 200)
    except:     # Python 2 takes the modules apart under a daemon thread
        pass
thread = threading.Thread(target=publish)
thread.daemon = True
thread.start()
assert got.wait(20)
"""


@pytest.mark.parametrize(
    'body',
    [
        "listener = mcl.RawListener(C)",
        "listener = mcl.RawListener(C); listener.subscribe(len)",
        "listener = mcl.QueuedListener(C); listener.subscribe(len); b = mcl.RawBroadcaster(C)",
        "mcl.RawListener(C).subscribe(len)",
        "mcl.RawBroadcaster(C).publish(1)",
        "listener = mcl.RawListener(C); listener.subscribe(len); listener.unsubscribe(len)",
        "t = threading.Thread(target=mcl.RawListener(C).receive); t.daemon = True; t.start();"
        "time.sleep(0.05)",
    ],
)
def test_exit_without_close(body):
    began = time.time()
    run_python(PREAMBLE + body)
    assert time.time() - began < 10


def test_exit_amid_traffic():
    for _ in range(5):
        run_python(PREAMBLE + TRAFFIC)


def test_receiving_threads_end_before_the_interpreter_is_taken_apart():
    run_python(
        """
import atexit, sys, threading
def late():
    # Registered first, so it runs last.
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith('mcl')]
    if left:
        sys.stderr.write('still there: %s' % left)
atexit.register(late)
"""
        + PREAMBLE
        + TRAFFIC
    )


def test_exit_status_is_the_program_s():
    process = start_python(PREAMBLE + TRAFFIC + "sys.exit(7)")
    communicate(process)
    assert process.returncode == 7


def test_exit_does_not_wait_long_for_a_callback():
    process = start_python(PREAMBLE + """
entered = threading.Event()
def slow(data):
    say('in')
    entered.set()
    time.sleep(30)
listener = mcl.RawListener(C)
listener.subscribe(slow)
mcl.RawBroadcaster(C).publish(1)
assert entered.wait(20)
say('out')
""")
    lines = [process.stdout.readline() for _ in range(2)]
    assert lines == ['in\n', 'out\n']
    began = time.time()
    assert communicate(process)[1] == ''
    assert process.returncode == 0
    assert time.time() - began < 3


def test_what_a_callback_raised_last_is_reported():
    """Though that takes longer than a callback is waited for at exit."""
    process = start_python(PREAMBLE + """
class Slow(object):
    def write(self, text):
        reporting.set()
        time.sleep(1)
        sys.__stderr__.write(text)
    def flush(self):
        sys.__stderr__.flush()

def fail(data):
    raise KeyError('on purpose')

reporting = threading.Event()
sys.stderr = Slow()
listener = mcl.RawListener(C)
listener.subscribe(fail)
mcl.RawBroadcaster(C).publish('x')
assert reporting.wait(20)
""")
    errors = communicate(process)[1]
    assert process.returncode == 0
    assert "KeyError: 'on purpose'" in errors


def test_a_listener_without_a_reference_goes_on():
    run_python(PREAMBLE + """
import gc
got = threading.Event()
def listen():
    mcl.RawListener(C).subscribe(lambda data: got.set())
listen()
gc.collect()
mcl.RawBroadcaster(C).publish(1)
assert got.wait(20)
""")


# What a program does first, and what it is interrupted in.
WAITS = {
    'receive': ("listener = mcl.RawListener(C)", "listener.receive()"),
    'timeout': ("listener = mcl.RawListener(C)", "listener.receive(60)"),
    'queued': ("listener = mcl.QueuedListener(C)", "listener.receive()"),
    'iteration': ("listener = mcl.RawListener(C)", "for data in listener: pass"),
    'sleep': ("listener = mcl.RawListener(C); listener.subscribe(len)", "time.sleep(60)"),
    'busy': (TRAFFIC, "while True: pass"),
    'publishing': ("b = mcl.RawBroadcaster(C)", "while True: b.publish('x')"),
}


def come_to_its_wait(pid):
    """Wait until a process's main thread sleeps, five looks in a row, or is busy for 0.2 s."""
    looks, began = [], []

    def there():
        with open('/proc/%d/task/%d/stat' % (pid, pid)) as stat:
            fields = stat.read().rpartition(')')[2].split()
        looks.append(fields[0])
        ticks = int(fields[11]) + int(fields[12])  # a hundredth of a second each
        began.append(ticks)
        return looks[-5:] == ['S'] * 5 or ticks - began[0] >= 20

    wait_for(there, "its wait")


@pytest.mark.parametrize('wait', sorted(WAITS))
def test_ctrl_c(wait):
    """It ends within a second, by KeyboardInterrupt."""
    setup, interrupted = WAITS[wait]
    # A shell's background jobs, and so perhaps these tests, ignore SIGINT.
    program = (
        PREAMBLE
        + "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        + setup
        + "\nsay('ready')\n"
        + interrupted
    )
    process = start_python(program)
    assert process.stdout.readline() == 'ready\n'
    come_to_its_wait(process.pid)  # or about to: it must end if it has not come there, too
    began = time.time()
    process.send_signal(signal.SIGINT)
    errors = communicate(process)[1]
    took = time.time() - began
    assert errors.rstrip().endswith('KeyboardInterrupt'), errors
    assert process.returncode in (1, -signal.SIGINT)
    assert took < 1, "it took %.1f s" % took


@pytest.mark.parametrize('timeout', ['', '60'])
def test_ctrl_c_that_another_thread_took(timeout):
    """It ends a wait of the main thread as well, though only that thread could be woken by it."""
    process = start_python(PREAMBLE + """
import ctypes
pthread_kill = ctypes.CDLL(None).pthread_kill
signal.signal(signal.SIGINT, signal.default_int_handler)
def take_signal():
    me = ctypes.c_ulong(thread.ident)
    sys.stdin.readline()
    pthread_kill(me, signal.SIGINT)
thread = threading.Thread(target=take_signal)
thread.daemon = True
listener = mcl.RawListener(C)
thread.start()
say('ready')
listener.receive(%s)
""" % timeout, stdin=subprocess.PIPE)
    assert process.stdout.readline() == 'ready\n'
    come_to_its_wait(process.pid)
    began = time.time()
    process.stdin.write('\n')
    process.stdin.flush()
    errors = communicate(process)[1]
    assert errors.rstrip().endswith('KeyboardInterrupt'), errors
    assert time.time() - began < 1


def test_ctrl_c_amid_traffic():
    """Another thread of the program that is just leaving the library may take the signal, when it
    comes in the very moment. Python's handler only notes it there, for the main thread, which acts
    on it when what it is in has ended: in a sleep of a minute, then. It is late, not lost. It is
    rare; pressing again helps."""
    process = start_python(
        PREAMBLE
        + "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        + TRAFFIC
        + "say('ready')\nwhile True: time.sleep(60)"
    )
    assert process.stdout.readline() == 'ready\n'
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        deadline = time.time() + 1
        while process.poll() is None and time.time() < deadline:
            time.sleep(0.01)
        if process.poll() is not None:
            break
    assert process.poll() is not None, "Ctrl-C was late 5 times"
    assert communicate(process)[1].rstrip().endswith('KeyboardInterrupt')


def test_signal_handlers_run_while_receiving():
    run_python(PREAMBLE + """
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
with mcl.RawListener(C) as listener:
    assert listener.receive(1) is None
signal.setitimer(signal.ITIMER_REAL, 0)
assert len(seen) > 5, seen
""")


def test_signals_amid_traffic():
    run_python(PREAMBLE + TRAFFIC + """
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
end = time.time() + 1
while time.time() < end:
    time.sleep(0.01)
signal.setitimer(signal.ITIMER_REAL, 0)
assert len(seen) > 50, len(seen)
""")

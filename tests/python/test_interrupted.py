"""How soon Ctrl-C ends what the main thread does: measured by the program itself, try by try."""

import json

import pytest

from helpers import PY2, run_python

TRIES = 7
SOON = 0.1  # seconds; for the three soonest tries, as a busy machine delays some
END = 10  # seconds, for each

PROGRAM = """
import json, os, random, signal, sys, threading, time
import mcl
from mcl.network.udp import Connection
# A shell's background jobs, and so perhaps these tests, ignore SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
C = Connection('ff15::c7:1', hops=0)
clock = getattr(time, 'monotonic', time.time)
sent = []

def publish(stop):
    with mcl.RawBroadcaster(C) as broadcaster:
        while not stop.is_set():
            broadcaster.publish('x' * 200)
            time.sleep(0.001)

def press(begun):
    begun.wait()
    time.sleep(random.uniform(0.05, 0.1))   # into what is interrupted, at any moment of it
    sent.append(clock())
    os.kill(os.getpid(), signal.SIGINT)

def measure(wait):
    '''Return how long each Ctrl-C took to come out of `wait`, in seconds.'''
    took = []
    for number in range(int(sys.argv[1])):
        signal.alarm(int(sys.argv[2]) + 1)
        begun = threading.Event()
        presser = threading.Thread(target=press, args=(begun,))
        presser.start()
        try:
            begun.set()
            wait()
        except KeyboardInterrupt:
            took.append(clock() - sent[number])
        else:
            raise AssertionError("it ended by itself")
        presser.join()
    signal.alarm(0)
    return took

"""

# What a program does first, and what it is interrupted in.
WAITS = {
    'receive': ("listener = mcl.RawListener(C)", "listener.receive()"),
    'receive queued': ("listener = mcl.QueuedListener(C)", "listener.receive()"),
    'iterate': ("listener = mcl.RawListener(C)", "for data in listener: pass"),
    'publish small': ("broadcaster = mcl.RawBroadcaster(C)",
                      "while True: broadcaster.publish('x' * 100)"),
    'publish large': ("broadcaster, large = mcl.RawBroadcaster(C), 'x' * 50000000",
                      "while True: broadcaster.publish(large)"),
    'sleep beside callbacks': ("""
stop, heard = threading.Event(), threading.Event()
listener = mcl.QueuedListener(C)
listener.subscribe(lambda data: heard.set())
publisher = threading.Thread(target=publish, args=(stop,))
publisher.start()
assert heard.wait(20)
""", "while True: time.sleep(1)"),  # see test_exit.py: test_ctrl_c_amid_traffic
}
# Python 2 itself does not see signals in these.
WAITS_OF_PYTHON_3 = {
    'event': ("listener = mcl.RawListener(C); listener.subscribe(len)", "threading.Event().wait()"),
    # Of a thread each try: once a join was interrupted, Python 3.9 takes the thread for ended.
    'join': ("listener = mcl.RawListener(C); listener.subscribe(len)", """
    sleeper = threading.Thread(target=time.sleep, args=(3600,))
    sleeper.daemon = True
    sleeper.start()
    sleeper.join()
"""),
}


@pytest.mark.parametrize('wait', sorted(WAITS) + ([] if PY2 else sorted(WAITS_OF_PYTHON_3)))
def test_ctrl_c_comes_soon(wait):
    setup, interrupted = WAITS[wait] if wait in WAITS else WAITS_OF_PYTHON_3[wait]
    took = json.loads(run_python(
        PROGRAM + setup + "\ndef wait():\n    " + interrupted + """
took = measure(wait)
if 'stop' in globals():
    stop.set()
    publisher.join()
print(json.dumps(took))
""", str(TRIES), str(END)))
    assert len(took) == TRIES
    assert sorted(took)[2] < SOON and max(took) < END, took

"""faulthandler beside the library: whichever comes first, a crash shows where Python was.

Each test is a program of its own. Python 2 has no faulthandler: see conftest.py.
"""

import signal

import pytest

from helpers import communicate, run_python, start_python

OPEN = """
listener, received = mcl.QueuedListener(C), mcl.RawListener(C)
heard = queue.Queue()
listener.subscribe(lambda data: heard.put(data['payload']))
broadcaster = mcl.RawBroadcaster(C)

def works(value):
    '''Publishes, and receives it by a callback and by receive().'''
    broadcaster.publish(value)
    assert heard.get(timeout=20) == value
    assert received.receive(20)['payload'] == value

works('before')
"""

PREAMBLE = """
import ctypes, faulthandler, os, queue, resource, signal, sys, threading, time
import mcl
from mcl.network.udp import Connection
signal.alarm(60)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))    # crashes on purpose leave no file
C = Connection('ff15::fa:1')
"""

# Where in the program the fault comes, by a function whose name the traceback must show.
FAULTS = {
    'main thread': "the_fault()",
    'thread': """
thread = threading.Thread(target=the_fault)
thread.start()
thread.join()
""",
    'callback': """
listener.subscribe(lambda data: the_fault())
broadcaster.publish('last')
time.sleep(60)
""",
}


@pytest.mark.parametrize('fault', sorted(FAULTS))
@pytest.mark.parametrize('enabled', ['before', 'after', 'before and after'])
def test_a_fault_shows_the_traceback(enabled, fault):
    enable = "faulthandler.enable()\n"
    process = start_python(
        PREAMBLE
        + (enable if 'before' in enabled else "")
        + OPEN
        + (enable if 'after' in enabled else "")
        + "works('enabled')\n"
        + "def the_fault():\n    ctypes.string_at(0)\n"
        + FAULTS[fault]
    )
    errors = communicate(process)[1]
    assert process.returncode == -signal.SIGSEGV, errors
    assert errors.startswith('Fatal Python error: Segmentation fault\n'), errors
    assert ' in the_fault\n' in errors
    assert 'goroutine' not in errors  # it is no fault of the library's


def test_tracebacks_later_and_by_a_signal():
    """They are printed from a thread and from a handler in C, and the program goes on."""
    run_python(PREAMBLE + OPEN + """
def file_of_tracebacks():
    reading, writing = os.pipe()
    return os.fdopen(reading, errors='replace'), os.fdopen(writing, 'w')

def read_traceback(tracebacks):
    '''The main thread comes last, and the module is its outermost frame.'''
    lines = [tracebacks.readline()]
    while ' in <module>' not in lines[-1]:
        lines.append(tracebacks.readline())
    return ''.join(lines)

tracebacks, output = file_of_tracebacks()
faulthandler.dump_traceback_later(0.05, repeat=True, file=output)
for number in range(3):
    assert read_traceback(tracebacks).startswith('Timeout')
    works(number)
faulthandler.cancel_dump_traceback_later()

tracebacks, output = file_of_tracebacks()
faulthandler.register(signal.SIGUSR1, file=output, all_threads=True)
for number in range(50):
    os.kill(os.getpid(), signal.SIGUSR1)
    assert ' thread ' in read_traceback(tracebacks)
    works(number)
faulthandler.unregister(signal.SIGUSR1)
""")

"""The lock of a listener, which handlers of signals come to in the middle of anything."""

from helpers import Background, run_python
from mcl._compat import ReentrantLock

INTERRUPTIONS = 2000


def test_who_was_interrupted_can_take_it_again():
    """A handler raises wherever the program is. If it then waited for ever, it would be killed."""
    run_python("""
import signal
from mcl._compat import ReentrantLock
class Interrupted(Exception):
    pass
def interrupt(*_):
    raise Interrupted
signal.signal(signal.SIGALRM, interrupt)
lock = ReentrantLock()
for number in range(%d):
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-5 * (number %% 20 + 1))
        while True:
            with lock:
                with lock:
                    pass
    except Interrupted:
        pass
""" % (2 * INTERRUPTIONS))


def test_a_handler_may_take_it():
    run_python("""
import signal
from mcl._compat import ReentrantLock
lock, handled = ReentrantLock(), []
def handler(*_):
    with lock:
        handled.append(None)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
while len(handled) < %d:
    with lock:
        with lock:
            pass
signal.setitimer(signal.ITIMER_REAL, 0)     # Python takes its handlers away when it exits
""" % INTERRUPTIONS)


def test_threads_take_turns():
    lock, inside, most = ReentrantLock(), [], []

    def work():
        for _ in range(2000):
            with lock:
                inside.append(None)
                with lock:
                    most.append(len(inside))
                inside.pop()

    for worker in [Background(work) for _ in range(4)]:
        worker.result()
    assert len(most) == 8000 and set(most) == {1}

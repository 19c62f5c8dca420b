"""The time of day may be set while the binding waits; what it waits for does not change.

Python 2 waits by the time of day, which goes back in these tests. Python 3 has the system wait.
"""

import threading

import pytest

from helpers import PY2, Background
from mcl._compat import Condition, join


@pytest.fixture(autouse=True)
def time_goes_back(monkeypatch):
    times = [1e9]

    def set_back():
        times[0] -= 3600
        return times[0]

    if PY2:
        monkeypatch.setattr(threading, '_time', set_back)


def test_waits_end():
    condition = Condition()

    def wait():
        with condition:
            condition.wait(0.1)
        return True

    assert Background(wait).result()


def test_notified_waits_end():
    condition, waiting = Condition(), threading.Event()

    def wait():
        with condition:
            waiting.set()
            condition.wait(3600)
        return True

    waiter = Background(wait)
    waiting.wait()
    with condition:
        condition.notify_all()
    assert waiter.result()


def test_joins_end():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    assert Background(lambda: join(thread, 0.1) or thread.is_alive()).result()
    end.set()
    join(thread, 3600)
    assert not thread.is_alive()

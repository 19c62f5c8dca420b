"""Many listeners in one process, and no descriptor left. Each test is a program of its own."""

from helpers import run_python

PREAMBLE = """
import resource, threading, time
import mcl
from mcl import QueuedListener, RawBroadcaster, RawListener
from mcl import _constants as constants
from mcl.network.udp import Connection
C = Connection('ff15::ee:1')
HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

def limit(count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, HARD))

def wait_for(condition):
    deadline = time.time() + 30
    while not condition():
        assert time.time() < deadline
        time.sleep(0.005)
"""


def test_a_thousand_listeners():
    run_python(PREAMBLE + """
limit(HARD)
heard = []
listeners = [(RawListener, QueuedListener)[n % 2](C) for n in range(1000)]
for listener in listeners[:500]:
    listener.subscribe(heard.append)    # which is atomic
with RawBroadcaster(C) as broadcaster:
    for number in range(3):
        broadcaster.publish(number)
wait_for(lambda: len(heard) == 1500)
for listener in listeners[500:]:
    assert [listener.receive(20)['payload'] for _ in range(3)] == [0, 1, 2]
for listener in listeners:
    stats = listener.stats()
    assert (stats['delivered'], stats['queued'], stats['discarded']) == (3, 0, 0), stats
    assert listener.close()
wait_for(lambda: threading.active_count() == 1)
""")


def test_no_descriptor_left():
    run_python(PREAMBLE + """
heard = []
first, polled, broadcaster = QueuedListener(C), RawListener(C), RawBroadcaster(C)
first.subscribe(heard.append)
broadcaster.publish(0)
wait_for(lambda: len(heard) == 1)
polled.receive(20)

def fails(function, errno=None):
    try:
        function()
    except mcl.MclError as error:
        assert error.code == constants.MCL_EDESCRIPTORS, (error.code, str(error))
        assert error.errno == errno and 'descriptor' in str(error), str(error)
        return True
    return False

limit(64)
others = []
while not fails(lambda: others.append(RawListener(C))):
    assert len(others) < 64
while not fails(lambda: others.append(RawBroadcaster(C)), 24):
    assert len(others) < 64
assert fails(lambda: QueuedListener(C)) and fails(polled.fileno, 24)

for number in range(100):
    broadcaster.publish(number)
    assert polled.receive(20)['payload'] == number
wait_for(lambda: len(heard) == 101)

for other in others:
    other.close()
assert polled.fileno() >= 0
with RawListener(C) as again:
    broadcaster.publish('again')
    assert again.receive(20)['payload'] == 'again'
""")

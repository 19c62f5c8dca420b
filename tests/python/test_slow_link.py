"""Publishing over a link that takes its time: who waits for that, and who does not."""

import subprocess
import threading
import time

import pytest

from helpers import TIMEOUT, wait_for
from mcl import RawBroadcaster

COMMANDS = (
    'ip link add slow0 type veth peer name slow1',
    'ip link set slow0 up',
    'ip link set slow1 up',
    'ip -6 address add fd00::1/64 dev slow0 nodad',
    'tc qdisc add dev slow0 root tbf rate 2mbit burst 5000 limit 10000000',
)


@pytest.fixture
def slow_connection(new_connection):
    """A connection over a link of 250 kB a second."""
    for command in COMMANDS:
        subprocess.check_call(command.split())
    yield new_connection(interface='slow0', send_buffer=1 << 16)
    subprocess.check_call('ip link delete slow0'.split())


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

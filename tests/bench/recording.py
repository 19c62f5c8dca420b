#!/usr/bin/env python3
"""Records what another process sends, while this interpreter is busy; prints what was lost.

    tests/netns python3 tests/bench/recording.py [--rate 50000] [--size 200] [--seconds 10]
        [--spin 1] [--callback] [--python PYTHON | --sender PROGRAM]

Build the library first (make lib), and have msgpack installed. The sender publishes `rate` messages
a second of `size` bytes; `spin` threads of this interpreter compute all the while. With --callback
they are logged by a WriteFile in a callback of a QueuedListener instead of by a LogConnection, as a
program of the legacy system would do it. With --sender a build of tests/bench/record sends, which
takes less of the processors than Python does.

It fails when a message is lost. CPU is what this process used, in seconds of one core.
"""

from __future__ import division, print_function

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'bindings', 'python'))

try:
    import msgpack  # noqa: F401
except ImportError:
    sys.exit("%s has no msgpack, which the binding needs: pip install msgpack" % sys.executable)
from mcl import LogConnection, QueuedListener, RawBroadcaster, ReadFile, WriteFile  # noqa: E402
from mcl.network.udp import Connection  # noqa: E402

ADDRESS = 'ff15::4d43:4c'  # that of tests/bench/record


def send(rate, size, seconds):
    """What the sender does."""
    count, body = rate * seconds, 'x' * max(0, size - 8)
    with RawBroadcaster(Connection(ADDRESS)) as broadcaster:
        began, sent = time.time(), 0
        while sent < count:
            due = min(count, int((time.time() - began) * rate))
            for number in range(sent, due):
                broadcaster.publish('%08d%s' % (number, body))
            sent = due
            time.sleep(0.0005)
        took = time.time() - began
    print(sent, '%.3fs' % took)


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Callback(object):
    """A QueuedListener and a WriteFile, with what LogConnection has of stats() and close()."""

    def __init__(self, prefix, connection):
        self._log = WriteFile(prefix, connection)
        self._listener = QueuedListener(connection)
        self._listener.subscribe(self._log.write)

    def stats(self):
        return dict(self._log.stats(), listener=self._listener.stats())

    def close(self):
        self._listener.close()
        self._log.close()


def received(recording):
    """Messages received, or lost by the kernel; and those that wait."""
    listener = recording.stats()['listener']
    return listener['messages'] + listener['dropped_kernel'], listener['queued']


def sending(options):
    """Return the command of the sender, which prints how many it has sent, and the seconds."""
    if options.sender:
        return [options.sender, '-part', 'send', '-rate', str(options.rate),
                '-size', str(options.size), '-for', '%ds' % options.seconds]
    return [options.python, os.path.abspath(__file__), '--send', '--rate', str(options.rate),
            '--size', str(options.size), '--seconds', str(options.seconds)]


def measure(options):
    folder = tempfile.mkdtemp(prefix='mcl-bench-')
    prefix = os.path.join(folder, 'log')
    recording = (Callback if options.callback else LogConnection)(prefix, Connection(ADDRESS))
    stop = []
    spinning = [threading.Thread(target=spin, args=(stop,)) for _ in range(options.spin)]
    try:
        for thread in spinning:
            thread.daemon = True
            thread.start()
        before = cpu()
        sender = subprocess.Popen(sending(options), stdout=subprocess.PIPE, universal_newlines=True,
                                  env=dict(os.environ, MCL_BENCH_NETNS='1'))  # to stay in this one
        output = sender.communicate()[0].split()
        if sender.returncode:
            sys.exit("the sender failed")
        sent, took = int(output[0]), float(output[1].rstrip('s'))
        deadline = time.time() + 30
        while time.time() < deadline:
            seen, waiting = received(recording)
            if seen >= sent and not waiting:
                break
            time.sleep(0.05)
        recording.close()
        used = cpu() - before
        stop.append(1)
        for thread in spinning:
            thread.join()
        counters = recording.stats()
        read = sum(1 for _ in ReadFile(prefix))
        print("sent      %d in %.1f s: %.0f a second of %d bytes"
              % (sent, took, sent / took, options.size))
        print("recorded  %d; read back %d" % (counters['entries'], read))
        print("lost      %d: %d by the kernel, %d at the queue, %d not written"
              % (sent - counters['entries'], counters['listener']['dropped_kernel'],
                 counters['listener']['dropped_queue'], counters['dropped']))
        print("CPU       %.1f s, of %d threads that spin, and of the recorder"
              % (used, options.spin))
        return 0 if counters['entries'] == sent == read else 1
    finally:
        stop.append(1)
        shutil.rmtree(folder)


def spin(stop):
    while not stop:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--rate', type=int, default=50000, help="messages a second")
    parser.add_argument('--size', type=int, default=200, help="bytes of a message")
    parser.add_argument('--seconds', type=int, default=10)
    parser.add_argument('--spin', type=int, default=1, help="threads that compute meanwhile")
    parser.add_argument('--callback', action='store_true', help="log in a callback, in Python")
    parser.add_argument('--python', default=sys.executable, help="the sender's interpreter")
    parser.add_argument('--sender', metavar='PROGRAM', help="a build of tests/bench/record")
    parser.add_argument('--send', action='store_true', help=argparse.SUPPRESS)
    options = parser.parse_args()
    with open('/proc/net/dev') as devices:
        if [line.split(':')[0].strip() for line in devices if ':' in line] != ['lo']:
            sys.exit("run it in tests/netns: it would send to a network")
    if options.send:
        send(options.rate, options.size, options.seconds)
        return 0
    return measure(options)


if __name__ == '__main__':
    sys.exit(main())

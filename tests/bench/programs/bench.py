"""What the Python programs of the benchmarks share: as bench.h, on Python 2.7 and 3."""

from __future__ import print_function

import argparse
import heapq
import json
import resource
import select
import sys
import threading
import time

GROUP = 'ff15::be9c'
RECV_BUFFER = 4 << 20  # bytes
QUIET = 0.3  # seconds without an arrival after which what is missing is lost
AHEAD = 50e-6  # seconds: shorter pauses than this are not worth a sleep
HELD_UP = 1e-3  # seconds

clock = getattr(time, 'perf_counter', time.time)


def cpu():
    """Return the seconds of one core that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident():
    """Return the MiB of memory that this process has now."""
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * resource.getpagesize() / float(1 << 20)


def streams(text):
    """Parse PER_SECOND:BYTES,..."""
    return [(float(rate), int(size)) for rate, size in
            (each.split(':') for each in text.split(','))]


def parse(default_mode):
    parser = argparse.ArgumentParser()
    parser.add_argument('role')
    parser.add_argument('--mode', default=default_mode)
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--seconds', type=float, default=0.3)
    parser.add_argument('--rate', type=float, default=0)
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--spin', type=int, default=0, help="threads that compute meanwhile")
    parser.add_argument('--turns', type=int, default=0,
                        help="send each time that a line comes on standard input, as bench.h")
    parser.add_argument('--bursts', type=int, default=1, help="transfers, one after the other")
    parser.add_argument('--streams', type=streams,
                        help="several topics at once: PER_SECOND:BYTES,...")
    parser.add_argument('--group', default=GROUP)
    parser.add_argument('--port', type=int, default=26000)
    return parser.parse_args()


def message(size):
    """Return what is published: a str of `size` bytes, as legacy programs have."""
    return 'x' * size


def report(**values):
    print(json.dumps(values))
    sys.stdout.flush()


def send(options, publish, data, number=1):
    """Send once, or in turns (send_once)."""
    if not options.turns:
        send_once(options, publish, data, number)
        return
    print('ready')
    sys.stdout.flush()
    while sys.stdin.readline():
        send_once(options, publish, data, number)


def send_once(options, publish, data, number=1):
    """Call publish(data), which sends `number` messages, until the time is over."""
    interval = number / options.rate if options.rate else 0
    # What is as fast as it goes looks at the clock now and then: that takes a tenth of the time of
    # a message.
    in_a_row = 1 if interval else 16
    used, began = cpu(), clock()
    due, end, sent = began, began + options.seconds, 0
    while True:
        now = clock()
        if interval:
            if due > now + AHEAD:
                time.sleep(due - now)
                now = clock()
            elif now > due + HELD_UP:
                due = now
            due += interval
        if now >= end:
            break
        for _ in range(in_a_row):
            publish(data)
        sent += number * in_a_row
    took = clock() - began
    report(sent=sent, seconds=took, cpu=cpu() - used, resident=resident())


def send_streams(options, publishes, data):
    """Call publishes[n](data[n]) whenever a message of options.streams[n] is due.

    It catches up when it was held up, so that everybody sends as many.
    """
    used, began = cpu(), clock()
    number, sent = len(publishes), 0
    # When each is due, not all at once; its interval; and which it is.
    due = [(n / (rate * number), 1 / rate, n) for n, (rate, _) in enumerate(options.streams)]
    heapq.heapify(due)
    while due[0][0] < options.seconds:
        when, interval, n = due[0]
        left = when - (clock() - began)
        if left > 0:
            time.sleep(left)
        heapq.heapreplace(due, (when + interval, interval, n))
        publishes[n](data[n])
        sent += 1
    report(sent=sent, seconds=clock() - began, cpu=cpu() - used, resident=resident())


class Receiving(object):
    """Counts what arrives at a callback, of so many transfers as options.bursts says.

    With options.spin, threads of this interpreter compute meanwhile.
    """
    def __init__(self, options):
        self._begin()
        self._bursts = options.bursts
        self._over = []
        for _ in range(options.spin):
            thread = threading.Thread(target=self._spin)
            thread.daemon = True
            thread.start()

    def _spin(self):
        while not self._over:
            pass

    def _begin(self):
        self.messages, self.first, self.last = 0, None, None

    def add(self, data):
        """The callback."""
        self.last = clock()
        if self.first is None:
            self.first = self.last
        self.messages += 1

    def run(self, dropped=lambda: 0):
        """Receive and report. `dropped` tells how many the kernel has dropped."""
        for _ in range(self._bursts):
            before = dropped()
            self._begin()
            self._wait()
            report(received=self.messages,
                   seconds=(self.last or 0) - (self.first or 0),
                   cpu=self.used,
                   dropped=dropped() - before,
                   resident=resident())
        self._over.append(1)

    def _wait(self):
        """Tell that all is ready; return when all is here, or nothing arrives any more."""
        used = cpu()
        print('ready')
        sys.stdout.flush()
        select.select([sys.stdin], [], [])
        sent = int(sys.stdin.readline().split()[1])
        seen, since = -1, clock()
        while self.messages < sent and (self.messages != seen or clock() - since < QUIET):
            if self.messages != seen:
                seen, since = self.messages, clock()
            time.sleep(0.02)  # silence cannot be waited for
        self.used = cpu() - used

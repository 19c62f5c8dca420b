"""Runs programs of the benchmarks: senders with their receivers, round trips, and others alone.

A receiver writes "ready"; the sender is started then. The receivers are told how many it has sent,
and end when they have all, or when nothing arrives any more.
"""
import itertools
import json
import os
import select
import subprocess
import time

START_LIMIT = 30  # seconds until a program is ready
END_LIMIT = 120  # seconds until it has done its work
TURN = 0.05  # seconds
FIRST_PORT = 26000


class Failure(Exception):
    """A program failed; the text says which, and what it wrote."""


class Command(object):
    """How to run a program in one role; `with_options` gives it more arguments."""
    def __init__(self, words, environment=None):
        self.words, self.environment = list(words), dict(environment or {})

    def with_options(self, **options):
        words = list(self.words)
        for name, value in sorted(options.items()):
            words += ['--' + name, str(value)]
        return Command(words, self.environment)


class Running(object):
    """A program that runs. Its output is read with a limit on the waiting; end it in any case."""
    def __init__(self, command):
        self.name = ' '.join(os.path.basename(word) for word in command.words)
        self._pending = b''
        self._process = subprocess.Popen(command.words,
                                         env=dict(os.environ, **command.environment),
                                         stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE)

    def line(self, limit):
        """Return the next line; raises Failure when there is none within `limit` seconds."""
        deadline = time.monotonic() + limit
        while b'\n' not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise Failure("%s: said nothing for %d s" % (self.name, limit))
            data = os.read(self._process.stdout.fileno(), 65536)
            if not data:
                raise Failure("%s: ended: %s" % (self.name, self.errors()))
            self._pending += data
        line, self._pending = self._pending.split(b'\n', 1)
        return line.decode('utf-8', 'replace')

    def errors(self):
        return self._process.stderr.read().decode('utf-8', 'replace').strip()[-500:]

    def ready(self):
        while self.line(START_LIMIT) != 'ready':
            pass

    def result(self):
        """Return what its line of JSON says. Some libraries write lines of their own before."""
        while True:
            line = self.line(END_LIMIT)
            if line.startswith('{'):
                return json.loads(line)

    def say(self, line):
        try:
            self._process.stdin.write(line.encode() + b'\n')
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # result() tells

    def end(self):
        """End it: by the end of its standard input, and if that does not help, by force."""
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._process.stderr.close()


class Group(object):
    """Programs that are all ended when the block is left."""
    def __init__(self):
        self._running = []

    def __enter__(self):
        return self

    def start(self, command):
        self._running.append(Running(command))
        return self._running[-1]

    def __exit__(self, *_):
        for running in reversed(self._running):
            running.end()


class Transfer(object):
    """What a sender and its receivers told.

    Attributes:
        sent (int), received (int): messages; received by all receivers together.
        rate (float): sent a second.
        delivered (float): received a second by each receiver, from its first message to its last.
        loss (float): share of what should have been received, 0 to 1.
        send_cpu, receive_cpu (float): microseconds of a core for a message sent, for one received.
        send_share, receive_share (float): of a core while it was sent, 0 to 1 or more.
        resident (float): MiB of all processes together, at the end.
    """
    def __init__(self, sender, receivers, listeners):
        self.sent = sender['sent']
        self.rate = self.sent / sender['seconds']
        self.send_cpu = 1e6 * sender['cpu'] / max(1, self.sent)
        self.send_share = sender['cpu'] / sender['seconds']
        self.receive_share = sum(r['cpu'] for r in receivers) / sender['seconds']
        self.resident = sum(told.get('resident', 0) for told in [sender] + receivers)
        self.received = sum(r['received'] for r in receivers)
        self.due = self.sent * listeners
        self.loss = 1 - self.received / self.due if self.due else 0.0
        seconds = max([r['seconds'] for r in receivers] or [0])
        # A single message takes no time from the first to the last.
        self.delivered = self.received / len(
            receivers) / seconds if receivers and seconds > 0 else 0.0
        self.receive_cpu = 1e6 * sum(r['cpu']
                                     for r in receivers) / self.received if self.received else 0.0

    @property
    def cost(self):
        """Microseconds of a core for a message delivered, on both sides together."""
        return self.receive_cpu + self.send_cpu * self.sent / max(1, self.received)


def transfer(sender, receivers, listeners=None):
    """Run it. `listeners` is how many there are in all; None: one in each receiver."""
    with Group() as group:
        running = [group.start(receiver) for receiver in receivers]
        for receiver in running:
            receiver.ready()
        sending = group.start(sender)
        sent = sending.result()
        for receiver in running:
            receiver.say("sent %d" % sent['sent'])
        received = [receiver.result() for receiver in running]
    return Transfer(sent, received, len(receivers) if listeners is None else listeners)


def met(sender, receiver):
    """Run a transfer of programs that must find each other before the receiver is ready."""
    with Group() as group:
        receiving, sending = group.start(receiver), group.start(sender.with_options(turns=1))
        receiving.ready()
        sending.say("go")
        sent = sending.result()
        receiving.say("sent %d" % sent['sent'])
        return Transfer(sent, [receiving.result()], 1)


def in_turns(pairs, rounds, seconds):
    """Run several senders at once, each with a receiver of its own, and let them send in turns.

    What slows the machine for a part of a second, as other virtual machines do, slows them alike.
    They take turns in every order, since a turn may depend on who had the one before.

    Args:
        pairs (list): (sender, receiver).
        rounds (int): how often all programs are started anew.
        seconds (float): how long each sender sends in a round.

    Returns:
        list: for each pair a list of Transfers, one a turn. What was lost in a round is spread over
        its turns.
    """
    turns = max(1, int(round(seconds / TURN)))
    orders = itertools.cycle(itertools.permutations(range(len(pairs))))
    results = [[] for _ in pairs]
    for _ in range(rounds):
        orders_now = list(itertools.islice(orders, turns))
        for result, transfers in zip(results, _round_of_turns(pairs, orders_now, seconds / turns)):
            result += transfers
    return results


def _round_of_turns(pairs, orders, seconds):
    with Group() as group:
        options = [{'port': FIRST_PORT + number} for number in range(len(pairs))]
        receivers = [group.start(receiver.with_options(**ports))
                     for (_, receiver), ports in zip(pairs, options)]
        for receiver in receivers:
            receiver.ready()
        senders = [group.start(sender.with_options(turns=1, seconds=seconds, **ports))
                   for (sender, _), ports in zip(pairs, options)]
        for sender in senders:
            sender.ready()
        told = [[] for _ in pairs]
        for order in orders:
            for number in order:
                _await_readers()
                senders[number].say("go")
                told[number].append(senders[number].result())
        return [_spread(*those) for those in zip(told, receivers)]


def _await_readers():
    """Wait until the receivers of this network have read all that was sent."""
    deadline = time.monotonic() + END_LIMIT
    while any(_unread()):
        if time.monotonic() > deadline:
            raise Failure("a receiver has stopped reading")
        time.sleep(0.001)


def _unread():
    """Yield the bytes that wait in each UDP socket, as the kernel counts them (proc(5))."""
    with open('/proc/net/udp6') as sockets:
        next(sockets)  # the names of the columns
        for line in sockets:
            yield int(line.split()[4].split(':')[1], 16)


def _spread(told, receiver):
    """Return the Transfers of one sender's turns."""
    total = sum(each['sent'] for each in told)
    receiver.say("sent %d" % total)
    received = receiver.result()
    shares = [float(each['sent']) / max(1, total) for each in told]
    return [
        Transfer(each, [{
            'received': received['received'] * share,
            'seconds': received['seconds'],
            'cpu': received['cpu'] * share
        }], 1) for each, share in zip(told, shares)
    ]


def bursts(sender, receiver, number, warm_up):
    """Run so many transfers to one receiver, one after the other; the first `warm_up` do not count.

    The sender is another one each time.
    """
    counted = []
    with Group() as group:
        receiving = group.start(receiver.with_options(bursts=number))
        for _ in range(number):
            receiving.ready()
            sent = group.start(sender).result()
            receiving.say("sent %d" % sent['sent'])
            counted.append((sent, receiving.result()))
    del counted[:warm_up]
    sums = [{key: sum(each[key] for each in told) for key in told[0]} for told in zip(*counted)]
    return Transfer(sums[0], [sums[1]], 1)


def round_trips(ping, pong):
    """Run it, and return the times in microseconds: `p50`, `p99`."""
    with Group() as group:
        group.start(pong).ready()
        return group.start(ping).result()


def alone(command):
    """Run a program that has no partner, and return what it tells."""
    with Group() as group:
        return group.start(command).result()


def output(command):
    """Run a program of another kind, and return what it writes."""
    done = subprocess.run(command.words,
                          env=dict(os.environ, **command.environment),
                          stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          timeout=END_LIMIT,
                          universal_newlines=True)
    if done.returncode:
        raise Failure("%s: %s" % (os.path.basename(command.words[0]), done.stdout[-500:]))
    return done.stdout


def beside(quiet, noise):
    """Run `quiet`, a receiver that gets nothing, while noise() goes on.

    Returns its CPU as a share of a core.
    """
    with Group() as group:
        running = group.start(quiet)
        running.ready()
        began = time.monotonic()
        noise()
        took = time.monotonic() - began
        running.say("sent 0")
        return running.result()['cpu'] / took

"""The goals of the native side: what libmcl costs over bare sockets, and against LCM."""
import re
import statistics
import time

import process
from process import transfer
from results import (SIZE_NAMES, Entry, Row, interleaved, loss, median, micros, percent, ratio,
                     senders, thousands)

COALESCING = "C, one by one, coalescing 1 ms"
LARGE = 1000000  # bytes
NO_ALLOCATION = 0.02  # a message: what the runtime allocates now and then for itself


class Native(object):
    """Measures with the programs in C and Go.

    Args:
        peers (Peers)
        effort (Effort)
    """

    def __init__(self, peers, effort):
        self.peers, self.effort = peers, effort
        self.bare_send = peers.native('bare', 'send', 'sendto')
        self.bare_parts = peers.native('bare', 'send', 'parts')
        self.bare_receive = peers.native('bare', 'receive', 'recvmmsg')
        self.bare_join = peers.native('bare', 'receive', 'join')
        self.publish = peers.native('mcl', 'send', 'publish')
        self.callback = peers.native('mcl', 'receive', 'callback')

    def _run(self, sender, receiver, **options):
        """Return a function that runs a transfer."""
        options.setdefault('seconds', self.effort.seconds)
        return lambda: transfer(sender.with_options(**options), [receiver])

    def _middle(self, results, name):
        return statistics.median(result[name] for result in results)

    def publish_rate(self):
        row = Row("C publish, messages/s, against bare sendto (connected), to a bare receiver")
        for size in self.effort.datagram_sizes:
            bare, ours, parts = process.in_turns([
                (sender.with_options(size=size), self.bare_receive)
                for sender in (self.bare_send, self.publish, self.bare_parts)
            ], self.effort.rounds, self.effort.seconds)
            row.entries += [Entry(SIZE_NAMES[size], ratio(ours, bare, 'rate'), ('>=', 0.95),
                                  details=senders(ours, bare)),
                            Entry(SIZE_NAMES[size] + ", bare sendmsg of two parts",
                                  ratio(parts, bare, 'rate'), details=senders(parts, bare))]
        return [row]

    def batch(self):
        """To plain receivers, and to such as take trains of datagrams in one piece.

        Beside them what single publishes come to when the broadcaster may let them wait.
        """
        plain = Row("Publish of 64 messages in one call, messages/s, against bare sendto: to a"
                    " plain receiver")
        trains = Row("Publish of 64 messages in one call, messages/s, against bare sendto: to a"
                     " libmcl listener")
        ours = [("C", self.peers.native('mcl', 'send', 'many')),
                ("Go", self.peers.native('mcl-go', 'send', 'many')),
                (COALESCING, self.peers.native('mcl', 'send', 'coalesce'))]
        gso = self.peers.native('bare', 'send', 'gso')
        gro = self.peers.native('bare', 'receive', 'gro')
        for size in self.effort.datagram_sizes:
            pairs = [(self.bare_send, self.bare_receive), (gso, self.bare_receive), (gso, gro)]
            for _, sender in ours:
                pairs += [(sender, self.bare_receive), (sender, self.callback)]
            bare, to_plain, to_trains, *results = interleaved(
                self.effort.rounds, *[self._run(*pair, size=size) for pair in pairs])
            for number, (language, _) in enumerate(ours):
                name = "%s, %s" % (language, SIZE_NAMES[size])
                sent, taken = results[2 * number:2 * number + 2]
                # Larger ones fill a packet by themselves, or nearly: the kernel's limit is told.
                small = size == 64 and language != COALESCING
                plain.entries.append(self._batch(name, sent, bare, to_plain,
                                                 ('>=', 4) if small else None))
                trains.entries.append(self._batch(name, taken, bare, to_trains,
                                                  ('>=', 20) if small else None))
        return [plain, trains]

    @staticmethod
    def _batch(name, ours, bare, limit, goal):
        return Entry(name, ratio(ours, bare, 'rate'), goal, details={
            "bare GSO": '%.3g' % ratio(limit, bare, 'rate'),
            "libmcl/s": thousands(median(ours, 'rate')),
            "delivered/s": thousands(median(ours, 'delivered')),
            "lost": percent(loss(ours)),
            "GSO lost": percent(loss(limit)),
            "CPU us": '%.3f' % median(ours, 'send_cpu'),
            "receive us": '%.3f' % median(ours, 'receive_cpu')})

    def allocations(self):
        row = Row("Allocations of a message in one datagram, in the core: published and received")
        text = process.output(self.peers.core_benchmark(self.effort))
        for name, value in re.findall(r'^Benchmark(\S+?)-\d+\s.*\s([\d.e+-]+) mallocs/op', text,
                                      re.MULTILINE):
            row.entries.append(Entry(name, float(value), ('<=', NO_ALLOCATION), '%.4f'))
        if not row.entries:
            raise process.Failure("the core's benchmark told nothing of allocations: " + text)
        return [row]

    def large(self):
        row = Row("1 MB messages, against LCM")
        if 'lcm' not in self.peers.others:
            row.missing = "LCM is not installed"
            return [row]
        options = {'size': LARGE, 'seconds': max(0.1, self.effort.seconds)}
        lcm, ours, bare = interleaved(
            self.effort.rounds,
            self._run(self.peers.native('lcm', 'send'), self.peers.native('lcm', 'receive'),
                      **options),
            self._run(self.publish, self.callback, **options),
            self._run(self.bare_send, self.bare_join, **options))
        row.entries = [
            Entry("delivered/s", ratio(ours, lcm, 'delivered'), ('>=', 1.3), details={
                "libmcl": thousands(median(ours, 'delivered')),
                "LCM": thousands(median(lcm, 'delivered'))}),
            Entry("sent/s", ratio(ours, lcm, 'rate'), details={
                "libmcl": thousands(median(ours, 'rate')), "LCM": thousands(median(lcm, 'rate'))}),
            # The limit of who sends so.
            Entry("bare datagrams, joined by copying, delivered/s", ratio(bare, lcm, 'delivered'),
                  details={"bare": thousands(median(bare, 'delivered')),
                           "LCM": thousands(median(lcm, 'delivered'))}),
            Entry("bare datagrams, sent/s", ratio(bare, lcm, 'rate'),
                  details={"bare": thousands(median(bare, 'rate')),
                           "LCM": thousands(median(lcm, 'rate'))}),
            Entry("bare datagrams, lost", loss(bare), form='loss', details={
                "bare": percent(loss(bare)), "LCM": percent(loss(lcm))}),
            Entry("CPU us, both sides", ratio(ours, lcm, 'cost'), details={
                "libmcl": micros(median(ours, 'cost')), "LCM": micros(median(lcm, 'cost'))}),
            Entry("lost at full rate", loss(ours), ('<=', loss(lcm) / 10), 'loss', {
                "libmcl": percent(loss(ours)), "LCM": percent(loss(lcm))}),
        ]
        rate = 0.8 * median(ours, 'rate')
        slower, bare = interleaved(
            self.effort.rounds,
            self._run(self.publish, self.callback, rate=rate, **options),
            self._run(self.bare_send, self.bare_join, rate=rate, **options))
        row.entries.append(Entry("lost at %s/s, 80 %% of it" % thousands(rate), loss(slower),
                                 ('<=', 0.0), 'loss', {"libmcl": percent(loss(slower)),
                                                       "bare": percent(loss(bare))}))
        return [row]

    def round_trip(self):
        row = Row("Round trip of 64 B between two C processes, against a bare ping-pong")

        def trips(name, mode):
            ping = self.peers.native(name, 'ping', mode).with_options(count=self.effort.trips)
            pong = self.peers.native(name, 'pong', mode)
            return lambda: process.round_trips(ping, pong)

        bare, *ours = interleaved(self.effort.rounds, trips('bare', None), trips('mcl', 'callback'),
                                  trips('mcl', 'recv'), trips('mcl-go', None))
        # A bare loop in Go shows how much of it is Go's netpoller, on which callbacks wait.
        for way, results in zip(("callbacks", "recv", "bare Go"), ours):
            for name, goal in (('p50', 1.15), ('p99', 1.5)):
                value = statistics.median(a[name] / b[name] for a, b in zip(results, bare))
                row.entries.append(Entry(
                    "%s, %s" % (way, name), value, ('<=', goal) if way != "bare Go" else None,
                    details={"us": micros(self._middle(results, name)),
                             "bare us": micros(self._middle(bare, name))}))
        return [row]

    def many_listeners(self):
        count = self.effort.listeners
        row = Row("%s open listeners in one process, each of its own group" % thousands(count))
        command = self.peers.native('mcl', 'open').with_options(
            count=count, seconds=max(0.2, 5 * self.effort.seconds))
        results = interleaved(self.effort.rounds, lambda: process.alone(command))[0]
        opening, closing = self._middle(results, 'open'), self._middle(results, 'close')
        idle = statistics.median(100 * result['idle_cpu'] / result['seconds'] for result in results)
        row.entries = [
            Entry("resident", self._middle(results, 'resident'), ('<=', 64), '%.1f MiB'),
            Entry("idle CPU, of a core", idle, ('<=', 0.1), '%.3f %%'),
            Entry("open and close one", opening + closing, ('<=', 300), '%.0f us', {
                "open": '%.0f us' % opening, "close": '%.0f us' % closing}),
        ]
        return [row]

    def quiet_listener(self):
        row = Row("A listener of a quiet group, while another group of its port takes 200,000/s")
        quiet = self.callback.with_options(group='ff15::be9c:1')
        seconds = 4 * self.effort.seconds
        sender = self.peers.native('bare', 'send', 'sendmmsg').with_options(
            size=64, rate=200000, batch=16, group='ff15::be9c:2', seconds=seconds)
        receiver = self.bare_receive.with_options(group='ff15::be9c:2')
        rates = []
        noisy, idle = interleaved(
            self.effort.rounds,
            lambda: process.beside(quiet, lambda: rates.append(transfer(sender, [receiver]).rate)),
            lambda: process.beside(quiet, lambda: time.sleep(seconds)))
        # A program that has just begun has something left to do, whatever it listens to.
        more = max(0.0, statistics.median(a - b for a, b in zip(noisy, idle)))
        row.entries.append(Entry("CPU, of a core, over an idle one's", 100 * more, ('<=', 0.1),
                                 '%.3f %%', {
                                     "idle": '%.3f %%' % (100 * statistics.median(idle)),
                                     "the other group/s": thousands(statistics.median(rates))}))
        return [row]

    def fan_out(self):
        row = Row("Fan-out of 64 B at 1,000/s: CPU of a delivered message, both sides, against"
                  " that of a single listener")

        def run(listeners, processes):
            seconds = max(0.1, self.effort.seconds)
            sender = self.publish.with_options(size=64, rate=1000, seconds=seconds)
            share = self.callback.with_options(listeners=listeners // processes)
            return lambda: transfer(sender, [share] * processes, listeners)

        cases = [(1, 1), (4, 1), (16, 1), (64, 1), (8, 8), (16, 8), (64, 8)]
        results = interleaved(self.effort.rounds, *[run(*case) for case in cases])
        before = {}  # by the number of processes: the value with fewer listeners
        for (listeners, processes), result in zip(cases, results):
            value = ratio(result, results[0], 'cost')
            goal = None
            if processes in before:  # a twentieth is noise
                goal = ('<=', 1.05 * before[processes])
            before[processes] = value
            row.entries.append(Entry("%d in %d" % (listeners, processes), value, goal, details={
                "us": micros(median(result, 'cost')),
                "send us": micros(median(result, 'send_cpu')),
                "receive us": micros(median(result, 'receive_cpu')),
                "lost": percent(loss(result))}))
        return [row]

    def rows(self):
        """Return (name, function that measures and returns rows), in order."""
        return [('publish', self.publish_rate), ('batch', self.batch),
                ('allocations', self.allocations), ('large', self.large), ('trip', self.round_trip),
                ('many', self.many_listeners), ('quiet', self.quiet_listener),
                ('fan-out', self.fan_out)]

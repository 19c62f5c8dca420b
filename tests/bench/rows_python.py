"""The goals of the Python side: what libmcl costs against a bare loop of msgpack and sockets."""
import statistics

import process
from process import transfer
from results import (SIZE_NAMES, Entry, Row, interleaved, loss, median, percent, ratio, receivers,
                     senders, thousands)

# Messages of each size that fit into 4 MiB of buffer with what the kernel adds to each.
BURSTS = {64: 5000, 8000: 400}
# A receiver gets several bursts: a robot's programs run on, and the first ones lie in memory that
# the process has never touched.
WARM_UP, COUNTED = 6, 6
SPIN_SECONDS = 1.0  # of the sender: what fits into the buffer is not to matter


class Python(object):
    """Measures with each interpreter.

    Args:
        peers (Peers)
        effort (Effort)
    """

    def __init__(self, peers, effort):
        self.peers, self.effort = peers, effort
        self.bare_receive = peers.native('bare', 'receive', 'recvmmsg')

    def _cases(self, sizes):
        """Yield the name of each case, its interpreter and its size."""
        for version in self.peers.pythons:
            for size in sizes:
                yield "%s, %s" % (version, SIZE_NAMES[size]), version, size

    @staticmethod
    def _bursts(sender, receiver):
        return lambda: process.bursts(sender, receiver, WARM_UP + COUNTED, WARM_UP)

    def publish_rate(self):
        """And of 64 in one call, which the bare loop has not."""
        row = Row("Python publish, messages/s, against the bare Python loop, to a bare receiver")
        for case, version, size in self._cases(self.effort.python_sizes):
            bare, one, many = process.in_turns([
                (self.peers.python(version, *program).with_options(size=size), self.bare_receive)
                for program in (('bare_python', 'send'), ('mcl_python', 'send', 'publish'),
                                ('mcl_python', 'send', 'many'))
            ], self.effort.rounds, self.effort.seconds)
            row.entries += [
                Entry(case, ratio(one, bare, 'rate'), ('>=', 1.1), details=senders(one, bare)),
                Entry(case + ", publish_many", ratio(many, bare, 'rate'),
                      details=senders(many, bare))]
        return [row]

    def callback_rate(self):
        """Of bursts that fit into the kernel's buffer.

        One by one, or by sendmmsg, a sender in C is what limits the bare loop, and speed shows no
        difference (CPU does: rows_rates.py): so it is sent as publish_many sends, by UDP_SEGMENT.
        """
        rounds = (self.effort.rounds + 1) // 2  # of twelve bursts each
        row = Row("Python RawListener to callback, messages/s of bursts, against the bare loop",
                  rounds=rounds)
        for case, version, size in self._cases(self.effort.burst_sizes):
            sender = self.peers.native('bare', 'send', 'gso').with_options(
                size=size, messages=BURSTS[size], seconds=5)
            bare, decoded, undecoded = interleaved(rounds, *[
                self._bursts(sender, self.peers.python(version, *program))
                for program in (('bare_python', 'receive'), ('mcl_python', 'receive', 'raw'),
                                ('mcl_python', 'receive', 'undecoded'))])
            row.entries += [
                Entry(case, ratio(decoded, bare, 'delivered'), ('>=', 2),
                      details=receivers(decoded, bare)),
                Entry(case + ", undecoded", ratio(undecoded, bare, 'delivered'),
                      details=receivers(undecoded, bare))]
        return [row]

    def busy(self):
        row = Row("Python QueuedListener of 64 B beside a busy thread of its interpreter: loss")
        seconds, rates = min(SPIN_SECONDS, 4 * self.effort.seconds), self.effort.spin_rates
        for version in self.peers.pythons:

            def run(program, mode, rate):
                receiver = self.peers.python(version, program, 'receive', mode)
                sender = self.peers.native('bare', 'send', 'sendto').with_options(
                    size=64, rate=rate, seconds=seconds)
                return transfer(sender, [receiver.with_options(spin=1)])

            # The rate at which the bare loop loses more than half; the highest if there is none.
            rate = next((rate for rate in rates if run('bare_python', None, rate).loss > 0.5),
                        rates[-1])
            bare, ours = interleaved((self.effort.rounds + 2) // 3,
                                     lambda: run('bare_python', None, rate),
                                     lambda: run('mcl_python', 'queued', rate))
            row.entries.append(Entry(
                "%s, %s/s" % (version, thousands(median(ours, 'rate'))), loss(ours), ('<=', 0.0),
                'loss', {"bare lost": percent(loss(bare)),
                         "delivered": thousands(sum(result.received for result in ours)),
                         "bare delivered": thousands(sum(result.received for result in bare))}))
        return [row]

    def start(self):
        row = Row("Python: load the library and publish once, in a new process")
        for version in self.peers.pythons:
            command = self.peers.python(version, 'mcl_python', 'start')
            results = interleaved(self.effort.rounds, lambda: process.alone(command))[0]

            def middle(*names):
                return statistics.median(sum(result[name] for name in names) for result in results)

            whole = middle('opened', 'published')
            row.entries.append(Entry(version, whole, ('<=', 15), '%.1f ms', {
                "load and open": '%.1f ms' % middle('opened'),
                "publish": '%.2f ms' % middle('published'),
                "import mcl, before": '%.1f ms' % middle('imported')}))
        return [row]

    def rows(self):
        """Return (name, function that measures and returns rows), in order."""
        if not self.peers.pythons:
            return []
        return [('python-publish', self.publish_rate), ('python-callback', self.callback_rate),
                ('python-busy', self.busy), ('python-start', self.start)]

"""What receiving costs at the rates of robots: steady streams, CPU beside speed and loss.

The sender makes one system call a datagram. Each receiver is compared, within a round, with the
bare one of its language. And a robot's day: several topics at once, by each system.
"""
from process import Failure, met, transfer
from results import (SIZE_NAMES, Entry, Row, interleaved, loss, median, micros, percent, ratio,
                     thousands)

LARGE = 1000000  # bytes
# Goals: CPU of a message received, libmcl / bare, by the rate. 0: as fast as it goes.
NATIVE_GOALS = {1000: 2.0, 10000: 1.6, 50000: 1.3, 0: 1.2}  # up to 8 kB
PYTHON_GOALS = {1000: 1.6, 10000: 1.6, 50000: 1.6, 0: 1.2}
NATIVE_LOSS, PYTHON_LOSS = 0.005, 0.01  # of 59 kB, more than the bare receiver's
PYTHON_SINCE = (3, 11)  # older ones are told of without goals

# A robot's day: what it publishes, messages a second, and bytes of each.
DAY = (
    ('joystick', 50, 100),
    ('IMU', 1000, 200),
    ('wheels', 200, 120),
    ('odometry', 100, 400),
    ('GPS', 10, 300),
    ('state', 10, 1000),
    ('laser scan', 40, 8000),
    ('lidar', 10, 300000),
    ('camera', 30, 100000),
    ('depth image', 10, 1000000),
)
STREAMS = ','.join('%d:%d' % (rate, size) for _, rate, size in DAY)


def at(size, rate):
    return "%s, %s" % (SIZE_NAMES[size], thousands(rate) + "/s" if rate else "full rate")


def last_line(failure):
    return str(failure).splitlines()[-1]


def received(ours, bare):
    """Return the details of a receiver at a steady rate."""
    return {
        "CPU us": micros(median(ours, 'receive_cpu')),
        "bare CPU us": micros(median(bare, 'receive_cpu')),
        "lost": percent(loss(ours)),
        "bare lost": percent(loss(bare)),
        "sent/s": thousands(median(ours, 'rate')),
        "bare sent/s": thousands(median(bare, 'rate')),
    }


class Rates(object):
    """Measures all that has a steady rate.

    Args:
        peers (Peers)
        effort (Effort)
    """
    def __init__(self, peers, effort):
        self.peers, self.effort = peers, effort
        self.rounds = max(1, effort.rounds // 3)

    def _compare(self, size, rate, receivers):
        """Return a list of Transfers for each receiver."""
        sender = self.peers.native('bare', 'send', 'sendto').with_options(
            size=size, rate=rate, seconds=self.effort.seconds)
        return interleaved(self.rounds, *[lambda r=each: transfer(sender, [r])
                                          for each in receivers])

    def _cases(self):
        """Yield sizes and rates."""
        for size in self.effort.steady_sizes:
            for rate in (self.effort.large_rates if size == LARGE else self.effort.steady_rates):
                yield size, rate

    def native(self):
        cost = Row("C and Go at steady rates, CPU of a message received, against a thread in"
                   " recvmmsg (1 MB: which joins by copying)", rounds=self.rounds)
        lost = Row("C at steady rates, loss", rounds=self.rounds)
        more = (("recv", self.peers.native('mcl', 'receive', 'recv')),
                ("bare Go", self.peers.native('mcl-go', 'receive', 'netpoller')),
                ("Go", self.peers.native('mcl-go', 'receive', 'callback')))
        for size, rate in self._cases():
            bare = self.peers.native('bare', 'receive', 'join' if size == LARGE else 'recvmmsg')
            ways = [("C callback", self.peers.native('mcl', 'receive', 'callback')),
                    ("C owner", self.peers.native('mcl', 'receive', 'batch'))]
            if size == LARGE:
                ways += [way for way in more if way[0] != "bare Go"]  # which joins nothing
            elif size in (64, 59000):  # what lies between is between
                ways += more
            base, *ours = self._compare(size, rate, [bare] + [receiver for _, receiver in ways])
            for (way, _), results in zip(ways, ours):
                case = "%s, %s" % (at(size, rate), way)
                goal = None
                if way in ("C callback", "C owner"):
                    goal = ('<=', 1.0 if size == LARGE else 1.2 if size == 59000
                            else NATIVE_GOALS[rate])
                    if size == 59000:
                        lost.entries.append(self._lost(case, results, base, NATIVE_LOSS))
                cost.entries.append(Entry(case, ratio(results, base, 'receive_cpu'), goal,
                                          details=received(results, base)))
        return [cost, lost] if lost.entries else [cost]

    @staticmethod
    def _lost(case, ours, bare, more):
        return Entry(case, loss(ours), ('<=', max(0.0, loss(bare)) + more), 'loss',
                     {"bare": percent(loss(bare)), "sent/s": thousands(median(ours, 'rate')),
                      "bare sent/s": thousands(median(bare, 'rate'))})

    def python(self):
        cost = Row("Python at steady rates, CPU of a message to a callback, against a thread with"
                   " recv and msgpack.unpackb", rounds=self.rounds)
        lost = Row("Python at steady rates, loss", rounds=self.rounds)
        for version in self.peers.pythons:
            number = tuple(int(part) for part in version.split('.'))
            if version == self.peers.newest:
                cases = self._cases()
            elif number < (3, ):
                cases = [(64, rate) for rate in self.effort.system_rates]
            else:
                continue
            for size, rate in cases:
                base, called, queued = self._compare(size, rate, [
                    self.peers.python(version, *program)
                    for program in (('bare_python', 'receive', 'blocked'),
                                    ('mcl_python', 'receive', 'raw'),
                                    ('mcl_python', 'receive', 'queued'))])
                case = "%s, %s" % (version, at(size, rate))
                goal = None
                if number >= PYTHON_SINCE:
                    goal = (0.7 if size == LARGE else PYTHON_GOALS[rate] if size < 59000
                            else 1.3 if rate == 50000 else None)
                cost.entries += [
                    Entry(case + ", callback", ratio(called, base, 'receive_cpu'),
                          goal and ('<=', goal), details=received(called, base)),
                    Entry(case + ", QueuedListener", ratio(queued, base, 'receive_cpu'),
                          details=received(queued, base))]
                if size == 59000 and rate == 50000 and goal:
                    lost.entries.append(self._lost(case + ", callback", called, base, PYTHON_LOSS))
        return [cost, lost] if lost.entries else [cost]

    # ---- Against what Python users would pick instead ----

    def _meet(self, send, receive, **options):
        """Return a function that runs both and gives a Transfer, or a Failure."""
        def run():
            try:
                return met(send.with_options(seconds=seconds, **options),
                           receive.with_options(**options))
            except Failure as failure:
                return failure

        seconds = self.effort.day_seconds if 'streams' in options else self.effort.seconds
        return run

    @staticmethod
    def _apart(named):
        """Return {name: Transfers} of those that worked, and {name: Failure} of those that did not.

        That one of the others fails is told; that one of ours does, is a failure.
        """
        worked, failed = {}, {}
        for name, results in named:
            failures = [result for result in results if isinstance(result, Failure)]
            if failures and name.startswith(("bare", "libmcl")):
                raise failures[0]
            if failures:
                failed[name] = failures[0]
            else:
                worked[name] = results
        return worked, failed

    def systems(self):
        title = "Python's systems, one topic, from Python to Python"
        row = Row(title + ": CPU of a message delivered, both sides, against bare sockets",
                  rounds=self.rounds)
        rows = [row]
        for size in self.effort.system_sizes:
            for rate in self.effort.system_rates:
                ways = self.peers.systems()
                worked, failed = self._apart(zip(
                    (way.name for way in ways),
                    interleaved(self.rounds, *[self._meet(way.send, way.receive, size=size,
                                                          rate=rate) for way in ways])))
                for name, results in worked.items():
                    row.entries.append(Entry(
                        "%s, %s" % (at(size, rate), name),
                        ratio(results, worked[ways[0].name], 'cost'), details={
                            "receive us": micros(median(results, 'receive_cpu')),
                            "send us": micros(median(results, 'send_cpu')),
                            "sent/s": thousands(median(results, 'rate')),
                            "delivered/s": thousands(median(results, 'delivered')),
                            "lost": percent(loss(results))}))
                rows += [Row("%s, %s: %s" % (title, at(size, rate), name), missing=last_line(why))
                         for name, why in failed.items()]
        return rows

    def day(self):
        """A publisher and a subscriber; the plot shows the three rows."""
        title = "A robot's day, %d topics, %s messages/s, %s MB/s" % (
            len(DAY), thousands(sum(rate for _, rate, _ in DAY)),
            thousands(sum(rate * size for _, rate, size in DAY) / 1e6))
        cpu, memory, lost = [Row("%s: %s" % (title, what), rounds=self.rounds) for what in (
            "CPU of both processes, of a core", "memory of both", "lost")]
        ways = self.peers.systems() + self.peers.day_in_c()
        worked, failed = self._apart(zip(
            (way.name for way in ways),
            interleaved(self.rounds, *[self._meet(way.send, way.receive, streams=STREAMS)
                                       for way in ways])))
        for name, results in worked.items():
            sends, receives = (100 * median(results, side) for side in ('send_share',
                                                                        'receive_share'))
            cpu.entries.append(Entry(name, sends + receives, form='%.1f %%', details={
                "publisher": '%.1f %%' % sends, "subscriber": '%.1f %%' % receives}))
            memory.entries.append(Entry(name, median(results, 'resident'), form='%.0f MB'))
            lost.entries.append(Entry(name, loss(results), form='loss'))
        return [cpu, memory, lost] + [Row("%s: %s" % (title, name), missing=last_line(why))
                                      for name, why in failed.items()]

    def rows(self):
        """Return (name, function that measures and returns rows), in order."""
        rows = [('steady', self.native)]
        if self.peers.pythons:
            rows.append(('steady-python', self.python))
        if self.peers.newest:
            rows.append(('systems', self.systems))
        return rows + [('day', self.day)]

"""The table of speeds: every way for a message to travel, at every size, as fast as it goes."""
from process import Failure, transfer
from results import SIZE_NAMES, interleaved, loss, median, micros, percent, thousands

COLUMNS = ("sent/s", "delivered/s", "lost", "send us", "receive us")


class Speed(object):
    """One line: a way and a size, and its results. `failure` says why there are none."""
    def __init__(self, way, size, results=(), failure=None):
        self.way, self.size, self.results, self.failure = way, size, list(results), failure

    def values(self):
        r = self.results
        return {
            'sent': median(r, 'rate'),
            'delivered': median(r, 'delivered'),
            'lost': loss(r),
            'send_us': median(r, 'send_cpu'),
            'receive_us': median(r, 'receive_cpu')
        }

    def cells(self):
        v = self.values()
        return [
            thousands(v['sent']),
            thousands(v['delivered']),
            percent(v['lost']),
            micros(v['send_us']),
            micros(v['receive_us'])
        ]


def _attempt(way, size, seconds):
    """Return a function that runs it once, and gives the Failure when it fails."""
    def run():
        try:
            return transfer(way.send.with_options(size=size, seconds=seconds), [way.receive])
        except Failure as failure:
            return failure

    return run


def measure(peers, effort, tell):
    """Return a list of Speed."""
    speeds = []
    rounds = max(1, effort.rounds // 3)
    for size in effort.sizes:
        tell("speeds, %s" % SIZE_NAMES[size])
        ways = [way for way in peers.ways() if size <= way.size_max]
        for way, results in zip(
                ways, interleaved(rounds, *[_attempt(way, size, effort.seconds) for way in ways])):
            failures = [result for result in results if isinstance(result, Failure)]
            speeds.append(Speed(way, size, results, str(failures[0]) if failures else None))
    return speeds

"""The table of speeds: every way for a message to travel, at every size, as fast as it goes."""
from process import Failure, transfer
from results import SIZE_NAMES, interleaved, loss, median, micros, percent, thousands

COLUMNS = ("sent/s", "delivered/s", "lost", "send us", "receive us")


class Speed(object):
    """One line: a way and a size.

    Attributes:
        way (str)
        foreign (bool): as in Way.
        size (int): bytes.
        sent, delivered (float): messages a second.
        lost (float): share, 0 to 1.
        send_us, receive_us (float): CPU of a message.
        failure (str): why there are none of these, or None.
    """

    def __init__(self, way, foreign, size, sent=0.0, delivered=0.0, lost=0.0, send_us=0.0,
                 receive_us=0.0, failure=None):
        self.way, self.foreign, self.size = way, foreign, size
        self.sent, self.delivered, self.lost = sent, delivered, lost
        self.send_us, self.receive_us, self.failure = send_us, receive_us, failure

    def cells(self):
        if self.failure:
            return ["failed"] + [''] * (len(COLUMNS) - 1)
        return [
            thousands(self.sent),
            thousands(self.delivered),
            percent(self.lost),
            micros(self.send_us),
            micros(self.receive_us)
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
            speeds.append(_speed(way, size, results))
    return speeds


def _speed(way, size, results):
    for result in results:
        if isinstance(result, Failure):
            return Speed(way.name, way.foreign, size, failure=str(result))
    return Speed(way.name, way.foreign, size, median(results, 'rate'), median(results, 'delivered'),
                 loss(results), median(results, 'send_cpu'), median(results, 'receive_cpu'))

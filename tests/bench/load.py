"""How much of the machine other programs use while it measures."""
import os
import resource
import time


def _busy():
    """Return the seconds that all cores have worked, interrupts and the host's share included."""
    with open('/proc/stat') as file:
        times = [int(word) for word in file.readline().split()[1:9]]
    idle, waiting = times[3], times[4]
    return (sum(times) - idle - waiting) / os.sysconf('SC_CLK_TCK')


def _own():
    return sum(usage.ru_utime + usage.ru_stime
               for usage in (resource.getrusage(who)
                             for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


class Load(object):
    """Begins to watch."""
    def __init__(self):
        self._began, self._busy, self._own = time.monotonic(), _busy(), _own()

    def cores(self):
        """Return how many cores others used, on average since it began."""
        others = (_busy() - self._busy) - (_own() - self._own)
        return max(0.0, others / (time.monotonic() - self._began))

"""When the delivering thread had better rest than be woken by each message of a stream."""
from time import sleep

from mcl._compat import monotonic

_WINDOW = 32  # waits after which it is decided anew
_RATE = 20000.0  # messages a second that make a stream
_FEW = 8  # a wait that brings fewer costs more than they do
_WORTH_IT = 2  # messages that a rest has to bring
_REST = 3e-4  # seconds
# What a rest and delivering what it brought may take, on average, in seconds. When it takes longer,
# the thread finds enough without a rest, or waits for the interpreter lock.
_CYCLE = 2e-3
_SKIP_MAX = 1024  # windows


class Pace(object):
    """Rests in place of waits for messages, while they come in a stream. For one thread.

    To be woken, and to ask the library for what is there, takes Python as long as a dozen small
    messages; in a stream that is done for every second one. While the thread rests, the library
    receives them and queues them; so it is only for queues that hold many times what comes in a
    rest. Where each message answers another, a rest brings one only: the next is tried a window
    later, then after 2, 4 and so on.

    Args:
        rest: function that takes some time.
        clock: function that returns seconds.
    """

    def __init__(self, rest=lambda: sleep(_REST), clock=monotonic):
        self._rest, self._clock = rest, clock
        self._resting = False
        self._rested = self._vain = False  # the last time; and it brought nothing
        self._skip = self._skipped = 0
        self._begin()

    def _begin(self):
        self._begun, self._waits, self._messages = self._clock(), 0, 0

    def came(self, count):
        """So many messages were taken."""
        self._messages += count
        self._vain = self._rested and count == 0

    def rest(self):
        """Rest, if that is due, and return whether it was; else a wait is."""
        if self._waits >= _WINDOW:
            self._decide()
            self._begin()
        self._waits += 1
        self._rested = self._resting and not self._vain
        self._vain = False
        if self._rested:
            self._rest()
        return self._rested

    def _decide(self):
        took = self._clock() - self._begun
        streaming = self._messages > _RATE * took
        if self._resting:
            worth_it = self._messages >= _WORTH_IT * _WINDOW and took < _CYCLE * _WINDOW
            self._resting = streaming and worth_it
            if worth_it:
                self._skipped = 0
            else:
                self._skipped = self._skip = min(max(2 * self._skipped, 1), _SKIP_MAX)
        elif self._skip > 0:
            self._skip -= 1
        else:
            self._resting = streaming and self._messages < _FEW * _WINDOW

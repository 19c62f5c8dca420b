"""How long what has nothing left to do is alive still."""
from __future__ import absolute_import

import os

from mcl import _at_exit
from mcl._compat import monotonic
from mcl._handles import CLOSE_WAIT

# Seconds: so that who asks just after the beginning finds it alive, and listeners of the program
# have the last message before it ends. In several waits, each of which is on a busy machine as late
# as what they wait for.
LINGER, LINGER_WAITS = 0.1, 10


class Grace(object):
    """The time in which callbacks of this program get what was published last.

    On a busy machine they may get no processor for longer than LINGER: it lasts so long from when
    messages that had arrived were last seen to wait for callbacks, and CLOSE_WAIT at most.
    """

    def __init__(self):
        self.begin()

    def begin(self):
        """Begin anew: there is something to publish."""
        self._since = self._behind = None

    def lasts(self):
        """Does it last still? To be asked when all is published."""
        now = monotonic()
        if self._since is None:
            self._since = now
        if now - self._since < CLOSE_WAIT and _callbacks_are_behind():
            self._behind = now
        return self._behind is not None and now - self._behind < LINGER


def _callbacks_are_behind():
    pid = os.getpid()
    return any(source.pid == pid and source.is_behind() for source in _at_exit.sources())

"""What goes wrong where no caller could be told: on a thread of this package. It goes to stderr."""
import sys
import threading
import traceback

from mcl._compat import monotonic
from mcl._short import cut

INTERVAL = 1  # seconds between two lines of one listener about data that does not fit
_TEXT = 300  # characters of what an exception says


def report(text):
    """Write one line about data that was not delivered."""
    _write("mcl: %s\n" % text)


class Misfits(object):
    """Reports data that does not fit, at most one line a second: a sender may send any amount.

    May be used from any thread.
    """

    def __init__(self):
        self._lock = threading.Lock()  # protects the next two
        self._next = None
        self._left_out = 0

    def __call__(self, text, reason):
        """Write one line: `text`, and `reason`, which may be of any length."""
        now = monotonic()
        with self._lock:
            # The second condition is for a clock that was set back: see monotonic.
            if self._next is not None and self._next - INTERVAL <= now < self._next:
                self._left_out += 1
                return
            self._next, left_out, self._left_out = now + INTERVAL, self._left_out, 0
        more = " (%d more reports were left out before)" % left_out if left_out else ""
        report("%s: %s%s" % (text, cut(reason, _TEXT), more))


def report_callback(callback):
    """Write the traceback of the exception that a callback has just raised."""
    _write("mcl: the callback %r raised:\n%s" % (callback, traceback.format_exc()))


def _write(text):
    # sys.stderr may be None (pythonw, interpreter exit), closed, or unable to encode the text. None
    # of that may end the thread that reports.
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:  # pylint: disable=broad-except
        pass

"""What goes wrong where no caller could be told: on a thread of this package. It goes to stderr."""
import fcntl
import os
import sys
import threading
import traceback

from mcl._compat import PY2, is_main_thread, monotonic
from mcl._short import cut

INTERVAL = 1  # seconds between two lines of one listener about data that does not fit
BURST = 1000  # tracebacks of one line of code that are written without a limit
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
        self._last = None  # when the last line was written
        self._left_out = 0

    def __call__(self, text, reason):
        """Write one line: `text`, and `reason`, which may be of any length."""
        now = monotonic()
        with self._lock:
            if self._last is not None and now - self._last < INTERVAL:
                self._left_out += 1
                return
            self._last, left_out, self._left_out = now, self._left_out, 0
        more = " (%d more reports were left out before)" % left_out if left_out else ""
        report("%s: %s%s" % (text, cut(reason, _TEXT), more))


class _Tracebacks(object):
    """Decides which exceptions of callbacks are told: those of one line of code up to BURST,
    and then as many as INTERVAL lets through.

    What is received may make a callback raise, and a sender may send any amount of it.
    """

    PLACES = 256  # that are remembered

    def __init__(self):
        self._lock = threading.Lock()  # protects the next one
        self._places = {}  # how many may be told, since when, and how many were left out

    def left_out(self):
        """Return how many like the current exception were not told before it; None: nor is it."""
        kind, _, trace = sys.exc_info()
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = trace and (kind, trace.tb_frame.f_code, trace.tb_lineno)
        now = monotonic()
        with self._lock:
            if place not in self._places and len(self._places) >= self.PLACES:
                self._places.clear()
            left, since, count = self._places.get(place, (BURST, now, 0))
            left = min(BURST, left + max(0, now - since) / INTERVAL)
            told = left >= 1
            self._places[place] = (left - 1, now, 0) if told else (left, now, count + 1)
        return count if told else None


_tracebacks = _Tracebacks()


def report_callback(callback):
    """Write the traceback of the exception that a callback has just raised.

    Of exceptions of one kind from one line of code, BURST are, and then one a second.
    """
    left_out = _tracebacks.left_out()
    if left_out is None:
        return
    trace = traceback.format_exc()  # first: on Python 2, what repr() raises takes its place
    try:
        name = repr(callback)
    except Exception:  # pylint: disable=broad-except
        name = "of %s" % type(callback)
    more = " (%d more like this were left out before)" % left_out if left_out else ""
    _write("mcl: the callback %s raised%s:\n%s" % (name, more, trace))


def is_interrupt():
    """Is the exception being handled Ctrl-C? Python raises that on the main thread only."""
    return isinstance(sys.exc_info()[1], KeyboardInterrupt) and is_main_thread()


def _stderr_is_closed():
    """Was the program started with stderr closed (`2>&-`)?

    Python 3 tells by sys.stderr being None. On Python 2 the first file that is opened becomes
    descriptor 2, and sys.stderr writes to that. While this is imported, that is a file of Python
    code, which is open for reading only; no stderr is.
    """
    try:
        return fcntl.fcntl(2, fcntl.F_GETFL) & (os.O_WRONLY | os.O_RDWR) == 0
    except (IOError, OSError):
        return True


_NO_STDERR = sys.__stderr__ if PY2 and _stderr_is_closed() else None


def _write(text):
    # sys.stderr may be None (closed at the start, pythonw, interpreter exit), closed, or unable to
    # encode the text. None of that may end the thread that reports.
    try:
        if sys.stderr is not _NO_STDERR:
            sys.stderr.write(text)
            sys.stderr.flush()
    except Exception:  # pylint: disable=broad-except
        pass

"""What goes wrong where no caller could be told: on a thread of this package. It goes to stderr."""
import sys
import traceback


def report(text):
    """Write one line about data that was not delivered."""
    _write("mcl: %s\n" % text)


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

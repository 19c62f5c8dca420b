"""The end of a child process that a callback has made by fork()."""
import operator
import os
import sys
import threading
import traceback

# `mark_of(marked)` differs in a child made by fork(). It is asked after each callback, where
# os.getpid(), a system call, would be an eighth of what delivering costs. Code in C can fork past
# Python's hooks, and breaks more by that than can be mended here; the library notices it.
if hasattr(os, 'register_at_fork'):
    class _Process(object):
        mark = 0

        def change(self):
            self.mark += 1

    marked = _Process()
    os.register_at_fork(after_in_child=marked.change)
    mark_of = operator.attrgetter('mark')
elif hasattr(threading, '_after_fork') and hasattr(threading, '_active_limbo_lock'):
    # The interpreter calls threading._after_fork(), which makes a new one of these. There will be
    # no other versions of Python 2.7 and 3.6.
    marked, mark_of = threading, operator.attrgetter('_active_limbo_lock')
else:
    marked, mark_of = None, lambda _: os.getpid()


def end_child(error=None):
    """End this process, whose callback has returned, or is being left by the exception `error`.

    It goes no further: the thread would deliver the parent's messages here, too, and end by and by
    without ending the process, since the library's own threads run on. As in multiprocessing,
    nothing registered with atexit runs.
    """
    code = 0
    if isinstance(error, SystemExit):
        code = error.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            _quietly(lambda: sys.stderr.write("%s\n" % code))
            code = 1
    elif error is not None:
        _quietly(traceback.print_exc)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        _quietly(lambda stream=stream: stream.flush())
    os._exit(code & 0xFF)


def _quietly(function):
    try:
        function()
    except Exception:  # pylint: disable=broad-except
        pass

"""The end of a child process that a callback has made by fork()."""
import os
import sys
import traceback


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

"""The exit of the interpreter: what runs callbacks ends before modules are taken apart.

Daemon threads are not waited for at exit. One that still ran Python code then could crash it, and
on Python 2 it would go on with modules whose names are None, and tell of that on stderr.
"""
import atexit
import os
import sys
import weakref

from mcl import _report
from mcl._compat import join, monotonic

# How long the exit waits for all threads together, in seconds: for running callbacks, of which a
# slow one must not hold it up; and for what is between two, and ends as soon as it gets the
# processor.
_CALLBACKS, _OTHERS = 0.5, 5

# Modules that are at work between two callbacks.
_OWN = ('mcl._', 'mcl.codec', 'mcl.network._receiving', 'msgpack', 'threading')

begun = False  # then no thread is to be started any more
_sources = weakref.WeakSet()


def add(source):
    """Have a Source ended at exit, by its method `end`; see there."""
    _sources.add(source)


def sources():
    """Return the Sources that are not closed or forgotten, of this process and its parents."""
    while True:
        try:
            return list(_sources)
        except RuntimeError:  # another thread has added one amid it
            pass


def _end_all():
    global begun
    begun = True
    # Those of this process's parent have no threads here, and their locks may be held for ever.
    threads = [source.end() for source in sources() if source.pid == os.getpid()]
    began = monotonic()
    while True:
        threads = [thread for thread in threads if thread is not None and thread.is_alive()]
        waited = monotonic() - began
        if not threads or waited > _OTHERS:
            return
        if waited > _CALLBACKS:
            frames = sys._current_frames()
            if all(_is_in_callback(frames.get(thread.ident)) for thread in threads):
                return
        join(threads[0], 0.02)


def _is_in_callback(frame):
    """Is a thread with this frame in a callback? What one has raised is reported after it."""
    inside = False
    while frame is not None:
        name = frame.f_globals.get('__name__') or ''
        if name == _report.__name__:
            inside = False
        elif not name.startswith(_OWN):
            inside = True
        frame = frame.f_back
    return inside


atexit.register(_end_all)
